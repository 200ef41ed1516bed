"""What may be asked of a store that keeps flags beside its readings."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import pyarrow as pa

from collector.language.errors import InputError

KEY = ("city", "pillar", "station", "indicator")
FLAGS = pa.schema(
    [
        ("run", pa.string()),
        *((name, pa.string()) for name in KEY),
        ("kind", pa.string()),
        ("first", pa.timestamp("s")),
        ("last", pa.timestamp("s")),
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("detail", pa.string()),
    ]
)
"""A flag says of which series it is, and of which span (both ends included) what was found and what was allowed."""


@runtime_checkable
class Flagging(Protocol):
    """A store that keeps flags. Errors are `StoreError` and its kin."""

    def flags(self, run: str | None = None) -> pa.Table:
        """The flags (of a run) as a table of `FLAGS`, by run, city, station, indicator and time."""

    def flag(self, run: str, flags: pa.Table) -> None:
        """Put these flags (a table of `FLAGS`, all of that run) in the place of all that the run had."""


def flagging(store: object) -> Flagging:
    """The store as one that keeps flags. Raises `InputError` if it does not."""
    if isinstance(store, Flagging):
        return store
    url = getattr(store, "url", "this store")
    raise InputError(f"{url} keeps no flags: expected a duckdb:// or ducklake: store, or a collector of one")
