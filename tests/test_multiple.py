"""Many comparisons at once: as rarely wrong as said, and the single test that of scipy."""

import numpy as np
import pytest
from scipy import stats

from collector.answers.multiple import chance_of_none, holm


def test_a_single_difference_is_the_paired_t_test_of_scipy() -> None:
    rng = np.random.default_rng(1)
    ours, theirs = rng.normal(1, 2, 15), rng.normal(0, 2, 15)
    assert chance_of_none(ours - theirs) == pytest.approx(stats.ttest_rel(ours, theirs).pvalue)


@pytest.mark.parametrize(("values", "chance"), [([0.0, 0.0, 0.0], 1.0), ([2.0, 2.0, 2.0], 0.0)])
def test_differences_that_are_all_the_same_are_certain(values: list[float], chance: float) -> None:
    assert chance_of_none(np.array(values)) == chance


def test_without_two_replications_nothing_can_be_told() -> None:
    assert np.isnan(chance_of_none(np.array([1.0, np.nan])))
    assert not holm(np.array([np.nan, np.nan])).any()


def test_of_many_differences_that_are_none_hardly_ever_one_is_called_firm() -> None:
    rng = np.random.default_rng(2)
    wrong = 0
    for _ in range(600):
        chances = np.array([chance_of_none(one) for one in rng.normal(0, 1, (12, 10))])
        wrong += holm(chances).any()
    assert wrong / 600 <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 600)


def test_the_steps_are_those_of_holm() -> None:
    """Of four: 0.05/4, 0.05/3, 0.05/2, 0.05/1, the smallest first, ended by the first that is too large."""
    assert holm(np.array([0.012, 0.016, 0.03, 0.04])).tolist() == [True, True, False, False]
    assert holm(np.array([0.04, np.nan, 0.001])).tolist() == [True, False, True]
