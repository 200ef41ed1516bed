"""The tables of a DuckDB store. `docs/store.md` explains them."""

from __future__ import annotations

VERSION = 4

# Row groups of half the usual size leave less of DuckDB's 256 KiB blocks empty.
ROW_GROUP = 61_440

SCHEMA = """
CREATE TABLE meta (version UINTEGER NOT NULL, created TIMESTAMP_S NOT NULL, rollups VARCHAR NOT NULL,
                   policy VARCHAR, backup TIMESTAMP_S);

CREATE TABLE run (id UINTEGER NOT NULL, name VARCHAR NOT NULL, scenario VARCHAR, digest VARCHAR);
CREATE TABLE city (id UINTEGER NOT NULL, run UINTEGER NOT NULL, name VARCHAR NOT NULL, timezone VARCHAR,
                   origin VARCHAR, online BOOLEAN, session VARCHAR, birth VARCHAR);
CREATE TABLE station (id UINTEGER NOT NULL, city UINTEGER NOT NULL, pillar VARCHAR NOT NULL, name VARCHAR NOT NULL,
                      origin VARCHAR, online BOOLEAN, session VARCHAR, birth VARCHAR);
CREATE TABLE series (id UINTEGER NOT NULL, station UINTEGER NOT NULL, city UINTEGER NOT NULL,
                     indicator VARCHAR NOT NULL, registered BOOLEAN NOT NULL, rollup VARCHAR NOT NULL);
CREATE TABLE births (kind VARCHAR NOT NULL, id UINTEGER NOT NULL, since TIMESTAMP_S NOT NULL, birth VARCHAR NOT NULL);
CREATE TABLE stream (id UINTEGER NOT NULL, run VARCHAR NOT NULL, city VARCHAR NOT NULL, station VARCHAR NOT NULL,
                     session VARCHAR NOT NULL);

CREATE TABLE fresh (series UINTEGER NOT NULL, time TIMESTAMP_S NOT NULL, value DOUBLE NOT NULL,
                    quality UTINYINT NOT NULL);
CREATE TABLE sealed (series UINTEGER NOT NULL, time TIMESTAMP_S NOT NULL, value DOUBLE NOT NULL,
                     quality UTINYINT NOT NULL);
CREATE VIEW readings AS SELECT * FROM sealed UNION ALL SELECT * FROM fresh;
CREATE TABLE sealed_tally (series UINTEGER NOT NULL, readings BIGINT NOT NULL, first TIMESTAMP_S NOT NULL,
                           last TIMESTAMP_S NOT NULL, value DOUBLE NOT NULL, quality UTINYINT NOT NULL);
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
CREATE TABLE events (station UINTEGER NOT NULL, time TIMESTAMP_S NOT NULL, id VARCHAR NOT NULL,
                     type VARCHAR NOT NULL, fields VARCHAR NOT NULL);
CREATE TABLE event_values (series UINTEGER NOT NULL, time TIMESTAMP_S NOT NULL, value DOUBLE NOT NULL,
                           quality UTINYINT NOT NULL);
CREATE TABLE statistics (series UINTEGER NOT NULL, period VARCHAR NOT NULL, published TIMESTAMP_S NOT NULL,
                         revision UBIGINT NOT NULL, value DOUBLE NOT NULL, quality UTINYINT NOT NULL);
CREATE TABLE rejected (run VARCHAR NOT NULL, topic VARCHAR NOT NULL, payload BLOB NOT NULL, size UBIGINT NOT NULL,
                       digest UBIGINT NOT NULL, reason VARCHAR NOT NULL, received DOUBLE NOT NULL,
                       fate VARCHAR NOT NULL);

CREATE TABLE receipts (stream UINTEGER NOT NULL, seq UBIGINT NOT NULL, digest UINTEGER NOT NULL);
CREATE TABLE positions (stream UINTEGER NOT NULL, first UBIGINT NOT NULL, last UBIGINT NOT NULL);
CREATE TABLE counts (run VARCHAR NOT NULL, fate VARCHAR NOT NULL, deliveries UBIGINT NOT NULL);

CREATE TABLE rollup (series UINTEGER NOT NULL, bucket TIMESTAMP_S NOT NULL, n UINTEGER NOT NULL, state DOUBLE NOT NULL,
                     moment TIMESTAMP_S NOT NULL);
CREATE TABLE frontier (city UINTEGER NOT NULL, time TIMESTAMP_S NOT NULL);
CREATE TABLE dirty (city UINTEGER NOT NULL, bucket TIMESTAMP_S NOT NULL);
CREATE TABLE daily (series UINTEGER NOT NULL, bucket TIMESTAMP_S NOT NULL, n UINTEGER NOT NULL, state DOUBLE NOT NULL,
                    moment TIMESTAMP_S NOT NULL);
CREATE TABLE daily_frontier (city UINTEGER NOT NULL, ahead INTEGER NOT NULL, time TIMESTAMP_S NOT NULL);

CREATE TABLE flags (series UINTEGER NOT NULL, kind VARCHAR NOT NULL, first TIMESTAMP_S NOT NULL,
                    last TIMESTAMP_S NOT NULL, value DOUBLE, threshold DOUBLE, detail VARCHAR NOT NULL);

CREATE VIEW series_named AS
    SELECT series.id AS series, run.name AS run, city.name AS city, station.pillar, station.name AS station,
           indicator, coalesce(station.origin, city.origin, 'unknown') AS origin, registered, rollup,
           city.timezone, city.id AS city_id
    FROM series JOIN station ON station.id = series.station JOIN city ON city.id = series.city
         JOIN run ON run.id = city.run;
"""
