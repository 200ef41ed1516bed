"""A DuckLake under collectors that write at once, are killed, and lose their PostgreSQL for a while."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts import nakhon
from postgres import PASSWORD, Postgres, lake_url
from processes import Running, program

from collector.language.errors import StoreError
from collector.stores import open_store
from collector.stores.ducklake.seal import seal
from collector.stores.ducklake.store import open_store as open_lake
from collector.stores.protocol import Fate, Selection, Store

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
STATIONS, TIMES = 20, 5
SECRET = {"NAKHON_POSTGRES_PASSWORD": PASSWORD}

# Stores batches of a range, in an order of its own; every batch is a message of each station.
WRITER = """
import os, random, sys
import numpy as np
from collector.language.errors import StoreError
from collector.language.messages import Message, Readings
from collector.language.topics import Address
from collector.stores import open_store, secrets
from collector.stores.protocol import Accepted, Batch, Fate
secrets.provide(os.environ)
url, first, last, stations, times, seed = sys.argv[1], *map(int, sys.argv[2:7])
order = list(range(first, last))
random.Random(seed).shuffle(order)
store = open_store(url)
print("open", flush=True)
for number in order:
    moment = 1_772_323_200 + 900 * (number * times + np.arange(times))
    told = Readings(moment.astype("datetime64[s]"), {"pm25": np.full(times, float(number % 1000))})
    batch = Batch([
        Accepted(Message(Address("run-1", "rayong", "environment", f"s{i}"), "s1", number, told), number, 0.0)
        for i in range(stations)
    ], counts={("run-1", Fate.STORED): stations})
    while True:
        try:
            store.write(batch)
            break
        except StoreError as error:
            print("refused", error, flush=True)
    print("kept", number, flush=True)
store.close()
"""


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    server.start()
    yield server
    server.remove()


def writer(url: str, first: int, last: int, seed: int) -> Running:
    return program(WRITER, url, *(str(number) for number in (first, last, STATIONS, TIMES, seed)), **SECRET)


def heard(one: Running) -> bytes:
    """The next line that a writer says."""
    assert one.stdout is not None
    return one.stdout.readline()


def told_by(one: Running) -> bytes:
    """All that a writer says to its end."""
    assert one.stdout is not None
    with one:
        return one.stdout.read()


def kept(said: bytes) -> set[int]:
    lines = said.splitlines(keepends=True)
    return {int(line.split()[1]) for line in lines if line.startswith(b"kept ") and line.endswith(b"\n")}


def answers(store: Store) -> list[object]:
    tables = [store.read(Selection(("pm25",))), store.series(), store.latest("run-1")]
    tables.append(store.read(Selection(("pm25",), bucket=86_400)))
    return [*(table.to_pylist() for table in tables), store.positions(), store.counts("run-1"), store.runs()]


def check(store: Store, batches: set[int]) -> None:
    """Each of these batches is there, whole and once, and nothing else."""
    expected = [float(number % 1000) for number in sorted(batches) for _ in range(TIMES)] * STATIONS
    assert store.read(Selection(("pm25",)))["value"].to_pylist() == expected
    assert store.series()["readings"].to_pylist() == [len(batches) * TIMES] * STATIONS
    for position in store.positions("run-1"):
        assert {seq for first, last in position.ranges for seq in range(first, last + 1)} == batches
    counts = store.counts("run-1")
    assert (counts[Fate.STORED], counts[Fate.CONFLICT]) == (len(batches) * STATIONS, 0)


def test_three_collectors_with_overlapping_messages_of_which_one_is_killed(tmp_path: Path, postgres: Postgres) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    url = lake_url(tmp_path, postgres)
    spans = [(0, 16), (8, 24), (16, 32)]
    writers = [writer(url, *span, seed + place) for place, span in enumerate(spans)]
    victim = writers[1]
    lines = b"".join(heard(victim) for _ in range(random.Random(seed).randint(2, 10)))
    time.sleep(random.Random(seed).uniform(0, 0.1))
    victim.send_signal(signal.SIGKILL)
    told = [told_by(one) for one in writers]
    assert [one.returncode for one in writers] == [0, -signal.SIGKILL, 0], told
    acknowledged = kept(lines + told[1])
    whole = kept(told[0]) | kept(told[2]) | acknowledged
    assert whole >= set(range(32))
    store = open_lake(url)
    check(store, set(range(32)))
    written = (16 + 16 + len(acknowledged)) * STATIONS
    assert sum(store.counts("run-1").values()) in (written, written + STATIONS)  # one more, killed before it could say
    before = answers(store)
    seal(store._lake)
    assert answers(store) == before
    store.close()
    again = open_store(url, read_only=True)
    assert answers(again) == before
    again.close()


def test_postgresql_restarted_under_writers_loses_and_doubles_nothing(tmp_path: Path, postgres: Postgres) -> None:
    url = lake_url(tmp_path, postgres)
    store = open_lake(url)
    writers = [writer(url, 0, 24, 1), writer(url, 24, 48, 2)]
    for one in writers:
        assert [heard(one)[:4] for _ in range(4)][-1] == b"kept"
    postgres.stop(signal.SIGQUIT)  # as if it had been killed
    with pytest.raises(StoreError, match=r"PostgreSQL at .* does not answer") as caught:
        store.runs()
    assert PASSWORD not in str(caught.value)
    with pytest.raises(StoreError, match="does not answer"):
        store.runs()
    postgres.start()
    told = [told_by(one) for one in writers]
    assert [one.returncode for one in writers] == [0, 0], told
    assert all(b"does not answer" in text for text in told)
    check(store, set(range(48)))
    store.close()


FULL = """
import os, resource, signal, sys
sys.path.insert(0, "tests")
from test_stores import START, accepted, address, readings
from collector.language.errors import StoreFull
from collector.stores import open_store, secrets
from collector.stores.protocol import Batch, Selection
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
secrets.provide(os.environ)
store = open_store(sys.argv[1])
told = [accepted(readings([START], pm25=[float(i)]), 0, address(f"s{i}")) for i in range(400)]
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
for _ in range(2):
    try:
        store.write(Batch(told))
    except StoreFull as error:
        print("full", error)
