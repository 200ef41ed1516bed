"""Letting go of what is older than a policy says: raw values become half hours, half hours and events go.

`halfhourly` has rows of the same kind as `rollup`, for raw values that are gone; `rollup` stands for raw values that
are there. A read adds the two, so a late value behind the horizon counts exactly, and the next time it joins the half
hours as a row of its own. Nothing is ever computed anew from raw values that are gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.stores.duckdb import daily as duckdb_daily
from collector.stores.duckdb.rollup import HALF_HOUR, STATE
from collector.stores.keeping import Policy, Removal

SLICE = 250_000  # raw values in a transaction: some tenths of a second

# The series a policy is about, with the times before which raw values, half hours and events go.
_EXPIRED = """
WITH reached AS (
    SELECT run, quantile_disc(last, 0.5) AS mark FROM tally JOIN series_named USING (series) GROUP BY run)
SELECT series, city_id AS city, run, series_named.city AS city_name, pillar, station,
       time_bucket(INTERVAL 30 MINUTE, mark::TIMESTAMP - to_seconds($raw::BIGINT))::TIMESTAMP_S AS raw,
       time_bucket(INTERVAL 30 MINUTE, mark::TIMESTAMP - to_seconds($halfhourly::BIGINT))::TIMESTAMP_S AS halfhourly,
       time_bucket(INTERVAL 30 MINUTE, mark::TIMESTAMP - to_seconds($events::BIGINT))::TIMESTAMP_S AS events
FROM series_named JOIN (SELECT run, coalesce($now::TIMESTAMP_S, mark) AS mark FROM reached) USING (run)
WHERE run GLOB $runs AND (len($indicators::VARCHAR[]) = 0 OR list_contains($indicators::VARCHAR[], indicator))
      AND (len($pillars::VARCHAR[]) = 0 OR list_contains($pillars::VARCHAR[], pillar))
"""
# Events hang on stations: those of the expired series, and those that have no series.
_OLD_EVENTS = """
SELECT events.rowid AS row, station.id AS station, events.time, run.name AS run, city.name AS city_name
FROM events JOIN station ON station.id = events.station JOIN city ON city.id = station.city
     JOIN run ON run.id = city.run
     JOIN (SELECT run, any_value(events) AS events FROM expired GROUP BY run) AS old ON old.run = run.name
WHERE events.time < old.events AND (len($pillars::VARCHAR[]) = 0 OR list_contains($pillars::VARCHAR[], pillar))
"""
_PLANNED = """
SELECT run, what, list(DISTINCT city_name ORDER BY city_name), count(DISTINCT series), count(*),
       epoch(min(time))::BIGINT, epoch(max(time))::BIGINT, 0
