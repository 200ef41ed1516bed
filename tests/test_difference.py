"""The difference of two columns: its figures, its interval in autocorrelated hours, and its ratio."""

from __future__ import annotations

import numpy as np
import pytest
from comparisons import HOUR, START, noise
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.signal import lfilter

from collector.comparing.difference import difference, figures, half_width


@given(hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e6, 1e6)))
def test_figures_are_in_order_whatever_the_values(values: np.ndarray) -> None:
    told = figures(values, len(values) + 3)
    assert told.minimum <= told.median <= told.p95 <= told.maximum
    assert told.minimum - 1e-6 <= told.mean <= told.maximum + 1e-6
    assert 0 < told.coverage < 1


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


def test_a_constant_difference_has_an_interval_of_nothing() -> None:
    gap = difference(START + HOUR * np.arange(500), np.full(500, 0.3), np.full(500, 0.1))
    assert (gap.low, gap.high) == (gap.mean, gap.mean)


def test_a_ratio_has_an_interval_of_its_own() -> None:
    gap = difference(START + HOUR * np.arange(720), noise(30), noise(20, seed=2))
    assert gap.ratio == pytest.approx(1.5, abs=0.02)
    assert gap.ratio_low < gap.ratio < gap.ratio_high < gap.ratio_low + 0.1
    assert gap.ratio == pytest.approx(1 + gap.relative / 100)
    assert np.isnan(difference(START + HOUR * np.arange(9), noise(30, 9), noise(20, 9), ratio_scale=False).ratio)
