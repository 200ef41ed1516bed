"""Differences of a variant from its baseline over the same replications, as totals and over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from collector.answers.intervals import Floats, Interval, mean_interval
from collector.language.indicators import Better, indicator


@dataclass(frozen=True, slots=True)
class Difference:
    """What a variant changes: the mean of the paired differences, and what the pairing was worth.

    `relative` is in percent of the mean of the baseline (NaN where that is 0). `pairing` is the variance of a
    difference of independent replications over that of the paired one: how many times fewer replications were needed.
    """

    difference: Interval
    baseline: float
    variant: float
    relative: float
    pairing: float


@dataclass(frozen=True, slots=True)
class Bands:
    """Figures of every bucket, each (buckets,): mean, its interval, and the band of the replications themselves."""

    mean: Floats
    low: Floats
    high: Floats
    band_low: Floats
    median: Floats
    band_high: Floats
    confidence: float
    share: float


def paired_difference(variant: Floats, baseline: Floats, confidence: float = 0.95) -> Difference:
    r"""The mean difference of one number (replications,) of a variant from its baseline, row by row.

    :math:`\bar d = \overline{v_r - b_r}` with the interval of `mean_interval` on the differences (the paired t; Law
    2015, Simulation Modeling and Analysis, 10.2.1). Replications missing in either are left out. Raises `ValueError`
    if the two have not the same replications.
    """
    if variant.shape != baseline.shape:
        raise ValueError(f"expected the same replications, came {variant.shape} and {baseline.shape}")
    both = np.isfinite(variant) & np.isfinite(baseline)
    ours, theirs = variant[both], baseline[both]
    found = mean_interval(ours - theirs, confidence)
    level = float(theirs.mean()) if both.any() else np.nan
    relative = 100.0 * found.value / abs(level) if level else np.nan
    return Difference(found, level, float(ours.mean()) if both.any() else np.nan, relative, _pairing(ours, theirs))


def differences_over_time(variant: Floats, baseline: Floats, confidence: float = 0.95, share: float = 0.9) -> Bands:
    """Differences (replications, buckets) bucket by bucket; see `bands`."""
    if variant.shape != baseline.shape:
        raise ValueError(f"expected the same replications and buckets, came {variant.shape} and {baseline.shape}")
    return bands(variant - baseline, confidence, share)


def bands(values: Floats, confidence: float = 0.95, share: float = 0.9) -> Bands:
    r"""The figures of every bucket of values (replications, buckets): a fan chart.

    The interval is that of the mean, :math:`\bar x \pm t_{n-1} s / \sqrt n` of each bucket on its own: one in twenty
    misses, so a curve of many buckets is not covered as a whole. The band holds `share` of the replications. NaN where
    a bucket has fewer than two replications.
    """
    there = np.isfinite(values)
    n = there.sum(axis=0)
    held = np.where(there, values, 0.0)
    mean = np.where(n > 0, held.sum(axis=0) / np.maximum(n, 1), np.nan)
    away = np.where(there, values - mean, 0.0)
    freedom = np.maximum(n - 1, 1)
    error = np.sqrt((away**2).sum(axis=0) / freedom / np.maximum(n, 1))
    half = special.stdtrit(freedom, (1.0 + confidence) / 2.0) * error
    half = np.where(n > 1, half, np.nan)
    cuts = np.full((3, values.shape[1]), np.nan)
    enough = n > 0
    tail = 100.0 * (1.0 - share) / 2.0
    cuts[:, enough] = np.nanpercentile(values[:, enough], [tail, 50.0, 100.0 - tail], axis=0)
    return Bands(mean, mean - half, mean + half, cuts[0], cuts[1], cuts[2], confidence, share)


def improvement(identity: str, difference: Interval) -> Interval | None:
    """The difference of an indicator as an improvement (positive is better); None where neither way is better."""
    better = indicator(identity).better
    if better is Better.TARGET:
        return None
    return difference if better is Better.HIGHER else difference.turned()


def _pairing(ours: Floats, theirs: Floats) -> float:
    if len(ours) < 2:
        return np.nan
    apart, together = float(ours.var(ddof=1) + theirs.var(ddof=1)), float((ours - theirs).var(ddof=1))
    if together > 0.0:
        return apart / together
    return np.inf if apart > 0.0 else np.nan
