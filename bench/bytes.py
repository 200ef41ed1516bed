"""Bytes a stored reading takes in a DuckDB file, and how fast a store writes; printed as JSON.

python bench/bytes.py [--days 365] [--stations 30]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np

from collector.language.codec import digest
from collector.language.messages import Message, Readings
from collector.language.topics import Address
from collector.stores import open_store
from collector.stores.protocol import Accepted, Batch, Fate

CADENCE = 900
START = 1_767_225_600
TICKS = 8  # in a write
CITIES = ("chiang-mai", "khon-kaen", "rayong")
# What a kind of station measures: level, spread, decimals. Assumed, of the size and resolution of real instruments.
KINDS = (
    ("environment", {"pm25": (35.0, 15.0, 1), "pm10": (55.0, 20.0, 1)}),
    ("environment", {"air_temperature": (28.0, 4.0, 1), "relative_humidity": (70.0, 12.0, 0), "wind_speed": (2, 1, 1)}),
    ("economy", {"traffic_flow": (900.0, 350.0, 0), "travel_time_index": (1.4, 0.2, 2)}),
    ("economy", {"electricity_demand": (220.0, 40.0, 2)}),
)


class Fleet:
    """Stations whose values wander as real ones do; `tick` gives one message of each, in random order."""

    def __init__(self, stations: int) -> None:
        self.random = np.random.default_rng(7)
        self.stations = [
            (Address("bench", city, KINDS[i % 4][0], f"station-{i}"), KINDS[i % 4][1])
            for city in CITIES
            for i in range(stations)
        ]
        self.state = [self.random.normal(size=len(columns)) for _, columns in self.stations]

    def tick(self, number: int) -> list[Accepted]:
        """The messages of all stations at a tick."""
        moment = np.array([START + number * CADENCE], dtype="datetime64[s]")
        return [self._message(int(i), number, moment) for i in self.random.permutation(len(self.stations))]

    def _message(self, i: int, number: int, moment: np.ndarray) -> Accepted:
        address, columns = self.stations[i]
        self.state[i] = 0.98 * self.state[i] + 0.2 * self.random.normal(size=len(columns))
        values = {
            name: np.array([max(round(level + spread * float(z), decimals), 0.0)])
            for (name, (level, spread, decimals)), z in zip(columns.items(), self.state[i], strict=True)
        }
        message = Message(address, "bench", number, Readings(moment, values))
        return Accepted(message, digest(f"{i} {number}".encode()), 0.0)


def bytes_per_reading(folder: Path, days: int, stations: int) -> dict[str, float]:
    path = folder / "bytes.duckdb"
    store = open_store(f"duckdb://{path}")
    fleet = Fleet(stations)
    for number in range(0, days * 86_400 // CADENCE, TICKS):
        accepted = [message for tick in range(number, number + TICKS) for message in fleet.tick(tick)]
        store.write(Batch(accepted, counts={("bench", Fate.STORED): len(accepted)}))
        if number % (24 * TICKS) == 0:
            store.maintain()
    store.close()
    readings, raw = _without_rollups(path)
    return {
        "readings": readings,
        "messages": days * 86_400 // CADENCE * len(fleet.stations),
        "raw_bytes_per_reading": round(raw / readings, 2),
        "bytes_per_reading_with_rollups": round(path.stat().st_size / readings, 2),
    }


_ROLLUPS = ("rollup", "daily")


def _without_rollups(path: Path) -> tuple[int, int]:
    """How many readings a file has, and its used bytes less the blocks that only rollups use."""
    with duckdb.connect(str(path), read_only=True) as connection:
        readings = connection.execute("SELECT count(*) FROM readings").fetchall()[0][0]
        blocks = {
            table: {
                b
                for (b,) in connection.execute(
                    f"SELECT DISTINCT unnest([block_id] || additional_block_ids) FROM pragma_storage_info('{table}')"
                ).fetchall()
                if b >= 0
            }
            for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        }
        size = connection.execute("SELECT block_size FROM pragma_database_size()").fetchall()[0][0]
    others = set().union(*(ids for table, ids in blocks.items() if table not in _ROLLUPS))
    return readings, path.stat().st_size - size * len(set().union(*(blocks[table] for table in _ROLLUPS)) - others)


def batches(messages: int, readings: int, count: int) -> Iterator[list[Accepted]]:
    values = np.round(np.random.default_rng(1).normal(40, 10, readings), 1)
    for number in range(count):
        accepted = []
        for i in range(messages):
            seq = number * messages + i
            address = Address("bench", "rayong", "environment", f"station-{i % 50}")
            times = START + (seq // 50 * readings + np.arange(readings)) * CADENCE
            body = Readings(times.view("datetime64[s]"), {"pm25": values})
            accepted.append(Accepted(Message(address, "bench", seq // 50, body), seq, 0.0))
        yield accepted


def writing(folder: Path, messages: int, readings: int, count: int) -> dict[str, float]:
    store = open_store(f"duckdb://{folder / f'writing-{readings}.duckdb'}")
    spent = processor = 0.0
    for accepted in batches(messages, readings, count):
        started, cpu = time.perf_counter(), time.process_time()
        store.write(Batch(accepted, counts={("bench", Fate.STORED): len(accepted)}))
        spent += time.perf_counter() - started
        processor += time.process_time() - cpu
    store.close()
    return {
        "messages_per_s": round(messages * count / spent),
        "readings_per_s": round(messages * readings * count / spent),
        "messages_per_cpu_s": round(messages * count / processor),
        "ms_per_write": round(1000 * spent / count, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--stations", type=int, default=30, help="in each of three cities")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = {
            "stored": bytes_per_reading(folder, told.days, told.stations),
            "500_messages_of_1_reading": writing(folder, 500, 1, 200),
            "50_messages_of_100_readings": writing(folder, 50, 100, 200),
        }
    json.dump(figures, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
