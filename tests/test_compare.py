"""Comparing: alignment on local time, the interval, origins and populations, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.signal import lfilter

from collector.comparing.compare import Evidence, clock_times, compare_table
from collector.comparing.compare_store import compare
from collector.comparing.comparison import (
    HEADINGS,
    NOT_A_FORECAST,
    Column,
    Comparison,
    Entry,
    Request,
    Verdict,
    rows,
    shown,
)
from collector.comparing.difference import difference, figures, half_width
from collector.language.errors import InputError
from collector.language.indicators import Origin
from collector.language.messages import Event, Message, Readings
from collector.language.profile import CityProfile, StationProfile, Status
from collector.language.topics import Address, CityAddress
from collector.serving.api import application
from collector.serving.live import Live
from collector.serving.metrics import Metrics
from collector.serving.serve import serve
from collector.stores import open_store
from collector.stores.protocol import Accepted, Batch, Store

HOUR, DAY = 3600, 86_400
START = 1_772_323_200  # 2026-03-01T00:00:00Z
CHIANG_MAI = Column("base", "chiang-mai", "Chiang Mai", "simulated", population=200_000, population_kind="municipality")
KHON_KAEN = Column("base", "khon-kaen", "Khon Kaen", "simulated", population=100_000, population_kind="municipality")
MEASURED = replace(CHIANG_MAI, run="real", origin="measured")
TIMES = (START + 1800 * np.arange(96)).astype("datetime64[s]")
UTC = Request(("pm25",), local=False)


def table_of(column: Column, values: object, indicator: str = "pm25", start: int = START, step: int = HOUR) -> pa.Table:
    told = np.asarray(values, dtype=np.float64)
    names = {"run": column.run, "city": column.city, "indicator": indicator, "origin": column.origin}
    times = (start + step * np.arange(len(told))).astype("datetime64[s]")
    return pa.table({key: [name] * len(told) for key, name in names.items()} | {"time": times, "value": told})


def outcome(request: Request, *parts: tuple[Column, object], evidence: Evidence | None = None) -> Comparison:
    """The comparison on the request's indicator, hourly from `START`."""
    tables = [table_of(column, values, request.indicators[0]) for column, values in parts]
    return compare_table(request, [column for column, _ in parts], pa.concat_tables(tables), evidence)


def entries(*args: object, **more: object) -> tuple[Entry, ...]:
    return outcome(*args, **more).sections[0].entries  # type: ignore[arg-type]


def noise(level: float, n: int = 30 * 24, seed: int = 1) -> np.ndarray:
    return level + np.random.default_rng(seed).normal(size=n)


# ---- figures ---------------------------------------------------------------------------------------------


def test_figures_are_of_the_values_that_are_there() -> None:
    first, second = entries(UTC, (CHIANG_MAI, [1, 2, np.nan, 9]), (KHON_KAEN, [1, 1, 1, 1]))
    assert (first.figures.n, first.figures.coverage, first.figures.mean, first.figures.median) == (3, 0.75, 4, 2)
    assert (first.figures.minimum, first.figures.maximum, first.figures.p95) == (1, 9, pytest.approx(8.3))
    assert second.figures.coverage == 1


@given(hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e6, 1e6)))
def test_figures_are_in_order_whatever_the_values(values: np.ndarray) -> None:
    told = figures(values, len(values) + 3)
    assert told.minimum <= told.median <= told.p95 <= told.maximum
    assert told.minimum - 1e-6 <= told.mean <= told.maximum + 1e-6
    assert 0 < told.coverage < 1


def test_coverage_is_of_the_span_asked_for_and_only_whole_buckets_count() -> None:
    request = replace(UTC, start=START + HOUR, end=START + 9 * HOUR + 1800)
    (only,) = entries(request, (CHIANG_MAI, np.arange(6)))
    assert only.figures.n == 5
    assert only.figures.coverage == 5 / 8


