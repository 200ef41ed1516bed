"""Lists of what a DuckDB file holds: its runs, cities, stations and series, the last value of each."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.language.profile import CityProfile, StationProfile, Status, decode_status
from collector.stores.duckdb import read as duckdb_read
from collector.stores.duckdb.parts import BESIDE
from collector.stores.protocol import RunInfo

_SERIES = """
SELECT run, city, pillar, station, indicator, origin, registered, coalesce(counted.readings, 0)::BIGINT AS readings,
       counted.first, counted.last
FROM chosen LEFT JOIN counted USING (series) ORDER BY run, city, pillar, station, indicator
"""
_COUNTED = f"""
SELECT series, sum(readings)::BIGINT AS readings, min(first) AS first, max(last) AS last FROM (
    SELECT series, readings, first, last FROM tally
    UNION ALL SELECT series, 0, min(time), max(time) FROM {BESIDE} GROUP BY series
) GROUP BY series
"""  # noqa: S608
_LATEST = f"""
SELECT city, pillar, station, indicator, time, value, quality FROM (
    SELECT series, last AS time, value, quality FROM tally
    UNION ALL SELECT series, max(time), arg_max(value, time), arg_max(quality, time) FROM {BESIDE} GROUP BY series
) JOIN chosen USING (series)
QUALIFY row_number() OVER (PARTITION BY series ORDER BY time DESC) = 1
ORDER BY city, pillar, station, indicator
"""  # noqa: S608
_CITIES = """
SELECT birth, online FROM city JOIN run ON run.id = city.run
WHERE run.name = ? AND birth IS NOT NULL ORDER BY city.name
"""
_STATIONS = """
SELECT station.birth FROM station JOIN city ON city.id = station.city JOIN run ON run.id = city.run
WHERE run.name = ? AND station.birth IS NOT NULL ORDER BY city.name, pillar, station.name
"""
_RUNS = """
SELECT run.name, CASE count(DISTINCT nullif(origin, 'unknown')) WHEN 0 THEN 'unknown' WHEN 1 THEN
           min(nullif(origin, 'unknown')) ELSE 'mixed' END, any_value(run.scenario), any_value(run.digest),
       epoch(coalesce(min(first) FILTER (readings > 0), min(first)))::BIGINT,
       epoch(coalesce(max(last) FILTER (readings > 0), max(last)))::BIGINT, coalesce(sum(readings), 0)::BIGINT
FROM run LEFT JOIN (FROM chosen LEFT JOIN counted USING (series)) AS told ON told.run = run.name
GROUP BY run.id, run.name ORDER BY run.id
"""


def runs(connection: DuckDBPyConnection) -> list[RunInfo]:
    """The runs, oldest first."""
    _count(connection, None)
    return [RunInfo(*row) for row in connection.execute(_RUNS).fetchall()]


def series(connection: DuckDBPyConnection, run: str | None) -> pa.Table:
    """One row per series: run, city, pillar, station, indicator, origin, registered, readings, first, last."""
    _count(connection, run)
    return connection.execute(_SERIES).to_arrow_table()


def cities(connection: DuckDBPyConnection, run: str) -> list[tuple[CityProfile, Status]]:
    """The cities of a run with their newest status; a city that sent no birth has no entry."""
    rows = connection.execute(_CITIES, [run]).fetchall()
    told = [(decode_status(birth.encode()), online) for birth, online in rows]
    return [(s.profile, replace(s, online=online)) for s, online in told if isinstance(s.profile, CityProfile)]


def stations(connection: DuckDBPyConnection, run: str) -> list[StationProfile]:
    """The stations of a run that sent a birth."""
    profiles = [decode_status(birth.encode()).profile for (birth,) in connection.execute(_STATIONS, [run]).fetchall()]
    return [profile for profile in profiles if isinstance(profile, StationProfile)]


def latest(connection: DuckDBPyConnection, run: str) -> pa.Table:
    """The last value of each series: city, pillar, station, indicator, time, value, quality."""
    duckdb_read.choose(connection, run)
    return connection.execute(_LATEST).to_arrow_table()


def first(connection: DuckDBPyConnection) -> int:
    """The time of the first reading that was ever stored, in seconds since 1970; 0 without any."""
    return int(connection.execute("SELECT coalesce(epoch(min(first)), 0)::BIGINT FROM tally").fetchall()[0][0])


def _count(connection: DuckDBPyConnection, run: str | None) -> None:
    duckdb_read.choose(connection, run)
    connection.register("counted", connection.execute(_COUNTED).to_arrow_table())
