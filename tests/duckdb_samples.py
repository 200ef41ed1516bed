"""Messages and counts for the tests of DuckDB files."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np

from collector.language.messages import Message, Readings
from collector.language.topics import Address
from collector.stores.protocol import Accepted

START = 1_772_323_200  # 2026-03-01T00:00:00Z


def message(seq: int, time: int, station: str = "a", city: str = "rayong", **columns: float) -> Accepted:
    cells = {name: np.array([value]) for name, value in columns.items()}
    body = Readings(np.array([time], dtype="datetime64[s]"), cells)
    return Accepted(Message(Address("run-1", city, "environment", station), "s1", seq, body), seq, 0.0)


def rows_of(path: Path, table: str) -> int:
    with duckdb.connect(str(path), read_only=True) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])
