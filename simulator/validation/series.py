"""A series on the regular grid of a local clock, and what statistics of it are made of: means, residuals, memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Times = NDArray[np.datetime64]

LEAST_PAIRS = 10


@dataclass(frozen=True, slots=True)
class Series:
    """Values on a regular grid of the local clock, NaN where there is none; hourly ones fill whole days.

    `times` and `values` are (n,); the unit of `times` is the interval: datetime64[h], [D] or [M]. `companion` (the
    temperature beside a load, the other residual of a pair), `maximum` and `minimum` (of a day) are (n,) too.
    `logarithmic` says whether residuals are taken of ln x or of x.
    """

    times: Times
    values: Floats
    companion: Floats | None = None
    maximum: Floats | None = None
    minimum: Floats | None = None
    logarithmic: bool = True

    @property
    def interval(self) -> str:
        """Get the interval: h, D or M."""
        return str(np.datetime_data(self.times.dtype)[0])

    @property
    def width(self) -> int:
        """Get the number of values of a row: 24 for hourly series, whose rows are days, else 1."""
        return 24 if self.interval == "h" else 1

    @property
    def calendar(self) -> Times:
        """Get the date of each row (days, or months), (rows,)."""
        return self.times[:: self.width].astype("datetime64[M]" if self.interval == "M" else "datetime64[D]")

    @property
    def present(self) -> Floats:
        """Get the share of values each row has, (rows,)."""
        return np.asarray(np.isfinite(self.values).reshape(-1, self.width).mean(axis=1))

    @property
    def hour(self) -> Integers:
        """Get the hour of the day of each value."""
        return self.times.astype("datetime64[h]").astype(np.int64) % 24

    @property
    def month(self) -> Integers:
        """Get the calendar month, 0 to 11, of each value."""
        return self.times.astype("datetime64[M]").astype(np.int64) % 12

    @property
    def weekend(self) -> Integers:
        """Get 1 on Saturday and Sunday, else 0."""
        return ((self.times.astype("datetime64[D]").astype(np.int64) + 3) % 7 >= 5).astype(np.int64)

    def take(self, rows: Integers) -> Series:
        """Get a series with the values of other rows at the same times: row i has what row `rows[i]` had."""
        return self._with(self.times, lambda column: column.reshape(-1, self.width)[rows].ravel())

    def part(self, first: int, end: int) -> Series:
        """Get the rows from `first` to before `end`."""
        where = slice(first * self.width, end * self.width)
        return self._with(self.times[where], lambda column: column[where])

    def _with(self, times: Times, change: Callable[[Floats], Floats]) -> Series:
        values, companion, maximum, minimum = (
            None if column is None else change(column)
            for column in (self.values, self.companion, self.maximum, self.minimum)
        )
        assert values is not None  # noqa: S101 - there are always values
        return Series(times, values, companion, maximum, minimum, self.logarithmic)


def means(values: Floats, groups: Integers, count: int, least: int = 1) -> Floats:
    """Get the mean of each group, (count,), NaN for a group with fewer than `least` values."""
    known = np.isfinite(values)
    number = np.bincount(groups[known], minlength=count)
    total = np.bincount(groups[known], values[known], minlength=count)
    return np.where(number >= least, total / np.maximum(number, 1), np.nan)


def less_means(values: Floats, groups: Integers) -> Floats:
    """Get values less the mean of their group."""
    rows = groups - groups.min(initial=0)
    return np.asarray(values - means(values, rows, int(rows.max(initial=0)) + 1)[rows])


def logarithm(values: Floats) -> Floats:
    """Get ln x, NaN where x is not above 0."""
    return np.log(np.where(values > 0.0, values, np.nan))


def residual(series: Series) -> Floats:
    """Get what season and hour leave of ln x (of x, if the series is not logarithmic), (n,).

    Daily: less the mean of its own year and month. Hourly: less that, then less the mean of the hour of the day over
    the record. Monthly: less the mean of its year, then less the mean of the calendar month.
    """
    values = logarithm(series.values) if series.logarithmic else series.values
    if series.interval == "M":
        return less_means(less_means(values, series.times.astype("datetime64[Y]").astype(np.int64)), series.month)
    left = less_means(values, series.times.astype("datetime64[M]").astype(np.int64))
    return less_means(left, series.hour) if series.interval == "h" else left


def correlation(first: Floats, second: Floats) -> float:
    """Get the correlation over the pairs of which both are there; NaN for fewer than 10 pairs or no spread."""
    both = np.isfinite(first) & np.isfinite(second)
    if both.sum() < LEAST_PAIRS:
        return float("nan")
    one, other = first[both] - first[both].mean(), second[both] - second[both].mean()
    scale = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / scale if scale > 0.0 else float("nan")


def deviation(values: Floats) -> float:
    """Get the standard deviation of the values there are, NaN for none."""
    known = values[np.isfinite(values)]
    return float(known.std()) if len(known) else float("nan")


def lagged(values: Floats, lag: int) -> float:
    """Get the autocorrelation at a lag over the pairs of which both are there."""
    return correlation(values[:-lag], values[lag:])


def vertex(cycle: Floats, *, least: bool = False) -> float:
    """Get the hour (0 to 24) of the largest (or least) of 24 hourly means.

    It is the vertex of the parabola through that mean and its two neighbours.
    """
    if not np.isfinite(cycle).all():
        return float("nan")
    bent = -cycle if least else cycle
    at = int(np.argmax(bent))
    before, here, after = bent[at - 1], bent[at], bent[(at + 1) % 24]
    curve = before - 2.0 * here + after
    return float((at + (0.5 * (before - after) / curve if curve < 0.0 else 0.0)) % 24.0)
