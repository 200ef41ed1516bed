"""Rollups: for each series and half hour, how many good values there are and what they combine to.

The state is what merges without loss: the sum (mean, sum, share), the maximum, the last value, or the sum of
10^(x/10) (energetic mean). For each city a frontier says up to when there are rollups; a reading that comes behind
it marks its half hour of that city dirty in the same transaction, and readers take a dirty half hour from the
readings themselves until it is computed anew.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from collector.language.indicators import indicators
from collector.language.time import EARLIEST, format_epoch
from collector.stores.duckdb.connection import insert
from collector.stores.duckdb.daily import Days
from collector.stores.duckdb.names import Names

WIDTH = 1800
MANY = 5_000_000  # half hours in a file
NEVER = np.iinfo(np.int64).min

# Of rows with series' rollup, value and time: the mergeable state. Of values at the same last time the largest counts.
STATE = """CASE any_value(rollup)
    WHEN 'max' THEN max(value)
    WHEN 'last' THEN max(struct_pack(t := time, v := value)) FILTER (WHERE rollup = 'last')['v']
    WHEN 'energetic_mean' THEN sum(pow(10, value / 10)) FILTER (WHERE rollup = 'energetic_mean')
    ELSE sum(value) END"""

_ADDED = "('mean', 'sum', 'share')"  # their state is the same
_NEW_RULES = f"""
UPDATE series SET registered = told.registered, rollup = told.rollup FROM (
    SELECT series.id, incoming.id IS NOT NULL AS registered, coalesce(incoming.rollup, 'mean') AS new,
           CASE WHEN kept.run IS NULL OR (series.rollup IN {_ADDED} AND new IN {_ADDED})
                THEN new ELSE series.rollup END AS rollup
    FROM series JOIN city ON city.id = series.city LEFT JOIN incoming ON incoming.id = series.indicator
         LEFT JOIN (SELECT DISTINCT run, indicator FROM (SELECT DISTINCT series FROM halfhourly) AS held
                    JOIN series ON series.id = held.series JOIN city ON city.id = series.city) AS kept
         ON kept.run = city.run AND kept.indicator = series.indicator
) AS told WHERE told.id = series.id
"""  # noqa: S608

HALF_HOUR = "time_bucket(INTERVAL 30 MINUTE, time::TIMESTAMP)::TIMESTAMP_S"


def bucket_start(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """The start of the half hours of times (n,), in seconds since 1970."""
    return times // WIDTH * WIDTH


class Rollups:
    """The frontiers of a file as its writer knows them, and what moves them.

    To be thrown away when a transaction of the writer fails.
    """

    def __init__(self, connection: DuckDBPyConnection) -> None:
        rows = connection.execute("SELECT city, epoch(time)::BIGINT FROM frontier").fetchall()
        self._frontier = dict(rows)
        self._dirty = connection.execute("SELECT count(*) FROM dirty").fetchall()[0][0] > 0
        self._days = Days(connection)
        self._halves = connection.execute("SELECT count(*) FROM rollup").fetchall()[0][0]

    def mark(self, connection: DuckDBPyConnection, readings: pa.Table, names: Names) -> None:
        """Mark dirty the half hours of readings that come behind their city's frontier."""
        if not self._frontier or not readings.num_rows:
            return
        times = readings["time"].to_numpy().astype("datetime64[s]").astype(np.int64)
        cities = names.limits()[2][readings["series"].to_numpy()]
        late = times < self._by_city(names)[cities]
        if not late.any():
            return
        pairs = np.unique(np.stack([cities[late], bucket_start(times[late])]), axis=1)
        insert(connection, "dirty", _city_times(pairs[0], pairs[1], "bucket"))
        self._dirty = True

    def advance(self, connection: DuckDBPyConnection, newest: dict[int, int], *, final: bool) -> None:
        """Compute what is dirty anew, and move each city's frontier to one half hour before that of its newest time.

        Days follow. `newest` are times in seconds since 1970 by city; with `final` the last half hour is included.
        """
        ahead = WIDTH if final else -WIDTH
        goals = {city: time // WIDTH * WIDTH + ahead for city, time in newest.items()}
        moves = {city: goal for city, goal in goals.items() if goal > self._frontier.get(city, NEVER)}
        if self._dirty:
            self._recompute(connection)
        if moves:
            self._extend(connection, moves)
            self._halves = connection.execute("SELECT count(*) FROM rollup").fetchall()[0][0]
        if self._has_days:
            self._days.advance(connection, self._frontier)

    def is_behind(self, newest: dict[int, int], *, final: bool) -> bool:
        """Whether `advance` would find anything to do."""
        ahead = WIDTH if final else -WIDTH
        moves = any(time // WIDTH * WIDTH + ahead > self._frontier.get(city, NEVER) for city, time in newest.items())
        return self._dirty or moves or (self._has_days and self._days.is_behind(self._frontier))

    @property
    def _has_days(self) -> bool:
        """Whether days are kept: fewer half hours are read quickly enough, and their file stays smaller."""
        return self._halves >= MANY or self._days.are_kept

    def _by_city(self, names: Names) -> NDArray[np.int64]:
        frontier = np.full(names.cities + 1, NEVER, dtype=np.int64)
        for city, time in self._frontier.items():
            frontier[city] = time
        return frontier

    def _recompute(self, connection: DuckDBPyConnection) -> None:
        low, high = connection.execute("SELECT min(bucket), max(bucket) + INTERVAL 30 MINUTE FROM dirty").fetchall()[0]
        connection.execute(
            """DELETE FROM rollup USING (
                   SELECT DISTINCT series.id AS series, bucket FROM dirty JOIN series ON series.city = dirty.city
               ) AS stale
               WHERE rollup.series = stale.series AND rollup.bucket = stale.bucket
                     AND rollup.bucket >= ?::TIMESTAMP_S AND rollup.bucket < ?::TIMESTAMP_S""",
            [low, high],
        )
        connection.execute(
            f"""INSERT INTO rollup
                SELECT series, bucket, count(*), {STATE}, max(time) FROM (
                    SELECT readings.series, time, value, rollup, {HALF_HOUR} AS bucket, city
                    FROM readings JOIN series ON series.id = readings.series
                    WHERE quality = 0 AND time >= ?::TIMESTAMP_S AND time < ?::TIMESTAMP_S
                ) SEMI JOIN dirty USING (city, bucket)
                GROUP BY series, bucket ORDER BY bucket, series""",  # noqa: S608
            [low, high],
        )
        redone = connection.execute("SELECT DISTINCT city, epoch(bucket)::BIGINT FROM dirty").fetchall()
        connection.execute("DELETE FROM dirty")
        self._days.redo(connection, redone)
        self._dirty = False

    def _extend(self, connection: DuckDBPyConnection, moves: dict[int, int]) -> None:
        cities = np.array(list(moves), dtype=np.int64)
        low = np.array([self._frontier.get(city, EARLIEST) for city in moves], dtype=np.int64)
        high = np.array(list(moves.values()), dtype=np.int64)
        span = _city_times(cities, low, "low").append_column("high", pa.array(high).cast(pa.timestamp("s")))
        connection.register("span", span)
        connection.execute(
            f"""INSERT INTO rollup
                SELECT series, bucket, count(*), {STATE}, max(time) FROM (
                    SELECT readings.series, time, value, rollup, {HALF_HOUR} AS bucket
                    FROM readings JOIN series ON series.id = readings.series JOIN span ON span.city = series.city
                    WHERE quality = 0 AND time >= span.low AND time < span.high
                          AND time >= ?::TIMESTAMP_S AND time < ?::TIMESTAMP_S
                ) GROUP BY series, bucket ORDER BY bucket, series""",  # noqa: S608
            [_stamp(int(low.min())), _stamp(int(high.max()))],
        )
        connection.unregister("span")
        self._frontier |= moves
        connection.execute("DELETE FROM frontier")
        frontier = np.array(list(self._frontier.items()), dtype=np.int64)
        insert(connection, "frontier", _city_times(frontier[:, 0], frontier[:, 1], "time"))


def rules() -> str:
    """The rollup of every indicator of the catalogue as one text, to see whether any changed."""
    return ",".join(f"{entry.id}:{entry.rollup.value}" for entry in indicators().values())


def forget_if_rules_changed(connection: DuckDBPyConnection) -> None:
    """Drop all rollups (they are computed anew) if the catalogue combines some indicator otherwise than before.

    A run whose past of an indicator is kept in half hours only goes on combining that indicator as before: what they
    stand for is gone.
    """
    if connection.execute("SELECT rollups FROM meta").fetchall()[0][0] == rules():
        return
    rows = [(entry.id, entry.rollup.value) for entry in indicators().values()]
    connection.register("incoming", pa.table([[r[0] for r in rows], [r[1] for r in rows]], names=["id", "rollup"]))
    connection.execute(_NEW_RULES)
    connection.unregister("incoming")
    for table in ("rollup", "frontier", "dirty", "daily", "daily_frontier"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own
    connection.execute("UPDATE meta SET rollups = ?", [rules()])


def _city_times(cities: NDArray[np.int64], times: NDArray[np.int64], name: str) -> pa.Table:
    return pa.table({"city": cities.astype(np.uint32), name: pa.array(times).cast(pa.timestamp("s"))})


def _stamp(epoch: int) -> str:
    return format_epoch(epoch)[:-1]
