"""Trends that are there beyond chance and memory: Theil-Sen slopes and a Mann-Kendall test for autocorrelated data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from collector.comparing.comparison import Cell, Comparison, Entry, Section
from collector.comparing.days import autocorrelation, by_day, on_grid
from collector.comparing.difference import DAY, Clock, NoInterval, Values
from collector.comparing.sheet import Sheet, about, sheet_of
from collector.language.indicators import Better, IndicatorKind

YEAR = 365.25 * DAY
MOST = 5_000
FEWEST = 10
LEAST_EFFECTIVE = 5.0
"""The effective number of detrended values below which neither interval nor test is given: a line takes two of them,
and three degrees of freedom are left (`collector.comparing.difference.LEAST_EFFECTIVE`)."""
FOUND = {
    "n": "n",
    "sparse": "Too few",
    "coverage": "Coverage",
    "slope": "Slope per year",
    "low": "95 % low",
    "high": "95 % high",
    "relative": "% per year",
    "unit": "Unit",
    "tau": "Kendall's tau",
    "p": "p",
    "p_independent": "p if independent",
    "verdict": "Trend",
    "no_interval": "No interval",
}


@dataclass(frozen=True, slots=True)
class Trend:
    """A monotonic trend of `n` values: the slope by the year with its 95 % interval, and the test of its being there.

    `p` is two-sided and respects autocorrelation, `p_independent` does not; `inflation` is what the variance of the
    test was multiplied with. NaN where the test cannot be given: where the sum of the memory makes the variance
    negative, or the detrended values are worth fewer than `LEAST_EFFECTIVE` independent ones.
    """

    n: int
    slope: float
    low: float
    high: float
    tau: float
    p: float
    p_independent: float
    inflation: float

    @property
    def clear(self) -> bool:
        """Whether there is a trend at the 5 % level."""
        return self.p < 0.05

    @property
    def why(self) -> NoInterval | None:
        """Why the interval of the slope is not given, if it is not."""
        return NoInterval.MEMORY if math.isnan(self.low) else None


def trend(clock: Clock, values: Values, step: int, *, every_lag: bool = False) -> Trend:
    r"""The trend of values (n,) at sorted times (n,) that are whole steps apart, where any are missing.

    The slope is the median of those of all pairs (Theil 1950; Sen 1968, J. Am. Stat. Assoc. 63:1379, with its interval
    from the corrected variance). The test is Mann-Kendall's with the variance corrected for the autocorrelation of the
    ranks of the detrended values (Hamed and Rao 1998, J. Hydrol. 204:182),
    :math:`V^* = V (1 + \frac{2}{n(n-1)(n-2)} \sum_i (n-i)(n-i-1)(n-i-2) \rho_i)`. They take all lags significant at
    5 % and the normal distribution (`every_lag`), which takes far more than 5 % of series with memory for trends. Here
    only the lags before the first that is not significant count; the memory is at least that of a first-order
    autoregression, whose :math:`\rho_i = \frac{6}{\pi} \arcsin \frac{r^i}{2}` (`_memory`); and the score is held
    against Student's t with n' - 2 degrees of freedom, :math:`n' = n (1 - r) / (1 + r)`, for the memory is estimated
    (Santer et al. 2000, J. Geophys. Res. 105:7337). Where the sum makes the variance negative, or (not with
    `every_lag`) n' is below `LEAST_EFFECTIVE`, neither test nor interval is given.

    Raises `ValueError` for fewer than 10 or more than 5,000 values.
    """
    n = len(values)
    if not FEWEST <= n <= MOST:
        raise ValueError(f"expected {FEWEST} to {MOST} values for a trend, came {n}")
    above, below = np.triu_indices(n, 1)
    slopes = np.sort((values[below] - values[above]) / (clock[below] - clock[above]))
    score = int(np.sign(slopes).sum())
    variance = _variance(values)
    middle = float(np.median(slopes))
    rest = values - middle * (clock - clock[0])
    factor, freedom = _inflation(clock, rest, step, every_lag=every_lag), np.inf
    if not every_lag:
        memory = _memory(rest, float(np.abs(values).max()))
        factor, freedom = max(factor, _of_autoregression(memory, n)), n * (1 - memory) / (1 + memory) - 2
    known = variance * factor if freedom >= LEAST_EFFECTIVE - 2 else -1.0
    low, high = _interval(slopes, known, freedom)
    pairs = n * (n - 1) / 2
    p, independent = _p(score, known, freedom), _p(score, variance, np.inf)
    return Trend(n, middle * YEAR, low * YEAR, high * YEAR, score / pairs, p, independent, factor)


def trends(comparison: Comparison) -> Sheet:
    """The trend of every column of a comparison, from the means of its days, or its buckets where they are longer."""
    told, notices = [], [_HOW]
    for part in comparison.sections:
        for entry in part.entries:
            row, said = _row(comparison, part, entry)
            told.append(row)
            notices += said
        notices += part.notes
    if comparison.last - comparison.first < 2 * YEAR:
        notices.append("Less than two years: the season is part of a trend.")
    return sheet_of("trend", "Trends", FOUND, told, notices)


_HOW = (
    "Theil-Sen slope; Mann-Kendall test with the variance corrected for autocorrelation (after Hamed and Rao 1998). "
    "“p if independent” is what a test that takes every day as new would say."
)


def _row(comparison: Comparison, part: Section, entry: Entry) -> tuple[dict[str, Cell], list[str]]:
    bucket = comparison.request.bucket
    clock, values, step = entry.clock, entry.values, bucket
    if bucket < DAY:
        days = by_day(clock, values, bucket, comparison.request.least_coverage)
        clock, values, step = days.days * DAY, days.means, DAY
    row = about(comparison, part, entry) | {
        "n": len(values), "sparse": entry.sparse, "coverage": entry.figures.coverage, "unit": f"{part.unit} per year",
    }  # fmt: skip
    reason = _refusal(part, values)
    if reason:
        return row | {"verdict": "not given"}, [f"{entry.label}, {part.indicator.name}: no trend, for {reason}."]
    found = trend(clock, values, step)
    level = float(values.mean())
    scale = part.indicator.minimum >= 0 and not part.indicator.ucum.startswith("dB") and level > 0
    row |= {key: getattr(found, key) for key in ("slope", "low", "high", "tau", "p", "p_independent")}
    row |= {"relative": 100 * found.slope / level if scale else None, "verdict": _verdict(found, part)}
    if found.why is None:
        return row, []
    known = found.why.said(len(values) * step // DAY)
    said = f"{entry.label}, {part.indicator.name}: interval of the slope {known}."
    return row | {"no_interval": str(found.why)}, [said]


def _refusal(part: Section, values: Values) -> str:
    if len(values) < FEWEST:
        what = "periods" if part.indicator.kind is IndicatorKind.STATISTIC else "days"
        return f"it has {len(values)} {what} and {FEWEST} are needed"
    return f"it has {len(values)} values and {MOST} are the most; take longer buckets" if len(values) > MOST else ""


def _verdict(found: Trend, part: Section) -> str:
    if math.isnan(found.p):
        return "not given"
    if not found.clear:
        return "no clear trend"
    way = "rising" if found.tau > 0 else "falling"
    if part.indicator.better is Better.TARGET:
        return way
    better = (found.tau > 0) == (part.indicator.better is Better.HIGHER)
    return f"{way}, {'better' if better else 'worse'}"


def _variance(values: Values) -> float:
    """The variance of the score of Mann and Kendall, with its correction for ties."""
    n = len(values)
    _, ties = np.unique(values, return_counts=True)
    tied = float((ties * (ties - 1.0) * (2.0 * ties + 5.0)).sum())
    return (n * (n - 1.0) * (2.0 * n + 5.0) - tied) / 18.0


def _memory(detrended: Values, largest: float) -> float:
    """The lag-1 autocorrelation r of values (n,) up to `largest` less a line, corrected for its bias, in [0, 0.999].

    Taking a line away lowers it to about r - (2 + 4 r) / n (Tjøstheim and Paulsen 1983, Biometrika 70:389). What is
    left of rounding remembers nothing.
    """
    n = len(detrended)
    if float(np.ptp(detrended)) <= 1e-12 * largest:
        return 0.0
    return float(np.clip((n * autocorrelation(detrended, 1)[0] + 2) / (n - 4), 0, 0.999))


def _of_autoregression(memory: float, n: int) -> float:
    lags = np.arange(1, n)
    return _summed(6 / math.pi * np.arcsin(memory**lags / 2), n)


def _summed(found: Values, n: int) -> float:
    """What autocorrelations of ranks at lags 1 to at most n - 1 multiply the variance of the score with."""
    lags = np.arange(1, len(found) + 1)
    weights = (n - lags) * (n - lags - 1.0) * (n - lags - 2.0)
    return float(1 + 2 / (n * (n - 1.0) * (n - 2.0)) * (weights * found).sum())


def _inflation(clock: Clock, detrended: Values, step: int, *, every_lag: bool) -> float:
    from scipy.stats import rankdata  # slow to import, rarely needed

    n = len(detrended)
    ranks = on_grid(clock, rankdata(detrended), step)
    found = autocorrelation(ranks, min(n, len(ranks)) - 1)[: n - 1]
    kept = np.abs(found) > special.ndtri(0.975) / math.sqrt(n)
    if not every_lag:
        kept = np.logical_and.accumulate(kept)
    return _summed(np.where(kept, found, 0.0), n)


def _p(score: int, variance: float, freedom: float) -> float:
    if variance <= 0:
        return 1.0 if not score else np.nan
    return float(2 * special.stdtr(freedom, -abs(score - np.sign(score)) / math.sqrt(variance)))


def _interval(slopes: Values, variance: float, freedom: float) -> tuple[float, float]:
    if variance < 0:
        return np.nan, np.nan
    wide = special.stdtrit(freedom, 0.975) * math.sqrt(variance)
    low, high = (len(slopes) - wide) / 2, (len(slopes) + wide) / 2
    if low < 0:
        return np.nan, np.nan
    places = np.arange(1, len(slopes) + 1)
    return float(np.interp(low, places, slopes)), float(np.interp(high + 1, places, slopes))
