"""The tables of a DuckLake, and the views that show them as the tables of a DuckDB store. `docs/ducklake.md` explains.

Several collectors append to the same tables, so names have digests for numbers, and everything a message brought
carries `stream, seq` (which message) and `batch` (which writing of it). `receipts` has a row for each writing: the
first one committed counts, and what the others brought is left out by the views until sealing removes it.
"""

# ruff: noqa: S608  (names of our own)

from __future__ import annotations

from collector.intake.positions import REMEMBERED

VERSION = 2

_MARK = "stream BIGINT NOT NULL, seq UBIGINT NOT NULL, batch BIGINT NOT NULL"
_VALUE = "series BIGINT NOT NULL, time TIMESTAMP_S NOT NULL, value DOUBLE NOT NULL, quality UTINYINT NOT NULL"

TABLES = {
    "meta": "version UINTEGER NOT NULL, created TIMESTAMP_S NOT NULL, identity VARCHAR NOT NULL",
    "place": "id BIGINT NOT NULL, city BIGINT NOT NULL, run VARCHAR NOT NULL, city_name VARCHAR NOT NULL, "
    "pillar VARCHAR, station VARCHAR",
    "series": "id BIGINT NOT NULL, station BIGINT NOT NULL, city BIGINT NOT NULL, indicator VARCHAR NOT NULL",
    "stream": "id BIGINT NOT NULL, run VARCHAR NOT NULL, city VARCHAR NOT NULL, station VARCHAR NOT NULL, "
    "session VARCHAR, topic VARCHAR NOT NULL",
    "birth": "place BIGINT NOT NULL, run VARCHAR NOT NULL, online BOOLEAN NOT NULL, session VARCHAR NOT NULL, "
    "timezone VARCHAR, origin VARCHAR, scenario VARCHAR, digest VARCHAR, body VARCHAR",
    "fresh": f"{_VALUE}, {_MARK}",
    "sealed": _VALUE,
    "tally": "series BIGINT NOT NULL, readings BIGINT NOT NULL, first TIMESTAMP_S NOT NULL, last TIMESTAMP_S NOT NULL, "
    "value DOUBLE NOT NULL, quality UTINYINT NOT NULL",
    "events": "station BIGINT NOT NULL, time TIMESTAMP_S NOT NULL, id VARCHAR NOT NULL, type VARCHAR NOT NULL, "
    f"fields VARCHAR NOT NULL, {_MARK}",
    "event_values": f"{_VALUE}, {_MARK}",
    "statistics": "series BIGINT NOT NULL, period VARCHAR NOT NULL, published TIMESTAMP_S NOT NULL, "
    f"revision UBIGINT NOT NULL, value DOUBLE NOT NULL, quality UTINYINT NOT NULL, {_MARK}",
    "rejected": "run VARCHAR NOT NULL, topic VARCHAR NOT NULL, payload BLOB NOT NULL, size UBIGINT NOT NULL, "
    "digest UBIGINT NOT NULL, reason VARCHAR NOT NULL, received DOUBLE NOT NULL, fate VARCHAR NOT NULL",
    "receipts": f"{_MARK}, digest UBIGINT NOT NULL, numbered BOOLEAN NOT NULL, received DOUBLE NOT NULL",
    "settled": "stream BIGINT NOT NULL, seq UBIGINT NOT NULL, digest UBIGINT NOT NULL",
    "positions": "stream BIGINT NOT NULL, first UBIGINT NOT NULL, last UBIGINT NOT NULL",
    "counts": "run VARCHAR NOT NULL, fate VARCHAR NOT NULL, deliveries BIGINT NOT NULL, batch BIGINT NOT NULL, "
    "written TIMESTAMP_S NOT NULL",
    "flags": "series BIGINT NOT NULL, kind VARCHAR NOT NULL, first TIMESTAMP_S NOT NULL, last TIMESTAMP_S NOT NULL, "
    "value DOUBLE, threshold DOUBLE, detail VARCHAR NOT NULL",
}

_ROW = {"VARCHAR": "''", "BLOB": "''::BLOB", "BOOLEAN": "false", "TIMESTAMP_S": "TIMESTAMP_S '1970-01-01'"}


def _table(name: str) -> tuple[str, str, str]:
    """Make a table that has held a row: of others DuckLake asks for statistics anew at every column of a plan."""
    columns = TABLES[name]
    row = ", ".join(_ROW.get(column.split()[1], "0") for column in columns.split(", "))
    return (
        f"CREATE TABLE lake.{name} ({columns})",
        f"INSERT INTO lake.{name} VALUES ({row})",
        f"DELETE FROM lake.{name}",
    )


# What a lake of an older version lacks: a statement or more a version, all in one transaction.
STEPS = {1: _table("flags")}

# The messages of these go with their receipts: of a message written twice they hold everything twice.
MARKED = ("fresh", "events", "event_values", "statistics")

_ONCE = "ANTI JOIN surplus USING (stream, seq, batch)"