def test_a_column_without_data_has_a_row_that_says_so() -> None:
    told = outcome(UTC, (CHIANG_MAI, [1, 2]), (KHON_KAEN, [np.nan, np.nan]))
    row = rows(told)[1]
    assert (row["n"], row["coverage"], row["mean"], row["verdict"]) == (0, 0, None, "no data")
    assert "No data: Khon Kaen, base." in told.sections[0].notices


# ---- the clock -------------------------------------------------------------------------------------------


def test_cities_meet_at_the_same_hour_by_their_own_clocks() -> None:
    yangon = Column("base", "yangon", "Yangon", "simulated", "Asia/Yangon")
    manila = Column("base", "manila", "Manila", "simulated", "Asia/Manila")
    here = table_of(yangon, np.arange(24.0), start=START - 6 * HOUR - 1800)
    there = table_of(manila, np.arange(24.0) + 5, start=START - 8 * HOUR)
    part = compare_table(Request(("pm25",)), [yangon, manila], pa.concat_tables([here, there])).sections[0]
    gap = part.entries[1].difference
    assert gap is not None
    assert (gap.n, gap.mean, gap.low, gap.high) == (24, 5, 5, 5)
    assert (part.entries[0].clock == part.entries[1].clock).all()
    assert part.entries[0].clock[0] == START


def test_in_utc_the_same_instants_are_compared() -> None:
    manila = replace(KHON_KAEN, timezone="Asia/Manila")
    gap = entries(UTC, (CHIANG_MAI, np.arange(24)), (manila, np.arange(24)))[1].difference
    assert gap is not None
    assert (gap.n, gap.mean) == (24, 0)


def test_the_hour_that_comes_twice_is_the_mean_of_both() -> None:
    berlin = replace(CHIANG_MAI, timezone="Europe/Berlin")
    autumn = 1_792_886_400  # 2026-10-25T00:00:00Z: 02:00 summer time, and an hour later 02:00 again
    table = table_of(berlin, [10.0, 20.0, 40.0], start=autumn)
    (only,) = compare_table(Request(("pm25",)), [berlin], table).sections[0].entries
    assert only.values.tolist() == [15, 40]


@pytest.mark.parametrize("bucket", [6 * HOUR, DAY])
def test_long_buckets_still_meet_after_the_clocks_change(bucket: int) -> None:
    berlin = replace(CHIANG_MAI, timezone="Europe/Berlin")
    begin = 1_792_620_000  # 2026-10-22T00:00 in Berlin
    table = table_of(berlin, np.arange(40.0), start=begin, step=bucket)
    (only,) = compare_table(Request(("pm25",), bucket=bucket), [berlin], table).sections[0].entries
    assert (only.clock % bucket == 0).all()
    assert len(only.clock) == 40


def test_clock_times_of_a_zone_at_half_an_hour() -> None:
    assert clock_times(np.array([START]), "Asia/Yangon").tolist() == [START + 6 * HOUR + 1800]


def test_buckets_that_only_one_column_has_are_left_out_of_the_difference() -> None:
    gap = entries(UTC, (CHIANG_MAI, [1, 1, np.nan, 1, 100]), (KHON_KAEN, [3, 3, 3, 3, np.nan]))[1].difference
    assert gap is not None
    assert (gap.n, gap.mean, gap.relative) == (3, 2, 200)


def test_without_common_buckets_there_is_no_difference_and_it_is_said() -> None:
    tables = [table_of(CHIANG_MAI, [1.0]), table_of(MEASURED, [1.0], start=START + DAY)]
    part = compare_table(UTC, [CHIANG_MAI, MEASURED], pa.concat_tables(tables)).sections[0]
    assert part.entries[1].difference is None
    assert any("no bucket in common" in refusal for refusal in part.refusals)


# ---- the interval ----------------------------------------------------------------------------------------


