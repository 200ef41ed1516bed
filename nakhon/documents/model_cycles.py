"""The daily and the seasonal cycle of every indicator, as measured and as simulated, for the pages of the models.

What was measured stands in `scenarios/validation/profiles.toml`: means by hour and by month, no single values.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from collector.language.errors import InputError
from collector.language.indicators import IndicatorKind, Rollup, indicators
from simulator.cities import cities
from simulator.drivers import calendar
from simulator.run import CityBlock, Simulation
from simulator.scenario import Scenario, StationCounts
from simulator.stations import KINDS
from simulator.validation.mapping import SeriesEntry, TicketsEntry, load_map
from simulator.validation.pages import Directory
from simulator.validation.reading import Measured, read_measured
from simulator.validation.series import Series, means
from simulator.validation.statistics import LEAST_DAYS_OF_MONTH, month_factors
from simulator.validation.tickets import Tickets

Floats = NDArray[np.float64]
Kind = Literal["hour", "month"]

HOUR, DAY, CADENCE = 3600, 86_400, 900
LATE = 70 * DAY  # until the last monthly figures are published
FIRST_YEAR, YEARS, SEED, BLOCK_DAYS, STATIONS = 2023, 2, 7, 30, 4
HOME = "chiang-mai"
RELATIVE = frozenset({"traffic_flow", "electricity_demand", "visitor_arrivals", "hotel_occupancy", "service_requests"})
"""Drawn relative to the mean: the level is that of another place, of a whole country, or of years that grew."""
RELATIVE_BY_HOUR = frozenset({"pm25", "pm10"})
"""By hour relative to the mean too: measured at one station, in other years than the months."""
MEASURED: tuple[tuple[str, Kind], ...] = (
    ("Bangkok station 145 PM2.5", "hour"), ("Bangkok PM2.5", "month"),
    ("Chiang Mai 36t PM2.5", "hour"), ("Chiang Mai PM2.5", "month"),
    ("Chiang Mai 36t PM10", "hour"), ("London PM10", "hour"), ("London PM10", "month"),
    ("London NO2", "hour"), ("London NO2", "month"), ("Rayong hourly O3", "hour"),
    ("London O3", "hour"), ("London O3", "month"),
    ("Yangon temperature", "hour"), ("Yangon temperature", "month"), ("Singapore temperature", "month"),
    ("Yangon humidity", "hour"), ("Yangon humidity", "month"), ("Yangon wind", "hour"), ("Yangon wind", "month"),
    ("Singapore rain", "month"), ("Minneapolis traffic", "hour"), ("Minneapolis traffic", "month"),
    ("Tetouan electricity", "hour"), ("Tetouan electricity", "month"),
    ("North hotel occupancy", "month"), ("Thailand visitor arrivals", "month"), ("New York requests", "hour"),
)  # fmt: skip
"""The measured series shown, by their names in the shipped mapping of `nakhon validate`."""
LEAST_HOURS = 100


@dataclass(frozen=True, slots=True)
class Profile:
    """A measured mean by hour of the day (24 values) or by month (12; NaN where nothing was measured).

    An hourly profile holds for `months` (1 to 12). Values in the indicator's unit, or relative to their mean.
    """

    indicator: str
    city: str
    kind: Kind
    series: str
    relative: bool
    months: tuple[int, ...]
    values: tuple[float, ...]
    source: str
    licence: str


@dataclass(frozen=True, slots=True)
class Cycles:
    """The simulated means of an indicator in a city by run month and hour, (24 months, 24 hours), and their weights."""

    total: Floats
    weight: Floats

    def by_hour(self, months: Iterable[int] = range(1, 13)) -> Floats:
        """Get the mean of each hour of the day in some months of the year, (24,)."""
        rows = np.isin(np.arange(len(self.total)) % 12 + 1, list(months))
        return _ratio(self.total[rows].sum(axis=0), self.weight[rows].sum(axis=0))

    def by_month(self) -> Floats:
        """Get the mean of each month of the year, (12,)."""
        shape = (-1, 12, self.total.shape[1])
        return _ratio(self.total.reshape(shape).sum(axis=(0, 2)), self.weight.reshape(shape).sum(axis=(0, 2)))

    def along(self) -> Floats:
        """Get the mean of each month of the run, (24,); where there is none, that of the month before."""
        found = _ratio(self.total.sum(axis=1), self.weight.sum(axis=1))
        known = np.maximum.accumulate(np.where(np.isfinite(found), np.arange(len(found)), 0))
        return np.asarray(found[known])


# ---- measured --------------------------------------------------------------------------------------------------


@cache
def profiles() -> tuple[Profile, ...]:
    """Get the measured profiles that are shipped."""
    text = (files("scenarios") / "validation" / "profiles.toml").read_text(encoding="utf-8")
    return tuple(TypeAdapter(list[Profile]).validate_python(tomllib.loads(text)["profile"]))


def measured_profiles(directory: Path) -> Iterator[Profile]:
    """Get the profiles of `MEASURED` from a directory of series that the shipped mapping describes.

    Raises `InputError` if one of them is not there.
    """
    _, mapping = load_map(None)
    units = {key: one.unit for key, one in indicators().items()} | {"fire_hotspots": "hotspots"}
    found = {one.name: one for one in read_measured(Directory(directory), mapping, units)[0]}
    listed: tuple[SeriesEntry | TicketsEntry, ...] = (*mapping.series, *mapping.tickets)
    entries = {entry.name: entry for entry in listed}
    missing = sorted({name for name, _ in MEASURED} - found.keys())
    if missing:
        raise InputError(f"expected all series shown in {directory}; not there: {', '.join(missing)}")
    for name, kind in MEASURED:
        yield _profile(found[name], kind, entries[name])


def _profile(one: Measured, kind: Kind, entry: SeriesEntry | TicketsEntry) -> Profile:
    months, values = _measured(one, kind)
    shape_only = one.indicator in RELATIVE or (kind == "hour" and one.indicator in RELATIVE_BY_HOUR)
    told = tuple(float(f"{value:.4g}") for value in (relative(values) if shape_only else values))
    return Profile(one.indicator, one.city, kind, one.name, shape_only, months, told, entry.source, entry.licence)


def _measured(one: Measured, kind: Kind) -> tuple[tuple[int, ...], Floats]:
    record = one.record
    if isinstance(record, Tickets):
        days = np.unique(record.calendar.astype("datetime64[M]").astype(np.int64) % 12 + 1)
        return tuple(days.tolist()), np.bincount(record.hour.astype(np.int64), minlength=24).astype(np.float64)
    if kind == "hour":
        counts = np.bincount(record.month[np.isfinite(record.values)], minlength=12)
        return tuple((np.flatnonzero(counts >= LEAST_HOURS) + 1).tolist()), means(record.values, record.hour, 24)
    return tuple(range(1, 13)), _monthly(one, record)


def _monthly(one: Measured, record: Series) -> Floats:
    if record.interval == "M":
        return np.array(list(month_factors(record).values()))
    values = record.values / 24.0 if one.total else record.values
    return means(values, record.month, 12, LEAST_DAYS_OF_MONTH * record.width)


def profiles_text(found: Iterable[Profile]) -> str:
    """Get the file of profiles."""
    return _HEADER + "".join(_entry(one) for one in found)


_HEADER = """\
# Measured daily and seasonal cycles, drawn in docs/models.md beside the simulated ones: means by hour of the day (00 h
# to 23 h local time, over `months`) and by month (January to December), in the unit of the indicator or relative to
# their mean. Derived statistics only, no single values.
# Written by `scripts/models DIRECTORY` from a directory of the series that open.toml describes.
"""


def _entry(one: Profile) -> str:
    lines = [f'{key} = "{getattr(one, key)}"' for key in ("indicator", "city", "kind", "series", "source", "licence")]
    lines += [f"relative = {str(one.relative).lower()}", f"months = {list(one.months)}"]
    lines += [f"values = [{', '.join(f'{value:g}' for value in one.values)}]"]
    return "\n[[profile]]\n" + "\n".join(lines) + "\n"


# ---- simulated -------------------------------------------------------------------------------------------------


def simulated_cycles(city: str, wanted: Iterable[str]) -> dict[str, Cycles]:
    """Get the cycles of some indicators in a city: two years, every 15 minutes, as its stations observe them."""
    kinds = {kind: one for kind, one in KINDS.items() if set(one.indicators) & set(wanted)}
    kinds.pop("air-quality-node", None)  # measures what masts measure, worse
    counts = {kind.replace("-", "_"): STATIONS if one.gaps and one.periodic else 1 for kind, one in kinds.items()}
    gathering = _Gathering(city)
    simulation = Simulation(_scenario(city, StationCounts.only(**counts)))
    while simulation.now < gathering.end + LATE:
        (block,) = simulation.advance(min(gathering.end + LATE, simulation.now + BLOCK_DAYS * DAY))
        gathering.add(block)
    return gathering.cycles()


def _scenario(city: str, counts: StationCounts) -> Scenario:
    start, end = _span(city)
    return Scenario("models", "", "", start, end + LATE, CADENCE, SEED, (city,), {city: counts})


def _span(city: str) -> tuple[int, int]:
    """Get when the local years begin and end, on whole hours (epoch seconds)."""
    zone = ZoneInfo(cities()[city].timezone)
    start, end = (datetime(year, 1, 1, tzinfo=zone).astimezone(UTC) for year in (FIRST_YEAR, FIRST_YEAR + YEARS))
    return int(start.timestamp()) // HOUR * HOUR, int(end.timestamp()) // HOUR * HOUR


class _Gathering:
    """Sums by month of the run and hour of the day, on the clock of the city."""

    def __init__(self, city: str) -> None:
        self.start, self.end = _span(city)
        local = calendar(np.arange(self.start, self.end, CADENCE, dtype=np.int64), ZoneInfo(cities()[city].timezone))
        dates = local.days.astype("datetime64[D]")
        months = dates.astype("datetime64[M]").astype(np.int64) - 12 * (FIRST_YEAR - 1970)
        self._cell = np.clip(local.spread(months), 0, 12 * YEARS - 1) * 24 + local.hour.astype(np.int64)
        self._ticks = np.bincount(self._cell, minlength=12 * YEARS * 24).astype(np.float64)
        zeros = np.zeros(12 * YEARS * 24)
        self._total: dict[str, Floats] = defaultdict(zeros.copy)
        self._weight: dict[str, Floats] = defaultdict(zeros.copy)
        self._statistics: dict[tuple[str, str], tuple[int, float]] = {}

    def add(self, block: CityBlock) -> None:
        """Take a block."""
        for group in block.groups:
            ticks = (group.times.astype(np.int64) - self.start) // CADENCE
            for name, values in group.truth.items():
                for row in values:
                    self._take(name, ticks, row)
        for _, event in block.events:
            for name, value in event.fields.items():
                if name in indicators():
                    at = (event.time.astype(np.int64) - self.start) // CADENCE
                    self._take(name, np.array([at]), np.array([float(value)]))  # type: ignore[arg-type]
        for _, told in block.statistics:
            self._statistics[told.indicator, told.period] = (told.revision, told.value)

    def cycles(self) -> dict[str, Cycles]:
        """Get the cycles of all indicators that were heard of."""
        for (name, period), (_, value) in self._statistics.items():
            month = (int(period[:4]) - FIRST_YEAR) * 12 + int(period[5:7] or 1) - 1
            if len(period) > 4 and 0 <= month < 12 * YEARS:  # a year has no cycle
                self._total[name][24 * month] += value
                self._weight[name][24 * month] += 1.0
        return {name: self._cycles(name) for name in self._total}

    def _cycles(self, name: str) -> Cycles:
        one = indicators()[name]
        counted = one.kind is IndicatorKind.EVENT and one.rollup is Rollup.SUM
        weight = self._ticks * CADENCE / DAY if counted else self._weight[name]  # events: how many a day
        return Cycles(self._total[name].reshape(-1, 24), weight.reshape(-1, 24))

    def _take(self, name: str, ticks: NDArray[np.int64], values: Floats) -> None:
        known = np.isfinite(values) & (ticks >= 0) & (ticks < len(self._cell))
        cells = self._cell[ticks[known]]
        np.add.at(self._total[name], cells, values[known])
        np.add.at(self._weight[name], cells, 1.0)


def relative(cycle: Floats) -> Floats:
    """Get a cycle relative to its mean."""
    return np.asarray(cycle / np.nanmean(cycle))


def _ratio(total: Floats, weight: Floats) -> Floats:
    return np.where(weight > 0.0, total / np.maximum(weight, 1e-9), np.nan)
