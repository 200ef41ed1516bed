"""What drives a city: its calendar in local time, the days of rain and fire, and the air it shares with its region.

Days are counted since 1970-01-01 in local time. Everything here is drawn from named streams, and what cities share
is drawn once: per weather region, per haze basin, or for the mainland.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import count
from types import MappingProxyType
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator import environment
from simulator.interventions import CONSTANT, UNDISTURBED, Influence, Influences
from simulator.parameters import processes, sharing
from simulator.parameters.climate import Fires, Rain, Removal, Sharing, Storms
from simulator.parameters.tables import MemoryTerms
from simulator.streams import DailyNormals, Floats, Memory, Streams

Scalar = TypeVar("Scalar", bound=np.generic)
DAY = 86_400
WARM_UP_DAYS = 40
DAYS_AT_ONCE = 122  # a year in three
MOST_STORMS = 3
_MID_MONTHS = np.array([-15, 16, 45.5, 75, 105.5, 136, 166.5, 197, 228, 258.5, 289, 319.5, 350, 381])
_SONGKRAN = {(4, 13), (4, 14), (4, 15)}


@dataclass(frozen=True, slots=True)
class Calendar:
    """Local time of ticks: `hour` (ticks,) from 0 to 24, and what holds for whole local days, (days,).

    `days` are the local days since 1970-01-01, `weekday` is 0 on Monday, `day_of_year` 1 on 1 January.
    """

    hour: Floats
    days: NDArray[np.int64]
    weekday: NDArray[np.int64]
    day_of_year: Floats
    _row: NDArray[np.int64]

    def spread(self, daily: NDArray[Scalar]) -> NDArray[Scalar]:
        """Get values of days, (days,), at each tick, (ticks,)."""
        return daily[self._row]


@dataclass(frozen=True, slots=True)
class Storm:
    """Rain of one intensity (mm/h) from `start` to `end` (epoch seconds)."""

    start: int
    end: int
    intensity: float


def calendar(times: NDArray[np.int64], zone: ZoneInfo) -> Calendar:
    """Get the local calendar of ticks (epoch seconds, ascending) in a time zone."""
    day, second = np.divmod(times + _offsets(times, zone), DAY)
    days = np.arange(day[0], day[-1] + 1)
    dates = days.astype("datetime64[D]")
    day_of_year = (dates - dates.astype("datetime64[Y]")).astype(np.float64) + 1.0
    return Calendar(second / 3600.0, days, (days + 3) % 7, day_of_year, day - day[0])


def local_day(time: int, zone: ZoneInfo) -> int:
    """Get the local day a time (epoch seconds) falls in."""
    return datetime.fromtimestamp(time, zone).date().toordinal() - _EPOCH


@lru_cache(maxsize=4096)
def midnight(day: int, zone: ZoneInfo) -> int:
    """Get the time (epoch seconds) at which a local day begins."""
    return int(datetime.combine(date_of(day), datetime.min.time(), zone).timestamp())


@lru_cache(maxsize=256)
def midnights(days: range, zone: ZoneInfo) -> NDArray[np.int64]:
    """Get the times (epoch seconds) at which local days begin, and at which the last of them ends, (days + 1,)."""
    found = np.array([midnight(day, zone) for day in (*days, days.stop)], dtype=np.int64)
    found.setflags(write=False)
    return found


def date_of(day: int) -> date:
    """Get the date of a day counted since 1970-01-01."""
    return date.fromordinal(day + _EPOCH)


def by_hour(hour: Floats, factors: tuple[float, ...]) -> Floats:
    """Get hourly factors (00 h to 23 h) at fractional hours, linear between hours and over midnight."""
    return np.interp(hour, np.arange(25), (*factors, factors[0]))


def by_season(calendar: Calendar, monthly: tuple[float, ...]) -> Floats:
    """Get monthly values at ticks: linear between mid-months and over New Year, constant through a local day."""
    return calendar.spread(on_day(calendar.day_of_year, monthly))


def on_day(day_of_year: Floats | float, monthly: tuple[float, ...]) -> Floats:
    """Get monthly values on days of the year, linear between mid-months and over New Year."""
    return np.asarray(np.interp(day_of_year, _MID_MONTHS, (monthly[-1], *monthly, monthly[0])))


def spans(first: int) -> Iterator[range]:
    """Get the spans of local days that are drawn at once, from a day on, without end."""
    return (range(day, day + DAYS_AT_ONCE) for day in count(first, DAYS_AT_ONCE))


@lru_cache(maxsize=4096)
def songkran(day: int, country: str) -> bool:
    """Tell whether a local day is one of the Songkran holidays (Thailand, 13 to 15 April)."""
    when = date_of(day)
    return country == "TH" and (when.month, when.day) in _SONGKRAN


class SharedDays:
    """The luck of days that the cities of a weather region share: is it wet, how much falls."""

    def __init__(self, streams: Streams, weather_region: str, first: int) -> None:
        name = f"region/{weather_region}"
        self.wet = DailyNormals(streams.generator(name, "wet"), first)
        self.depth = DailyNormals(streams.generator(name, "depth"), first)


class FireSeason:
    """The fire activity of a basin by local day: an average of powers of its hotspots, weighted to the last days.

    `counted` holds the hotspots of days that are known; they replace what is drawn. `influence` scales both.
    """

    def __init__(
        self,
        streams: Streams,
        basin: str,
        first: int,
        fires: Fires,
        severity: float,
        counted: Mapping[int, float] = MappingProxyType({}),
        influence: Influence = CONSTANT,
    ) -> None:
        name = f"fires/{basin}"
        self._influence = influence
        self._mixing = DailyNormals(streams.generator(name, "mixing"), first)
        self._count = DailyNormals(streams.generator(name, "count"), first)
        self._year = DailyNormals(streams.generator(name, "year"), date_of(first).year - 1)
        self._fires, self._severity, self._first, self._counted = fires, severity, first, counted
        self._state = self._mixing[first]
        self._daily = tuple(np.log(fires.daily).tolist())
        self.hotspots: list[float] = []
        self._activity: list[float] = []

    def __getitem__(self, day: int) -> float:
        while len(self._activity) <= day - self._first:
            self._draw(self._first + len(self._activity))
        return self._activity[day - self._first]

    def at(self, calendar: Calendar) -> Floats:
        """Get the activity at ticks, moving through each day from yesterday's value to today's."""
        values = np.array([self[int(day)] for day in (calendar.days[0] - 1, *calendar.days)])
        steps = calendar.spread(np.diff(values))
        return np.asarray(calendar.spread(values[:-1]) + steps * calendar.hour / 24.0)

    def _draw(self, day: int) -> None:
        when = date_of(day)
        memory = self._fires.memory
        self._state = memory * self._state + (1.0 - memory**2) ** 0.5 * self._mixing[day]
        expected = np.exp(on_day(when.timetuple().tm_yday, self._daily))
        year = np.exp(self._fires.year_sd * self._year[when.year] - 0.5 * self._fires.year_sd**2)
        left = float(self._influence.on_days([day])[0]) if self._influence else 1.0
        mean = float(expected * year) * self._severity * left
        drawn = environment.hotspots(mean, self._state, self._count[day], self._fires.dispersion)
        count = self._counted[day] * left if day in self._counted else drawn
        before = self._activity[-1] if self._activity else mean**self._fires.exponent
        self.hotspots.append(count)
        self._activity.append(environment.fire_activity(before, count, self._fires.exponent, self._fires.span_days))


class RainDays:
    """The rain of a city by local day: wet or dry, how much, in which storms."""

    def __init__(
        self,
        streams: Streams,
        city: str,
        shared: SharedDays,
        rain: Rain,
        storms: Storms,
        together: float,
        rainfall: float,
        influences: Influences = UNDISTURBED,
    ) -> None:
        self._shared, self._rain, self._storms, self._rainfall = shared, rain, storms, rainfall
        self._depth, self._days = influences.on("rainfall"), influences.on("wet_days")
        self._weights = (float(np.sqrt(together)), float(np.sqrt(1.0 - together)))
        self._own = streams.generator(city, "rain")
        self._uniform = streams.generator(city, "storms")
        self._duration = streams.generator(city, "storm-duration")
        self._wet = False
        self._per_wet_day = [sum_ / max(wet, 0.5) for sum_, wet in zip(rain.monthly, rain.wet_days, strict=True)]
        self._transitions = transitions(rain)

    def draw(self, days: range, zone: ZoneInfo) -> list[tuple[Storm, ...]]:
        """Get the storms of each of the next local days; days are drawn in order, each once."""
        together, alone = self._weights
        own = self._own.standard_normal((len(days), 2))
        wet = together * self._shared.wet.of(days) + alone * own[:, 0]
        depth = together * self._shared.depth.of(days) + alone * own[:, 1]
        uniform = self._uniform.random((len(days), 1 + MOST_STORMS))
        lengths = self._duration.standard_exponential((len(days), MOST_STORMS))
        columns = (wet.tolist(), depth.tolist(), uniform.tolist(), lengths.tolist())
        return [self._of_day(midnight(day, zone), day, *luck) for day, *luck in zip(days, *columns, strict=True)]

    def _of_day(
        self, start: int, day: int, wet: float, depth: float, uniform: list[float], lengths: list[float]
    ) -> tuple[Storm, ...]:
        month = date_of(day).month - 1
        often = float(self._days.on_days([day])[0]) if self._days else 0.0
        self._wet = environment.wet_day(wet, self._wet, *(chance + often for chance in self._transitions[month]))
        if not self._wet:
            return ()
        fallen = self._rainfall * environment.rain_depth(depth, self._per_wet_day[month], self._rain.shape)
        if self._depth and not (fallen := fallen * float(self._depth.on_days([day])[0])):
            return ()
        return storms_of(fallen, uniform, lengths, start, self._storms)


class YearEffects:
    """The effect of a haze year on ln PM2.5, from mid-year to mid-year (north) or by calendar year (south)."""

    def __init__(self, streams: Streams, basin: str, first: int, northern: bool) -> None:
        self._years = DailyNormals(streams.generator(f"haze/{basin}", "year"), date_of(first).year - 1)
        self._shift = 184 if northern else 0

    def at(self, calendar: Calendar) -> Floats:
        """Get the standard normal of the haze year of each tick."""
        years = (calendar.days + self._shift).astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
        drawn = self._years.of(range(int(years[0]), int(years[-1]) + 1))
        return calendar.spread(drawn[years - years[0]])


@dataclass(frozen=True, slots=True)
class SharedAir:
    """What the cities of a region share at ticks, all of variance 1, shape (ticks,)."""

    haze: Floats
    temperature: Floats
    dew_point: Floats
    wind: Floats


class Atmosphere:
    """The moving air that cities share: one set of factors per weather region, one haze for the mainland."""

    def __init__(self, streams: Streams, regions: Mapping[str, MemoryTerms], cadence: int) -> None:
        self._regions = {name: sharing(name) for name in regions}
        basins = {basin_of(name, shared) for name, shared in self._regions.items()}
        self._mainland = haze_factor(streams, "haze/mainland", cadence)
        self._basins = {name: haze_factor(streams, f"haze/{name}", cadence) for name in basins}
        self._weather = {
            name: weather_factors(streams, f"region/{name}", memory, cadence) for name, memory in regions.items()
        }

    def render(self, times: NDArray[np.int64]) -> dict[str, SharedAir]:
        """Get the shared factors of the next ticks (epoch seconds) by weather region."""
        mainland = self._mainland.render(times)
        basins = {name: factor.render(times) for name, factor in self._basins.items()}
        shared = {}
        for name, made in self._regions.items():
            within = np.sqrt(made.together - made.mainland**2)
            haze = made.mainland * mainland + within * basins[basin_of(name, made)]
            temperature, dew_point, wind = (factor.render(times) for factor in self._weather[name])
            shared[name] = SharedAir(haze, temperature, dew_point, wind)
        return shared


def basin_of(weather_region: str, shared: Sharing) -> str:
    """Get the basin whose haze a weather region shares."""
    return shared.basin or weather_region


def fires_of(weather_region: str, shared: Sharing) -> str:
    """Get the basin whose fires a weather region shares."""
    return shared.fires or basin_of(weather_region, shared)


def haze_factor(streams: Streams, name: str, cadence: int) -> Memory:
    """Get a factor of ln PM2.5, of mean 0 and variance 1."""
    return Memory(streams, name, "haze", processes().haze_memory.terms, cadence)


def weather_factors(
    streams: Streams, name: str, temperature: MemoryTerms, cadence: int
) -> tuple[Memory, Memory, Memory]:
    """Get what moves temperature, dew point and wind, each of mean 0 and variance 1."""
    made = processes()
    return (
        Memory(streams, name, "temperature", temperature, cadence),
        Memory(streams, name, "dew-point", made.dew_point_memory.terms, cadence),
        Memory(streams, name, "wind", made.wind_memory.terms, cadence),
    )


def expected_scavenging(removal: Removal, rain: Rain, storms: Storms) -> tuple[float, ...]:
    """Get the mean of the scavenged ln PM2.5 by month, which the measured season already contains.

    Approximation: every wet day has its mean rain in storms of the mean number and length.
    """
    count = 1.0 + storms.second + storms.third
    hours = count * storms.hours
    means = []
    for monthly, wet, days in zip(rain.monthly, rain.wet_days, _DAYS_IN_MONTH, strict=True):
        intensity = np.array(monthly / max(wet, 0.5) / hours)
        rate = environment.scavenging(intensity, removal.washout, removal.washout_exponent, removal.washout_efficiency)
        means.append(float(rate * hours * wet / days / 24.0 * removal.recovery_hours))
    return tuple(means)


def storm_table(storms: Iterable[Storm]) -> Floats:
    """Get storms as rows of start, end and intensity, shape (n, 3)."""
    return np.array([(storm.start, storm.end, storm.intensity) for storm in storms], dtype=np.float64).reshape(-1, 3)


def storms_of(
    depth: float, uniform: list[float], lengths: list[float], start_of_day: int, made: Storms
) -> tuple[Storm, ...]:
    """Get the storms that bring a day's rain (mm), all of one intensity: how many, when, how long.

    Begins follow the hourly weights, lengths are exponential, stretched where the intensity would exceed its bound.
    """
    count = 1 + int(uniform[0] < made.second) + int(uniform[0] < made.third)
    hours = [max(made.hours * length, 0.25) for length in lengths[:count]]
    total = sum(hours)
    stretch = max(1.0, depth / total / made.most)
    intensity = depth / (total * stretch)
    storms = []
    for luck, length in zip(uniform[1:], hours, strict=False):
        start = start_of_day + round(3600.0 * _weighted_hour(luck, made.hourly))
        storms.append(Storm(start, start + round(3600.0 * stretch * length), intensity))
    return tuple(storms)


def transitions(rain: Rain) -> list[tuple[float, float]]:
    """Get the probabilities of a wet day after a dry and after a wet one, by month: measured, else after Geng."""
    if rain.p01 and rain.p11:
        return list(zip(rain.p01, rain.p11, strict=True))
    return [environment.geng_transitions(wet / days) for wet, days in zip(rain.wet_days, _DAYS_IN_MONTH, strict=True)]


def _weighted_hour(luck: float, weights: tuple[float, ...]) -> float:
    """Get the hour of the day below which a share `luck` of the weights lies."""
    rest = luck * sum(weights)
    for hour, weight in enumerate(weights):
        if rest < weight:
            return hour + rest / weight
        rest -= weight
    return 24.0


def _offsets(times: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    step = int(times[1] - times[0]) if len(times) > 1 else DAY
    length = max(1, 7 * DAY // step)  # clocks do not change twice in a week
    offsets = np.empty_like(times)
    for begin in range(0, len(times), length):
        chunk = times[begin : begin + length]
        first, last = _offset(int(chunk[0]), zone), _offset(int(chunk[-1]), zone)
        offsets[begin : begin + length] = first if first == last else [_offset(int(time), zone) for time in chunk]
    return offsets


def _offset(time: int, zone: ZoneInfo) -> int:
    shift = datetime.fromtimestamp(time, zone).utcoffset() or timedelta()
    return int(shift.total_seconds())


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).date().toordinal()
_DAYS_IN_MONTH = (31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
