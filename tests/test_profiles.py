"""Profiles: the right part of the cycle, means with intervals, nothing where nothing is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from comparisons import CHIANG_MAI, DAY, HOUR, START, UTC, compared
from hypothesis import given
from hypothesis import strategies as st

from collector.comparing.profiles import By, part_of, profiles
from collector.language.errors import InputError


@given(st.datetimes(datetime(1970, 1, 2), datetime(2190, 1, 1)))  # noqa: DTZ001 - on a clock
def test_parts_are_those_of_the_calendar(moment: datetime) -> None:
    clock = np.array([np.datetime64(moment, "s")]).astype(np.int64)
    told = {by: int(part_of(clock, by)[0]) for by in By}
    assert told[By.HOUR] == moment.hour
    assert told[By.WEEKDAY] == moment.weekday()
    assert told[By.MONTH] == moment.month - 1
    assert told[By.SEASON] == moment.month % 12 // 3


def test_a_daily_cycle_comes_out_with_an_interval_of_its_days() -> None:
    hours = np.tile(np.arange(24.0), 20) + np.repeat(np.random.default_rng(1).normal(size=20), 24)
    told = profiles(compared(replace(UTC, bucket=HOUR), (CHIANG_MAI, hours)), "hour")
    assert [row["part"] for row in told.rows][:2] == ["00:00", "01:00"]
    assert [row["days"] for row in told.rows] == [20] * 24
    gaps = np.diff([row["mean"] for row in told.rows])
    assert gaps == pytest.approx(np.ones(23))
    assert all(row["mean_low"] < row["mean"] < row["mean_high"] for row in told.rows)
    assert {(row["origin"], row["unit"]) for row in told.rows} == {("simulated", "µg/m³")}


def test_parts_whose_days_remember_too_long_have_no_interval_and_it_is_said() -> None:
    hours = np.repeat(100.0 + 10 * np.arange(10), 24)
    told = profiles(compared(replace(UTC, bucket=HOUR), (CHIANG_MAI, hours)), "hour")
    assert {(row["mean_low"], row["mean_high"], row["no_interval"]) for row in told.rows} == {
        (None, None, "remembers too long")
    }
    said = "interval of all parts not given: the series remembers too long for 10 days."
    assert f"Chiang Mai, base (simulated), PM2.5 mass concentration: {said}" in told.notices


def test_weekdays_begin_on_monday_and_a_day_that_is_missing_has_no_mean() -> None:
    told = profiles(compared(replace(UTC, bucket=DAY), (CHIANG_MAI, [3.0, 4.0, 5.0])), By.WEEKDAY).rows
    assert START % (7 * DAY) // DAY == 6  # a Wednesday
    assert [(row["part"], row["n"], row["mean"]) for row in told[:4]] == [
        ("Monday", 0, None), ("Tuesday", 0, None), ("Wednesday", 1, 3.0), ("Thursday", 1, 4.0),
    ]  # fmt: skip


def test_another_range_keeps_its_own_weekdays_and_months() -> None:
    earlier = replace(CHIANG_MAI, shift=DAY)
    told = profiles(compared(replace(UTC, bucket=DAY), (earlier, [1.0, 2.0])), "weekday").rows
    assert {row["part"]: row["mean"] for row in told if row["n"]} == {"Wednesday": 1.0, "Thursday": 2.0}


@pytest.mark.parametrize(("by", "bucket"), [("hour", DAY), ("weekday", 7 * DAY)])
def test_buckets_too_long_for_a_cycle_are_refused(by: str, bucket: int) -> None:
    with pytest.raises(InputError, match="needs buckets of at most"):
        profiles(compared(replace(UTC, bucket=bucket), (CHIANG_MAI, [1.0, 2.0])), by)


def test_an_unknown_cycle_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="hour, weekday, month, season"):
        profiles(compared(UTC, (CHIANG_MAI, [1.0])), "fortnight")
