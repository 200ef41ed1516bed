"""Messages and counts for the tests of DuckDB files."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np

from collector.language.messages import Message, Readings
from collector.language.topics import Address
from collector.stores.protocol import Accepted, Selection

START = 1_772_323_200  # 2026-03-01T00:00:00Z
EACH_ROLLUP = ("pm25", "business_registrations", "water_level", "service_backlog", "noise_laeq")
_BOUNDS = {"water_level": (-2, 10), "noise_laeq": (30, 110), "pm25": (0, 1000)}


def message(seq: int, time: int, station: str = "a", city: str = "rayong", **columns: float) -> Accepted:
    cells = {name: np.array([value]) for name, value in columns.items()}
    body = Readings(np.array([time], dtype="datetime64[s]"), cells)
    return Accepted(Message(Address("run-1", city, "environment", station), "s1", seq, body), seq, 0.0)


def rows_of(path: Path, table: str) -> int:
    with duckdb.connect(str(path), read_only=True) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def combined(
    told: list[tuple[int, str, int, float]], indicator: str, selection: Selection, shift: int
) -> dict[int, float]:
    """Bucket (UTC start) to value, by numpy from the readings themselves."""
    assert selection.bucket is not None
    low, high = _BOUNDS.get(indicator, (0, 200_000))
    slots: dict[int, list[tuple[int, int, float]]] = {}
    for station, name, time, value in told:
        begins = selection.start is None or time >= selection.start
        ends = selection.end is None or time < selection.end
        if name == indicator and low <= value <= high and begins and ends:
            origin = 946_857_600  # Monday 2000-01-03
            slot = (time + shift - origin) // selection.bucket * selection.bucket - shift + origin
            slots.setdefault(slot, []).append((station, time, value))
    return {slot: _by_rollup(indicator, rows) for slot, rows in slots.items()}


def _by_rollup(indicator: str, rows: list[tuple[int, int, float]]) -> float:
    values = np.array([value for *_, value in rows])
    if indicator == "business_registrations":
        return float(values.sum())
    if indicator == "water_level":
        return float(values.max())
    if indicator == "noise_laeq":
        return float(10 * np.log10(np.mean(10 ** (values / 10))))
    if indicator == "service_backlog":
        last = [max((time, value) for s, time, value in rows if s == station)[1] for station in {r[0] for r in rows}]
        return float(np.sum(last))
    return float(values.mean())