VIEWS = {
    # Writings of a message that do not count, for another was committed before.
    "surplus": """
        SELECT copy.* FROM (
            SELECT *, row_number() OVER (PARTITION BY stream, seq ORDER BY rowid) AS copy FROM lake.receipts
        ) AS copy LEFT JOIN lake.positions ON numbered AND positions.stream = copy.stream
                  AND copy.seq >= positions.first AND copy.seq <= positions.last
        WHERE copy > 1 OR positions.stream IS NOT NULL""",
    # The same with the digest of the writing that counts (if it is still known), and what that makes of them.
    "judged": """
        SELECT surplus.stream, surplus.seq, surplus.batch, surplus.digest, surplus.received, named.run, named.topic,
               CASE WHEN numbered AND coalesce(kept.digest, surplus.digest) != surplus.digest THEN 'conflict'
                    ELSE 'duplicate' END AS fate
        FROM surplus LEFT JOIN (
            SELECT stream, seq, digest FROM lake.settled
            UNION ALL SELECT stream, seq, digest FROM lake.receipts ANTI JOIN surplus USING (stream, seq, batch)
        ) AS kept USING (stream, seq)
        JOIN (SELECT id, any_value(run) AS run, any_value(topic) AS topic FROM lake.stream GROUP BY id) AS named
             ON named.id = surplus.stream""",
    "fresh": f"SELECT series, time, value, quality FROM lake.fresh {_ONCE}",
    "sealed": "SELECT series, time, value, quality FROM lake.sealed",
    "readings": "SELECT * FROM sealed UNION ALL SELECT * FROM fresh",
    "events": f"SELECT station, time, id, type, fields, rowid AS rowid FROM lake.events {_ONCE}",
    "event_values": f"SELECT series, time, value, quality FROM lake.event_values {_ONCE}",
    "statistics": f"""SELECT series, period, published, revision, value, quality, rowid AS rowid
                      FROM lake.statistics {_ONCE}""",
    # The same bytes kept apart by two collectors.
    "rejected": """
        SELECT run, topic, payload, size, digest, reason, received, fate, rowid AS rowid FROM lake.rejected
        WHERE rowid IN (SELECT min(rowid) FROM lake.rejected GROUP BY run, topic, digest)""",
    "counts": """
        SELECT run, fate, deliveries FROM lake.counts
        UNION ALL SELECT run, 'stored', -count(*) FROM judged GROUP BY run
        UNION ALL SELECT run, fate, count(*) FROM judged GROUP BY run, fate
        UNION ALL FROM rejected_twice""",
    "flags": "FROM lake.flags",
    "rejected_twice": """
        WITH again AS (SELECT run, fate, count(*) - 1 AS more FROM lake.rejected GROUP BY run, topic, digest, fate
                       HAVING count(*) > 1)
        SELECT run, fate, -sum(more)::BIGINT FROM again GROUP BY run, fate
        UNION ALL SELECT run, 'duplicate', sum(more)::BIGINT FROM again GROUP BY run""",
    "receipts": f"""
        SELECT stream, seq, (digest & 4294967295)::UINTEGER AS digest FROM lake.receipts {_ONCE} WHERE numbered
        UNION ALL SELECT stream, seq, (digest & 4294967295)::UINTEGER FROM lake.settled""",
    "positions": "SELECT stream, first, last FROM lake.positions",
    "stream": """SELECT id, any_value(run) AS run, any_value(city) AS city, any_value(station) AS station,
                        any_value(session) AS session FROM lake.stream WHERE session IS NOT NULL GROUP BY id""",
    "tally": """
        SELECT series, sum(readings)::BIGINT AS readings, min(first) AS first, max(last) AS last,
               arg_max(value, last) AS value, arg_max(quality, last) AS quality
        FROM (FROM lake.tally UNION ALL
              SELECT series, count(*), min(time), max(time), arg_max(value, time), arg_max(quality, time)
              FROM fresh GROUP BY series) GROUP BY series""",
    # The newest birth of a place, and whether its own session has said farewell since.
    "born": """
        SELECT place, session, timezone, origin, body, gone IS NULL OR gone < newest.row AS online
        FROM (SELECT *, rowid AS row, max(rowid) FILTER (NOT online) OVER (PARTITION BY place, session) AS gone
              FROM lake.birth) AS newest
        WHERE online QUALIFY row_number() OVER (PARTITION BY place ORDER BY newest.row DESC) = 1""",
    "placed": """SELECT id, any_value(city) AS city, any_value(run) AS run, any_value(city_name) AS city_name,
                        any_value(pillar) AS pillar, any_value(station) AS station, min(rowid) AS seen
                 FROM lake.place GROUP BY id""",
    "run": """
        SELECT row_number() OVER (ORDER BY min(seen)) AS id, run AS name, any_value(scenario) AS scenario,
               any_value(digest) AS digest
        FROM placed LEFT JOIN (SELECT run, arg_min(scenario, rowid) AS scenario, arg_min(digest, rowid) AS digest
                               FROM lake.birth WHERE scenario IS NOT NULL GROUP BY run) USING (run) GROUP BY run""",
    "city": """
        SELECT placed.id, run.id AS run, city_name AS name, timezone, origin, online, session, body AS birth
        FROM placed JOIN run ON run.name = placed.run LEFT JOIN born ON born.place = placed.id WHERE station IS NULL""",
    "station": """
        SELECT placed.id, city, pillar, station AS name, origin, online, session, body AS birth
        FROM placed LEFT JOIN born ON born.place = placed.id WHERE station IS NOT NULL""",
    "series": """
        SELECT id, any_value(station) AS station, any_value(city) AS city, any_value(indicator) AS indicator
        FROM lake.series GROUP BY id""",
    # Each question about a table of the lake is four to PostgreSQL, so none is asked twice.
    "series_named": """
        WITH birth AS MATERIALIZED (SELECT place, timezone, origin FROM born)
        SELECT series.id AS series, station.run, station.city_name AS city, station.pillar, station.station, indicator,
               coalesce(own.origin, of_city.origin, 'unknown') AS origin, entry.id IS NOT NULL AS registered,
               coalesce(entry.rollup, 'mean') AS rollup, of_city.timezone, station.city AS city_id
        FROM series JOIN placed AS station ON station.id = series.station
             LEFT JOIN birth AS own ON own.place = station.id LEFT JOIN birth AS of_city ON of_city.place = station.city
             LEFT JOIN entry ON entry.id = series.indicator""",
}