print("nothing", store.read(Selection(("pm25",))).num_rows)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
store.write(Batch(told))
print("whole", store.read(Selection(("pm25",))).num_rows)
"""


def test_a_full_disk_keeps_nothing_of_the_batch_and_the_store_works_again_with_space(
    tmp_path: Path, postgres: Postgres
) -> None:
    url = lake_url(tmp_path, postgres)
    open_store(url).close()
    with program(FULL, url, **SECRET) as done:
        assert done.stdout is not None
        lines = done.stdout.read().decode().splitlines()
    assert done.returncode == 0, lines
    assert [line[:26] for line in lines[:2]] == ["full no space is left for "] * 2
    assert lines[2:] == ["nothing 0", "whole 400"]


SCENARIO = """
name = "small"
start = 2026-03-01T00:00:00Z
duration = "6h"
cadence = "15min"
[cities]
include = ["rayong"]
"""


def rounded(told: object) -> object:
    """The same with numbers of 12 digits: DuckDB adds up in any order."""
    if isinstance(told, dict):
        return {name: rounded(part) for name, part in told.items()}
    if isinstance(told, list):
        return [rounded(part) for part in told]
    return float(f"{told:.12g}") if isinstance(told, float) else told


def said(folder: Path, *arguments: str) -> tuple[int, str]:
    process = nakhon(*arguments, folder=folder, **SECRET)
    code = process.wait(180)
    return code, (folder / f"{arguments[0]}.out").read_text()


def test_a_simulated_run_is_accounted_for_and_compares_as_from_duckdb(tmp_path: Path, postgres: Postgres) -> None:
    (tmp_path / "small.toml").write_text(SCENARIO)
    urls = ["duckdb://city.duckdb", lake_url(tmp_path, postgres)]
    figures = []
    for place, url in enumerate(urls):
        to = ("--broker", "none", "--store", url, "--run", "small", "--ledger", f"{place}.ledger")
        assert said(tmp_path, "simulate", "small.toml", *to)[0] == 0, (tmp_path / "simulate.log").read_text()
        code, verdict = said(tmp_path, "audit", f"{place}.ledger", "--store", url, "--json")
        assert code == 0, verdict
        assert json.loads(verdict)["total"]["stored"] > 200
        code, table = said(tmp_path, "compare", "--store", url, "--indicator", "pm25", "--json")
        assert code == 0, (tmp_path / "compare.log").read_text()
        figures.append(rounded(json.loads(table)))
    assert figures[1] == figures[0]
    assert PASSWORD not in "".join(path.read_text() for path in tmp_path.glob("*.log"))


def test_many_small_writings_end_in_few_files(tmp_path: Path, postgres: Postgres) -> None:
    url = lake_url(tmp_path, postgres)
    assert kept(told_by(writer(url, 0, 40, 3))) == set(range(40))
    store = open_lake(url)
    check(store, set(range(40)))
    before = answers(store)
    store._seal(at_least=0)
    assert answers(store) == before
    with store._lake.reading() as connection:
        rows = connection.execute("SELECT sum(file_count)::INT FROM ducklake_table_info('lake')").fetchall()
    assert rows[0][0] < 15
    store.close()


def test_the_commands_of_the_page_work_in_the_order_they_stand(tmp_path: Path, postgres: Postgres) -> None:
    page = (ROOT / "docs" / "ducklake.md").read_text("utf-8")
    script = "set -euo pipefail\n" + page.split("```sh\n")[1].split("```")[0]
    for said_there, here in (
        ("database.example", "127.0.0.1"), ("5432", str(postgres.port)), ("/srv/nakhon", str(tmp_path / "data"))
    ):  # fmt: skip
        assert said_there in script
        script = script.replace(said_there, here)
    path = os.pathsep.join([str(Path(sys.executable).parent), str(postgres.programs), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=os.environ | SECRET | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "A simulation is not a forecast" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
