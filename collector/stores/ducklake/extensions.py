"""The extensions of DuckDB that a DuckLake needs, loaded out of their wheels: nothing is downloaded."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from collector.language.errors import StoreError

_NEEDED = ("postgres_scanner", "ducklake")


def load_extensions(connection: DuckDBPyConnection) -> None:
    """Load what is needed, and forbid that DuckDB fetches anything by itself.

    Raises `StoreError` if a wheel is not installed, or is of another version of DuckDB.
    """
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = false")
    for name in _NEEDED:
        path = str(_path(name)).replace("'", "''")
        connection.execute(f"LOAD '{path}'")


def _path(name: str) -> Path:
    spec = find_spec(f"duckdb_extension_{name}")
    if spec is None or spec.origin is None:
        raise StoreError(f"the extension {name} of DuckDB is not installed: pip install 'nakhon[ducklake]'")
    path = Path(spec.origin).parent / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    if not path.exists():
        wheel = f"duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}"
        raise StoreError(
            f"the extension {name} is of another version than DuckDB {duckdb.__version__}: install {wheel}"
        )
    return path
