"""The cost of one unit of improvement."""

import numpy as np
import pytest

from collector.answers.cost import cost_per_unit
from collector.answers.intervals import Interval, mean_interval


def test_the_bounds_are_the_cost_over_the_bounds_of_the_improvement() -> None:
    found = cost_per_unit(1200.0, Interval(4.0, 3.0, 6.0, 20))
    assert found.defined and (found.interval.low, found.interval.value, found.interval.high) == (200.0, 300.0, 400.0)


def test_a_saving_stays_in_order() -> None:
    found = cost_per_unit(-12.0, Interval(4.0, 3.0, 6.0, 20)).interval
    assert (found.low, found.value, found.high) == (-4.0, -3.0, -2.0)


@pytest.mark.parametrize(
    ("improvement", "why"),
    [
        (Interval(1.0, -1.0, 3.0, 9), "no bound"),
        (Interval(-2.0, -3.0, -1.0, 9), "worse"),
        (mean_interval([1.0]), "few"),
    ],
)
def test_near_no_improvement_there_is_no_cost_per_unit_and_the_reason_is_said(improvement: Interval, why: str) -> None:
    found = cost_per_unit(100.0, improvement)
    assert not found.defined and why in found.why and np.isnan(found.interval.value)


def test_the_interval_covers_the_true_ratio_at_the_nominal_rate() -> None:
    samples = np.random.default_rng(1).normal(5, 4, (1500, 20))
    found = [cost_per_unit(100.0, mean_interval(sample)) for sample in samples]
    there = [one.interval for one in found if one.defined]
    assert len(there) > 1400
    assert abs(np.mean([one.low <= 20.0 <= one.high for one in there]) - 0.95) <= 4 * np.sqrt(0.95 * 0.05 / len(there))
