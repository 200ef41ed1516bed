"""What a series is like and how two series differ: pure functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import special

Clock = NDArray[np.int64]
Values = NDArray[np.float64]

DAY = 86_400
DAYS_FOR_DAILY_MEANS = 7
_FEWEST = 3
LEAST_EFFECTIVE = 4.0
"""The effective sample size below which no interval of a mean is given.

It is drawn from Student's t with n' - 1 degrees of freedom, whose variance is infinite up to two (Johnson, Kotz and
Balakrishnan 1995, Continuous Univariate Distributions 2, 28.2), so three are the fewest with which its length says
more than that too little is known. Below about 30 it is rough already (Zwiers and von Storch 1995, J. Climate
8:336)."""


class NoInterval(StrEnum):
    """Why an interval is not given."""

    FEW = "too few values"
    MEMORY = "remembers too long"

    def said(self, days: int) -> str:
        """The reason in words, for the days there are."""
        span = f"{days} day" if days == 1 else f"{days} days"
        if self is NoInterval.FEW:
            return f"not given: {span} with too few values"
        return f"not given: the series remembers too long for {span}"


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
    scale has no zero. Intervals that cannot be given are NaN, and `why` says why not (`no_interval`). `days` says how
    many days have a common bucket.
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
    why: NoInterval | None = None

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
    told = Difference(len(gaps), count, mean, mean - half, mean + half, np.nan, why=no_interval(steps))
    if not ratio_scale or level <= 0:
        return told
    ratio = float(values.mean()) / float(reference.mean())
    rest = (values - ratio * reference) / level  # the ratio of two means, linearised: Cochran 1977, 2.11
    rest = _means_by(days, rest) if count >= DAYS_FOR_DAILY_MEANS else rest
    low, high, why = ratio - half_width(rest), ratio + half_width(rest), told.why or no_interval(rest)
    return replace(told, relative=100 * mean / level, ratio=ratio, ratio_low=low, ratio_high=high, why=why)


def half_width(steps: Values, confidence: float = 0.95) -> float:
    r"""Half the confidence interval of the mean of autocorrelated steps (n,); NaN where `no_interval` says why.

    :math:`t_{n'-1}\, s / \sqrt{n'}` with the effective sample size n' of `effective_sizes`.
    """
    if no_interval(steps) is not None:
        return np.nan
    effective = float(effective_sizes(steps[:, None])[0])
    spread = float(steps.std(ddof=1)) if not _constant(steps[:, None])[0] else 0.0
    return spread / float(np.sqrt(effective)) * float(special.stdtrit(effective - 1, (1 + confidence) / 2))


def no_interval(steps: Values) -> NoInterval | None:
    """Why the mean of steps (n,) has no interval: they are, or are worth, fewer than `LEAST_EFFECTIVE`.

    Three suffice where all are equal.
    """
    if len(steps) < _FEWEST:
        return NoInterval.FEW
    if _constant(steps[:, None])[0] or effective_sizes(steps[:, None])[0] >= LEAST_EFFECTIVE:
        return None
    return NoInterval.FEW if len(steps) < LEAST_EFFECTIVE else NoInterval.MEMORY


def effective_sizes(steps: Values) -> Values:
    r"""How many independent values each column of autocorrelated steps (n, columns) is worth; n for a constant.

    :math:`n' = n (1 - r) / (1 + r)` of a first-order autoregression (Bayley and Hammersley 1946, J. R. Stat. Soc.
    Suppl. 8:184; Wilks 2011, Statistical Methods in the Atmospheric Sciences, 5.2.4). The lag-1 autocorrelation is
    corrected for its bias in short series, :math:`r = r_1 + (1 + 3 r_1) / n` (Marriott and Pope 1954, Biometrika
    41:390), and kept in [0, 0.999].
    """
    n = len(steps)
    away = steps - steps.mean(axis=0)
    still = _constant(steps)
    power = np.where(still, 1.0, (away**2).sum(axis=0))
    lag1 = (away[1:] * away[:-1]).sum(axis=0) / power
    lag1 = np.clip(lag1 + (1 + 3 * lag1) / n, 0, 0.999)
    sizes: Values = np.where(still, float(n), n * (1 - lag1) / (1 + lag1))
    return sizes


def _constant(steps: Values) -> NDArray[np.bool_]:
    """Which columns (n, columns) vary by rounding only."""
    power = ((steps - steps.mean(axis=0)) ** 2).sum(axis=0)
    still: NDArray[np.bool_] = power <= len(steps) * (1e-12 * np.abs(steps).max(axis=0)) ** 2
    return still


def _means_by(keys: NDArray[np.int64], values: Values) -> Values:
    _, places = np.unique(keys, return_inverse=True)
    means: Values = np.bincount(places, weights=values) / np.bincount(places)
    return means
