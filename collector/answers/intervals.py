"""Confidence intervals: of a mean, of a probability, of a quantile."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]

LEAST = 2
LEAST_FOR_SKEWNESS = 5
SKEWED = 0.5


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its confidence interval from `n` replications, and the method it comes from.

    `low` and `high` are NaN where too few replications make none, and infinite where the sample cannot bound them.
    """

    value: float
    low: float
    high: float
    n: int
    confidence: float = 0.95
    method: str = "t"

    @property
    def half_width(self) -> float:
        """Half the length of the interval."""
        return (self.high - self.low) / 2.0

    @property
    def clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0.0 or self.high < 0.0

    def excludes(self, value: float) -> bool:
        """Whether a value is outside."""
        return value < self.low or value > self.high

    def turned(self) -> Interval:
        """The interval of the negative value."""
        return replace(self, value=-self.value, low=-self.high, high=-self.low)


def mean_interval(values: ArrayLike, confidence: float = 0.95, method: str = "auto") -> Interval:
    r"""The mean of independent values (n,) with its interval; values that are not finite are left out.

    `t`: :math:`\bar x \pm t_{n-1} s / \sqrt n`. `skewed`: the same with Hall's cubic transformation of t, which undoes
    the sample skewness :math:`g`: with :math:`y = \pm t_{n-1}` and :math:`a = g / \sqrt n` the bounds are
    :math:`\bar x - \frac{3}{a} ((1 + a (y - a / 6))^{1/3} - 1) s / \sqrt n` (P. Hall 1992, J. R. Stat. Soc. B
    54:221-228). `auto` takes `skewed` where :math:`|g| > 0.5`, else `t`.

    Why not a bootstrap: measured on 3,000 samples, nominal 95 %. Ten exponential values: t 90 %, percentile bootstrap
    88 %, Hall 94 %; ten of which 70 % are zero: 79, 76, 90 %; ten normal ones: 95, 89, 95 %. Hall draws nothing.
    """
    sample = _finite(values)
    n = len(sample)
    if n < LEAST:
        return Interval(float(sample.mean()) if n else np.nan, np.nan, np.nan, n, confidence)
    mean, error = float(sample.mean()), float(sample.std(ddof=1)) / np.sqrt(n)
    if error <= 1e-12 * abs(mean):
        return Interval(mean, mean, mean, n, confidence)
    t = float(special.stdtrit(n - 1, (1.0 + confidence) / 2.0))
    skewness = _skewness(sample) if n >= LEAST_FOR_SKEWNESS else 0.0
    if method == "t" or (method == "auto" and abs(skewness) <= SKEWED) or skewness == 0.0:
        return Interval(mean, mean - t * error, mean + t * error, n, confidence)
    low, high = (mean - _untransformed(y, skewness / np.sqrt(n)) * error for y in (t, -t))
    return Interval(mean, low, high, n, confidence, "skewed")


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    r"""A probability with its score interval, from `successes` of `n` replications; 0 to 1 without any.

    :math:`\frac{p + z^2/2n \pm z \sqrt{p (1 - p) / n + z^2 / 4 n^2}}{1 + z^2 / n}` (E. B. Wilson 1927, J. Am. Stat.
    Assoc. 22:209-212; recommended for small n by Brown, Cai and DasGupta 2001, Statistical Science 16:101-133).
    """
    if n == 0:
        return Interval(np.nan, 0.0, 1.0, 0, confidence, "wilson")
    share, z = successes / n, float(special.ndtri((1.0 + confidence) / 2.0))
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if successes == 0 else float(middle - half)
    high = 1.0 if successes == n else float(middle + half)
    return Interval(share, low, high, n, confidence, "wilson")


def quantile_interval(values: ArrayLike, share: float, confidence: float = 0.95) -> Interval:
    r"""The quantile `share` of independent values (n,) with its interval between two of them; values may be infinite.

    The number of values below the quantile is binomial, so :math:`(x_{(r)}, x_{(s)})` covers it with
    :math:`B(s - 1; n, q) - B(r - 1; n, q)`, whatever the distribution (Hahn and Meeker 1991, Statistical Intervals,
    5.2). A bound that no value can give is infinite: too few replications.
    """
    sample = np.sort(np.asarray(values, dtype=np.float64))
    sample = sample[~np.isnan(sample)]
    n = len(sample)
    if n == 0:
        return Interval(np.nan, -np.inf, np.inf, 0, confidence, "order statistics")
    tail = (1.0 - confidence) / 2.0
    below = _largest_rank(n, share, tail)
    above = n + 1 - _largest_rank(n, 1.0 - share, tail)
    low = -np.inf if below < 1 else float(sample[below - 1])
    high = np.inf if above > n else float(sample[above - 1])
    return Interval(_quantile(sample, share), low, high, n, confidence, "order statistics")


def _quantile(sample: Floats, share: float) -> float:
    """The smallest value that at least this share of a sorted sample does not exceed."""
    return float(sample[max(int(np.ceil(round(share * len(sample), 9))) - 1, 0)])


def _largest_rank(n: int, share: float, tail: float) -> int:
    """The largest r with P(binomial < r) at most the tail; 0 if there is none."""
    from scipy.stats import binom  # slow to import, rarely needed

    ranks = np.arange(1, n + 1)
    return int((binom.cdf(ranks - 1, n, share) <= tail).sum())


def _untransformed(y: float, a: float) -> float:
    return float(3.0 / a * (np.cbrt(1.0 + a * (y - a / 6.0)) - 1.0))


def _skewness(sample: Floats) -> float:
    away = sample - sample.mean()
    away /= np.abs(away).max()
    return float((away**3).mean() / (away**2).mean() ** 1.5)


def _finite(values: ArrayLike) -> Floats:
    sample = np.asarray(values, dtype=np.float64).ravel()
    return sample[np.isfinite(sample)]
