"""How many readings each series has, from when to when, and its last value: what is sealed is counted only once."""

from __future__ import annotations

import threading

import pyarrow as pa
from duckdb import DuckDBPyConnection

_NEW = """SELECT series, count(*) AS readings, min(time) AS first, max(time) AS last,
                 arg_max(struct_pack(value := value, quality := quality), time) AS newest
          FROM {table} GROUP BY series"""
_MERGED = """SELECT series, sum(readings)::BIGINT AS readings, min(first) AS first, max(last) AS last,
                    arg_max(newest, last) AS newest
             FROM (SELECT series, readings, first, last, struct_pack(value := value, quality := quality) AS newest
                   FROM counted_before UNION ALL SELECT * FROM ({new})) GROUP BY series"""


class Tally:
    """Sealed readings are only ever appended, so what was counted stays counted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen = 0
        self._rows = _NONE

    def rows(self, connection: DuckDBPyConnection) -> pa.Table:
        """One row per series with readings: series, readings, first, last, value, quality (of the last)."""
        with self._lock:
            end = connection.execute("SELECT count(*) FROM sealed").fetchall()[0][0]
            if end < self._seen:  # this connection sees an older state than another did
                return _merged(connection, _NONE, "readings")
            if end > self._seen:
                appended = f"sealed WHERE rowid >= {self._seen} AND rowid < {end}"
                self._rows, self._seen = _merged(connection, self._rows, appended), end
            return _merged(connection, self._rows, "fresh")


_NONE = pa.schema(
    [
        ("series", pa.uint32()),
        ("readings", pa.int64()),
        ("first", pa.timestamp("s")),
        ("last", pa.timestamp("s")),
        ("value", pa.float64()),
        ("quality", pa.uint8()),
    ]
).empty_table()


def _merged(connection: DuckDBPyConnection, before: pa.Table, table: str) -> pa.Table:
    connection.register("counted_before", before)
    merged = _MERGED.format(new=_NEW.format(table=table))
    query = (
        f"SELECT series, readings, first, last, newest['value'] AS value, newest['quality'] AS quality FROM ({merged})"  # noqa: S608
    )
    rows = connection.execute(query).to_arrow_table()
    connection.unregister("counted_before")
    return rows
