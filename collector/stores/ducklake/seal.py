"""Sealing: what many collectors appended is put together, without what was written twice, into few sorted files."""

# ruff: noqa: S608  (names of our own)

from __future__ import annotations

import logging

from duckdb import DuckDBPyConnection

from collector.language.errors import StoreError
from collector.stores.duckdb.rows import rejected_table
from collector.stores.ducklake.conflicts import contradictions
from collector.stores.ducklake.connection import Lake, append
from collector.stores.ducklake.schema import FOLDED, MARKED

KEPT_MINUTES = 5  # a reader sees one state for so long; then the files it is made of may go
MANY_FILES = 16
SMALL_FILE = 16 << 20
LARGE_FILE = 128 << 20
_NOW = "now() AT TIME ZONE 'UTC'"
_EXTRA = "SEMI JOIN extra USING (stream, seq, batch)"
_ONCE = "ANTI JOIN extra USING (stream, seq, batch)"

# In this order: what was written twice is known only until the receipts are gone.
_SEALING = (
    f"""INSERT INTO lake.counts
        SELECT run, fate, sum(n)::BIGINT, 0, {_NOW} FROM (
            SELECT run, 'stored' AS fate, -1 AS n FROM extra UNION ALL SELECT run, fate, 1 FROM extra
            UNION ALL FROM rejected_twice) GROUP BY run, fate""",
    "DELETE FROM lake.rejected WHERE rowid NOT IN (SELECT min(rowid) FROM lake.rejected GROUP BY run, topic, digest)",
    f"""INSERT INTO lake.tally
        SELECT series, count(*), min(time), max(time), arg_max(value, time), arg_max(quality, time)
        FROM lake.fresh {_ONCE} GROUP BY series ORDER BY series""",
    f"INSERT INTO lake.sealed SELECT series, time, value, quality FROM lake.fresh {_ONCE} ORDER BY series, time",
    f"""INSERT INTO lake.positions
        SELECT stream, min(seq), max(seq) FROM (
            SELECT stream, seq, seq::HUGEINT - row_number() OVER (PARTITION BY stream ORDER BY seq) AS island
            FROM lake.receipts {_ONCE} WHERE numbered) GROUP BY stream, island ORDER BY stream, min(seq)""",
    f"""INSERT INTO lake.settled
        SELECT stream, seq, digest FROM lake.receipts {_ONCE} WHERE numbered ORDER BY stream, seq""",
    *(f"DELETE FROM lake.{table} WHERE rowid IN (SELECT rowid FROM lake.{table} {_EXTRA})" for table in MARKED[1:]),
    "DELETE FROM lake.fresh",
    "DELETE FROM lake.receipts",
)  # fmt: skip

log = logging.getLogger("nakhon.store")


def unsealed(connection: DuckDBPyConnection) -> tuple[int, int]:
    """How many writings are not sealed yet, and how many messages they brought."""
    told = connection.execute("SELECT count(DISTINCT batch), count(*) FROM lake.receipts").fetchall()[0]
    return int(told[0]), int(told[1])


def seal(lake: Lake) -> None:
    """Seal everything that is there; no other collector writes meanwhile."""
    with lake.writing(alone=True) as connection:
        connection.execute("CREATE TEMP TABLE extra AS FROM judged")
        if connection.execute("SELECT count(*) FROM extra WHERE fate = 'conflict'").fetchall()[0][0]:
            append(connection, "rejected", rejected_table(contradictions(connection, None, 1_000_000)))
        for statement in _SEALING:
            connection.execute(statement)
    with lake.writing(alone=True) as connection:
        for table in FOLDED:
            _fold(connection, table)


def tidy(lake: Lake) -> None:
    """Move what the catalogue itself holds into files, put small files together, and let go of what nobody reads.

    What fails here is tried again at the next sealing: nothing of it matters to an answer.
    """
    try:
        with lake.writing(alone=True) as connection:
            connection.execute("CALL ducklake_flush_inlined_data('lake')")
        with lake.writing() as connection:
            for table in _in_many_files(connection):
                connection.execute(
                    f"CALL ducklake_merge_adjacent_files('lake', '{table}', max_file_size => {SMALL_FILE})"
                )
        with lake.writing() as connection:
            old = f"older_than => now() - INTERVAL {KEPT_MINUTES} MINUTE"
            connection.execute(f"CALL ducklake_expire_snapshots('lake', {old})")
        with lake.writing() as connection:
            connection.execute("CALL ducklake_cleanup_old_files('lake', cleanup_all => true)")
    except StoreError as error:
        log.warning("the store is not tidied: %s", error)


def _in_many_files(connection: DuckDBPyConnection) -> list[str]:
    rows = connection.execute("SELECT table_name, file_count FROM ducklake_table_info('lake')").fetchall()
    return [name for name, files in rows if files >= MANY_FILES]


def _fold(connection: DuckDBPyConnection, table: str) -> None:
    """Write a table anew if half of it can go."""
    query = FOLDED[table]
    if connection.execute(f"SELECT count(*) < 1000 FROM lake.{table}").fetchall()[0][0]:
        return
    connection.execute(f"CREATE OR REPLACE TEMP TABLE folded AS {query}")
    there, left = (
        connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0] for name in (f"lake.{table}", "folded")
    )
    if there > 2 * left:
        connection.execute(f"DELETE FROM lake.{table}")
        connection.execute(f"INSERT INTO lake.{table} BY NAME FROM folded")