def test_the_interval_of_white_noise_is_student_s() -> None:
    steps = np.random.default_rng(4).normal(size=2000)
    assert half_width(steps) == pytest.approx(1.96 / np.sqrt(2000), rel=0.1)


@pytest.mark.parametrize(("days", "memory"), [(30, 0.9), (60, 0.97)])
def test_the_interval_covers_the_truth_in_autocorrelated_hours_with_a_daily_cycle(days: int, memory: float) -> None:
    rng, n = np.random.default_rng(7), days * 24
    clock = START + HOUR * np.arange(n)
    cycle = 2 * np.sin(np.arange(n) * 2 * np.pi / 24)
    shocks = rng.normal(size=(300, n + 500)) * np.sqrt(1 - memory**2)
    series = lfilter([1], [1, -memory], shocks, axis=1)[:, 500:] + cycle
    gaps = [difference(clock, one, np.zeros(n)) for one in series]
    assert 0.90 <= np.mean([gap.low <= 0 <= gap.high for gap in gaps]) <= 0.99


def test_two_buckets_are_too_few_for_an_interval() -> None:
    part = outcome(UTC, (CHIANG_MAI, [1, 2]), (KHON_KAEN, [4, 5])).sections[0]
    gap = part.entries[1].difference
    assert gap is not None
    assert gap.mean == 3
    assert np.isnan(gap.low)
    assert part.entries[1].verdict is Verdict.UNJUDGED
    assert any("too few" in refusal for refusal in part.refusals)


def test_a_constant_difference_has_an_interval_of_nothing() -> None:
    gap = difference(START + HOUR * np.arange(500), np.full(500, 0.3), np.full(500, 0.1))
    assert (gap.low, gap.high) == (gap.mean, gap.mean)


# ---- better and worse ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("indicator", "first", "second", "verdict"),
    [
        ("pm25", 20, 30, Verdict.WORSE),
        ("pm25", 30, 20, Verdict.BETTER),
        ("pm25", 30, 30, Verdict.UNCLEAR),
        ("hotel_occupancy", 20, 30, Verdict.BETTER),
        ("air_temperature", 20, 30, Verdict.NEITHER),
    ],
)
def test_the_verdict_follows_the_direction_of_the_catalogue(
    indicator: str, first: float, second: float, verdict: Verdict
) -> None:
    request = replace(UTC, indicators=(indicator,))
    assert entries(request, (CHIANG_MAI, noise(first)), (KHON_KAEN, noise(second, seed=2)))[1].verdict is verdict


def test_a_scale_without_a_zero_has_no_percentage() -> None:
    request = replace(UTC, indicators=("air_temperature",))
    assert rows(outcome(request, (CHIANG_MAI, [20, 20, 20]), (KHON_KAEN, [30, 30, 30])))[1]["relative"] is None


# ---- origins ---------------------------------------------------------------------------------------------


def test_mixed_origins_are_neither_judged_nor_ranked() -> None:
    part = outcome(replace(UTC, rank=True), (CHIANG_MAI, noise(20)), (MEASURED, noise(30))).sections[0]
    assert [entry.rank for entry in part.entries] == [None, None]
    assert part.entries[1].verdict is Verdict.UNJUDGED
    assert part.entries[1].difference is not None
    assert any("Not ranked" in refusal and "measured and simulated" in refusal for refusal in part.refusals)


def test_mixed_origins_are_ranked_when_told_and_the_outcome_says_so() -> None:
    request = replace(UTC, rank=True, mixed_origins=True)
    told = outcome(request, (CHIANG_MAI, noise(20)), (MEASURED, noise(30)))
    part = told.sections[0]
    assert [entry.rank for entry in part.entries] == [1, 2]
    assert part.entries[1].verdict is Verdict.WORSE
    assert told.lifted
    assert all("reader's own risk" in str(row["notice"]) for row in rows(told))


