"""What comes before what: the correlation of two series at every lag, as sure as their memory allows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from collector.comparing.comparison import Cell, Comparison, Entry, Section
from collector.comparing.days import autocorrelation, on_grid
from collector.comparing.difference import DAY, Clock, NoInterval, Values
from collector.comparing.sheet import Sheet, about, sheet_of
from collector.language.errors import InputError

LAGS = 500
FEWEST = 20
LEAST_EFFECTIVE = 10.0
"""The effective number of pairs below which no interval is given. The sum of the memory ends at lag n/5, so that two
straight lines still count as five pairs; of 200 pairs of autoregressions of 60 values with a memory of 0.97, 9 % of the
intervals missed 0, and 5.5 % of those of 10 pairs and more. An assumption of this project."""
FOUND = {
    "against": "Against",
    "lag": "Lag h",
    "n": "n",
    "effective": "Effective n",
    "correlation": "Correlation",
    "low": "95 % low",
    "high": "95 % high",
    "no_interval": "No interval",
    "clear": "Clear",
    "strongest": "Strongest",
}


@dataclass(frozen=True, slots=True)
class Lagged:
    """The correlation of a series with another `lag` steps before it, on the `n` pairs that there are.

    `effective` is how many independent pairs they are worth, `low` and `high` the 95 % interval of this lag alone.
    They are NaN where the pairs are worth fewer than `LEAST_EFFECTIVE` (`why`). `clear` says that it differs from 0 at
    5 % over all lags that were looked at.
    """

    lag: int
    n: int
    effective: float
    correlation: float
    low: float
    high: float
    clear: bool
    why: NoInterval | None = None


def lagged(first: Values, second: Values, most: int) -> list[Lagged]:
    r"""The correlation of `second` with `first` at lags -`most` to `most`, of series on one grid (n,), NaN for gaps.

    At a positive lag `first` comes before `second`. Pairs with a missing value are left out. The effective number of
    pairs is :math:`1/n' = 1/n + 2/n \sum_j \frac{n-j}{n} \rho_1(j) \rho_2(j)` to lag n/5 (Pyper and Peterman 1998,
    Can. J. Fish. Aquat. Sci. 55:2127), the interval Fisher's with n' - 3, and the lags share 5 % (Bonferroni).
    """
    reach = max(len(first) // 5, 1)
    memory = autocorrelation(first, reach) * autocorrelation(second, reach)
    return [_at(first, second, lag, memory, 2 * most + 1) for lag in range(-most, most + 1)]


def without_daily_cycle(clock: Clock, values: Values, bucket: int) -> Values:
    """The values less the mean of their hour of the day, so that a cycle that both have is not read as influence."""
    if bucket >= DAY:
        return np.asarray(values - values.mean())
    _, places = np.unique(clock % DAY, return_inverse=True)
    away: Values = values - (np.bincount(places, weights=values) / np.bincount(places))[places]
    return away


def lags(comparison: Comparison, most: int) -> Sheet:
    """The correlation of every column with the first one of the first indicator, up to `most` seconds apart.

    The mean of each hour of the day is taken away from both. Raises `InputError` where there is nothing to correlate.
    """
    bucket = comparison.request.bucket
    steps = most // bucket
    series = [(part, entry) for part in comparison.sections for entry in part.entries]
    if not 1 <= steps <= LAGS:
        raise InputError(f"expected a lag of 1 to {LAGS} buckets of {bucket / 3600:g} h, came {most / 3600:g} h")
    if len(series) < 2:
        raise InputError("a lag is between two series: expected two cities, runs or indicators, came one")
    told: list[dict[str, Cell]] = []
    notices = [notice for part in comparison.sections for notice in part.notes]
    notices.append(_HOW.format(lags=2 * steps + 1))
    for part, entry in series[1:]:
        rows = _rows(comparison, series[0], (part, entry), steps)
        told += rows
        if not rows:
            notices.append(f"{entry.label}, {part.indicator.name}: fewer than {FEWEST} common buckets, so no lag.")
        if any(row["no_interval"] == NoInterval.MEMORY for row in rows):
            days = (comparison.last - comparison.first) // DAY
            notices.append(f"{entry.label}, {part.indicator.name}: interval {NoInterval.MEMORY.said(days)}.")
    return sheet_of("lag", "Correlation with lag", FOUND, told, notices)


_HOW = (
    "At a positive lag the series it is set against comes first. The mean of each hour of the day is taken away. The "
    "interval is of one lag; “clear” holds for all {lags} lags together. A correlation is not a cause."
)


def _rows(
    comparison: Comparison, reference: tuple[Section, Entry], other: tuple[Section, Entry], steps: int
) -> list[dict[str, Cell]]:
    bucket = comparison.request.bucket
    if len(np.intersect1d(reference[1].clock, other[1].clock)) < FEWEST:
        return []
    begin = min(int(reference[1].clock[0]), int(other[1].clock[0]))
    end = max(int(reference[1].clock[-1]), int(other[1].clock[-1])) + bucket
    first, second = (_along(one, bucket, begin, end) for one in (reference[1], other[1]))
    found = lagged(first, second, min(steps, len(first) - FEWEST))
    strongest = max(found, key=lambda one: abs(one.correlation) if one.n >= FEWEST else -1.0)
    against = f"{reference[0].indicator.id}: {reference[1].label}"
    return [
        about(comparison, *other)
        | {key: getattr(one, key) for key in ("n", "effective", "correlation", "low", "high")}
        | {"against": against, "lag": one.lag * bucket / 3600}
        | {"clear": "yes" if one.clear else "no", "strongest": "yes" if one is strongest else "no"}
        | {"no_interval": str(one.why) if one.why else None}
        for one in found
    ]


def _along(entry: Entry, bucket: int, begin: int, end: int) -> Values:
    values = on_grid(entry.clock, without_daily_cycle(entry.clock, entry.values, bucket), bucket)
    along = np.full((end - begin) // bucket, np.nan)
    start = (int(entry.clock[0]) - begin) // bucket
    along[start : start + len(values)] = values
    return along


def _at(first: Values, second: Values, lag: int, memory: Values, looked: int) -> Lagged:
    size = len(first) - abs(lag)
    before, after = (first[:size], second[lag:]) if lag >= 0 else (first[-lag:], second[:size])
    there = np.isfinite(before) & np.isfinite(after)
    before, after, n = before[there], after[there], int(there.sum())
    nothing = Lagged(lag, n, np.nan, np.nan, np.nan, np.nan, clear=False, why=NoInterval.FEW)
    if n < FEWEST or before.std() == 0 or after.std() == 0:
        return nothing
    correlation = float(np.corrcoef(before, after)[0, 1])
    places = np.arange(1, len(memory) + 1)
    held = 1 + 2 * float(((np.maximum(n - places, 0) / n) * memory).sum())
    effective = float(np.clip(n / max(held, 1e-9), 1.0, n))
    if effective < LEAST_EFFECTIVE:
        return Lagged(lag, n, effective, correlation, np.nan, np.nan, clear=False, why=NoInterval.MEMORY)
    centre, spread = math.atanh(np.clip(correlation, -1 + 1e-12, 1 - 1e-12)), 1 / math.sqrt(effective - 3)
    half = float(special.ndtri(0.975)) * spread
    clear = abs(centre) > float(special.ndtri(1 - 0.025 / looked)) * spread
    return Lagged(lag, n, effective, correlation, math.tanh(centre - half), math.tanh(centre + half), clear)