FROM ({parts}) GROUP BY run, what ORDER BY run, what DESC
"""
_RAW = """SELECT run, CASE WHEN time < halfhourly THEN 'gone' ELSE 'raw' END AS what, city_name, series, time
          FROM readings JOIN expired USING (series) WHERE time < raw"""
_HALVES = """SELECT run, 'halfhourly', city_name, series, bucket FROM halfhourly JOIN expired USING (series)
             WHERE bucket < expired.halfhourly"""


@dataclass(frozen=True, slots=True)
class Pass:
    """What one application of a policy still has to do: the expired series, and spans (first, end) of raw values."""

    policy: Policy
    expired: pa.Table
    spans: tuple[tuple[datetime, datetime], ...]

    def rest(self) -> Pass:
        """Without the first span."""
        return replace(self, spans=self.spans[1:])


def expired(connection: DuckDBPyConnection, policy: Policy) -> pa.Table:
    """The series that a policy is about, with the times before which raw values, half hours and events go."""
    told = {
        "raw": policy.raw,
        "halfhourly": policy.halfhourly,
        "events": policy.events,
        "runs": policy.runs,
        "indicators": list(policy.indicators),
        "pillars": list(policy.pillars),
        "now": datetime.now(UTC).replace(tzinfo=None, microsecond=0) if policy.wall else None,
    }
    return connection.execute(_EXPIRED, told).to_arrow_table()


def planned(connection: DuckDBPyConnection, policy: Policy, bytes_each: float) -> list[Removal]:
    """What a policy would take out, by run."""
    connection.register("expired", expired(connection, policy))
    parts, told = [_RAW, _HALVES], {}
    if policy.events is not None:
        parts.append(f"SELECT run, 'events', city_name, station, time FROM ({_OLD_EVENTS})")  # noqa: S608
        told = {"pillars": list(policy.pillars)}
    rows = connection.execute(_PLANNED.format(parts=" UNION ALL ".join(parts)), told).fetchall()
    connection.unregister("expired")
    return [_sized(Removal(run, what, tuple(cities), *rest), bytes_each) for run, what, cities, *rest in rows]


def waiting(connection: DuckDBPyConnection, policy: Policy) -> int:
    """How many readings are not sealed yet, if any of them are older than the policy says; else 0."""
    connection.register("expired", expired(connection, policy))
    total, old = connection.execute(
        "SELECT count(*), count(*) FILTER (time < raw) FROM fresh LEFT JOIN expired USING (series)"
    ).fetchall()[0]
    connection.unregister("expired")
    return int(total) if old else 0


def begin(connection: DuckDBPyConnection, policy: Policy, most: int) -> Pass:
    """A pass of a policy, cut into spans of half hours with at most so many sealed raw values where that can be."""
    old = expired(connection, policy)
    connection.register("expired", old)
    rows = connection.execute(
        f"""SELECT {HALF_HOUR} AS bucket, count(*) FROM sealed JOIN expired USING (series)
            WHERE time < raw AND time < (SELECT max(raw) FROM expired) GROUP BY bucket ORDER BY bucket"""  # noqa: S608
    ).fetchall()
    connection.unregister("expired")
    spans: list[tuple[datetime, datetime]] = []
    inside = most
    for bucket, count in rows:
        if inside + count > most:
            spans.append((bucket, bucket))
            inside = 0
        inside += count
        spans[-1] = (spans[-1][0], bucket)
    return Pass(policy, old, tuple(spans))


def thin(connection: DuckDBPyConnection, going: Pass) -> None:
    """Put the sealed raw values of the first span together as half hours, and take them out."""
    first, last = going.spans[0]
    span = f"TIMESTAMP_S '{first}' AND TIMESTAMP_S '{last}'::TIMESTAMP + INTERVAL 30 MINUTE - INTERVAL 1 SECOND"
    old = f"{{0}}.time BETWEEN {span} AND {{0}}.time < expired.raw"
    connection.register("expired", going.expired)
    connection.execute(
        f"""INSERT INTO halfhourly SELECT series, bucket, count(*), {STATE}, max(time) FROM (
                SELECT series, time, value, rollup, {HALF_HOUR} AS bucket
                FROM sealed JOIN series ON series.id = sealed.series JOIN expired USING (series)
                WHERE quality = 0 AND {old.format("sealed")}
            ) GROUP BY series, bucket ORDER BY bucket, series"""  # noqa: S608
    )
    connection.execute(
        f"""INSERT INTO thinned SELECT series, min(time), any_value(expired.raw), NULL
            FROM sealed JOIN expired USING (series) WHERE {old.format("sealed")} GROUP BY series"""  # noqa: S608
    )
    for table, column in (("sealed", "time"), ("rollup", "bucket")):
        connection.execute(
            f"""DELETE FROM {table} USING expired WHERE {table}.series = expired.series
                AND {column} BETWEEN {span} AND {column} < expired.raw"""  # noqa: S608
        )
    connection.execute(  # what is fresh was in the rollups that went
        f"""INSERT INTO dirty SELECT DISTINCT expired.city, {HALF_HOUR.replace("time::", "fresh.time::")}
            FROM fresh JOIN expired USING (series) JOIN frontier ON frontier.city = expired.city
            WHERE {old.format("fresh")} AND fresh.time < frontier.time"""  # noqa: S608
    )
    connection.unregister("expired")


def drop(connection: DuckDBPyConnection, going: Pass) -> None:
    """Take out half hours and events that are too old, and note how far the series are thinned."""
    connection.register("expired", going.expired)
    if going.policy.halfhourly is not None:
        connection.execute(
            """INSERT INTO thinned SELECT series, min(bucket), any_value(raw), any_value(expired.halfhourly)
               FROM halfhourly JOIN expired USING (series) WHERE bucket < expired.halfhourly GROUP BY series"""
        )
        connection.execute(
            """DELETE FROM halfhourly USING expired
               WHERE halfhourly.series = expired.series AND bucket < expired.halfhourly"""
        )
        duckdb_daily.drop(connection)
    if going.policy.events is not None:
        _drop_events(connection, going.policy)
    connection.unregister("expired")
    merged = connection.execute(
        """SELECT series, min(first) AS first, max(raw) AS raw, max(halfhourly) AS halfhourly FROM thinned
           GROUP BY series ORDER BY series"""
    ).to_arrow_table()
    connection.execute("DELETE FROM thinned")
    connection.register("merged", merged)
    connection.execute("INSERT INTO thinned FROM merged")
    connection.unregister("merged")


def _drop_events(connection: DuckDBPyConnection, policy: Policy) -> None:
    pillars = {"pillars": list(policy.pillars)}
    connection.execute(f"DELETE FROM events WHERE rowid IN (SELECT row FROM ({_OLD_EVENTS}))", pillars)  # noqa: S608
    connection.execute(
        "DELETE FROM event_values USING expired WHERE event_values.series = expired.series AND time < expired.events"
    )


def _sized(removal: Removal, bytes_each: float) -> Removal:
    return replace(removal, size=round(removal.values * bytes_each))