def test_unknown_origins_are_not_taken_to_be_alike() -> None:
    unknown = [replace(column, origin="unknown") for column in (CHIANG_MAI, KHON_KAEN)]
    part = outcome(replace(UTC, rank=True), (unknown[0], noise(20)), (unknown[1], noise(30))).sections[0]
    assert part.entries[0].rank is None


def test_values_of_two_origins_in_one_column_are_kept_apart() -> None:
    mixed = pa.concat_tables(
        [table_of(CHIANG_MAI, [1.0, 2.0]), table_of(replace(CHIANG_MAI, origin="measured"), [5.0])]
    )
    part = compare_table(UTC, [CHIANG_MAI], mixed).sections[0]
    assert {entry.origin: entry.figures.mean for entry in part.entries} == {"measured": 5, "simulated": 1.5}


def test_every_row_tells_its_origin_and_a_simulation_is_never_a_forecast() -> None:
    evidence = Evidence(parameters={("base", "chiang-mai", "pm25"): "assumed", ("real", "chiang-mai", "pm25"): "?"})
    told = rows(outcome(UTC, (CHIANG_MAI, [1, 2, 3]), (MEASURED, [1, 2, 3]), evidence=evidence))
    assert [(row["origin"], row["parameters"]) for row in told] == [("simulated", "assumed"), ("measured", "")]
    assert all(NOT_A_FORECAST in str(row["notice"]) for row in told)


# ---- populations -----------------------------------------------------------------------------------------

BACKLOG = Request(("service_backlog",), local=False, rank=True)


def test_what_grows_with_a_city_is_ranked_per_inhabitant() -> None:
    part = outcome(BACKLOG, (CHIANG_MAI, noise(300)), (KHON_KAEN, noise(200))).sections[0]
    assert [round(entry.figures.mean) for entry in part.entries] == [150, 200]
    assert [entry.rank for entry in part.entries] == [1, 2]
    assert part.unit == "requests per 100,000 inhabitants"


@pytest.mark.parametrize("kind", ["province", "unknown", None])
def test_unlike_populations_are_not_ranked_unless_told(kind: str | None) -> None:
    other = replace(KHON_KAEN, population_kind=kind)
    part = outcome(BACKLOG, (CHIANG_MAI, noise(300)), (other, noise(200))).sections[0]
    assert part.entries[0].rank is None
    assert any("not known to be of one kind" in refusal for refusal in part.refusals)
    told = outcome(replace(BACKLOG, unlike_populations=True), (CHIANG_MAI, noise(300)), (other, noise(200)))
    assert told.sections[0].entries[0].rank == 1
    assert told.lifted


def test_two_populations_of_unknown_kind_are_not_alike() -> None:
    cities = [replace(column, population_kind="unknown") for column in (CHIANG_MAI, KHON_KAEN)]
    part = outcome(BACKLOG, (cities[0], noise(300)), (cities[1], noise(200))).sections[0]
    assert part.entries[0].rank is None


def test_an_unknown_population_cannot_be_lifted() -> None:
    other = replace(KHON_KAEN, population=None, population_kind=None)
    request = replace(BACKLOG, unlike_populations=True)
    part = outcome(request, (CHIANG_MAI, noise(300)), (other, noise(200))).sections[0]
    assert part.entries[0].rank is None
    assert part.unit == "requests"
    assert any("population of Khon Kaen is unknown" in refusal for refusal in part.refusals)


def test_totals_of_two_cities_are_not_judged() -> None:
    part = outcome(replace(BACKLOG, rank=False), (CHIANG_MAI, noise(300)), (KHON_KAEN, noise(200))).sections[0]
    assert part.entries[1].verdict is Verdict.UNJUDGED
    assert any("grows with the size of a city" in refusal for refusal in part.refusals)


def test_one_city_in_two_runs_needs_no_population() -> None:
    base = replace(CHIANG_MAI, population=None, population_kind=None)
    part = outcome(BACKLOG, (base, noise(300)), (replace(base, run="more-crews"), noise(200))).sections[0]
    assert [entry.rank for entry in part.entries] == [2, 1]
    assert part.entries[1].verdict is Verdict.BETTER
    assert part.unit == "requests"


