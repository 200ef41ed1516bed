"""Days of a DuckDB file: a read of whole days is what the readings say, whatever comes late, is thinned or renamed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest
from duckdb_samples import EACH_ROLLUP, START, combined, message, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.language.profile import CityProfile, Status
from collector.language.topics import CityAddress
from collector.stores import open_store
from collector.stores.duckdb.daily import DAY, piece_end, piece_start
from collector.stores.duckdb.store import DuckDBStore
from collector.stores.keeping import Policy
from collector.stores.protocol import Batch, Selection


@pytest.fixture(autouse=True, scope="module")
def days_in_small_files() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("collector.stores.duckdb.rollup.MANY", 0)
        yield


ZONES = {"Asia/Bangkok": 7 * 3600, "Asia/Yangon": 23_400, "Asia/Kathmandu": 20_700, "America/Lima": -5 * 3600}

readings = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(EACH_ROLLUP),
        st.integers(-20, 200).map(lambda step: START + 2413 * step),
        st.integers(-20, 1200).map(lambda value: value / 10),
    ),
    min_size=1,
    max_size=15,
)
step = st.one_of(readings, st.just("maintain"), st.just("thin"), st.sampled_from(sorted(ZONES)))
edge = st.none() | st.integers(-30, 250).map(lambda half: START + 1800 * half)


def opened(folder: Path | str) -> DuckDBStore:
    store = open_store(f"duckdb://{folder}/city.duckdb")
    assert isinstance(store, DuckDBStore)
    return store


def born(zone: str) -> Batch:
    profile = CityProfile("rayong", "Rayong", "Thailand", 12.7, 101.3, zone)
    return Batch(births=[(CityAddress("run-1", "rayong"), Status(True, "s1", profile))])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    steps=st.lists(step, min_size=2, max_size=8),
    days=st.sampled_from([1, 2, 7]),
    local=st.booleans(),
    span=st.tuples(edge, edge),
)
def test_a_read_of_days_is_what_the_readings_say(
    steps: list[list[tuple[int, str, int, float]] | str],
    days: int,
    local: bool,
    span: tuple[int | None, int | None],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store, told, shift = opened(folder), [], 0
        for number, one in enumerate([*steps, "maintain"]):
            if one == "maintain":
                store.maintain()
            elif one == "thin":
                store.retain(Policy(raw=DAY, runs="*"))
            elif isinstance(one, str) and not any(name == "thin" for name in steps):
                store.write(born(one))
                shift = ZONES[one]
            elif not isinstance(one, str):
                store.write(Batch([message(number, t, f"s{station}", **{name: v}) for station, name, t, v in one]))
                told += one
            for start, end in ((None, None), span):
                selection = Selection(EACH_ROLLUP, bucket=days * DAY, start=start, end=end, local=local)
                rows = store.read(selection).to_pylist()
                for name in EACH_ROLLUP:
                    mine = {stamp(row["time"]): row["value"] for row in rows if row["indicator"] == name}
                    expected = combined(told, name, selection, shift if local else 0)
                    assert mine == pytest.approx(expected, rel=1e-9, abs=1e-9)
        store.close()


def stamp(time: object) -> int:
    return int(np.datetime64(time, "s").astype(np.int64))  # type: ignore[call-overload]


def filled(folder: Path, zone: str = "Asia/Bangkok") -> DuckDBStore:
    """Five days of a value every 20 minutes at two stations."""
    store = opened(folder)
    store.write(born(zone))
    for step in range(5 * 72):
        told = [message(step, START + 1200 * step, station, pm25=float(1 + step % 50)) for station in "ab"]
        store.write(Batch(told))
    store.maintain()
    return store


def test_days_are_what_is_read_but_for_edges_flagged_values_and_other_clocks(tmp_path: Path) -> None:
    filled(tmp_path).close()
    with duckdb.connect(str(tmp_path / "city.duckdb")) as connection:
        connection.execute("UPDATE daily SET state = 0")
    store = opened(tmp_path)
    midnight = START + 17 * 3600  # of Bangkok
    whole = Selection(("pm25",), bucket=DAY, start=midnight, end=midnight + DAY)
    assert store.read(whole)["value"].to_pylist() == [0.0]
    assert (
        store.read(Selection(("pm25",), bucket=DAY, start=START, end=START + DAY, local=False))["value"][0].as_py() == 0
    )
    parts = store.read(Selection(("pm25",), bucket=DAY, start=midnight - 1800, end=midnight + DAY + 1800))
    assert [value > 0 for value in parts["value"].to_pylist()] == [True, False, True]
    for other in ({"bucket": 43_200}, {"bucket": DAY, "flagged": True}):
        told = store.read(Selection(("pm25",), start=midnight, end=midnight + DAY, **other))  # type: ignore[arg-type]
        assert min(told["value"].to_pylist()) > 0
    store.write(Batch([message(999, midnight + 60, pm25=7.0)]))
    assert store.read(whole)["value"][0].as_py() > 0
    store.maintain()
    assert store.read(whole)["value"][0].as_py() > 0
    store.write(born("Asia/Tokyo"))
    assert (
        store.read(Selection(("pm25",), bucket=DAY, start=START - 9 * 3600, end=START + 15 * 3600))["value"][0].as_py()
        > 0
    )
    store.close()


def test_days_go_with_their_half_hours_and_what_is_left_of_a_day_counts(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.retain(Policy(raw=DAY, halfhourly=2 * DAY + 5 * 3600))
    by_day = store.read(Selection(("pm25",), bucket=DAY)).to_pylist()
    halves = store.read(Selection(("pm25",), bucket=1800)).to_pylist()
    for row in by_day:
        mine = [half for half in halves if 0 <= stamp(half["time"]) - stamp(row["time"]) < DAY]
        assert row["n"] == sum(half["n"] for half in mine)
        assert row["value"] == pytest.approx(sum(half["n"] * half["value"] for half in mine) / row["n"])
    assert sum(row["n"] for row in by_day) == sum(half["n"] for half in halves)
    store.close()
    assert 0 < rows_of(tmp_path / "city.duckdb", "daily") <= 2 * 6


def test_what_a_silent_city_said_after_its_last_midnight_counts_when_it_is_thinned_out(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.write(Batch([message(step, START + 900 * step, pm25=10.0) for step in range(96 + 4)]))
    store.maintain()
    told = [
        message(1000 + step, START + 3600 * step, city=city, pm25=20.0)
        for city in ("other", "third")
        for step in range(144)
    ]
    store.write(Batch(told))
    store.maintain()
    for _ in range(2):
        days = Selection(("pm25",), cities=("rayong",), bucket=DAY)
        assert store.read(days)["n"].to_pylist() == [96, 4]
        assert store.held(days).num_rows == 2
        store.retain(Policy(raw=DAY))
    store.close()


def test_what_comes_late_behind_the_half_hours_while_they_go_stays_in_its_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.stores.duckdb.retention.SLICE", 100)
    store = opened(tmp_path)
    store.write(Batch([message(step, START + 1800 * step, pm25=10.0) for step in range(48 * 10)]))
    store.maintain()
    policy = Policy(raw=DAY, halfhourly=5 * DAY)
    store._retain(policy, 0.0)
    store.write(Batch([message(9999, START + 2 * DAY + 700, pm25=99.0)]))
    store.maintain()
    while store._going:
        store._retain(policy, 0.0)
    store.maintain()
    by_day, halves = (store.read(Selection(("pm25",), bucket=bucket))["n"].to_pylist() for bucket in (DAY, 1800))
    assert sum(by_day) == sum(halves)
    store.close()


def test_a_small_file_has_no_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.stores.duckdb.rollup.MANY", 1000)
    filled(tmp_path).close()
    assert rows_of(tmp_path / "city.duckdb", "daily") == 0 < rows_of(tmp_path / "city.duckdb", "rollup")
    monkeypatch.setattr("collector.stores.duckdb.rollup.MANY", 400)
    opened(tmp_path).close()
    assert rows_of(tmp_path / "city.duckdb", "daily") > 0


def test_days_of_a_run_go_with_it(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.delete_run("run-1")
    store.close()
    assert rows_of(tmp_path / "city.duckdb", "daily") == rows_of(tmp_path / "city.duckdb", "daily_frontier") == 0


@given(time=st.integers(-(10**9), 2 * 10**9), ahead=st.integers(-24, 28).map(lambda halves: 1800 * halves))
def test_a_piece_lies_in_one_day_of_utc_and_of_the_clock(time: int, ahead: int) -> None:
    times, clock = np.array([time]), np.array([ahead])
    low, high = int(piece_start(times, clock)[0]), int(piece_end(times, clock)[0])
    assert low <= time < high
    for shift in (0, ahead):
        assert (low + shift) // DAY == (time + shift) // DAY == (high - 1 + shift) // DAY
    assert piece_start(np.array([high]), clock)[0] == high
