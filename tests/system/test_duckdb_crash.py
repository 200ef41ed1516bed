"""A writer killed at any moment loses no batch it acknowledged, and leaves none torn."""

from __future__ import annotations

import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from collector.stores import open_store
from collector.stores.protocol import Fate, Selection

ROOT = Path(__file__).parents[2]
STATIONS, TIMES, KILLS = 20, 5, 8

WRITER = """
import sys
import numpy as np
from collector.language.messages import Message, Readings
from collector.language.topics import Address
from collector.stores import duckdb_file, open_store
from collector.stores.protocol import Accepted, Batch, Fate
duckdb_file._SEAL_AT, duckdb_file._FOLD_AT = 2_000, 400
url, stations, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
store = open_store(url)
number = sum(last - first + 1 for first, last in next((p.ranges for p in store.positions()), ()))
print("open", number, flush=True)
while True:
    moment = 1_772_323_200 + 900 * (number * times + np.arange(times))
    told = Readings(moment.astype("datetime64[s]"), {"pm25": np.full(times, float(number % 1000))})
    accepted = [
        Accepted(Message(Address("run-1", "rayong", "environment", f"s{i}"), "s1", number, told), number, 0.0)
        for i in range(stations)
    ]
    store.write(Batch(accepted, counts={("run-1", Fate.STORED): stations}))
    number += 1
    print("kept", number, flush=True)
    if number % 7 == 0:
        store.maintain()
"""


@pytest.mark.system
@pytest.mark.parametrize("seed", [1, 2])
def test_no_acknowledged_batch_is_lost_and_none_is_torn(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    url = f"duckdb://{tmp_path / 'city.duckdb'}"
    acknowledged = 0
    for _ in range(KILLS // 2):
        acknowledged = max(acknowledged, killed_writer(url, chance.uniform(0.0, 0.6)))
        acknowledged = check(url, acknowledged)
    assert acknowledged > 0


def killed_writer(url: str, seconds: float) -> int:
    """How many batches a writer had acknowledged when it was killed, `seconds` after its first."""
    command = [sys.executable, "-c", WRITER, url, str(STATIONS), str(TIMES)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline()]
        assert lines[0].startswith(b"open")
        lines.append(writer.stdout.readline())
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([writer.stdout], [], [], left)[0]:
                lines.append(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.readlines()
    whole = [line for line in lines if line.startswith(b"kept ") and line.endswith(b"\n")]
    return int(whole[-1].split()[1])


def check(url: str, acknowledged: int) -> int:
    """Compare everything in the store with what was acknowledged; how many batches there are."""
    store = open_store(url, read_only=True)
    positions = store.positions("run-1")
    batches = positions[0].ranges[0][1] + 1
    assert acknowledged <= batches <= acknowledged + 1
    assert [position.ranges for position in positions] == [((0, batches - 1),)] * STATIONS
    assert store.counts("run-1")[Fate.STORED] == batches * STATIONS
    assert store.series()["readings"].to_pylist() == [batches * TIMES] * STATIONS
    values = store.read(Selection(("pm25",)))["value"].to_pylist()
    assert values == [float(number % 1000) for number in range(batches) for _ in range(TIMES)] * STATIONS
    combined = store.read(Selection(("pm25",), bucket=86_400, local=False))
    assert sum(combined["n"].to_pylist()) == len(values)
    store.close()
    return batches