def test_figures_per_area_need_the_area_and_no_population() -> None:
    request = replace(BACKLOG, per_area=True)
    known = [replace(CHIANG_MAI, area_km2=40.0, population=None), replace(KHON_KAEN, area_km2=50.0)]
    part = outcome(request, (known[0], noise(400)), (known[1], noise(250))).sections[0]
    assert [round(entry.figures.mean) for entry in part.entries] == [10, 5]
    assert [entry.rank for entry in part.entries] == [2, 1]
    assert part.unit == "requests per km²"
    refused = outcome(request, (known[0], noise(400)), (KHON_KAEN, noise(250))).sections[0]
    assert any("Not shown per km²: the area of Khon Kaen is unknown." in refusal for refusal in refused.refusals)
    assert refused.unit == "requests"


def test_what_does_not_grow_with_a_city_is_not_divided_by_its_inhabitants() -> None:
    part = outcome(replace(UTC, per_capita=True), (CHIANG_MAI, [1, 2]), (KHON_KAEN, [1, 2])).sections[0]
    assert part.unit == "µg/m³"
    assert any("Not shown per 100,000 inhabitants" in refusal for refusal in part.refusals)


# ---- coverage, ratio, shifted ranges ---------------------------------------------------------------------


def counted(column: Column, n: list[int], values: list[float] | None = None) -> pa.Table:
    return table_of(column, values or [1.0] * len(n)).append_column("n", pa.array(n, pa.int64()))


def test_a_bucket_with_too_few_readings_is_not_compared_and_its_number_is_told() -> None:
    expected = {("base", "chiang-mai", "pm25", "simulated"): 12.0}
    part = compare_table(UTC, [CHIANG_MAI], counted(CHIANG_MAI, [12, 9, 8, 12]), Evidence(expected=expected)).sections[
        0
    ]
    assert (part.entries[0].figures.n, part.entries[0].sparse, part.entries[0].figures.coverage) == (3, 1, 0.75)
    assert any("less than 75 % of their readings" in note for note in part.notices)
    lenient = replace(UTC, least_coverage=0.5)
    all_there = compare_table(lenient, [CHIANG_MAI], counted(CHIANG_MAI, [12, 9, 8, 12]), Evidence(expected=expected))
    assert all_there.sections[0].entries[0].sparse == 0


def test_without_a_cadence_a_bucket_is_measured_by_what_is_usual() -> None:
    (entry,) = compare_table(UTC, [CHIANG_MAI], counted(CHIANG_MAI, [4, 4, 4, 2])).sections[0].entries
    assert (entry.figures.n, entry.sparse) == (3, 1)


def test_events_and_statistics_come_when_they_come() -> None:
    for name in ("power_outages", "unemployment"):
        table = table_of(CHIANG_MAI, [1.0] * 4, name).append_column("n", pa.array([9, 9, 9, 1], pa.int64()))
        (entry,) = compare_table(replace(UTC, indicators=(name,)), [CHIANG_MAI], table).sections[0].entries
        assert (entry.figures.n, entry.sparse) == (4, 0)


def test_a_ratio_has_an_interval_of_its_own() -> None:
    gap = difference(START + HOUR * np.arange(720), noise(30), noise(20, seed=2))
    assert gap.ratio == pytest.approx(1.5, abs=0.02)
    assert gap.ratio_low < gap.ratio < gap.ratio_high < gap.ratio_low + 0.1
    assert gap.ratio == pytest.approx(1 + gap.relative / 100)
    assert np.isnan(difference(START + HOUR * np.arange(9), noise(30, 9), noise(20, 9), ratio_scale=False).ratio)


