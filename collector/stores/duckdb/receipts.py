"""Which numbers of each stream are stored: a row per message, folded into ranges now and then."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.intake.positions import REMEMBERED
from collector.stores.duckdb.connection import insert
from collector.stores.protocol import Position, Stream

# UNION, not UNION ALL: a span that is there twice would be put in two islands.
_RANGES = """
WITH span AS (SELECT stream, first, last FROM positions UNION SELECT stream, seq, seq FROM receipts),
     reached AS (SELECT *, max(last) OVER (PARTITION BY stream ORDER BY first, last
                                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach FROM span),
     island AS (SELECT *, sum(CASE WHEN first <= reach + 1 THEN 0 ELSE 1 END)
                          OVER (PARTITION BY stream ORDER BY first, last ROWS UNBOUNDED PRECEDING) AS island
                FROM reached)
SELECT stream, min(first)::UBIGINT AS first, max(last)::UBIGINT AS last FROM island
GROUP BY stream, island ORDER BY stream, first
"""
_RECENT = f"""SELECT stream, seq, digest FROM receipts
              QUALIFY row_number() OVER (PARTITION BY stream ORDER BY seq DESC) <= {REMEMBERED}"""  # noqa: S608


def positions(connection: DuckDBPyConnection, run: str | None) -> list[Position]:
    """How far every stream (of a run) is stored."""
    ranges: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    recent: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for stream, first, last in connection.execute(_RANGES).fetchall():
        ranges[stream].append((first, last))
    for stream, seq, digest in connection.execute(_RECENT).fetchall():
        recent[stream][seq] = digest
    streams = connection.execute(
        "SELECT id, run, city, station, session FROM stream WHERE ?::VARCHAR IS NULL OR run = ? ORDER BY id", [run, run]
    ).fetchall()
    return [Position(Stream(*names), tuple(ranges[number]), recent[number]) for number, *names in streams]


def are_stored(connection: DuckDBPyConnection, told: pa.Table) -> bool:
    """Whether all these receipts (stream, seq, digest), at least one, are stored: their batch was kept after all."""
    connection.register("told", told)
    stored = connection.execute("SELECT count(*) FROM told SEMI JOIN receipts USING (stream, seq, digest)").fetchall()
    connection.unregister("told")
    return bool(0 < told.num_rows == stored[0][0])


def receipts(connection: DuckDBPyConnection) -> int:
    """How many receipts there are."""
    return int(connection.execute("SELECT count(*) FROM receipts").fetchall()[0][0])


def fold(connection: DuckDBPyConnection) -> None:
    """Put ranges in the place of receipts, but for the newest of each stream, and add up the counts."""
    ranges = connection.execute(_RANGES).to_arrow_table()
    connection.execute("DELETE FROM positions")
    insert(connection, "positions", ranges)
    connection.execute(
        f"""DELETE FROM receipts USING (SELECT stream, min(seq) AS oldest FROM ({_RECENT}) GROUP BY stream) AS kept
            WHERE receipts.stream = kept.stream AND receipts.seq < kept.oldest"""  # noqa: S608
    )
    counts = connection.execute(
        "SELECT run, fate, sum(deliveries)::UBIGINT AS deliveries FROM counts GROUP BY run, fate"
    ).to_arrow_table()
    connection.execute("DELETE FROM counts")
    insert(connection, "counts", counts)
