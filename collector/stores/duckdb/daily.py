"""Days: half hours put together once more, for reads of whole days over long spans.

A day is cut at midnight of UTC and at midnight of its city's clock (as it is on 1 January), so that its pieces make up
the days of both. For each city it is known up to when there are pieces. They hold what the half hours of `rollup` and
`halfhourly` say together, so they stay as they are when raw values are thinned out. A city that has half hours to be
redone is read without its days, until they and the pieces they lie in are computed anew.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from collector.language.time import EARLIEST, format_epoch, offset
from collector.stores.duckdb.connection import insert

DAY = 86_400
HALVES = "(FROM rollup UNION ALL FROM halfhourly) AS halves"
_JANUARY = 1_704_067_200  # 2024-01-01T00:00:00Z
_HALF_HOUR = 1800

_STATE = """CASE any_value(rollup) WHEN 'max' THEN max(state) WHEN 'last' THEN arg_max(state, moment)
    ELSE sum(state) END"""
_PIECE = "greatest(since - ((since % 86400) + 86400) % 86400, since - ((since + ahead) % 86400 + 86400) % 86400)"
_WITHIN = "bucket >= $low::TIMESTAMP_S AND bucket < $high::TIMESTAMP_S"

_FORGET = f"""
DELETE FROM daily USING (SELECT series.id AS series, low FROM spans JOIN series USING (city)) AS stale
WHERE daily.series = stale.series AND bucket = low AND {_WITHIN}
"""  # noqa: S608 - names of our own
_PUT_TOGETHER = f"""
INSERT INTO daily
SELECT series, make_timestamp(piece * 1000000)::TIMESTAMP_S AS bucket, sum(n), {_STATE}, max(moment) FROM (
    SELECT halves.series, city, bucket, n, state, moment, rollup,
           epoch_us(bucket) // 1000000 AS since, {_PIECE} AS piece
    FROM {HALVES} JOIN series ON series.id = halves.series JOIN (SELECT DISTINCT city, ahead FROM spans) USING (city)
    WHERE {_WITHIN}
) {{of_spans}} GROUP BY series, piece ORDER BY piece, series
"""  # noqa: S608 - names of our own
_LONG = "JOIN spans USING (city) WHERE bucket >= low AND bucket < high"  # few spans, each of many pieces
_SINGLE = "SEMI JOIN (SELECT city, epoch(low)::BIGINT AS piece FROM spans) USING (city, piece)"  # many, of a piece each
_BEHIND = """
SELECT DISTINCT city, epoch(halfhourly)::BIGINT FROM expired
UNION SELECT DISTINCT city, epoch(bucket)::BIGINT FROM rollup JOIN expired USING (series)
WHERE bucket < expired.halfhourly
"""


class Days:
    """Up to when the cities of a file have days, as its writer knows it, and what moves that.

    To be thrown away when a transaction of the writer fails.
    """

    def __init__(self, connection: DuckDBPyConnection) -> None:
        rows = connection.execute("SELECT city, ahead, epoch(time)::BIGINT FROM daily_frontier").fetchall()
        self._reach = {city: (ahead, time) for city, ahead, time in rows}

    @property
    def are_kept(self) -> bool:
        """Whether there are any."""
        return bool(self._reach)

    def is_behind(self, frontier: Mapping[int, int]) -> bool:
        """Whether `advance` would find anything to do, if no city's clock has become another."""
        return any(
            city not in self._reach or _floor(time, self._reach[city][0]) > self._reach[city][1]
            for city, time in frontier.items()
        )

    def advance(self, connection: DuckDBPyConnection, frontier: Mapping[int, int]) -> None:
        """Put together the days before each city's frontier of half hours (in seconds since 1970).

        Those of a city whose clock is another than it was are put together anew.
        """
        clocks = {city: _ahead(zone) for city, zone in connection.execute("SELECT id, timezone FROM city").fetchall()}
        before = dict(self._reach)
        for city in [city for city, (ahead, _) in before.items() if clocks.get(city) != ahead]:
            connection.execute("DELETE FROM daily WHERE series IN (SELECT id FROM series WHERE city = ?)", [city])
            del self._reach[city]
        spans = []
        for city, time in frontier.items():
            since = self._reach.get(city, (0, EARLIEST))[1]
            until = max(since, _floor(time, clocks[city]))
            self._reach[city] = (clocks[city], until)
            spans += [(city, clocks[city], since, until)] if since < until else []
        if spans:
            _compute(connection, np.array(spans, np.int64), _LONG)
        if self._reach != before:
            self._keep(connection)

    def redo(self, connection: DuckDBPyConnection, moments: list[tuple[int, int]]) -> None:
        """Compute the pieces anew in which these moments lie: city and seconds since 1970 of each."""
        cities, times = np.array(moments, np.int64).reshape(-1, 2).T
        held = np.array([self._reach.get(city, (0, EARLIEST)) for city in cities.tolist()], np.int64).reshape(-1, 2)
        there = times < held[:, 1]
        ahead, low = held[there, 0], piece_start(times[there], held[there, 0])
        spans = np.unique(np.stack([cities[there], ahead, low, piece_end(low, ahead)], axis=1), axis=0)
        if len(spans):
            _compute(connection, spans, _SINGLE)

    def _keep(self, connection: DuckDBPyConnection) -> None:
        rows = np.array([(city, *held) for city, held in self._reach.items()], np.int64)
        connection.execute("DELETE FROM daily_frontier")
        insert(connection, "daily_frontier", _table(rows, ("city", "ahead", "time")))