def test_a_range_is_set_against_an_earlier_one_of_each_column() -> None:
    week = 7 * DAY
    request = replace(UTC, start=START + week, end=START + 2 * week, against=START, bucket=DAY)
    columns = [replace(column, shift=shift) for column in (CHIANG_MAI, KHON_KAEN) for shift in (week, 0)]
    parts = [
        (CHIANG_MAI, np.r_[np.full(7, 10.0), np.full(7, 14.0)]),
        (KHON_KAEN, np.r_[np.full(7, 5.0), np.full(7, 4.0)]),
    ]
    table = pa.concat_tables([table_of(column, values, step=DAY) for column, values in parts])
    told = compare_table(request, columns, table)
    found = rows(told)
    assert [row["verdict"] for row in found] == ["reference", "worse", "reference", "better"]
    assert [row["difference"] for row in found] == [None, 4, None, -1]
    assert found[0]["from"] == "2026-03-01 00:00"
    assert found[1]["from"] == "2026-03-08 00:00"
    assert told.sections[0].entries[0].label == "Chiang Mai, base, 7 days earlier (simulated)"


# ---- ranking ---------------------------------------------------------------------------------------------


def test_ranks_are_by_the_buckets_common_to_all() -> None:
    told = entries(replace(UTC, rank=True), (CHIANG_MAI, [1, 1, 1, 90]), (KHON_KAEN, [2, 2, 2, np.nan]))
    assert [entry.rank for entry in told] == [1, 2]


def test_equal_means_share_a_rank() -> None:
    third = replace(KHON_KAEN, city="rayong")
    told = entries(replace(UTC, rank=True), (CHIANG_MAI, [2, 2]), (KHON_KAEN, [1, 1]), (third, [2, 2]))
    assert [entry.rank for entry in told] == [2, 1, 2]


def test_an_indicator_without_a_better_way_is_not_ranked() -> None:
    request = replace(UTC, indicators=("wind_speed",), rank=True)
    part = outcome(request, (CHIANG_MAI, noise(2)), (KHON_KAEN, noise(3))).sections[0]
    assert any("neither way is better" in refusal for refusal in part.refusals)


# ---- events and units ------------------------------------------------------------------------------------

OUTAGES = Request(("power_outages",), local=False)


def test_an_hour_in_which_the_station_was_heard_and_nothing_happened_counts_as_zero() -> None:
    heard = {("base", "chiang-mai", "power_outages"): START + HOUR * np.arange(4)}
    (only,) = entries(OUTAGES, (CHIANG_MAI, [np.nan, 2.0]), evidence=Evidence(heard=heard))
    assert (only.figures.n, only.figures.mean, only.quiet) == (4, 0.5, 3)


def test_silence_is_not_zero_where_nothing_tells_them_apart() -> None:
    told = outcome(OUTAGES, (CHIANG_MAI, [np.nan, 2.0, np.nan, 2.0]))
    assert told.sections[0].entries[0].figures.mean == 2
    assert any("nothing tells quiet from silent" in note for note in told.sections[0].notes)


@pytest.mark.parametrize(
    ("bucket", "unit"), [(1800, "30 min"), (HOUR, "hour"), (2 * HOUR, "2 hours"), (DAY, "day"), (5400, "90 min")]
)
def test_a_sum_is_per_bucket(bucket: int, unit: str) -> None:
    assert outcome(replace(OUTAGES, bucket=bucket), (CHIANG_MAI, [1])).sections[0].unit == f"interruptions per {unit}"


def test_rows_have_the_same_keys_in_reading_order() -> None:
    told = rows(outcome(UTC, (CHIANG_MAI, [1, 2]), (KHON_KAEN, [np.nan, np.nan])))
    assert all(list(row) == list(HEADINGS) for row in told)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("mean", 58.4126, "58.41"),
        ("mean", 0.000123456, "0.0001235"),
        ("mean", 1234567.8, "1,234,568"),
        ("mean", 0.0, "0"),
        ("difference", 1.0, "+1.000"),
        ("difference", -18.46, "−18.46"),
        ("coverage", 0.9999, "99.9 %"),
        ("mean", None, "–"),
        ("population", 127_240, "127,240"),
    ],
)
def test_cells_are_shown_as_people_read_them(key: str, value: float | None, text: str) -> None:
    assert shown(key, value) == text


