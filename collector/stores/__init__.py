"""Where readings are kept: the `Store` protocol, and one module per kind of store behind `open_store(url)`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from collector.language.errors import InputError

if TYPE_CHECKING:
    from collector.stores.protocol import Store

_MODULES = {
    "duckdb": "collector.stores.duckdb.store",
    "ducklake:postgres": "collector.stores.ducklake.store",
    "http": "collector.stores.remote",
    "https": "collector.stores.remote",
    "influxdb": "collector.stores.influx.store",
    "influxdbs": "collector.stores.influx.store",
    "parquet": "collector.stores.parquet.store",
}


def open_store(url: str, *, read_only: bool = False) -> Store:
    """The store behind a URL, created where there is none unless `read_only`.

    `duckdb:///path/city.duckdb` (a path relative to the working directory has two slashes: `duckdb://city.duckdb`)
    is a file of this process alone; `http://host:8080` reads from a running collector,
    `parquet:///dir` from the results of an experiment.

    Raises
    ------
    InputError
        For a URL of no known kind.
    StoreError
        If the store cannot be opened; the message says why and what to do.
    """
    scheme = check_url(url)
    opened: Callable[..., Store] = import_module(_MODULES[scheme]).open_store
    return opened(url, read_only=read_only)


def check_url(url: str) -> str:
    """The kind of store that a URL names. Raises `InputError` for a URL of no known kind."""
    scheme = url.partition("://")[0]
    if "://" not in url or scheme not in _MODULES:
        kinds = ", ".join(f"{kind}://" for kind in _MODULES)
        raise InputError(f"expected the URL of a store ({kinds}...), came {url!r}; for example duckdb://city.duckdb")
    return scheme


__all__ = ["check_url", "open_store"]
