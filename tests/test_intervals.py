"""Confidence intervals cover the truth at their nominal rate, and agree with published values."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from collector.answers.intervals import mean_interval, quantile_interval, wilson

SAMPLES = 2_000
NUMBERS = st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 3)), min_size=3, max_size=40)


def covered(samples: np.ndarray, truth: float, method: str = "auto") -> float:
    found = [mean_interval(sample, 0.95, method) for sample in samples]
    return float(np.mean([one.low <= truth <= one.high for one in found]))


def nominal(rate: float, wanted: float = 0.95) -> bool:
    """Whether a rate of SAMPLES trials is within four standard errors of the wanted one."""
    return abs(rate - wanted) <= 4 * np.sqrt(wanted * (1 - wanted) / SAMPLES)


def test_the_t_interval_is_that_of_scipy() -> None:
    sample = np.random.default_rng(1).normal(3, 2, 17)
    theirs = stats.ttest_1samp(sample, 0).confidence_interval(0.9)
    ours = mean_interval(sample, 0.9, "t")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


@pytest.mark.parametrize("n", [5, 10, 30])
def test_intervals_of_normal_values_cover_the_mean_at_their_nominal_rate(n: int) -> None:
    samples = np.random.default_rng(n).normal(5, 3, (SAMPLES, n))
    assert nominal(covered(samples, 5.0))


@pytest.mark.parametrize("n", [10, 30])
def test_of_skewed_values_the_interval_covers_what_the_t_interval_does_not(n: int) -> None:
    samples = np.random.default_rng(n).exponential(1.0, (SAMPLES, n))
    plain, ours = covered(samples, 1.0, "t"), covered(samples, 1.0)
    assert not nominal(plain)
    assert plain + 0.01 < ours
    assert 0.915 <= ours <= 0.97


@pytest.mark.parametrize("values", [[], [2.0], [np.nan, 2.0]])
def test_too_few_values_give_no_bounds(values: list[float]) -> None:
    found = mean_interval(values)
    assert np.isnan(found.low) and np.isnan(found.high) and not found.clear


def test_equal_values_give_an_interval_without_width() -> None:
    found = mean_interval([0.1] * 7)
    assert found.low == found.high == found.value == pytest.approx(0.1)


@given(NUMBERS, st.floats(0.01, 100), st.randoms(use_true_random=False))
def test_neither_order_nor_unit_changes_an_interval(values: list[float], unit: float, luck) -> None:
    away = np.array(values) - np.mean(values)
    assume(np.std(values) > 1e-6 * max(1e-9, np.abs(values).max()))
    assume(abs(abs((away**3).mean() / (away**2).mean() ** 1.5) - 0.5) > 1e-6)  # where the method changes
    shuffled = list(values)
    luck.shuffle(shuffled)
    one, other = mean_interval(values), mean_interval([unit * value for value in shuffled])
    scale = max(abs(one.low), abs(one.high)) * unit
    wanted = [unit * one.low, unit * one.value, unit * one.high]
    assert [other.low, other.value, other.high] == pytest.approx(wanted, abs=1e-6 * scale)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_score_interval_has_the_published_values(successes: int, n: int, low: float, high: float) -> None:
    """Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3."""
    found = wilson(successes, n)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize("truth", [0.5, 0.8, 0.95])
def test_probabilities_are_covered_at_the_nominal_rate(truth: float) -> None:
    successes = np.random.default_rng(3).binomial(40, truth, SAMPLES)
    found = [wilson(int(one), 40) for one in successes]
    assert 0.92 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.985


def test_no_replication_says_nothing_of_a_probability() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_quantiles_are_covered_at_least_at_the_nominal_rate(share: float) -> None:
    samples = np.random.default_rng(4).exponential(1.0, (SAMPLES, 40))
    truth = -np.log(1 - share)
    found = [quantile_interval(sample, share) for sample in samples]
    rate = np.mean([one.low <= truth <= one.high for one in found])
    assert 0.945 <= rate <= 0.99


def test_a_quantile_that_few_values_cannot_bound_has_no_bound() -> None:
    found = quantile_interval(np.arange(10.0), 0.8)
    assert found.high == np.inf and found.low == 4.0 and found.value == 7.0
