"""Air quality indices, NowCast, heat index, reliability of travel, service level: pure functions of arrays.

Particles are in µg/m³ and gases in ppb, as in the catalogue. What an authority laid down is in `guidelines.toml`.
An index has the origin of the values it was computed from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from collector.comparing.guidelines import Breakpoints, Category, Scheme, breakpoints, index_of, micrograms_per_unit
from collector.language.errors import InputError

Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]

NOWCAST_HOURS = 12
ROTHFUSZ_FROM = 80.0
"""°F: below it the regression does not hold, and Steadman's simple formula is taken."""
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
        NaN where the concentration is NaN, infinite or negative. Above the end of its table the index goes on along
        the last band where the table is `open_ended` (no limit of 500 then); elsewhere a concentration gets the index
        at which the next category begins, to be read as "that or more" (`above_table`), and at most 500.

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
    number = tables_in_force(pollutant, scheme, days)
    if days.size and number.min() < 0:
        wanted = f"expected {tables[0].valid_from} or later, came {days.min()}; leave out earlier days"
        raise InputError(f"no {scheme} table for {pollutant} is known on that day: {wanted}")
    index = np.full(values.shape, np.nan)
    for place, table in enumerate(tables):
        there = number == place
        index[there] = _index(values[there], table)
    return index


def tables_in_force(pollutant: str, scheme: Scheme, on: date | Days) -> NDArray[np.intp]:
    """Which of the tables of a pollutant (`breakpoints`) is in force on each local day, -1 before the first.

    Raises `InputError` where the scheme does not know the pollutant, or a day is missing.
    """
    days = np.asarray(on, "datetime64[D]")
    if np.isnat(days).any():
        raise InputError("an air quality index needs the day of every value: expected a date, came NaT")
    starts = np.array([table.valid_from for table in breakpoints(pollutant, scheme)], "datetime64[D]")
    return np.asarray(np.searchsorted(starts, days, side="right") - 1)


def above_table(concentration: Floats, table: Breakpoints) -> NDArray[np.bool_]:
    """Where a concentration is above the last end of a table that does not go on: its index means "that or more"."""
    end = np.rint(table.ends[-1] / table.resolution)
    return np.asarray((_steps(np.asarray(concentration, np.float64), table) > end) & (not table.open_ended))


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


def heat_index(temperature: Floats | float, humidity: Floats | float) -> Floats:
    """The heat index in °C, of the shape of the air temperature (°C) broadcast with the relative humidity (%).

    NaN where either is missing or the humidity is not from 0 to 100.

    Notes
    -----
    With T in °F and R in %, the simple formula of Steadman (1979) averaged with T,
    (T + 0.5 (T + 61 + 1.2 (T - 68) + 0.094 R)) / 2; where that is 80 °F or more, the regression of Rothfusz (1990):
    -42.379 + 2.04901523 T + 10.14333127 R - 0.22475541 T R - 0.00683783 T² - 0.05481717 R² + 0.00122874 T² R
    + 0.00085282 T R² - 0.00000199 T² R², less (13 - R) / 4 √((17 - |T - 95|) / 17) where R < 13 and T is 80 to 112,
    plus (R - 85) / 10 (87 - T) / 5 where R > 85 and T is 80 to 87. The regression is within 1.3 °F of Steadman's
    tables; shade and a light wind are assumed, and beyond what the tables hold it is an extrapolation.

    Source: US National Weather Service, Weather Prediction Center, "The Heat Index Equation"; Rothfusz, L. P. 1990,
    NWS Technical Attachment SR 90-23.
    """
    warmth, wetness = np.broadcast_arrays(np.asarray(temperature, np.float64), np.asarray(humidity, np.float64))
    known = np.isfinite(warmth) & (wetness >= 0.0) & (wetness <= 100.0)
    t, r = np.where(known, warmth * 1.8 + 32.0, 0.0), np.where(known, wetness, 0.0)
    simple = (t + 0.5 * (t + 61.0 + 1.2 * (t - 68.0) + 0.094 * r)) / 2.0
    felt = np.where(simple >= ROTHFUSZ_FROM, _rothfusz(t, r), simple)
    return np.where(known, (felt - 32.0) / 1.8, np.nan)


@dataclass(frozen=True, slots=True)
class Reliability:
    """How reliable travel is: `mean` and `p95` in the unit of the times, `buffer` and `planning` without unit.

    `buffer` is the share of the mean that has to be added to be late once in twenty times, `planning` the whole time
    to allow as a multiple of that on a free road. `n` is how many times there were.
    """

    n: int
    mean: float
    p95: float
    buffer: float
    planning: float


