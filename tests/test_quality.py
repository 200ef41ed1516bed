"""Flags: each detector finds what it is for and no more; flags are kept beside readings, and left out of reads."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from duckdb_samples import START, message
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from postgres import made_lake_url
from scipy.signal import lfilter
from test_stores import birth

from collector.language.errors import InputError, StoreError
from collector.language.profile import StationProfile, Status
from collector.language.topics import Address, CityAddress, Kind
from collector.quality.detectors import DAY, gaps, off_the_second, spikes, stuck, usual_second
from collector.quality.drift import drifted
from collector.quality.examine import Series, examine
from collector.quality.kinds import FlagKind, kinds_in
from collector.quality.neighbours import moved_clock
from collector.stores import open_store
from collector.stores.flagging import FLAGS, Flagging, flagging
from collector.stores.protocol import Batch, Selection
from collector.stores.remote import RemoteStore
from nakhon.quality import found_in

CADENCE = 900
TICKS = np.arange(14 * 96)
TIMES = START + CADENCE * TICKS
DRAW = np.random.default_rng(7)
DAILY = 28 + 5 * np.sin(2 * np.pi * TICKS / 96)
WARMTH = np.round(DAILY + DRAW.normal(0, 0.3, len(TICKS)), 1)


def test_a_thermometer_that_stands_still_is_stuck_and_one_that_works_is_not() -> None:
    assert stuck(TIMES, WARMTH) == []
    values = WARMTH.copy()
    values[500:520] = 31.4
    (found,) = stuck(TIMES, values)
    assert (found.first, found.last) == (TIMES[500], TIMES[519])
    assert found.value >= 20 > found.threshold
    assert "31.4" in found.detail


@given(st.integers(0, 1000))
def test_what_is_stuck_is_said_to_be_longer_than_chance_allows(seed: int) -> None:
    few = np.random.default_rng(seed).integers(0, 3, 60).astype(float)
    few[20:34] = 1.0
    for found in stuck(TIMES[:60], few):
        most = int(found.detail.removesuffix(" in a row").split()[-1])
        assert int(found.detail.split()[0]) == found.value > most


def test_a_dry_month_of_all_stations_is_not_stuck_and_one_gauge_that_says_0_in_the_rain_is() -> None:
    draw = np.random.default_rng(4)
    wet = draw.random((4, len(TIMES))) < 0.7
    gauges = np.where(wet, np.round(draw.exponential(3, wet.shape), 1), 0.0)
    gauges[:, 200:600] = 0.0
    gauges[3, 900:1000] = 0.0
    series = [Series(f"wx-{at}", TIMES, one, 900) for at, one in enumerate(gauges)]
    assert [(one.station, bool(stuck(one.times, one.values))) for one in series[:3]] == [
        ("wx-0", True), ("wx-1", True), ("wx-2", True),
    ]  # fmt: skip
    found = examine("rain", series)
    (flat,) = ((name, one) for name in found for one in found[name] if one.kind is FlagKind.STUCK)
    assert flat[0] == "wx-3"
    assert flat[1].first <= TIMES[900] < TIMES[999] <= flat[1].last


def test_the_flags_do_not_hang_on_the_order_in_which_readings_of_one_time_come() -> None:
    times, values = np.r_[TIMES, TIMES[700]], np.r_[WARMTH, WARMTH[700] + 15]  # a clock was put back
    told = [
        examine("air_temperature", [Series("wx-1", times[order], values[order], 900)])
        for order in (np.arange(len(times)), np.arange(len(times))[::-1])
    ]
    assert told[0] == told[1]


def test_what_repeats_by_nature_is_not_stuck() -> None:
    rain = np.where(DRAW.random(len(TICKS)) < 0.03, np.round(DRAW.exponential(3, len(TICKS)), 1), 0.0)
    assert stuck(TIMES, rain) == []
    assert stuck(TIMES, np.full(len(TICKS), 100.0)) == []  # a portal that is always up
    assert stuck(TIMES, np.repeat(DRAW.integers(0, 4, len(TICKS) // 8), 8).astype(float)) == []


def test_a_spike_is_found_where_steps_are_usual_or_not_and_a_front_is_none() -> None:
    values = WARMTH.copy()
    values[700] += 15
    (found,) = spikes(TIMES, values)
    assert (found.first, found.last, found.value > found.threshold) == (TIMES[700], TIMES[700], True)
    front = WARMTH.copy()
    front[700:] -= 8
    assert spikes(TIMES, front) == []


def test_a_gap_is_from_the_first_value_that_was_missed_to_the_last() -> None:
    there = np.r_[TIMES[:100], TIMES[110:200]]
    (inner, tail) = gaps(there, CADENCE, int(TIMES[203]))
    assert (inner.first, inner.last, inner.value) == (TIMES[100], TIMES[109], 10)
    assert (tail.first, tail.last, tail.value) == (TIMES[200], TIMES[203], 4)
    assert gaps(TIMES, CADENCE, int(TIMES[-1])) == gaps(TIMES, 0, int(TIMES[-1])) == []


@given(st.integers(1, 600), st.integers(10, 300))
def test_every_missing_stretch_is_a_gap_of_its_length(first: int, length: int) -> None:
    there = np.delete(TIMES, np.arange(first, first + length))
    (found,) = gaps(there, CADENCE, int(TIMES[-1]))
    assert (found.first, found.last, found.value) == (TIMES[first], TIMES[first + length - 1], length)


def test_a_clock_off_the_second_is_found_with_its_offset() -> None:
    times = TIMES.copy()
    times[300:400] += 120
    assert usual_second(TIMES, CADENCE) == START % CADENCE
    (found,) = off_the_second(times, CADENCE, START % CADENCE)
    assert (found.first, found.last, found.value) == (times[300], times[399], 120)


def test_a_station_that_drifts_from_its_neighbours_is_found_and_they_are_not() -> None:
    days = 50 * np.exp(DRAW.normal(0, 0.3, 28) + DRAW.normal(0, 0.02, (5, 28)))
    assert not any(drifted(days, START))
    days[2, 10:] *= 1.05 ** np.arange(1, 19)
    found = drifted(days, START)
    assert [len(one) for one in found] == [0, 0, 1, 0, 0]
    assert START + 8 * DAY <= found[2][0].first <= START + 15 * DAY
    assert found[2][0].last == START + 28 * DAY - 1
    assert "moves up from its neighbours by" in found[2][0].detail
    assert not any(drifted(days[1:3], START))  # of two nobody knows which
    days[3, 5:9] = np.nan
    assert [len(one) for one in drifted(days, START)] == [0, 0, 1, 0, 0]


def test_a_dead_neighbour_a_gap_and_a_memory_are_no_drift() -> None:
    draw = np.random.default_rng(5)
    noise = lfilter([1], [1, -0.7], draw.normal(0, 0.03, (5, 128)), axis=1)[:, 100:]
    days = 50 * np.exp(draw.normal(0, 0.3, 28) + noise)
    days[0], days[1, 10:14], days[2] = 0.0, np.nan, np.nan
    assert not any(drifted(days, START))
    assert not any(drifted(np.full((4, 28), np.nan), START))
    assert not any(drifted(np.full((4, 28), 3.0), START))


def test_two_drifts_in_one_city_are_both_told_and_nobody_else() -> None:
    draw = np.random.default_rng(6)
    days = 50 * np.exp(draw.normal(0, 0.3, 40) + draw.normal(0, 0.02, (6, 40)))
    days[1, 5:15] *= 1.06 ** np.arange(1, 11)
    days[4, 20:32] *= 0.95 ** np.arange(1, 13)
    found = drifted(days, START)
    assert [len(one) for one in found] == [0, 1, 0, 0, 1, 0]
    assert found[1][0].last < found[4][0].first
    assert "down" in found[4][0].detail


def test_local_time_told_as_utc_is_found_by_the_neighbours() -> None:
    ticks = DAILY + DRAW.normal(0, 0.5, (4, len(TICKS)))
    assert not any(moved_clock(ticks, START, CADENCE))
    ticks[1] = np.roll(ticks[1], 28)  # 7 h
    found = moved_clock(ticks, START, CADENCE)
    assert [bool(one) for one in found] == [False, True, False, False]
    assert found[1][0].value == 7 * 3600


@settings(deadline=None)
@given(hnp.arrays(np.float64, st.integers(0, 80), elements=st.floats(-1e6, 1e6)), st.sampled_from([0, 60, 900, 86_400]))
def test_no_series_makes_a_detector_fail(values: np.ndarray, cadence: int) -> None:
    times = START + 900 * np.arange(len(values))
    series = [Series(name, times, values * (1 + place), cadence) for place, name in enumerate("abc")]
    for findings in examine("pm25", series).values():
        for one in findings:
            assert one.first <= one.last
            assert one.detail


URLS = {"duckdb": lambda folder: f"duckdb://{folder}/city.duckdb", "ducklake": made_lake_url}


@pytest.fixture(params=URLS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flagging]:
    opened = open_store(URLS[request.param](tmp_path))
    yield flagging(opened)
    opened.close()


def flags(*rows: tuple[str, str, int, int], run: str = "run-1") -> pa.Table:
    """Flags of pm25 of stations in rayong: station, kind, first and last as ticks."""
    at = [np.datetime64(START + 600 * tick, "s").item() for tick in range(601)]
    place = {"run": run, "city": "rayong", "pillar": "environment", "indicator": "pm25"}
    figures = {"value": 1.0, "threshold": 0.5, "detail": "so"}
    told = [
        place | figures | {"station": station, "kind": kind, "first": at[first], "last": at[last]}
        for station, kind, first, last in rows
    ]
    return pa.Table.from_pylist(told, schema=FLAGS)


def filled(store: Flagging, ticks: int = 36) -> None:
    born = [(CityAddress("run-1", "rayong"), birth())]
    told = [message(2 * t + p, START + 600 * t, s, pm25=float(t)) for t in range(ticks) for p, s in enumerate("ab")]
    store.write(Batch(told, births=born))  # type: ignore[attr-defined]


def test_flags_are_kept_replaced_and_shown_as_bits(store: Flagging) -> None:
    filled(store)
    store.flag("run-1", flags(("a", "stuck", 2, 4), ("a", "spike", 4, 4), ("b", "gap", 0, 1)))
    assert [row["kind"] for row in store.flags("run-1").to_pylist()] == ["stuck", "spike", "gap"]
    assert store.flags().schema == FLAGS
    raw = store.read(Selection(("pm25",), stations=("a",), end=START + 3600))  # type: ignore[attr-defined]
    assert raw["quality"].to_pylist() == [0, 0, 2, 2, 6, 0]
    assert [kinds_in(bits) for bits in (0, 7)] == [[], ["range", "stuck", "spike"]]
    store.flag("run-1", flags(("b", "drift", 0, 1)))
    assert [(row["station"], row["kind"]) for row in store.flags().to_pylist()] == [("b", "drift")]
    with pytest.raises(InputError, match="no series"):
        store.flag("run-1", flags(("z", "stuck", 0, 1)))
    with pytest.raises(InputError, match="flags of the run run-1"):
        store.flag("run-1", flags(("a", "stuck", 0, 1), run="run-2"))


def test_values_with_flags_are_left_out_raw_and_in_buckets_whatever_is_rolled_up(store: Flagging) -> None:
    filled(store)
    store.flag("run-1", flags(("a", "stuck", 2, 4), ("a", "stuck", 3, 6), ("b", "drift", 0, 1), ("a", "spike", 40, 50)))
    for _ in range(2):
        kept = store.read(Selection(("pm25",), stations=("a",), without=("stuck",)))  # type: ignore[attr-defined]
        assert kept["value"].to_pylist() == [0.0, 1.0, *map(float, range(7, 36))]
        for bucket, expected in ((1800, [(0 + 1 + 2 + 1 + 0) / 5, 4.0]), (3600, [(0 + 1 + 0 + 1 + 2 + 3 + 4 + 5) / 8])):
            table = store.read(  # type: ignore[attr-defined]
                Selection(("pm25",), end=START + 3600, bucket=bucket, without=("stuck",), local=False)
            )
            assert table["value"].to_pylist() == pytest.approx(expected)
        whole = store.read(Selection(("pm25",), end=START + 3600, bucket=3600))  # type: ignore[attr-defined]
        assert whole["value"].to_pylist() == pytest.approx([2.5])
        store.maintain()  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="stuck, spike, gap, drift, clock"):
        store.read(Selection(("pm25",), without=("odd",)))  # type: ignore[attr-defined]


def test_a_run_that_is_forgotten_leaves_no_flags(tmp_path: Path) -> None:
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    filled(flagging(store))
    flagging(store).flag("run-1", flags(("a", "stuck", 2, 4)))
    store.delete_run("run-1")  # type: ignore[attr-defined]
    assert flagging(store).flags().num_rows == 0
    store.close()


def test_a_file_of_the_second_layout_is_brought_up_to_date_with_all_that_it_holds(tmp_path: Path) -> None:
    for end in ("", ".wal"):
        packed = Path(__file__).parent / "fixtures" / f"store-version-2.duckdb{end}.gz"
        (tmp_path / f"city.duckdb{end}").write_bytes(gzip.decompress(packed.read_bytes()))
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    assert [(info.run, info.readings) for info in store.runs()] == [("run-1", 1201)]
    assert store.read(Selection(("unemployment",)))["value"].to_pylist() == [4.6]
    assert store.read(Selection(("pm25",), bucket=86_400, local=False))["n"].to_pylist() == [144, 144, 144, 144, 24]
    recent = Selection(("pm25",), start=START + 4 * 86_400, flagged=True)
    assert store.read(recent)["quality"].to_pylist().count(1) == 1
    flagging(store).flag("run-1", flags(("a", "stuck", 590, 595)))
    assert store.read(recent)["quality"].to_pylist().count(2) == 6
    with pytest.raises(InputError, match="half hours only: flags cannot be left out"):
        store.read(Selection(("pm25",), bucket=1800, without=("stuck",)))
    store.close()


def test_a_store_that_keeps_no_flags_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere:
        url = "influxdb://somewhere"

    with pytest.raises(InputError, match="influxdb://somewhere keeps no flags"):
        flagging(Elsewhere())
    monkeypatch.setattr(RemoteStore, "__init__", lambda self, url: setattr(self, "url", url))
    with pytest.raises(StoreError, match="nakhon store flag"):
        flagging(RemoteStore("http://x")).flag("r", flags())


def test_a_pass_over_a_store_finds_what_is_odd_by_the_declared_cadence(tmp_path: Path) -> None:
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    profile = StationProfile("a", "rayong", "environment", "weather", "A", 600, ("pm25",))
    at = Address("run-1", "rayong", "environment", "a", Kind.STATUS)
    noise = DRAW.normal(30, 2, 300).round(1)
    noise[100:130] = 33.3
    kept = [message(t, START + 600 * t, pm25=float(noise[t])) for t in range(300) if not 200 <= t < 220]
    store.write(Batch(kept, births=[(CityAddress("run-1", "rayong"), birth()), (at, Status(True, "s1", profile))]))
    found = found_in(store, "run-1").to_pylist()
    assert [(row["kind"], row["station"]) for row in found] == [(FlagKind.STUCK, "a"), (FlagKind.GAP, "a")]
    assert found[1]["value"] == 20
    store.close()
