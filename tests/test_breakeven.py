"""Break-even sizes: covered at their nominal rate where the truth is known, and refused where there is none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.answers.breakeven import Why, break_even_of_chance, break_even_of_mean
from collector.answers.targets import Target
from collector.answers.totals import Kind, Statistic

SAMPLES = 400
SIZES = np.array([0.0, 0.5, 1.0])


def target(bound: float, probability: float) -> Target:
    return Target("pm25", "chiang-mai", Statistic(Kind.MEAN), bound, True, probability)


def test_the_size_at_which_a_mean_crosses_a_level_is_covered_at_the_nominal_rate() -> None:
    """A known answer: outcomes fall by 10 per unit from 4, so the mean is 0 at 0.4."""
    rng = np.random.default_rng(1)
    level = 4.0 + rng.normal(0, 0.6, (SAMPLES, 12, 1))
    outcomes = level - 10.0 * SIZES + rng.normal(0, 0.2, (SAMPLES, 12, 3))
    found = [break_even_of_mean(SIZES, one) for one in outcomes]
    assert all(one.found for one in found)
    rate = np.mean([one.interval.low <= 0.4 <= one.interval.high for one in found])
    assert abs(rate - 0.95) <= 4 * np.sqrt(0.95 * 0.05 / SAMPLES)


def test_the_size_that_reaches_a_target_is_covered_at_least_at_the_nominal_rate() -> None:
    """A known answer: N(40, 5) falls by 20 per unit; 80 % are at most 30 where the mean is 25.79, at 0.7104."""
    rng = np.random.default_rng(2)
    outcomes = 40.0 + rng.normal(0, 5, (SAMPLES, 30, 1)) - 20.0 * SIZES
    found = [break_even_of_chance(SIZES, one, target(30.0, 0.8)).interval for one in outcomes]
    rate = np.mean([one.low <= 0.7104 <= one.high for one in found])
    assert rate >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / SAMPLES)
    assert np.mean([one.value for one in found]) == pytest.approx(0.7104, abs=0.03)


@given(st.floats(-50, 50), st.floats(0.5, 20), st.floats(0.05, 0.95))
def test_without_noise_it_is_where_the_line_crosses(level: float, slope: float, share: float) -> None:
    outcomes = np.tile(level + slope * SIZES, (5, 1))
    found = break_even_of_mean(SIZES, outcomes, level + slope * share)
    assert found.interval.value == pytest.approx(share, abs=2 / 400)
    assert found.interval.low - 1e-9 <= share <= found.interval.high + 1e-9


def test_the_order_of_the_sizes_does_not_matter() -> None:
    outcomes = 3.0 - 5.0 * SIZES + np.random.default_rng(3).normal(0, 0.2, (9, 3))
    turned = [2, 0, 1]
    assert break_even_of_mean(SIZES[turned], outcomes[:, turned]) == break_even_of_mean(SIZES, outcomes)


@pytest.mark.parametrize(
    ("curve", "why"),
    [((3.0, 2.0, 1.0), Why.SAME), ((-1.0, 1.0, -1.0), Why.SEVERAL), ((1.0, 0.0, -1.0), Why.FOUND)],
)
def test_what_has_no_single_turn_is_said(curve: tuple[float, ...], why: Why) -> None:
    outcomes = np.tile(curve, (6, 1)) + np.random.default_rng(4).normal(0, 0.01, (6, 1))
    assert break_even_of_mean(SIZES, outcomes).why is why


def test_one_size_or_one_replication_determines_nothing() -> None:
    assert break_even_of_mean(SIZES[:1], np.zeros((9, 1))).why is Why.SINGLE
    assert break_even_of_mean(SIZES, np.zeros((1, 3))).why is Why.SINGLE
    missing = np.full((9, 3), np.nan)
    assert break_even_of_chance(SIZES, missing, target(0.0, 0.5)).why is Why.SINGLE


def test_a_conclusion_unsure_to_the_end_has_no_bound_there() -> None:
    outcomes = 0.1 - 0.2 * SIZES + np.random.default_rng(5).normal(0, 3, (8, 1))
    found = break_even_of_mean(SIZES, outcomes - outcomes.mean())
    assert found.interval.low == -np.inf and found.interval.high == np.inf
