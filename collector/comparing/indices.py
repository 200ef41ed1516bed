"""Air quality indices, NowCast and days over a level: pure functions of arrays of concentrations.

Particles are in µg/m³ and gases in ppb, as in the catalogue. What an authority laid down is in `guidelines.toml`.
An index has the origin of the concentrations it was computed from.
"""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

from collector.comparing.guidelines import Breakpoints, Category, Scheme, breakpoints, index_of, micrograms_per_unit
from collector.language.errors import InputError

Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]

NOWCAST_HOURS = 12
_WHOLE = 1e-6  # in steps of the resolution: a mean of 35.5 that came out as 35.499999999 is 35.5


def air_quality_index(concentration: Floats | float, pollutant: str, scheme: Scheme, on: date | Days) -> Floats:
    """The air quality index of one pollutant, whole numbers of the shape of `concentration` broadcast with `on`.

    Parameters
    ----------
    concentration
        Means over the time that the table asks for (`Breakpoints.averaging`), in µg/m³ or ppb.
    pollutant
        `pm25`, `pm10`, `no2`, `o3`, `so2` or `co`.
    scheme
        Whose index.
    on
        The local day of each mean (a finer time is cut to its day): each value gets the table in force on its day.

    Returns
    -------
    Floats
        NaN where the concentration is NaN, infinite or negative. Above the end of its table a concentration gets the
        index at which the next category begins, to be read as "that or more", and never more than 500.

    Raises
    ------
    InputError
        Where the scheme does not know the pollutant, or a day has no table or is missing.

    Notes
    -----
    The concentration is truncated to the table's resolution, then I = (I_high - I_low) / (C_high - C_low)
    * (C - C_low) + I_low within its band, rounded to the nearest whole number, halves up (40 CFR 58 Appendix G).
    """
    tables = breakpoints(pollutant, scheme)
    values, days = np.broadcast_arrays(np.asarray(concentration, np.float64), np.asarray(on, "datetime64[D]"))
    in_force = _in_force(tables, days, scheme)
    index = np.full(values.shape, np.nan)
    for number, table in enumerate(tables):
        there = in_force == number
        index[there] = _index(values[there], table)
    return index


def category_number(index: Floats | float, scheme: Scheme) -> NDArray[np.int64]:
    """The number of the category of each index, 0 the best, -1 where the index is NaN or negative."""
    values = np.asarray(index, np.float64)
    lasts = [category.last for category in index_of(scheme).categories[:-1]]
    return np.where(values >= 0.0, np.searchsorted(lasts, values), -1)


def category(index: float, scheme: Scheme) -> Category | None:
    """The category of an index, with its name and colour; none where the index is NaN or negative."""
    number = int(category_number(index, scheme))
    return index_of(scheme).categories[number] if number >= 0 else None


def nowcast(hourly: Floats) -> Floats:
    """The NowCast of particles at each hour of hourly means (..., hours), the oldest first, in their unit.

    The mean of the last 12 hours, that hour included, weighted by w**k for k hours ago, w = min / max but at least
    0.5. Hours that are NaN, infinite or negative are missing and left out; hours before the series are missing too.
    NaN where fewer than two of the last three hours are there. Not truncated: the index does that.

    Source: US EPA, Technical Assistance Document for the Reporting of Daily Air Quality (PM NowCast).
    """
    hourly = np.asarray(hourly, np.float64)
    if not hourly.shape[-1]:
        return hourly.copy()
    known = np.where(np.isfinite(hourly) & (hourly >= 0.0), hourly, np.nan)
    before = np.full((*hourly.shape[:-1], NOWCAST_HOURS - 1), np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([before, known], -1), NOWCAST_HOURS, -1)
    weight = _weight(windows)
    total, weights = np.zeros_like(hourly), np.zeros_like(hourly)
    for hour in range(NOWCAST_HOURS):  # Horner's rule, from the oldest hour
        value = windows[..., hour]
        total = total * weight + np.nan_to_num(value)
        weights = weights * weight + ~np.isnan(value)
    enough = (~np.isnan(windows[..., -3:])).sum(axis=-1) >= 2
    return np.asarray(np.divide(total, weights, out=np.full_like(hourly, np.nan), where=enough))


def days_over(daily: Floats, level: float) -> NDArray[np.int64]:
    """The number of days above a level (the level itself is not above) along the last axis; NaN days do not count."""
    return np.asarray(np.count_nonzero(np.asarray(daily) > level, axis=-1), np.int64)


def mass_concentration(concentration: Floats | float, pollutant: str) -> Floats:
    """The concentration in µg/m³, as WHO guidelines are, from the catalogue's unit (gases: 25 °C and 1013 hPa)."""
    return np.asarray(concentration, np.float64) * micrograms_per_unit(pollutant)


def _in_force(tables: tuple[Breakpoints, ...], days: Days, scheme: Scheme) -> NDArray[np.intp]:
    starts = np.array([table.valid_from for table in tables], "datetime64[D]")
    if np.isnat(days).any():
        raise InputError("an air quality index needs the day of every value: expected a date, came NaT")
    if days.size and (first := days.min()) < starts[0]:
        wanted = f"expected {starts[0]} or later, came {first}; leave out earlier days"
        raise InputError(f"no {scheme} table for {tables[0].pollutant} is known on that day: {wanted}")
    return np.searchsorted(starts, days, side="right") - 1


def _index(concentration: Floats, table: Breakpoints) -> Floats:
    # in whole steps of the resolution, so that every band is between whole numbers and halves are exact
    highs = np.rint(np.array(table.ends) / table.resolution)
    lows = np.concatenate([[0.0], highs[:-1] + 1.0])
    index_highs = np.array(table.indices, np.float64)
    index_lows = np.concatenate([[0.0], index_highs[:-1] + 1.0])
    valid = np.isfinite(concentration) & (concentration >= 0.0)
    steps = np.floor(np.where(valid, concentration, 0.0) / table.resolution + _WHOLE)
    band = np.minimum(np.searchsorted(highs, steps), len(highs) - 1)
    rise = (index_highs - index_lows)[band] * (steps - lows[band]) / (highs - lows)[band]
    index = np.floor(index_lows[band] + rise + 0.5)
    beyond = min(table.indices[-1] + 1, 500)
    return np.where(valid, np.where(steps > highs[-1], beyond, index), np.nan)


def _weight(windows: Floats) -> Floats:
    least, most = np.fmin.reduce(windows, axis=-1), np.fmax.reduce(windows, axis=-1)
    weight = np.divide(least, most, out=np.ones_like(most), where=most > 0.0)
    return np.asarray(np.maximum(weight, 0.5))
