"""Days of buckets: the mean of each day that holds enough of them. Pure functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.comparing.difference import DAY, Clock, Values


@dataclass(frozen=True, slots=True)
class Days:
    """Days with data: their numbers since 1970 (n,), the sums and the counts of their buckets (n,)."""

    days: Clock
    sums: Values
    counts: Values

    @property
    def means(self) -> Values:
        """The mean of each day, in the unit of the values."""
        return self.sums / self.counts


def by_day(clock: Clock, values: Values, bucket: int, least: float = 0.0) -> Days:
    """The days of buckets at sorted times (n,); days with less than a share `least` of their buckets are left out.

    Buckets of a day and longer are days as they are.
    """
    days, places = np.unique(clock // DAY, return_inverse=True)
    counts = np.bincount(places, minlength=len(days)).astype(np.float64)
    sums: Values = np.bincount(places, weights=values, minlength=len(days)).astype(np.float64)
    full = counts * bucket >= least * DAY
    return Days(days[full], sums[full], counts[full])


def on_grid(clock: Clock, values: Values, step: int) -> Values:
    """The values at every step from the first time to the last, NaN where there is none."""
    if not len(clock):
        return np.empty(0)
    places: NDArray[np.int64] = (clock - clock[0]) // step
    along = np.full(int(places[-1]) + 1, np.nan)
    along[places] = values
    return along


def autocorrelation(along: Values, most: int) -> Values:
    """The autocorrelation at lags 1 to `most` of values on a grid (n,), of the pairs that are there.

    Pairs with a missing value are left out of the sum and not replaced (Parzen 1963, Sankhya A 25:383-392); 0 for a
    constant.
    """
    away = np.nan_to_num(along - np.nanmean(along))
    power = float(away @ away)
    if power <= 0:
        return np.zeros(most)
    return np.array([float(away[lag:] @ away[: len(away) - lag]) / power for lag in range(1, most + 1)])
