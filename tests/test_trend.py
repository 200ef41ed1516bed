"""Trends: an independent implementation's figures, gaps, memory, and what is not given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from comparisons import CHIANG_MAI, DAY, HOUR, KHON_KAEN, START, UTC, compared
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from reference.trends import TRENDS
from scipy import stats
from scipy.signal import lfilter

from collector.comparing.trend import YEAR, trend, trends

DAYS = replace(UTC, bucket=DAY)


@pytest.mark.parametrize("name", TRENDS)
def test_the_test_and_the_slope_are_those_of_an_independent_implementation(name: str) -> None:
    told = TRENDS[name]
    values = np.array(told["values"], np.float64)
    found = trend(START + DAY * np.arange(len(values)), values, DAY, every_lag=True)
    n = len(values)
    assert found.p == pytest.approx(told["p"], rel=1e-9)
    assert found.p_independent == pytest.approx(told["p0"], rel=1e-9)
    assert found.tau == pytest.approx(told["score"] / (n * (n - 1) / 2))
    assert found.slope == pytest.approx(told["slope"] * YEAR / DAY, abs=1e-9)


def test_the_slope_and_its_interval_are_those_of_scipy_where_nothing_is_remembered() -> None:
    rng = np.random.default_rng(3)
    clock, values = DAY * np.arange(200), rng.normal(size=200) + 0.01 * np.arange(200)
    found = trend(clock, values, DAY)
    slope, _, low, high = stats.theilslopes(values, np.arange(200))
    assert found.slope == pytest.approx(slope * YEAR / DAY)
    assert found.inflation == pytest.approx(1, abs=0.5)
    assert found.low == pytest.approx(low * YEAR / DAY, abs=0.6)
    assert found.high == pytest.approx(high * YEAR / DAY, abs=0.6)


@pytest.mark.parametrize(("days", "memory"), [(16, 0.5), (31, 0.8), (200, 0.8)])
def test_memory_without_a_trend_is_taken_for_one_hardly_more_often_than_the_level_says(
    days: int, memory: float
) -> None:
    rng = np.random.default_rng(11)
    series = lfilter([1], [1, -memory], rng.normal(size=(300, 100 + days)), axis=1)[:, 100:]
    found = [trend(DAY * np.arange(days), one, DAY) for one in series]
    assert np.mean([one.p_independent < 0.05 for one in found]) > 0.15
    assert np.mean([one.p < 0.05 for one in found]) < 0.09


def test_a_line_without_noise_remembers_nothing() -> None:
    found = trend(DAY * np.arange(20), 0.1 * np.arange(20), DAY)
    assert found.p < 0.001
    assert found.low == pytest.approx(found.slope) == found.high


def test_a_gap_moves_neither_slope_nor_dates() -> None:
    clock = DAY * np.arange(60)
    kept = np.r_[0:20, 35:60]
    found = trend(clock[kept], 2.0 * clock[kept] / YEAR, DAY)
    assert (found.n, found.tau) == (45, 1.0)
    assert found.slope == pytest.approx(2.0)


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.float64, st.integers(10, 40), elements=st.floats(-1e3, 1e3)))
def test_a_trend_turns_with_its_values_and_stays_with_their_level(values: np.ndarray) -> None:
    clock = DAY * np.arange(len(values))
    found, turned = trend(clock, values, DAY), trend(clock, -values, DAY)
    assert turned.slope == pytest.approx(-found.slope)
    assert turned.tau == pytest.approx(-found.tau)
    assert -1 <= found.tau <= 1
    assert not found.p < 0 and not found.p > 1


def test_a_constant_has_no_trend() -> None:
    found = trend(DAY * np.arange(30), np.full(30, 5.0), DAY)
    assert (found.slope, found.tau, found.p, found.clear) == (0, 0, 1, False)


@pytest.mark.parametrize("n", [9, 5001])
def test_too_few_and_too_many_values_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match="expected 10 to 5000"):
        trend(DAY * np.arange(n), np.zeros(n), DAY)


def test_a_slow_swing_is_no_trend_with_an_interval_and_it_is_said() -> None:
    told = trends(compared(DAYS, (CHIANG_MAI, 20 + np.sin(np.arange(16.0) / 5))))
    row = told.rows[0]
    assert row["slope"] is not None
    assert (row["low"], row["high"], row["p"], row["verdict"]) == (None, None, None, "not given")
    assert row["no_interval"] == "remembers too long"
    assert any("slope not given: the series remembers too long for 16 days" in notice for notice in told.notices)


def test_every_column_has_its_trend_in_the_direction_that_is_better() -> None:
    noise = np.random.default_rng(1).normal(size=400)
    told = trends(compared(DAYS, (CHIANG_MAI, noise + 0.1 * np.arange(400)), (KHON_KAEN, noise)))
    first, second = told.rows
    assert (first["verdict"], second["verdict"]) == ("rising, worse", "no clear trend")
    assert (first["unit"], first["origin"], first["n"]) == ("µg/m³ per year", "simulated", 400)
    assert first["slope"] == pytest.approx(36.5, rel=0.1)
    assert any("season is part" in notice for notice in told.notices)
    assert any("not a forecast" in notice for notice in told.notices)


def test_hours_are_judged_by_the_means_of_their_days() -> None:
    hours = np.arange(24.0 * 20)
    told = trends(compared(replace(UTC, bucket=HOUR), (CHIANG_MAI, hours))).rows[0]
    assert told["n"] == 20
    assert told["slope"] == pytest.approx(24 * YEAR / DAY)


def test_a_column_with_few_days_has_none_and_it_is_said() -> None:
    told = trends(compared(DAYS, (CHIANG_MAI, np.arange(9.0))))
    assert told.rows[0]["verdict"] == "not given"
    assert told.rows[0]["slope"] is None
    assert any("9 days and 10 are needed" in notice for notice in told.notices)
