"""Rank correlations of factors with outcomes: scipy's, covered, and bounded."""

import numpy as np
import pytest
from scipy import stats

from collector.answers.designs import Factor, latin_hypercube
from collector.answers.sensitivity import associations

FACTORS = (Factor("up", 0.0, 1.0), Factor("down", 0.0, 1.0), Factor("nothing", 0.0, 1.0))


def test_the_factors_come_in_the_order_of_their_strength_with_their_sign() -> None:
    rows = latin_hypercube(FACTORS, 60, 1).rows
    outcomes = np.exp(rows[:, 0]) - 4.0 * rows[:, 1] ** 3 + np.random.default_rng(2).normal(0, 0.1, 60)
    found = associations(FACTORS, rows, outcomes)
    assert [one.path for one in found] == ["down", "up", "nothing"]
    assert found[0].correlation.value == pytest.approx(stats.spearmanr(rows[:, 1], outcomes).statistic)
    assert found[0].correlation.high < 0.0 < found[1].correlation.low
    assert found[2].correlation.low < 0.0 < found[2].correlation.high


def test_a_true_rank_correlation_is_covered_at_the_nominal_rate() -> None:
    """Of two normal variables with correlation 0.6 it is 6/pi asin(0.3)."""
    truth, rng = 6.0 / np.pi * np.arcsin(0.3), np.random.default_rng(3)
    samples = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], (500, 40))
    found = [associations(FACTORS[:1], one[:, :1], one[:, 1])[0].correlation for one in samples]
    rate = np.mean([one.low <= truth <= one.high for one in found])
    assert abs(rate - 0.95) <= 4 * np.sqrt(0.95 * 0.05 / 500)


def test_a_factor_that_does_not_vary_is_left_out_and_few_rows_bound_nothing() -> None:
    rows = np.array([[0.0, 1.0], [0.5, 1.0], [1.0, 1.0]])
    found = associations(FACTORS[:2], rows, np.array([1.0, 2.0, 3.0]))
    assert [one.path for one in found] == ["up"]
    assert (found[0].correlation.low, found[0].correlation.high) == (-1.0, 1.0)
