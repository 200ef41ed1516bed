"""Paired differences: covered at their nominal rate, better the more the pairs share."""

import numpy as np
import pytest
from scipy import stats

from collector.answers.intervals import mean_interval
from collector.answers.paired import bands, differences_over_time, improvement, paired_difference

SAMPLES = 1_500


def test_the_difference_is_the_paired_t_of_scipy() -> None:
    rng = np.random.default_rng(1)
    base = rng.normal(50, 10, 25)
    ours = base - 5 + rng.normal(0, 1, 25)
    found = paired_difference(ours, base)
    theirs = stats.ttest_rel(ours, base).confidence_interval()
    assert found.difference.method == "t"
    assert (found.difference.low, found.difference.high) == pytest.approx((theirs.low, theirs.high))
    assert found.difference.value == pytest.approx((ours - base).mean())
    assert found.relative == pytest.approx(100 * (ours - base).mean() / base.mean())


def test_paired_differences_cover_a_known_effect_at_the_nominal_rate() -> None:
    """A known answer: the lever takes 0.3 of a lognormal season away; the mean effect is -0.3 of its mean."""
    rng = np.random.default_rng(2)
    season = np.exp(rng.normal(3, 0.2, (SAMPLES, 15)))
    truth = -0.3 * np.exp(3 + 0.02)
    found = [paired_difference(0.7 * one, one).difference for one in season]
    rate = np.mean([one.low <= truth <= one.high for one in found])
    assert abs(rate - 0.95) <= 4 * np.sqrt(0.95 * 0.05 / SAMPLES)


def test_pairing_is_worth_what_a_multiplicative_effect_allows() -> None:
    """Perfect pairing of an effect r: (1 + r^2) / (1 - r)^2."""
    base = np.random.default_rng(3).gamma(4, 1, 40)
    assert paired_difference(0.7 * base, base).pairing == pytest.approx((1 + 0.49) / 0.09)


def test_a_replication_missing_in_one_is_left_out_of_both() -> None:
    found = paired_difference(np.array([1.0, np.nan, 3.0]), np.array([0.0, 5.0, 1.0]))
    assert found.difference.n == 2 and found.baseline == 0.5 and found.variant == 2.0


def test_other_replications_are_refused() -> None:
    with pytest.raises(ValueError, match="same replications"):
        paired_difference(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match="same replications"):
        differences_over_time(np.zeros((3, 2)), np.zeros((3, 4)))


def test_bands_over_time_are_the_t_interval_of_each_bucket() -> None:
    values = np.random.default_rng(4).normal(0, 1, (12, 5))
    values[3, 2] = np.nan
    found = bands(values)
    for bucket in range(5):
        one = mean_interval(values[:, bucket], method="t")
        assert (found.low[bucket], found.mean[bucket], found.high[bucket]) == pytest.approx(
            (one.low, one.value, one.high)
        )
    assert found.median[0] == pytest.approx(np.median(values[:, 0]))
    assert (found.band_low <= found.median).all() and (found.median <= found.band_high).all()


def test_a_bucket_without_values_has_no_band() -> None:
    found = bands(np.array([[np.nan, 1.0], [np.nan, 2.0]]))
    assert np.isnan(found.mean[0]) and np.isnan(found.band_high[0]) and found.mean[1] == 1.5


def test_an_improvement_follows_the_catalogue() -> None:
    change = mean_interval([-3.0, -2.0, -4.0])
    lower = improvement("pm25", change)
    assert lower is not None and lower.value == 3.0 and lower.low < lower.high
    assert improvement("digital_payments", change) == change
    assert improvement("rain", change) is None
