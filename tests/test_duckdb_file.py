"""The DuckDB file: what it refuses, that rollups are always right, and what a full disk does."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.language.errors import InputError, StoreBusy, StoreError, StoreTooNew
from collector.language.messages import Message, Readings
from collector.language.profile import CityProfile, Status
from collector.language.topics import Address, CityAddress
from collector.stores import duckdb_file, open_store
from collector.stores.protocol import Accepted, Batch, Selection

ROOT = Path(__file__).parents[1]
START = 1_772_323_200
INDICATORS = ("pm25", "business_registrations", "water_level", "service_backlog", "noise_laeq")
BOUNDS = {"water_level": (-2, 10), "noise_laeq": (30, 110), "pm25": (0, 1000)}


def message(seq: int, time: int, station: str = "a", city: str = "rayong", **columns: float) -> Accepted:
    cells = {name: np.array([value]) for name, value in columns.items()}
    body = Readings(np.array([time], dtype="datetime64[s]"), cells)
    return Accepted(Message(Address("run-1", city, "environment", station), "s1", seq, body), seq, 0.0)


def rows_of(path: Path, table: str) -> int:
    with duckdb.connect(str(path), read_only=True) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no directory .*absent: create it"):
        open_store(f"duckdb://{tmp_path}/absent/city.duckdb")


def test_reading_only_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        open_store(f"duckdb://{tmp_path}/city.duckdb", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_store_opened_for_reading_refuses_to_write(tmp_path: Path) -> None:
    open_store(f"duckdb://{tmp_path}/city.duckdb").close()
    store = open_store(f"duckdb://{tmp_path}/city.duckdb", read_only=True)
    with pytest.raises(StoreError, match="for reading only"):
        store.write(Batch([message(0, START, pm25=1.0)]))
    store.close()


@pytest.mark.parametrize("url", ["duckdb://", "duckdb:///tmp/", "sqlite://city.db", "city.duckdb"])
def test_a_url_without_a_file_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="expected"):
        open_store(url)


@pytest.mark.parametrize("content", [b"", b"x" * 5000, b"PK\x03\x04"])
def test_a_file_of_another_kind_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "city.duckdb"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="not a DuckDB file"):
        open_store(f"duckdb://{path}")
    assert path.read_bytes() == content
    with pytest.raises(StoreError, match="not a file"):
        open_store(f"duckdb://{tmp_path}")


def test_a_duckdb_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "city.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE other (a INTEGER)")
    with pytest.raises(StoreError, match="not a store of Nakhon"):
        open_store(f"duckdb://{path}")


def test_a_newer_schema_says_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "city.duckdb"
    open_store(f"duckdb://{path}").close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE meta SET version = 99")
    with pytest.raises(StoreTooNew, match=r"99.*upgrade Nakhon"):
        open_store(f"duckdb://{path}")


_KILLED = """
import os, sys
sys.path.insert(0, "tests")
from test_duckdb_file import message, START
from collector.stores import open_store
from collector.stores.protocol import Batch
store = open_store(sys.argv[1])
store.write(Batch([message(i, START + i, pm25=1.0) for i in range(500)]))
os._exit(0)
"""


def test_a_damaged_log_is_named_and_nothing_is_overwritten(tmp_path: Path) -> None:
    path, log = tmp_path / "city.duckdb", tmp_path / "city.duckdb.wal"
    subprocess.run([sys.executable, "-c", _KILLED, f"duckdb://{path}"], check=True, timeout=60, cwd=ROOT)
    damaged = bytearray(log.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    log.write_bytes(damaged)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"city\.duckdb\.wal cannot be replayed"):
        open_store(f"duckdb://{path}")
    assert (path.read_bytes(), log.read_bytes()) == (before, bytes(damaged))


def test_one_process_owns_the_file(tmp_path: Path) -> None:
    url = f"duckdb://{tmp_path}/city.duckdb"
    store = open_store(url)
    with pytest.raises(StoreBusy, match="already open in this process"):
        open_store(url, read_only=True)
    program = (
        f"from collector.stores import open_store\ntry:\n open_store({url!r})\nexcept Exception as e:\n print(repr(e))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert told.stdout.startswith("StoreBusy")
    assert "PID" in told.stdout
    assert "--api" in told.stdout
    store.close()
    store.close()
    open_store(url).close()


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        store.runs()


def test_a_bucket_that_is_not_whole_half_hours_is_refused(tmp_path: Path) -> None:
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    for bucket in (0, -1800, 900, 2700):
        with pytest.raises(InputError, match="half hours"):
            store.read(Selection(("pm25",), bucket=bucket))
    store.close()


reading = st.tuples(
    st.integers(0, 3),
    st.sampled_from(INDICATORS),
    st.integers(-40, 200).map(lambda step: START + 613 * step),
    st.integers(-20, 1200).map(lambda value: value / 10),
)
step = st.one_of(st.lists(reading, min_size=1, max_size=12), st.just("maintain"))


def combined(
    told: list[tuple[int, str, int, float]], indicator: str, selection: Selection, shift: int
) -> dict[int, float]:
    """Bucket (UTC start) to value, by numpy from the readings themselves."""
    assert selection.bucket is not None
    low, high = BOUNDS.get(indicator, (0, 200_000))
    slots: dict[int, list[tuple[int, int, float]]] = {}
    for station, name, time, value in told:
        begins = selection.start is None or time >= selection.start
        ends = selection.end is None or time < selection.end
        if name == indicator and low <= value <= high and begins and ends:
            origin = 946_857_600  # Monday 2000-01-03
            slot = (time + shift - origin) // selection.bucket * selection.bucket - shift + origin
            slots.setdefault(slot, []).append((station, time, value))
    return {slot: by_rollup(indicator, rows) for slot, rows in slots.items()}


def by_rollup(indicator: str, rows: list[tuple[int, int, float]]) -> float:
    values = np.array([value for *_, value in rows])
    if indicator == "business_registrations":
        return float(values.sum())
    if indicator == "water_level":
        return float(values.max())
    if indicator == "noise_laeq":
        return float(10 * np.log10(np.mean(10 ** (values / 10))))
    if indicator == "service_backlog":
        last = [max((time, value) for s, time, value in rows if s == station)[1] for station in {r[0] for r in rows}]
        return float(np.mean(last))
    return float(values.mean())


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    steps=st.lists(step, min_size=1, max_size=6),
    bucket=st.sampled_from([1800, 3600, 10_800, 86_400]),
    zone=st.sampled_from([("Asia/Yangon", 23_400), ("Asia/Kathmandu", 20_700), ("Nowhere/Else", 0)]),
    span=st.tuples(st.none() | st.integers(START - 9000, START + 9000), st.none() | st.integers(START, START + 90_000)),
)
def test_a_read_is_what_the_readings_say_whatever_comes_late(
    steps: list[list[tuple[int, str, int, float]] | str],
    bucket: int,
    zone: tuple[str, int],
    span: tuple[int | None, int | None],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"duckdb://{folder}/city.duckdb")
        profile = CityProfile("rayong", "Rayong", "Thailand", 12.7, 101.3, zone[0])
        store.write(Batch(births=[(CityAddress("run-1", "rayong"), Status(True, "s1", profile))]))
        told: list[tuple[int, str, int, float]] = []
        for number, one in enumerate(steps):
            if isinstance(one, str):
                store.maintain()
                continue
            store.write(Batch([message(number, t, f"s{station}", **{name: v}) for station, name, t, v in one]))
            told += one
            for start, end in ((None, None), span):
                selection = Selection(INDICATORS, bucket=bucket, start=start, end=end)
                check(store.read(selection).to_pylist(), told, selection, zone[1])
        store.close()
        again = open_store(f"duckdb://{folder}/city.duckdb", read_only=True)
        selection = Selection(INDICATORS, bucket=bucket)
        check(again.read(selection).to_pylist(), told, selection, zone[1])
        again.close()


def check(
    rows: list[dict[str, object]], told: list[tuple[int, str, int, float]], selection: Selection, shift: int
) -> None:
    for indicator in INDICATORS:
        expected = combined(told, indicator, selection, shift)
        mine = [row for row in rows if row["indicator"] == indicator]
        found = {int(np.datetime64(row["time"], "s").astype(np.int64)): row["value"] for row in mine}  # type: ignore[call-overload]
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_reads_use_rollups_and_late_data_is_computed_anew(tmp_path: Path) -> None:
    path = tmp_path / "city.duckdb"
    store = open_store(f"duckdb://{path}")
    store.write(Batch([message(i, START + 900 * i, pm25=10.0) for i in range(40)]))
    store.maintain()
    store.write(Batch([message(40, START + 60, pm25=40.0)]))
    hour = Selection(("pm25",), bucket=3600, end=START + 3600)
    assert store.read(hour)["value"].to_pylist() == [16.0]
    store.maintain()
    assert store.read(hour)["value"].to_pylist() == [16.0]
    store.close()
    assert rows_of(path, "dirty") == 0
    assert rows_of(path, "rollup") == 20


def test_rollups_are_computed_anew_when_the_catalogue_combines_otherwise(
    tmp_path: Path,
) -> None:
    path = tmp_path / "city.duckdb"
    store = open_store(f"duckdb://{path}")
    store.write(Batch([message(i, START + 900 * i, pm25=float(i)) for i in range(8)]))
    store.close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE meta SET rollups = 'pm25:sum'; UPDATE rollup SET state = 77")
        connection.execute("UPDATE series SET rollup = 'sum'")
    store = open_store(f"duckdb://{path}")
    for _ in range(2):
        assert store.read(Selection(("pm25",), bucket=7200))["value"].to_pylist() == [3.5]
        store.maintain()
    store.close()


def test_folding_receipts_keeps_ranges_counts_and_newest_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duckdb_file, "_FOLD_AT", 2_000)
    path = tmp_path / "city.duckdb"
    store = open_store(f"duckdb://{path}")
    numbers = [*range(1500), *range(1600, 3100), *range(3099 + 50, 3200)]
    store.write(Batch([message(i, START + i, pm25=1.0) for i in numbers]))
    before = store.positions()
    store.maintain()
    store.write(Batch([message(3500, START, pm25=1.0)]))
    after = store.positions()[0]
    assert before[0].ranges == ((0, 1499), (1600, 3099), (3149, 3199))
    assert after.ranges == (*before[0].ranges, (3500, 3500))
    assert sorted(after.recent) == sorted([*numbers, 3500])[-1000:]
    store.close()
    assert rows_of(path, "receipts") == 1000
    again = open_store(f"duckdb://{path}")
    assert again.positions() == [after]
    again.close()


def test_sealing_changes_nothing_that_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_file, "_SEAL_AT", 50)
    path = tmp_path / "city.duckdb"
    store = open_store(f"duckdb://{path}")
    for part in range(4):
        batch = [message(part * 40 + i, START + 900 * ((i * 7) % 40), f"s{part}", pm25=float(i)) for i in range(40)]
        store.write(Batch(batch))
        asked = [store.read(Selection(("pm25",))), store.series(), store.latest("run-1")]
        store.maintain()
        assert [store.read(Selection(("pm25",))), store.series(), store.latest("run-1")] == asked
    store.close()
    assert (rows_of(path, "fresh"), rows_of(path, "sealed")) == (0, 160)


def test_huge_values_of_unknown_indicators_do_not_stop_maintenance(tmp_path: Path) -> None:
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    store.write(Batch([message(i, START + i, radon=1.7e308, pm25=1.0) for i in range(3)]))
    store.write(Batch([message(9, START + 9000, pm25=1.0)]))
    store.maintain()
    assert store.read(Selection(("pm25",), bucket=86_400))["value"].to_pylist() == [1.0]
    store.read(Selection(("radon",), bucket=86_400))
    store.close()


def test_readers_in_other_threads_see_whole_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_file, "_SEAL_AT", 60)
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    seen: list[int] = []
    troubles: list[BaseException] = []
    done = threading.Event()

    def look() -> None:
        try:
            while not done.is_set():
                seen.append(store.read(Selection(("pm25",))).num_rows)
                store.latest("run-1")
                store.read(Selection(("pm25",), bucket=3600))
        except BaseException as error:  # noqa: BLE001 - told to the test
            troubles.append(error)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(30):
        store.write(Batch([message(number, START + 600 * number, f"s{i}", pm25=1.0) for i in range(10)]))
        store.maintain()
    done.set()
    for thread in threads:
        thread.join(30)
    assert troubles == []
    assert len(seen) > 2
    assert all(rows % 10 == 0 for rows in seen)
    assert store.series()["readings"].to_pylist() == [30] * 10
    store.close()


def test_a_failed_write_leaves_no_trace_and_the_store_usable(tmp_path: Path) -> None:
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    store.write(Batch([message(0, START, "a", pm25=1.0)]))
    broken = message(-1, START, "b", pm25=2.0)  # no such number: it fails when the receipts are built
    with pytest.raises(Exception, match=r"-1|out of bounds|unsigned"):
        store.write(Batch([message(1, START + 1, "c", pm25=3.0), broken]))
    assert store.series()["station"].to_pylist() == ["a"]
    store.write(Batch([message(1, START + 1, "c", pm25=3.0)]))
    assert sorted(store.series()["station"].to_pylist()) == ["a", "c"]
    assert store.read(Selection(("pm25",)))["value"].to_pylist() == [1.0, 3.0]
    store.close()


def test_a_batch_that_was_kept_although_its_write_failed_is_not_kept_twice(tmp_path: Path) -> None:
    store = duckdb_file.open_store(f"duckdb://{tmp_path}/city.duckdb")
    batch = Batch([message(i, START + i, pm25=1.0) for i in range(5)])
    store.write(batch)
    store._in_doubt = True
    store.write(batch)
    assert store.read(Selection(("pm25",))).num_rows == 5
    store.write(Batch([message(5, START + 5, pm25=1.0)]))
    assert store.read(Selection(("pm25",))).num_rows == 6
    store.close()


_FULL = textwrap.dedent(
    """
    import resource, signal, sys
    sys.path.insert(0, "tests")
    from test_duckdb_file import message, START
    from collector.stores import open_store
    from collector.stores.protocol import Batch, Selection
    from collector.language.errors import StoreFull
    import numpy as np

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = open_store(sys.argv[1])
    noise = np.random.default_rng(1).random((400, 200)) * 1000
    batch = lambda number: Batch(
        [message(number * 200 + i, START + number, f"s{i}", pm25=noise[number, i]) for i in range(200)]
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    kept = 0
    try:
        for number in range(400):
            store.write(batch(number))
            kept += 1
    except StoreFull as error:
        print("full", error)
    refused = 0
    for _ in range(3):
        try:
            store.write(batch(kept))
        except StoreFull:
            refused += 1
    print("refused", refused)
    print("whole", store.read(Selection(("pm25",))).num_rows == kept * 200)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    for number in range(kept, kept + 20):
        store.write(batch(number))
    store.close()
    again = open_store(sys.argv[1], read_only=True)
    print("after", again.read(Selection(("pm25",))).num_rows == (kept + 20) * 200, 0 < kept < 380)
    """
)


def test_a_full_disk_keeps_nothing_of_the_batch_and_the_store_works_again_with_space(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="no limits on the size of files here")
    told = subprocess.run(
        [sys.executable, "-c", _FULL, f"duckdb://{tmp_path}/city.duckdb"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
    )
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert lines[0].startswith("full no space is left")
    assert lines[1:] == ["refused 3", "whole True", "after True True"]
