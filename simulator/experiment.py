"""One replication of a scenario as columns: for each city and indicator a value of every whole bucket.

A bucket begins on the clock of its city, so that days are local days; buckets that the run covers only in part are left
out. Values combine as the stores combine them, as the indicator says of a bucket (`rollup`) and of stations (`across`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from collector.language.indicators import Indicator, IndicatorKind, Rollup, indicator
from collector.language.time import period_start
from simulator.cities import cities
from simulator.events import CityEvents
from simulator.figures import CityStatistics
from simulator.run import CityBlock, Simulation
from simulator.scenario import Scenario
from simulator.stations import KINDS
from simulator.streams import Floats

Integers = NDArray[np.int64]
DAY = 86_400
HALF_HOUR = 1_800
MOST_BLOCK_DAYS = 112
BLOCK_TICKS = 10_752
"""Ticks in a block, about: what bounds the memory of a run."""
DERIVED = {"outage_hours": ("power_outages", 1.0 / 60.0)}
"""What adds up the values of events of another indicator instead of counting them, and what they are multiplied by."""


@dataclass(frozen=True, slots=True)
class Series:
    """An indicator of a city in every bucket: its start (seconds since 1970, UTC), value and number of values.

    NaN where nothing was said; an indicator that counts events is 0 where none came.
    """

    city: str
    indicator: str
    times: Integers
    values: Floats
    n: Integers


def gathered(
    scenario: Scenario,
    replication: int,
    chosen: Sequence[str],
    bucket: int = DAY,
    warm_up: int = 0,
    tell: Callable[[float], None] = lambda _: None,
) -> Iterator[Series]:
    """Get the series of one replication, by city and indicator in the order of their ids.

    `bucket` (s) is a multiple of half an hour; the first `warm_up` seconds are simulated and left out. `tell` is called
    with the share that is done.
    """
    names = sorted(scenario.cities)
    window = (scenario.start + warm_up, scenario.end)
    gatherings = {city: Gathering(city, measured(scenario, city, chosen), bucket, window) for city in names}
    simulation = Simulation(scenario, replication)
    days = max(1, min(MOST_BLOCK_DAYS, BLOCK_TICKS * scenario.cadence // DAY))
    while simulation.now < scenario.end:
        for block in simulation.city_by_city(min(scenario.end, simulation.now + days * DAY)):
            gatherings[block.city].add(block)
        tell((simulation.now - scenario.start) / (scenario.end - scenario.start))
    for city in names:
        yield from gatherings.pop(city).series()


def measured(scenario: Scenario, city: str, chosen: Sequence[str] = ()) -> list[str]:
    """Get what the stations of a city measure, in the order of ids (of the chosen ones, if any are)."""
    counts = scenario.stations[city]
    there = {name for kind, made in KINDS.items() if _count(counts, kind) for name in made.indicators}
    there |= {name for name, (other, _) in DERIVED.items() if other in there}
    return sorted(there & set(chosen) if chosen else there)


def edges(city: str, bucket: int, window: tuple[int, int]) -> Integers:
    """Get the starts of the buckets of a city that lie wholly within a window, and the end of the last.

    Seconds since 1970 UTC, (buckets + 1,); buckets begin at multiples of `bucket` on the city's clock.
    """
    first, last = window[0] // HALF_HOUR, -(-window[1] // HALF_HOUR)
    clock = _clock(first - 1, last + 1, cities()[city].timezone) // bucket
    found = (np.flatnonzero(np.diff(clock)) + first) * HALF_HOUR
    return np.asarray(found[(found >= window[0]) & (found <= window[1])])


class Gathering:
    """The series of a city, gathered from its blocks."""

    def __init__(self, city: str, chosen: Sequence[str], bucket: int, window: tuple[int, int]) -> None:
        self.city, self._edges = city, edges(city, bucket, window)
        entries = [indicator(name) for name in chosen]
        made = {entry.id: _Rolling(entry, max(len(self._edges) - 1, 0)) for entry in entries}
        self._periodic = {
            entry.id: made[entry.id] for entry in entries if entry.kind in (IndicatorKind.SENSOR, IndicatorKind.COUNT)
        }
        self._events: dict[str, list[_Rolling]] = {}
        for entry in entries:
            if entry.kind is IndicatorKind.EVENT:
                self._events.setdefault(entry.event, []).append(made[entry.id])
        self._statistics = {entry.id: made[entry.id] for entry in entries if entry.kind is IndicatorKind.STATISTIC}
        self._rolling = made
        self._newest: dict[tuple[str, str], int] = {}
        self._zone, self._starts = cities()[city].timezone, self._edges.tolist()

    def add(self, block: CityBlock) -> None:
        """Take what a block of the city says."""
        for group in block.groups:
            slots = self._slots(group.times.astype(np.int64))
            for name, observed in group.observed.items():
                if name in self._periodic:
                    self._periodic[name].add(slots, observed, [station.id for station in group.stations])
        self._take_events(block.events)
        self._take_statistics(block.statistics)

    def series(self) -> Iterator[Series]:
        """Get the series, in the order of ids."""
        for name in sorted(self._rolling):
            yield Series(self.city, name, self._edges[:-1], self._rolling[name].values(), self._rolling[name].n)

    def _slots(self, times: Integers) -> Integers:
        """Get the bucket of each time; -1 of what lies in none."""
        found = np.searchsorted(self._edges, times, side="right") - 1
        return np.asarray(np.where(found < len(self._edges) - 1, found, -1))

    def _slot(self, time: int) -> int:
        found = bisect_right(self._starts, time) - 1
        return found if found < len(self._starts) - 1 else -1

    def _take_events(self, events: CityEvents) -> None:
        for told in (told for part in events.parts for told in part.told):
            for rolling in self._events.get(told.happening.type, ()):
                rolling.add(self._slots(told.times), rolling.of_events(told.values)[None, :], [told.station.id])

    def _take_statistics(self, told: CityStatistics) -> None:
        for part in told.parts:
            if part.indicator in self._statistics:
                for _, statistic in part:
                    key = (statistic.indicator, statistic.period)
                    if statistic.revision >= self._newest.get(key, -1):
                        self._newest[key] = statistic.revision
                        slot = self._slot(_begins(statistic.period, self._zone))
                        self._statistics[part.indicator].put(slot, statistic.value, len(told.offices))


class _Rolling:
    """What the values of an indicator in each bucket combine to so far."""

    def __init__(self, entry: Indicator, buckets: int) -> None:
        self.rollup, self._counts = entry.rollup, entry.kind is IndicatorKind.EVENT and entry.rollup is Rollup.SUM
        self._summed = entry.across is Rollup.SUM
        self._of_value = DERIVED[entry.id][1] if entry.id in DERIVED else None
        self.n = np.zeros(buckets, dtype=np.int64)
        self._state = np.full(buckets, -np.inf) if self.rollup is Rollup.MAX else np.zeros(buckets)
        self._last: dict[str, Floats] = {}
        self._means: dict[str, tuple[Floats, Floats]] = {}
        """Sum and number of the values of each station, where a city's value is the sum of their means."""

    def of_events(self, values: Floats) -> Floats:
        """Get what events count for, (events,): 1 each, or what is made of the values they carry."""
        if self._of_value is not None:
            return values * self._of_value
        return np.ones(len(values)) if self._counts else values

    def add(self, slots: Integers, values: Floats, stations: Sequence[str]) -> None:
        """Take values (stations, times) in the order of time; `slots` (times,) are their buckets."""
        there = np.isfinite(values) & (slots >= 0)
        inside, buckets = np.where(slots >= 0, slots, 0), len(self.n)
        if not there.any():
            return
        self.n += np.bincount(inside, there.sum(axis=0), buckets).astype(np.int64)
        if self.rollup is Rollup.LAST:
            for station, row, known in zip(stations, values, there, strict=True):
                last = self._last.setdefault(station, np.full(buckets, np.nan))
                last[slots[known]] = row[known]  # of one bucket the last stays
        elif self.rollup is Rollup.MAX:
            np.maximum.at(self._state, inside, np.where(there, values, -np.inf).max(axis=0))
        elif self.rollup is Rollup.MEAN and self._summed:
            for station, row, known in zip(stations, values, there, strict=True):
                total, number = self._means.setdefault(station, (np.zeros(buckets), np.zeros(buckets)))
                total += np.bincount(slots[known], row[known], buckets)
                number += np.bincount(slots[known], minlength=buckets)
        else:
            added = 10.0 ** (values / 10.0) if self.rollup is Rollup.ENERGETIC_MEAN else values
            self._state += np.bincount(inside, np.where(there, added, 0.0).sum(axis=0), buckets)

    def put(self, slot: int, value: float, n: int) -> None:
        """Take the value of a statistic for a bucket, in place of what was there."""
        if slot >= 0:
            self.n[slot] = n
            self._last.setdefault("", np.full(len(self.n), np.nan))[slot] = value

    def values(self) -> Floats:
        """Get the value of each bucket, NaN where there is none."""
        rows = [*self._last.values(), *(_ratio(*told) for told in self._means.values())]
        if rows:
            return self._across(np.array(rows))
        if self._counts:
            return self._state
        if self.rollup in (Rollup.SUM, Rollup.MAX):
            return np.where(self.n > 0, self._state, np.nan)
        mean = _ratio(self._state, self.n)
        return 10.0 * np.log10(mean) if self.rollup is Rollup.ENERGETIC_MEAN else mean

    def _across(self, rows: Floats) -> Floats:
        """Get the sum or the mean of stations (stations, buckets) in each bucket, of those that have a value there."""
        known = np.isfinite(rows)
        number = known.sum(axis=0)
        total = np.where(known, rows, 0.0).sum(axis=0)
        return np.where(number > 0, total, np.nan) if self._summed else _ratio(total, number)


def _ratio(total: Floats, number: Floats | Integers) -> Floats:
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


@lru_cache(maxsize=65_536)
def _begins(period: str, timezone: str) -> int:
    """Get when a calendar period begins in a zone (epoch seconds)."""
    start = datetime.fromisoformat(str(period_start(period)))
    return int(start.replace(tzinfo=ZoneInfo(timezone)).timestamp())


def _count(counts: object, kind: str) -> int:
    return int(getattr(counts, kind.replace("-", "_")))


@lru_cache(maxsize=64)
def _clock(first: int, last: int, timezone: str) -> Integers:
    """Get what the clock of a zone shows (seconds since 1970 by it) at half hours of UTC."""
    zone = ZoneInfo(timezone)
    epochs = range(first * HALF_HOUR, last * HALF_HOUR, HALF_HOUR)
    ahead = [int((datetime.fromtimestamp(epoch, zone).utcoffset()).total_seconds()) for epoch in epochs]  # type: ignore[union-attr]
    return np.array(epochs, dtype=np.int64) + np.array(ahead, dtype=np.int64)