# Nothing is rolled up and nothing thinned out: every bucket is computed from the readings.
EMPTY = {
    "rollup": "series BIGINT, bucket TIMESTAMP_S, n UINTEGER, state DOUBLE, moment TIMESTAMP_S",
    "frontier": "city BIGINT, time TIMESTAMP_S",
    "dirty": "city BIGINT, bucket TIMESTAMP_S",
    "daily_frontier": "city BIGINT, ahead INTEGER, time TIMESTAMP_S",
    "halfhourly": "series BIGINT, bucket TIMESTAMP_S, n UINTEGER, state DOUBLE, moment TIMESTAMP_S",
    "thinned": "series BIGINT, first TIMESTAMP_S, raw TIMESTAMP_S, halfhourly TIMESTAMP_S",
}
_ORDER = ("surplus", "judged", "rejected_twice")


def creation() -> list[str]:
    """The statements that make an empty lake; DuckLake knows no NOT NULL of its own tables being broken by us."""
    return [statement for name in TABLES for statement in _table(name)]


def presentation() -> list[str]:
    """The statements that show the lake as the tables of a DuckDB store, in the memory of one connection."""
    names = [*_ORDER, *(name for name in VIEWS if name not in _ORDER)]
    tables = [f"CREATE TABLE {name} ({columns})" for name, columns in EMPTY.items()]
    return [*tables, *(f"CREATE VIEW {name} AS {VIEWS[name]}" for name in names)]


# What is left of these tables when they are folded; each is written anew when it has grown to twice that.
FOLDED = {
    "positions": """
        SELECT stream, min(first)::UBIGINT AS first, max(last)::UBIGINT AS last FROM (
            SELECT *, sum(CASE WHEN first = before + 1 THEN 0 ELSE 1 END)
                      OVER (PARTITION BY stream ORDER BY first) AS island
            FROM (SELECT *, lag(last) OVER (PARTITION BY stream ORDER BY first) AS before FROM lake.positions)
        ) GROUP BY stream, island""",
    "settled": f"""SELECT stream, seq, digest FROM lake.settled
                   QUALIFY row_number() OVER (PARTITION BY stream ORDER BY seq DESC) <= {REMEMBERED}""",
    "tally": """
        SELECT series, sum(readings)::BIGINT AS readings, min(first) AS first, max(last) AS last,
               arg_max(value, last) AS value, arg_max(quality, last) AS quality FROM lake.tally GROUP BY series""",
    # The batch of the last hour is kept, for a writer that does not know whether its last batch was.
    "counts": """
        SELECT run, fate, sum(deliveries)::BIGINT AS deliveries, batch, max(written) AS written FROM (
            SELECT run, fate, deliveries, written,
                   CASE WHEN written >= (SELECT max(written) FROM lake.counts) - INTERVAL 1 HOUR THEN batch ELSE 0 END
                       AS batch
            FROM lake.counts) GROUP BY run, fate, batch""",
    "place": """SELECT id, any_value(city) AS city, any_value(run) AS run, any_value(city_name) AS city_name,
                       any_value(pillar) AS pillar, any_value(station) AS station
                FROM lake.place GROUP BY id ORDER BY min(rowid)""",
    "series": """SELECT id, any_value(station) AS station, any_value(city) AS city, any_value(indicator) AS indicator
                 FROM lake.series GROUP BY id ORDER BY min(rowid)""",
    "stream": """SELECT id, any_value(run) AS run, any_value(city) AS city, any_value(station) AS station,
                        any_value(session) AS session, any_value(topic) AS topic
                 FROM lake.stream GROUP BY id ORDER BY min(rowid)""",
}
