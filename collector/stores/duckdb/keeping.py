"""What a DuckDB file holds, in figures; and forgetting a run of it."""

from __future__ import annotations

from typing import Any

from duckdb import DuckDBPyConnection

from collector.language.errors import InputError
from collector.stores.duckdb.connection import DuckFile
from collector.stores.keeping import Facts

_COUNTS = """
SELECT (SELECT version FROM meta), (SELECT epoch(created)::BIGINT FROM meta),
       (SELECT count(*) FROM run), (SELECT count(*) FROM city), (SELECT count(*) FROM station),
       (SELECT count(*) FROM series), (SELECT coalesce(sum(readings), 0)::BIGINT FROM tally),
       (SELECT count(*) FROM readings), (SELECT count(*) FROM halfhourly), (SELECT count(*) FROM events),
       (SELECT count(*) FROM statistics), (SELECT count(*) FROM rejected), (SELECT count(*) FROM stream),
       (SELECT epoch(min(first))::BIGINT FROM tally), (SELECT epoch(max(last))::BIGINT FROM tally),
       (SELECT policy FROM meta), (SELECT epoch(backup)::BIGINT FROM meta)
"""
_UNREGISTERED = "SELECT DISTINCT indicator FROM series WHERE NOT registered ORDER BY indicator"
_UNBORN = """
SELECT DISTINCT city.name || '/' || pillar || '/' || station.name AS name
FROM station JOIN city ON city.id = station.city WHERE station.birth IS NULL ORDER BY name
"""
_OF_SERIES = (
    *("fresh", "sealed", "sealed_tally", "event_values", "statistics"),
    *("rollup", "daily", "halfhourly", "thinned", "flags"),
)
# Every table that says anything of a run, in an order in which what a row is found by is still there.
_OF_A_RUN = (
    *(
        f"DELETE FROM {table} WHERE series IN (SELECT series FROM series_named WHERE run = $run)"  # noqa: S608
        for table in _OF_SERIES
    ),
    *(
        f"DELETE FROM {table} WHERE stream IN (SELECT id FROM stream WHERE run = $run)"  # noqa: S608
        for table in ("receipts", "positions")
    ),
    *(f"DELETE FROM {table} WHERE run = $run" for table in ("stream", "counts", "rejected")),  # noqa: S608
    "DELETE FROM events WHERE station IN (SELECT id FROM station WHERE city IN {cities})",
    "DELETE FROM births WHERE kind = 'station' AND id IN (SELECT id FROM station WHERE city IN {cities})",
    "DELETE FROM births WHERE kind = 'city' AND id IN {cities}",
    *(
        f"DELETE FROM {table} WHERE city IN {{cities}}"  # noqa: S608
        for table in ("series", "station", "frontier", "daily_frontier", "dirty")
    ),
    "DELETE FROM city WHERE run = (SELECT id FROM run WHERE name = $run)",
    "DELETE FROM run WHERE name = $run",
)
_CITIES = "(SELECT city.id FROM city JOIN run ON run.id = city.run WHERE run.name = $run)"


def facts(file: DuckFile, connection: DuckDBPyConnection) -> Facts:
    """What a file holds, in figures."""
    told = connection.execute(_COUNTS).fetchall()[0]
    version, created, runs, cities, stations, series, *counts, first, last, policy, backup = told
    readings, raw, halfhours, events, statistics, rejected, streams = counts
    return Facts(
        *(version, created, file.path.stat().st_size, file.log_size(), _free(file, connection), runs, cities, stations),
        *(_names(connection, _UNBORN), series, _names(connection, _UNREGISTERED), readings, raw, halfhours),
        *(events, statistics, rejected, streams, first, last, policy, backup),
    )


def delete_run(connection: DuckDBPyConnection, run: str) -> None:
    """Forget a run and all it said. Raises `InputError` if there is none of that name."""
    if not connection.execute("SELECT count(*) FROM run WHERE name = ?", [run]).fetchall()[0][0]:
        raise InputError(f"no run {run!r} in the store: `nakhon store info` lists them")
    for statement in _OF_A_RUN:
        connection.execute(statement.format(cities=_CITIES), {"run": run})


def bytes_each(file: DuckFile, connection: DuckDBPyConnection) -> float:
    """The bytes of the file for each value in it, roughly."""
    query = "SELECT (SELECT count(*) FROM readings) + (SELECT count(*) FROM rollup) + (SELECT count(*) FROM halfhourly)"
    rows = connection.execute(query).fetchall()[0][0]
    return (file.path.stat().st_size - _free(file, connection)) / max(1, int(rows))


def _free(file: DuckFile, connection: DuckDBPyConnection) -> int:
    row = connection.execute(
        "SELECT free_blocks * block_size FROM pragma_database_size() WHERE database_name = 'store'"
    ).fetchall()[0]
    return min(int(row[0]), file.path.stat().st_size)  # blocks cut off the end of the file are counted too


def _names(connection: DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    return tuple(name for (name,) in connection.execute(query).fetchall())