# ---- from a store ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path: Path = tmp_path_factory.mktemp("compare") / "city.duckdb"
    opened = open_store(f"duckdb://{path}")
    opened.write(filled())
    yield opened
    opened.close()


def filled() -> Batch:
    """Two days of a simulated run of two cities and a measured one of one; the desk has one request in Chiang Mai."""
    births: list[tuple[Address | CityAddress, Status]] = []
    accepted: list[Accepted] = []
    for run, city, zone, level, origin in (
        ("haze", "chiang-mai", "Asia/Bangkok", 40.0, Origin.SIMULATED),
        ("haze", "yangon", "Asia/Yangon", 30.0, Origin.SIMULATED),
        ("pcd", "chiang-mai", "Asia/Bangkok", 35.0, Origin.MEASURED),
    ):
        profile = CityProfile(city, city.title(), "Asia", 18, 98, zone, 100_000, "municipality")
        told = Status(True, "s1", profile, origin, scenario=run)
        births.append((CityAddress(run, city), told))
        mast = StationProfile("mast", city, "environment", "air", "Mast", 1800, ("pm25",), origins={"pm25": "derived"})
        births.append((Address(run, city, "environment", "mast"), told.for_station(mast)))
        times = (START + 1800 * np.arange(96)).astype("datetime64[s]")
        accepted.append(
            message(Address(run, city, "environment", "mast"), 0, Readings(times, {"pm25": level + 0 * noise(0, 96)}))
        )
    desk = Address("haze", "chiang-mai", "governance", "desk")
    opened = Event(np.datetime64(START + 5 * HOUR, "s"), "r1", "service_request.opened", {"category": "road"})
    backlog = Readings(TIMES, {"service_backlog": np.ones(96)})
    accepted += [message(desk, 0, opened), message(desk, 1, backlog)]
    return Batch(accepted=accepted, births=births)


def message(address: Address, seq: int, body: Readings | Event) -> Accepted:
    return Accepted(Message(address, "s1", seq, body), digest=seq, received=0.0)


def test_a_backlog_of_which_one_of_two_desks_was_silent_is_not_compared(tmp_path: Path) -> None:
    times = (START + HOUR * np.arange(4)).astype("datetime64[s]")
    desks = [Address("run", "chiang-mai", "governance", name) for name in ("sd-01", "sd-02")]
    births = [
        (desk, Status(True, "s1", StationProfile(desk.station, "chiang-mai", "governance", "desk", "Desk", HOUR, ())))
        for desk in desks
    ]
    told = [np.array([3.0, 3, 3, 3]), np.array([5.0, 5, np.nan, 5])]
    bodies = [Readings(times, {"service_backlog": values}) for values in told]
    opened = open_store(f"duckdb://{tmp_path}/city.duckdb")
    opened.write(Batch([message(desk, 0, body) for desk, body in zip(desks, bodies, strict=True)], births=births))
    part = compare(opened, Request(("service_backlog",), local=False)).sections[0]
    opened.close()
    assert (part.entries[0].values.tolist(), part.entries[0].sparse) == ([8.0, 8.0, 8.0], 1)
    assert any("the sum of its stations' values" in note for note in part.notices)


def test_runs_and_cities_of_a_store_are_compared_with_what_their_births_say(store: Store) -> None:
    told = compare(store, Request(("pm25",), runs=("haze", "pcd")))
    first, yangon, measured = told.sections[0].entries
    assert first.label == "Chiang-Mai, haze (simulated, parameters derived)"
    assert (measured.label, measured.verdict) == ("Chiang-Mai, pcd (measured)", Verdict.UNJUDGED)
    assert yangon.difference is not None
    assert yangon.difference.mean == pytest.approx(-10)
    assert (first.column.population, first.column.scenario) == (100_000, "haze")


