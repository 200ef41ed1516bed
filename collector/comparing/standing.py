"""How sure the places of a ranking are: pure functions of arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.comparing.difference import DAYS_FOR_DAILY_MEANS, Values

RESAMPLES = 2_000
_TAIL = 0.025


@dataclass(frozen=True, slots=True)
class Standing:
    """How sure a place is: `low` and `high` hold it in 95 % of the resamples, `best` is the share in which it is 1."""

    low: int
    high: int
    best: float


def standings(sums: Values, counts: Values, *, higher_is_better: bool, seed: int = 0) -> list[Standing] | None:
    """How sure the places of columns are that are ranked by their means; None below seven days.

    Parameters
    ----------
    sums, counts
        Of each day (rows, in their order) and column: the sum of its buckets and their number.
    higher_is_better
        Which end comes first.
    seed
        Of the resampling: the same input gives the same outcome.

    Notes
    -----
    Blocks of consecutive days are drawn with replacement around a circle (Politis and Romano 1992), the same for all
    columns, so that the memory from day to day and the weather that they share are kept. The length of a block is that
    of the column with the longest memory (`block_length`). Ranks of resampled means: Goldstein and Spiegelhalter 1996,
    J. R. Stat. Soc. A 159:385-443.
    """
    days = len(sums)
    if days < DAYS_FOR_DAILY_MEANS:
        return None
    means = sums / counts
    block = max(block_length(column) for column in means.T)
    weights = _weights(days, block, np.random.default_rng(seed))
    places = _places((weights @ sums) / (weights @ counts) * (-1 if higher_is_better else 1))
    low, high = np.quantile(places, [_TAIL, 1 - _TAIL], axis=0, method="inverted_cdf")
    first = (places == 1).mean(axis=0)
    return [Standing(int(low[one]), int(high[one]), float(first[one])) for one in range(sums.shape[1])]


def block_length(series: Values) -> int:
    """The length of the blocks that a circular bootstrap of the mean of a series (n,) wants, 1 to n / 3.

    Politis and White 2004, Econometric Reviews 23:53-70, as corrected by Patton, Politis and White 2009, 28:372-375:
    b = (2 G^2 / D)^(1/3) n^(1/3) with D = 4/3 g(0)^2 and a flat-top window as wide as the memory of the series.
    """
    n = len(series)
    away = series - series.mean()
    power = float(away @ away) / n
    most = math.ceil(min(3 * math.sqrt(n), n / 3))
    if most <= 1 or power <= (1e-12 * float(np.abs(series).max(initial=0.0))) ** 2:
        return 1
    reach = min(math.ceil(math.sqrt(n)) + 5, n - 1)
    kept = np.array([float(away[lag:] @ away[: n - lag]) / n for lag in range(reach + 1)])
    width = min(2 * max(_memory(kept / power, n), 1), reach)
    lags = np.arange(1, width + 1)
    window = np.minimum(1.0, 2 * (1 - lags / width))
    level = kept[0] + 2 * float(window @ kept[1 : width + 1])
    slope = 2 * float((window * lags) @ kept[1 : width + 1])
    length = (1.5 * slope**2 / max(level**2, 1e-300) * n) ** (1 / 3)
    return int(np.clip(math.ceil(length), 1, most))


def _memory(correlation: Values, n: int) -> int:
    """The lag after which five autocorrelations in a row are as good as none."""
    small = np.abs(correlation) < 2 * math.sqrt(math.log10(n) / n)
    for lag in range(len(small) - 1):
        if small[lag + 1 : lag + 6].all():
            return lag
    return len(small) - 1


def _weights(days: int, block: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each day is drawn in each resample, (RESAMPLES, days)."""
    blocks = math.ceil(days / block)
    starts = rng.integers(0, days, (RESAMPLES, blocks))
    drawn = ((starts[:, :, None] + np.arange(block)) % days).reshape(RESAMPLES, -1)[:, :days]
    rows = np.arange(RESAMPLES)[:, None] * days
    return np.bincount((rows + drawn).ravel(), minlength=RESAMPLES * days).reshape(RESAMPLES, days).astype(np.float64)


def _places(means: Values) -> NDArray[np.int64]:
    """The place of each column (resamples, columns): one more than the columns that are lower, ties share the better.

    Means that differ by rounding only are equal.
    """
    scale = 1e-12 * np.maximum(np.abs(means).max(axis=1), 1e-300)[:, None, None]
    places: NDArray[np.int64] = (means[:, :, None] - means[:, None, :] > scale).sum(axis=2) + 1
    return places
