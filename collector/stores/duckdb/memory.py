"""A DuckDB that holds no file: what another store has fetched is combined in it, by the same SQL as in a file."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.language.errors import StoreError


class Memory:
    """Questions in SQL about Arrow tables, from any thread."""

    def __init__(self) -> None:
        self._connection = duckdb.connect()
        self._turn = threading.Lock()

    @contextmanager
    def holding(self, tables: Mapping[str, pa.Table]) -> Iterator[DuckDBPyConnection]:
        """A connection that sees these tables by their names. Errors are `StoreError`."""
        with self._turn:
            cursor = self._connection.cursor()
        try:
            for name, table in tables.items():
                cursor.register(name, table)
            yield cursor
        except duckdb.Error as error:
            raise StoreError(f"what was read cannot be combined: {str(error).splitlines()[0][:300]}") from error
        finally:
            cursor.close()

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()