def test_a_span_is_by_the_clock_of_each_city(store: Store) -> None:
    request = Request(("pm25",), runs=("haze",), start=START + 12 * HOUR, end=START + 36 * HOUR)
    told = compare(store, request)
    assert [entry.figures.n for entry in told.sections[0].entries] == [24, 24]
    assert [entry.figures.coverage for entry in told.sections[0].entries] == [1, 1]


def test_quiet_hours_of_a_service_desk_are_read_from_what_else_it_says(store: Store) -> None:
    told = compare(store, Request(("service_requests",), runs=("haze",), cities=("chiang-mai",)))
    (desk,) = told.sections[0].entries
    assert (desk.figures.n, desk.quiet, desk.figures.mean) == (48, 47, 1 / 48)


def test_cities_come_in_the_order_asked_for(store: Store) -> None:
    told = compare(store, Request(("pm25",), cities=("yangon", "chiang-mai")))
    assert [(column.run, column.city) for column in told.columns] == [
        ("haze", "yangon"),
        ("haze", "chiang-mai"),
        ("pcd", "chiang-mai"),
    ]


def test_the_baseline_comes_first(store: Store) -> None:
    for baseline in ("pcd", "pcd/chiang-mai"):
        told = compare(store, Request(("pm25",), baseline=baseline))
        assert told.columns[0].run == "pcd"


def test_through_a_running_collector_the_outcome_is_the_same(store: Store) -> None:
    server = serve(application(store, Live(), Metrics(), lambda: None), port=0)
    remote = open_store(server.url, read_only=True)
    try:
        request = Request(("pm25", "service_requests"), start=START, rank=True, mixed_origins=True)
        assert rows(compare(remote, request)) == rows(compare(store, request))
    finally:
        remote.close()
        server.stop()


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request(("pm52",)), "did you mean pm25"),
        (Request(("pm25",), runs=("hase",)), "did you mean haze"),
        (Request(("pm25",), cities=("chiang-may",)), "did you mean chiang-mai"),
        (Request(("pm25",), baseline="yangoon"), "did you mean yangon"),
        (Request(("pm25",), bucket=1000), "multiple of 30 minutes"),
        (Request(("pm25",), start=START, end=START), "end"),
        (Request(()), "at least one indicator"),
        (Request(("rain",)), r"no values of rain.*run haze \(simulated, 2026-03-01.*chiang-mai, yangon"),
    ],
)
def test_what_is_not_there_is_refused_with_a_suggestion(store: Store, request_: Request, said: str) -> None:
    with pytest.raises(InputError, match=said):
        compare(store, request_)


def test_an_empty_store_says_that_it_is_empty(tmp_path: Path) -> None:
    empty = open_store(f"duckdb://{tmp_path}/city.duckdb")
    with pytest.raises(InputError, match="no run yet"):
        compare(empty, Request(("pm25",)))
    empty.close()


def test_a_city_with_an_unknown_zone_is_on_utc_and_it_is_said(tmp_path: Path) -> None:
    odd = open_store(f"duckdb://{tmp_path}/city.duckdb")
    address = CityAddress("run", "mars")
    profile = CityProfile("mars", "Mars", "-", 0, 0, "../../Mars/Olympus")
    readings = Readings(np.array([START], "datetime64[s]"), {"pm25": np.array([1.0])})
    body = message(Address("run", "mars", "environment", "mast"), 0, readings)
    odd.write(Batch([body], births=[(address, Status(True, "s1", profile, Origin.SIMULATED))]))
    told = compare(odd, Request(("pm25",)))
    assert "not known here" in told.notes[0]
    assert told.first == START
    odd.close()
