"""How many readings each series ever had, from when to when, and its last value: what is sealed is counted in the file.

`tally` is a view of `sealed_tally` and of what is fresh. What a policy takes out of the readings stays counted.
"""

from __future__ import annotations

from duckdb import DuckDBPyConnection


def count_fresh(connection: DuckDBPyConnection) -> None:
    """Add what is fresh to what is counted; in the transaction that seals it."""
    counted = connection.execute("FROM tally ORDER BY series").to_arrow_table()
    connection.execute("DELETE FROM sealed_tally")
    connection.register("counted_now", counted)
    connection.execute("INSERT INTO sealed_tally FROM counted_now")
    connection.unregister("counted_now")
