"""Killed at any moment: no acknowledged batch is lost, none is torn; a layout, a policy, a copy is old or new."""

from __future__ import annotations

import random
import select
import signal
import time
from pathlib import Path

import duckdb
import numpy as np
import pytest
from processes import program

from collector.stores import open_store
from collector.stores.duckdb.schema import VERSION
from collector.stores.protocol import Fate, Selection

STATIONS, TIMES, KILLS = 20, 5, 3

WRITER = """
import sys
import numpy as np
from collector.language.messages import Message, Readings
from collector.language.topics import Address
from collector.stores import open_store
from collector.stores.duckdb import store as duckdb_file
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
    for _ in range(KILLS):
        acknowledged = max(acknowledged, killed_writer(url, chance.uniform(0.0, 0.6)))
        acknowledged = check(url, acknowledged)
    assert acknowledged > 0


def killed_writer(url: str, seconds: float) -> int:
    """How many batches a writer had acknowledged when it was killed, `seconds` after its first."""
    with program(WRITER, url, str(STATIONS), str(TIMES)) as writer:
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


FILLER = """
import gzip, sys
from pathlib import Path
import duckdb
old = Path(sys.argv[1])
old.write_bytes(gzip.decompress(Path("tests/fixtures/store-version-1.duckdb.gz").read_bytes()))
with duckdb.connect(str(old)) as connection:  # many readings, so that bringing it up to date takes a moment
    connection.execute(
        "INSERT INTO sealed SELECT 1 + i % 5, TIMESTAMP_S '2026-04-01' + to_seconds(i // 5 * 60), 5.0, 0 "
        "FROM range(2000000) AS told(i)"
    )
"""
MIGRATE = """
import sys
from collector.stores import open_store
print("open", flush=True)
open_store(sys.argv[1])
print("done", flush=True)
"""
RETAIN = """
import sys
from collector.stores import open_store
from collector.stores.duckdb import retention as duckdb_retention
from collector.stores.keeping import Policy
duckdb_retention.SLICE = 4_000
store = open_store(sys.argv[1])
print("open", flush=True)
store.retain(Policy(raw=86_400))
print("done", flush=True)
"""
BACKUP = """
import sys
from pathlib import Path
from collector.stores import open_store
store = open_store(sys.argv[1])
print("open", flush=True)
for number in range(1000):
    store.backup(Path(sys.argv[2]) / f"copy{number}.duckdb")
"""


def killed(code: str, seconds: float, *arguments: str) -> bool:
    """Kill a program so long after it says that it begins; whether it was done before."""
    with program(code, *arguments) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        select.select([process.stdout], [], [], seconds)
        process.send_signal(signal.SIGKILL)
        return process.stdout.read() == b"done\n"


def schema_version(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as connection:
        return int(connection.execute("SELECT version FROM meta").fetchall()[0][0])


@pytest.mark.system
def test_a_layout_brought_up_to_date_is_old_or_new_when_killed(tmp_path: Path) -> None:
    path, chance = tmp_path / "city.duckdb", random.Random(3)
    with program(FILLER, str(path)) as filler:
        assert filler.wait(60) == 0
    outcomes = []
    for _ in range(6):
        if outcomes and outcomes[-1] == VERSION:
            break
        killed(MIGRATE, chance.uniform(0.0, 0.35), f"duckdb://{path}")
        outcomes.append(schema_version(path))
        assert outcomes[-1] in (1, VERSION)
    store = open_store(f"duckdb://{path}")
    assert store.runs()[0].readings == 2_001_154
    store.close()
    assert schema_version(path) == VERSION


@pytest.mark.system
def test_a_policy_killed_in_the_middle_has_taken_out_whole_spans(tmp_path: Path) -> None:
    url, chance = f"duckdb://{tmp_path / 'city.duckdb'}", random.Random(4)
    killed_writer(url, 1.0)
    store = open_store(url)
    series = store.series()
    asked = Selection(("pm25",), bucket=3600, local=False)
    expected = store.read(asked)
    store.close()
    done = False
    for _ in range(6):
        done = done or killed(RETAIN, chance.uniform(0.0, 0.3), url)
        store = open_store(url)
        assert store.series() == series
        found = store.read(asked)
        assert found.drop_columns("value") == expected.drop_columns("value")
        np.testing.assert_allclose(found["value"].to_numpy(), expected["value"].to_numpy(), rtol=1e-12)
        store.close()


@pytest.mark.system
def test_a_copy_killed_in_the_middle_is_not_there(tmp_path: Path) -> None:
    url, chance = f"duckdb://{tmp_path / 'city.duckdb'}", random.Random(5)
    acknowledged = killed_writer(url, 0.5)
    folder = tmp_path / "copies"
    folder.mkdir()
    for _ in range(3):
        for copy in folder.iterdir():
            copy.unlink()
        killed(BACKUP, chance.uniform(0.1, 0.8), url, str(folder))
        for copy in folder.glob("*.duckdb"):
            check(f"duckdb://{copy}", acknowledged)
        check(url, acknowledged)
