"""Rollups of a DuckDB file: a read is what the readings say, whatever comes late."""

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
from collector.language.time import EARLIEST, LATEST
from collector.language.topics import CityAddress
from collector.stores import open_store
from collector.stores.duckdb.parts import slot
from collector.stores.duckdb.rollup import WIDTH
from collector.stores.protocol import Batch, Selection


@pytest.fixture(autouse=True, scope="module")
def days_in_small_files() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("collector.stores.duckdb.rollup.MANY", 0)
        yield


reading = st.tuples(
    st.integers(0, 3),
    st.sampled_from(EACH_ROLLUP),
    st.integers(-40, 200).map(lambda step: START + 613 * step),
    st.integers(-20, 1200).map(lambda value: value / 10),
)
step = st.one_of(st.lists(reading, min_size=1, max_size=12), st.just("maintain"))


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
                selection = Selection(EACH_ROLLUP, bucket=bucket, start=start, end=end)
                check(store.read(selection).to_pylist(), told, selection, zone[1])
        store.close()
        again = open_store(f"duckdb://{folder}/city.duckdb", read_only=True)
        selection = Selection(EACH_ROLLUP, bucket=bucket)
        check(again.read(selection).to_pylist(), told, selection, zone[1])
        again.close()


def check(
    rows: list[dict[str, object]], told: list[tuple[int, str, int, float]], selection: Selection, shift: int
) -> None:
    for indicator in EACH_ROLLUP:
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


def test_huge_values_of_unknown_indicators_do_not_stop_maintenance(tmp_path: Path) -> None:
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    store.write(Batch([message(i, START + i, radon=1.7e308, pm25=1.0) for i in range(3)]))
    store.write(Batch([message(9, START + 9000, pm25=1.0)]))
    store.maintain()
    assert store.read(Selection(("pm25",), bucket=86_400))["value"].to_pylist() == [1.0]
    store.read(Selection(("radon",), bucket=86_400))
    store.close()


@settings(max_examples=30)
@given(
    st.lists(st.integers(EARLIEST, LATEST - 1), min_size=1, max_size=20),
    st.sampled_from([WIDTH, 3 * WIDTH, 3600, 86_400, 7 * 86_400]),
    st.sampled_from([0, 5 * 3600 + 1800, 7 * 3600, -11 * 3600]),
)
def test_a_bucket_begins_where_duckdb_would_begin_it_before_1970_too(times: list[int], width: int, shift: int) -> None:
    begin = slot("time", Selection(("pm25",), bucket=width))
    told = "epoch(time_bucket(to_seconds($width), time::TIMESTAMP + to_seconds($shift)) - to_seconds($shift))::BIGINT"
    given = "SELECT make_timestamp(unnest($times::BIGINT[]) * 1000000)::TIMESTAMP_S AS time, $shift AS shift"
    rows = f"SELECT {begin}, {told} FROM ({given})"
    with duckdb.connect() as connection:
        for ours, theirs in connection.execute(rows, {"times": times, "width": width, "shift": shift}).fetchall():
            assert ours == theirs
