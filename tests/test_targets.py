"""Targets: met with which probability, and which contradict each other."""

import numpy as np
import pytest

from collector.answers.targets import Target, chance, contradictions, joint_chance, met_matrix
from collector.answers.totals import Kind, Statistic

DAYS = Target("pm25", "chiang-mai", Statistic(Kind.COUNT_OVER, 37.5), 49, at_most=True, probability=0.8)
VISITORS = Target("visitor_arrivals", "chiang-mai", Statistic(Kind.MEAN), 100, at_most=False, probability=0.5)


def test_the_probability_is_the_share_of_replications_with_its_interval() -> None:
    found = chance(DAYS, np.array([40.0] * 7 + [60.0] * 3 + [np.nan]))
    assert found.probability.value == 0.7 and found.probability.n == 10
    assert not found.reached and not found.sure


def test_a_verdict_is_sure_when_the_interval_excludes_what_was_asked() -> None:
    assert chance(DAYS, np.full(40, 49.0)).reached and chance(DAYS, np.full(40, 49.0)).sure
    assert not chance(DAYS, np.full(40, 49.1)).reached and chance(DAYS, np.full(40, 49.1)).sure


def test_all_targets_together_are_met_in_the_same_replication() -> None:
    outcomes = np.array([[40.0, 120.0], [60.0, 120.0], [40.0, 80.0], [np.nan, 120.0]])
    assert joint_chance((DAYS, VISITORS), outcomes).value == pytest.approx(1 / 3)
    assert met_matrix((DAYS, VISITORS), outcomes).tolist()[0] == [True, True]


def test_targets_that_no_variant_reaches_together_contradict() -> None:
    reached = np.array([[True, False, False], [False, True, False], [True, False, False]])
    assert contradictions(reached) == [(0, 1)]
    assert contradictions(np.array([[True, True], [True, False]])) == []


def test_a_target_says_what_it_asks() -> None:
    assert str(DAYS) == "chiang-mai pm25 count over 37.5: at most 49 with 80%"