def drop(connection: DuckDBPyConnection) -> None:
    """Forget, of the `expired` series, the days whose half hours are gone; what came late stays."""
    connection.execute(
        "DELETE FROM daily USING expired WHERE daily.series = expired.series AND bucket < expired.halfhourly"
    )
    Days(connection).redo(connection, connection.execute(_BEHIND).fetchall())


def with_days(chosen: pa.Table, bucket: int, lower: int, upper: int) -> pa.Table:
    """The chosen series with `whole_from` and `whole_until`: between these a bucketed read takes their days.

    `lower` and `upper` are what is asked for in seconds since 1970, in whole half hours. Both columns are `lower` for
    what is not read by days: buckets that are not whole days, of a clock that has no midnights among the cuts, and
    cities that have half hours to be redone.
    """
    ahead, shift = (chosen[name].to_numpy().astype(np.int64) for name in ("ahead", "shift"))
    reach = np.minimum(*(seconds(chosen[name]) for name in ("daily", "frontier")))
    first = piece_end(np.full_like(ahead, lower - 1), ahead)
    last = piece_start(np.minimum(reach, upper), ahead)
    fits = (bucket % DAY == 0) & ((shift == 0) | (shift == ahead)) & (first < last)
    for name, times in (("whole_from", first), ("whole_until", last)):
        chosen = chosen.append_column(name, pa.array(np.where(fits, times, lower)).cast(pa.timestamp("s")))
    return chosen


def piece_start(times: NDArray[np.int64], ahead: NDArray[np.int64]) -> NDArray[np.int64]:
    """The midnight of UTC or of a clock `ahead` of it, whichever is nearer, at or before times (n,)."""
    midnights: NDArray[np.int64] = np.maximum(times // DAY * DAY, (times + ahead) // DAY * DAY - ahead)
    return midnights


def piece_end(times: NDArray[np.int64], ahead: NDArray[np.int64]) -> NDArray[np.int64]:
    """The midnight of UTC or of a clock `ahead` of it, whichever is nearer, after times (n,)."""
    midnights: NDArray[np.int64] = np.minimum(times // DAY * DAY, (times + ahead) // DAY * DAY - ahead)
    return midnights + DAY


def _compute(connection: DuckDBPyConnection, spans: NDArray[np.int64], of_spans: str) -> None:
    """Compute the pieces of spans that do not meet: city, ahead, low, high (n, 4). Single pieces are computed anew."""
    connection.register("spans", _table(spans, ("city", "ahead", "low", "high")))
    edges = {"low": _stamp(spans[:, 2].min()), "high": _stamp(spans[:, 3].max())}
    if of_spans == _SINGLE:
        connection.execute(_FORGET, edges)
    connection.execute(_PUT_TOGETHER.format(of_spans=of_spans), edges)
    connection.unregister("spans")


def _table(rows: NDArray[np.int64], names: tuple[str, ...]) -> pa.Table:
    types = {"city": pa.uint32(), "ahead": pa.int32()}
    columns = {name: pa.array(rows[:, place]) for place, name in enumerate(names)}
    return pa.table({name: column.cast(types.get(name, pa.timestamp("s"))) for name, column in columns.items()})


def _ahead(zone: str | None) -> int:
    """Where the days of a zone are cut; those of a zone that is not whole half hours from UTC at its midnights only."""
    seconds = offset(zone, _JANUARY)
    return 0 if seconds % _HALF_HOUR else seconds


def _floor(time: int, ahead: int) -> int:
    return int(piece_start(np.array([time]), np.array([ahead]))[0])


def seconds(times: pa.ChunkedArray) -> NDArray[np.int64]:
    """Times of an Arrow table (n,) in seconds since 1970."""
    since_1970: NDArray[np.int64] = times.to_numpy().astype("datetime64[s]").astype(np.int64)
    return since_1970


def _stamp(epoch: np.int64) -> str:
    return format_epoch(int(epoch))[:-1]
