"""The stopping rule: narrow enough, and its coverage under repeated looks."""

import numpy as np
import pytest

from collector.answers.stopping import StoppingRule, Verdict, look

TRIALS = 1_000


def stopped(values: np.ndarray, rule: StoppingRule) -> Verdict:
    n = rule.least
    while not (verdict := look(rule, values[:n])).stop:
        assert verdict.next > n
        n = verdict.next
    return verdict


def test_intervals_cover_the_truth_although_they_are_looked_at_repeatedly() -> None:
    rng, rule = np.random.default_rng(1), StoppingRule(half_width=0.35, most=400)
    found = [stopped(rng.normal(1, 1, 400), rule).interval for _ in range(TRIALS)]
    assert 0.925 <= np.mean([one.low <= 1 <= one.high for one in found]) <= 0.975
    assert max(one.half_width for one in found) <= 0.35
    assert 30 <= np.mean([one.n for one in found]) <= 50


def test_looking_from_five_on_loses_coverage_which_is_why_twenty_is_the_least() -> None:
    def rate(least: int) -> float:
        rng, rule = np.random.default_rng(2), StoppingRule(half_width=0.5, least=least, most=400)
        found = [stopped(rng.exponential(1, 400), rule).interval for _ in range(TRIALS)]
        return float(np.mean([one.low <= 1 <= one.high for one in found]))

    assert rate(5) + 0.02 < rate(20)
    assert rate(20) >= 0.90


def test_a_relative_half_width_follows_the_mean() -> None:
    values = np.random.default_rng(3).normal(100, 10, 200)
    assert look(StoppingRule(relative=0.05), values[:30]).stop
    assert not look(StoppingRule(relative=0.001), values[:30]).stop


def test_the_most_replications_end_it_and_say_so() -> None:
    verdict = look(StoppingRule(half_width=1e-9, least=5, most=10), np.arange(10.0))
    assert verdict.stop and "most" in verdict.why


def test_before_the_least_it_never_stops() -> None:
    verdict = look(StoppingRule(half_width=1.0), np.zeros(3))
    assert not verdict.stop and verdict.next == 20


@pytest.mark.parametrize(
    "wrong", [{}, {"half_width": 0.0}, {"half_width": 1.0, "least": 1}, {"relative": 0.1, "most": 5}]
)
def test_a_rule_that_means_nothing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        StoppingRule(**wrong)
