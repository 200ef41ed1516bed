"""From the tables of an older Nakhon to those of this one: a step a version, all steps in one transaction.

A step says in SQL what `duckdb_schema.SCHEMA` says since; a test holds the two to each other. Steps that were released
are never changed.
"""

from __future__ import annotations

import logging
from pathlib import Path

from duckdb import DuckDBPyConnection

from collector.language.errors import StoreError, StoreTooNew
from collector.stores.duckdb.schema import VERSION

log = logging.getLogger("nakhon.store")

# Version 2: what is sealed is counted in the file, raw values can be thinned out, births are remembered.
_TO_2 = """
ALTER TABLE meta ADD COLUMN policy VARCHAR;
ALTER TABLE meta ADD COLUMN backup TIMESTAMP_S;

CREATE TABLE births (kind VARCHAR NOT NULL, id UINTEGER NOT NULL, since TIMESTAMP_S NOT NULL, birth VARCHAR NOT NULL);
INSERT INTO births SELECT 'city', id, created, birth FROM city, meta WHERE birth IS NOT NULL ORDER BY id;
INSERT INTO births SELECT 'station', id, created, birth FROM station, meta WHERE birth IS NOT NULL ORDER BY id;

CREATE TABLE sealed_tally (series UINTEGER NOT NULL, readings BIGINT NOT NULL, first TIMESTAMP_S NOT NULL,
                           last TIMESTAMP_S NOT NULL, value DOUBLE NOT NULL, quality UTINYINT NOT NULL);
INSERT INTO sealed_tally
    SELECT series, count(*), min(time), max(time), arg_max(value, time), arg_max(quality, time)
    FROM sealed GROUP BY series ORDER BY series;
CREATE VIEW tally AS
    SELECT series, sum(readings)::BIGINT AS readings, min(first) AS first, max(last) AS last,
           arg_max(value, last) AS value, arg_max(quality, last) AS quality
    FROM (FROM sealed_tally UNION ALL
          SELECT series, count(*), min(time), max(time), arg_max(value, time), arg_max(quality, time)
          FROM fresh GROUP BY series) GROUP BY series;

CREATE TABLE halfhourly (series UINTEGER NOT NULL, bucket TIMESTAMP_S NOT NULL, n UINTEGER NOT NULL,
                         state DOUBLE NOT NULL, moment TIMESTAMP_S NOT NULL);
CREATE TABLE thinned (series UINTEGER NOT NULL, first TIMESTAMP_S NOT NULL, raw TIMESTAMP_S NOT NULL,
                      halfhourly TIMESTAMP_S);

ALTER TABLE rollup RENAME TO rollup_1;
CREATE TABLE rollup (series UINTEGER NOT NULL, bucket TIMESTAMP_S NOT NULL, n UINTEGER NOT NULL, state DOUBLE NOT NULL,
                     moment TIMESTAMP_S NOT NULL);
INSERT INTO rollup SELECT series, bucket, n, state, bucket FROM rollup_1;
DROP TABLE rollup_1;
"""
# Version 3: flags beside the readings.
_TO_3 = """
CREATE TABLE flags (series UINTEGER NOT NULL, kind VARCHAR NOT NULL, first TIMESTAMP_S NOT NULL,
                    last TIMESTAMP_S NOT NULL, value DOUBLE, threshold DOUBLE, detail VARCHAR NOT NULL);
"""
# Version 4: days beside the half hours, computed when the file is next maintained.
_TO_4 = """
CREATE TABLE daily (series UINTEGER NOT NULL, bucket TIMESTAMP_S NOT NULL, n UINTEGER NOT NULL, state DOUBLE NOT NULL,
                    moment TIMESTAMP_S NOT NULL);
CREATE TABLE daily_frontier (city UINTEGER NOT NULL, ahead INTEGER NOT NULL, time TIMESTAMP_S NOT NULL);
"""
_STEPS = {1: _TO_2, 2: _TO_3, 3: _TO_4}


def check_version(version: int | None, path: Path) -> int:
    """The version of a file's tables, if this Nakhon knows it.

    Raises `StoreTooNew` for a newer one, `StoreError` for one that never was.
    """
    if version is None:
        raise StoreError(f"{path} has no schema version: it is damaged, restore it from a copy")
    if version > VERSION:
        raise StoreTooNew(
            f"{path} has schema version {version}, this Nakhon knows up to {VERSION}: upgrade Nakhon to open it"
        )
    if version != VERSION and version not in _STEPS:
        raise StoreError(f"{path} has schema version {version}, which never was: it is damaged, restore it from a copy")
    return version


def refuse_unless_writable(version: int, path: Path, *, read_only: bool) -> None:
    """Raise `StoreError` for an older file that is to be read only."""
    if read_only:
        raise StoreError(
            f"{path} has schema version {version}, older than {VERSION}, and was to be read only: bring it up to date "
            f"with `nakhon store migrate --store duckdb://{path}`, or open it once with a collector"
        )


def migrate(connection: DuckDBPyConnection, path: Path, version: int) -> None:
    """Bring the tables of a file up to date, or leave them wholly as they are (if it is killed, too)."""
    log.info("%s has schema version %d: bringing it to %d", path, version, VERSION)
    connection.execute("BEGIN TRANSACTION")
    for step in range(version, VERSION):
        connection.execute(_STEPS[step])
    connection.execute("UPDATE meta SET version = ?", [VERSION])
    connection.execute("COMMIT")
    connection.execute("CHECKPOINT store")