def travel_reliability(times: Floats, free_flow: float = 1.0) -> Reliability:
    """The buffer index and the planning time index of travel times (n,), or of travel time indices (free flow 1).

    Times that are not finite are left out; without any, and where `free_flow` is not above 0, all is NaN.

    Notes
    -----
    Buffer index = (95th percentile - mean) / mean, planning time index = 95th percentile / free-flow time. The
    percentile is interpolated linearly between the ordered times.

    Source: US Federal Highway Administration 2006, "Travel Time Reliability: Making It There On Time, All The Time",
    FHWA-HOP-06-070.
    """
    known = np.asarray(times, np.float64)
    known = known[np.isfinite(known)]
    if not len(known) or not free_flow > 0.0:
        return Reliability(len(known), math.nan, math.nan, math.nan, math.nan)
    mean, late = float(known.mean()), float(np.quantile(known, 0.95))
    return Reliability(len(known), mean, late, (late - mean) / mean if mean > 0.0 else math.nan, late / free_flow)


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """The share of requests done within what was agreed, from 0 to 1, its 95 % interval and what it is made of.

    `within` and `late` are decided, `undecided` are open and still in time; these count for neither.
    """

    share: float
    low: float
    high: float
    within: int
    late: int
    undecided: int


def service_level(hours: Floats, agreed: Floats | float, waiting: Floats | None = None) -> ServiceLevel:
    """The share of requests that were resolved within the agreed time.

    Parameters
    ----------
    hours
        From request to resolution, (n,); what is not finite or negative is left out.
    agreed
        The time agreed, in hours: one for all, or one each, (n,).
    waiting
        How long the requests that are still open have waited, in hours; those over what was agreed are late. It
        needs one agreed time for all.

    Notes
    -----
    The interval is Wilson's (1927, J. Am. Stat. Assoc. 22:209-212) for independent requests. Leaving out what is
    still open and late would flatter a service that lets hard requests lie.

    Raises
    ------
    InputError
        Where `waiting` comes with several agreed times.
    """
    spans, limits = np.broadcast_arrays(np.asarray(hours, np.float64), np.asarray(agreed, np.float64))
    open_for = np.asarray([] if waiting is None else waiting, np.float64)
    if len(open_for) and np.ndim(agreed):
        raise InputError("expected one agreed time for all where open requests count; ask for each kind by itself")
    known = np.isfinite(spans) & (spans >= 0.0)
    within = int(np.count_nonzero(spans[known] <= limits[known]))
    overdue = int(np.count_nonzero(open_for > agreed)) if len(open_for) else 0
    late = int(np.count_nonzero(known)) - within + overdue
    undecided = int(np.count_nonzero(np.isfinite(open_for))) - overdue
    return ServiceLevel(*_wilson(within, within + late), within, late, undecided)


def _rothfusz(t: Floats, r: Floats) -> Floats:
    felt = (
        -42.379 + 2.04901523 * t + 10.14333127 * r - 0.22475541 * t * r - 6.83783e-3 * t**2 - 5.481717e-2 * r**2
        + 1.22874e-3 * t**2 * r + 8.5282e-4 * t * r**2 - 1.99e-6 * t**2 * r**2
    )  # fmt: skip
    dry = (13.0 - r) / 4.0 * np.sqrt(np.maximum(17.0 - np.abs(t - 95.0), 0.0) / 17.0)
    damp = (r - 85.0) / 10.0 * (87.0 - t) / 5.0
    felt = felt - np.where((r < 13.0) & (t >= 80.0) & (t <= 112.0), dry, 0.0)
    return felt + np.where((r > 85.0) & (t >= 80.0) & (t <= 87.0), damp, 0.0)


def _wilson(done: int, of: int, z: float = 1.959964) -> tuple[float, float, float]:
    if not of:
        return math.nan, math.nan, math.nan
    share = done / of
    middle, spread = share + z**2 / (2 * of), z * math.sqrt(share * (1 - share) / of + z**2 / (4 * of**2))
    return share, (middle - spread) / (1 + z**2 / of), (middle + spread) / (1 + z**2 / of)


def _index(concentration: Floats, table: Breakpoints) -> Floats:
    # in whole steps of the resolution, so that every band is between whole numbers and halves are exact
    highs = np.rint(np.array(table.ends) / table.resolution)
    lows = np.concatenate([[0.0], highs[:-1] + 1.0])
    index_highs = np.array(table.indices, np.float64)
    index_lows = np.concatenate([[0.0], index_highs[:-1] + 1.0])
    valid = np.isfinite(concentration) & (concentration >= 0.0)
    steps = _steps(np.where(valid, concentration, 0.0), table)
    band = np.minimum(np.searchsorted(highs, steps), len(highs) - 1)
    rise = (index_highs - index_lows)[band] * (steps - lows[band]) / (highs - lows)[band]
    index = np.floor(index_lows[band] + rise + 0.5)
    if not table.open_ended:
        index = np.where(steps > highs[-1], min(table.indices[-1] + 1, 500), index)
    return np.where(valid, index, np.nan)


def _steps(concentration: Floats, table: Breakpoints) -> Floats:
    return np.asarray(np.floor(concentration / table.resolution + _WHOLE))


def _weight(windows: Floats) -> Floats:
    least, most = np.fmin.reduce(windows, axis=-1), np.fmax.reduce(windows, axis=-1)
    weight = np.divide(least, most, out=np.ones_like(most), where=most > 0.0)
    return np.asarray(np.maximum(weight, 0.5))
