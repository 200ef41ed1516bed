"""Comparing: figures of what is there, alignment on local time, events and their units, and the table of it all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from comparisons import CHIANG_MAI, DAY, HOUR, KHON_KAEN, MEASURED, START, UTC, compared, entries, table_of

from collector.comparing.compare import Evidence, clock_times, compare_table
from collector.comparing.comparison import HEADINGS, Column, Request, rows, shown

OUTAGES = Request(("power_outages",), local=False)


# ---- figures --------------------------------------------------------------------------------------------


def test_figures_are_of_the_values_that_are_there() -> None:
    first, second = entries(UTC, (CHIANG_MAI, [1, 2, np.nan, 9]), (KHON_KAEN, [1, 1, 1, 1]))
    assert (first.figures.n, first.figures.coverage, first.figures.mean, first.figures.median) == (3, 0.75, 4, 2)
    assert (first.figures.minimum, first.figures.maximum, first.figures.p95) == (1, 9, pytest.approx(8.3))
    assert second.figures.coverage == 1


def test_coverage_is_of_the_span_asked_for_and_only_whole_buckets_count() -> None:
    request = replace(UTC, start=START + HOUR, end=START + 9 * HOUR + 1800)
    (only,) = entries(request, (CHIANG_MAI, np.arange(6)))
    assert only.figures.n == 5
    assert only.figures.coverage == 5 / 8


def test_a_column_without_data_has_a_row_that_says_so() -> None:
    told = compared(UTC, (CHIANG_MAI, [1, 2]), (KHON_KAEN, [np.nan, np.nan]))
    row = rows(told)[1]
    assert (row["n"], row["coverage"], row["mean"], row["verdict"]) == (0, 0, None, "no data")
    assert "No data: Khon Kaen, base." in told.sections[0].notices


# ---- the clock ------------------------------------------------------------------------------------------


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


# ---- coverage and shifted ranges ------------------------------------------------------------------------


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
    assert found[0]["from"] == "2025-01-01 00:00"
    assert found[1]["from"] == "2025-01-08 00:00"
    assert told.sections[0].entries[0].label == "Chiang Mai, base, 7 days earlier (simulated)"


# ---- events and units -----------------------------------------------------------------------------------


def test_an_hour_in_which_the_station_was_heard_and_nothing_happened_counts_as_zero() -> None:
    heard = {("base", "chiang-mai", "power_outages"): START + HOUR * np.arange(4)}
    (only,) = entries(OUTAGES, (CHIANG_MAI, [np.nan, 2.0]), evidence=Evidence(heard=heard))
    assert (only.figures.n, only.figures.mean, only.quiet) == (4, 0.5, 3)


def test_silence_is_not_zero_where_nothing_tells_them_apart() -> None:
    told = compared(OUTAGES, (CHIANG_MAI, [np.nan, 2.0, np.nan, 2.0]))
    assert told.sections[0].entries[0].figures.mean == 2
    assert any("nothing tells quiet from silent" in note for note in told.sections[0].notes)


@pytest.mark.parametrize(
    ("bucket", "unit"), [(1800, "30 min"), (HOUR, "hour"), (2 * HOUR, "2 hours"), (DAY, "day"), (5400, "90 min")]
)
def test_a_sum_is_per_bucket(bucket: int, unit: str) -> None:
    assert compared(replace(OUTAGES, bucket=bucket), (CHIANG_MAI, [1])).sections[0].unit == f"interruptions per {unit}"


# ---- rows and cells -------------------------------------------------------------------------------------


def test_rows_have_the_same_keys_in_reading_order() -> None:
    told = rows(compared(UTC, (CHIANG_MAI, [1, 2]), (KHON_KAEN, [np.nan, np.nan])))
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
