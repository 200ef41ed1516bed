"""What a series is like and how two series differ: pure functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Clock = NDArray[np.int64]
Values = NDArray[np.float64]

DAY = 86_400
DAYS_FOR_DAILY_MEANS = 7
_FEWEST = 3


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one series: `n` buckets with data, `coverage` their share of the span, the rest in its unit."""

    n: int
    coverage: float
    mean: float = np.nan
    median: float = np.nan
    p95: float = np.nan
    minimum: float = np.nan
    maximum: float = np.nan


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean difference from a reference on the `n` buckets both have, with a 95 % confidence interval.

    `relative` is in percent of the reference's mean and `ratio` the mean over it, with its own interval; NaN where the
    scale has no zero. `low` and `high` are NaN where there are too few buckets for an interval. `days` says how many
    days have a common bucket.
    """

    n: int
    days: int
    mean: float
    low: float
    high: float
    relative: float

    ratio: float = np.nan
    ratio_low: float = np.nan
    ratio_high: float = np.nan

    @property
    def clear(self) -> bool:
        """Whether the interval is there and excludes 0."""
        return self.low > 0 or self.high < 0


def figures(values: Values, expected: int) -> Figures:
    """The figures of finite values (n,) of which `expected` could have been there."""
    if not len(values):
        return Figures(0, 0.0)
    median, p95 = np.percentile(values, [50, 95])
    return Figures(
        len(values),
        min(len(values) / max(expected, 1), 1.0),
        float(values.mean()),
        float(median),
        float(p95),
        float(values.min()),
        float(values.max()),
    )


def common(first: Clock, second: Clock) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where two sorted sets of times agree: indices into the first and into the second."""
    _, left, right = np.intersect1d(first, second, assume_unique=True, return_indices=True)
    return left, right


def difference(clock: Clock, values: Values, reference: Values, ratio_scale: bool = True) -> Difference:
    """The mean of `values - reference` (n,) at the same sorted times (n,), with an interval for autocorrelated data.

    From seven days on, the interval comes from the daily means of the differences (the daily cycle is no uncertainty,
    and day to day memory is what counts); below, from the buckets themselves. See `half_width`.
    """
    gaps = values - reference
    days = clock // DAY
    count = len(np.unique(days))
    steps = _means_by(days, gaps) if count >= DAYS_FOR_DAILY_MEANS else gaps
    mean, half, level = float(gaps.mean()), half_width(steps), abs(float(reference.mean()))
    told = Difference(len(gaps), count, mean, mean - half, mean + half, np.nan)
    if not ratio_scale or level <= 0:
        return told
    ratio = float(values.mean()) / float(reference.mean())
    rest = (values - ratio * reference) / level  # the ratio of two means, linearised: Cochran 1977, 2.11
    wide = half_width(_means_by(days, rest) if count >= DAYS_FOR_DAILY_MEANS else rest)
    return replace(told, relative=100 * mean / level, ratio=ratio, ratio_low=ratio - wide, ratio_high=ratio + wide)


def half_width(steps: Values, confidence: float = 0.95) -> float:
    r"""Half the confidence interval of the mean of autocorrelated steps (n,); NaN below three.

    :math:`t_{n'-1}\, s / \sqrt{n'}` with the effective sample size :math:`n' = n (1 - r) / (1 + r)` of a first-order
    autoregression (Bayley and Hammersley 1946, J. R. Stat. Soc. Suppl. 8:184; Wilks 2011, Statistical Methods in the
    Atmospheric Sciences, 5.2.4). The lag-1 autocorrelation is corrected for its bias in short series,
    :math:`r = r_1 + (1 + 3 r_1) / n` (Marriott and Pope 1954, Biometrika 41:390), and kept in [0, 0.999].
    """
    n = len(steps)
    if n < _FEWEST:
        return np.nan
    away = steps - steps.mean()
    power = float(away @ away)
    if power <= n * (1e-12 * float(np.abs(steps).max())) ** 2:
        return 0.0
    lag1 = float(away[1:] @ away[:-1]) / power
    lag1 = float(np.clip(lag1 + (1 + 3 * lag1) / n, 0, 0.999))
    effective = max(n * (1 - lag1) / (1 + lag1), 2.0)
    spread = np.sqrt(power / (n - 1) / effective)
    return float(spread * stats.t.ppf((1 + confidence) / 2, effective - 1))


def _means_by(keys: NDArray[np.int64], values: Values) -> Values:
    _, places = np.unique(keys, return_inverse=True)
    means: Values = np.bincount(places, weights=values) / np.bincount(places)
    return means
