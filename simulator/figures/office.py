"""The statistics offices of a city: they publish late and revise, and begin with what was published before."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from zoneinfo import ZoneInfo

import numpy as np

from collector.language.indicators import indicators
from collector.language.messages import Statistic
from collector.language.profile import StationProfile
from simulator import parameters
from simulator.cities import City
from simulator.drivers import local_day, midnight
from simulator.events import CityEvents
from simulator.figures.memory import FIRST_PERIOD
from simulator.figures.record import Record
from simulator.figures.schedule import Schedule, names_of
from simulator.figures.truth import Figure, figures
from simulator.flows.activity import State
from simulator.parameters.governance import Publication
from simulator.scenario import Scenario
from simulator.streams import DailyNormals, Floats, Streams

Told = tuple[tuple[StationProfile, Statistic], ...]


class CityFigures:
    """What the statistics offices of a city publish, block by block.

    Daily figures begin with the first whole local day of the run. Of monthly and yearly ones, each office first tells
    the newest that was published before, with the time at which it was.
    """

    def __init__(
        self, city: City, scenario: Scenario, streams: Streams, first: int, offices: tuple[StationProfile, ...]
    ) -> None:
        self._offices, self._record = offices, Record(city)
        true = figures(city, scenario, streams, first, self._record)
        made = parameters.governance(city).publication
        self._series = [Series(name, made[name], find, city, scenario, streams, first) for name, find in true.items()]
        self._begun = False

    def told(self, start: int, until: int, state: State, events: CityEvents) -> Told:
        """Get what is published from `start` to before `until` (epoch seconds), in the order of time.

        `state` and `events` are those of the block.
        """
        if not self._offices:
            return ()
        self._record.add(state, events, start, until)
        found = [] if self._begun else [told for series in self._series for told in series.known()]
        found += [told for series in self._series for told in series.published(until)]
        self._begun = True
        found.sort(key=itemgetter(0))
        return tuple((office, statistic) for _, statistic in found for office in self._offices)


class Series:
    """One statistic of a city: its true figures, when they are published, and with what error."""

    def __init__(
        self,
        name: str,
        made: Publication,
        true: Figure,
        city: City,
        scenario: Scenario,
        streams: Streams,
        first: int,
    ) -> None:
        zone, start = ZoneInfo(city.timezone), scenario.start
        self._name, self._made, self._true = name, made, true
        self._schedules = [Schedule(made, revision, zone, start) for revision in range(len(made.days))]
        day = local_day(start, zone)
        self._since = day if midnight(day, zone) == start else day + 1
        normals = streams.generator(city.id, f"{name}/error")
        self._error = DailyNormals(normals, FIRST_PERIOD.get(made.period, first))

    def known(self) -> Iterator[tuple[int, Statistic]]:
        """Get the newest figure published before the run and when it was, of a monthly or yearly statistic."""
        if self._made.period != "day":
            period = self._schedules[0].next - 1
            revision = sum(schedule.next > period for schedule in self._schedules) - 1
            yield from self._statistics({period: self._schedules[revision].time(period)}, revision)

    def published(self, until: int) -> Iterator[tuple[int, Statistic]]:
        """Get what is published and when, from the last call (or the start of the run) to before `until`."""
        for revision, schedule in enumerate(self._schedules):
            due = schedule.take(until)
            if self._made.period == "day":
                due = {period: time for period, time in due.items() if period >= self._since}
            if due:
                yield from self._statistics(due, revision)

    def values(self, periods: range, revision: int) -> Floats:
        """Get the figures of periods as published; NaN where there is nothing to publish."""
        made, bounds = self._made, indicators()[self._name]
        found = self._true(periods)
        if made.bias or made.sd:
            left = 1.0 - revision / (len(made.days) - 1)
            found = found * (1.0 + left * (made.bias + made.sd * self._error.of(periods)))
        return np.asarray(np.clip(found, bounds.minimum, bounds.maximum).round(made.digits))

    def _statistics(self, due: dict[int, int], revision: int) -> Iterator[tuple[int, Statistic]]:
        """Get the figures of consecutive periods, each with the time (epoch seconds) at which it is due."""
        periods, times = range(min(due), max(due) + 1), list(due.values())
        columns = (names_of(self._made.period, periods), times, np.array(times, dtype="datetime64[s]"))
        for name, time, published, value in zip(*columns, self.values(periods, revision).tolist(), strict=True):
            if value == value:
                yield time, Statistic(self._name, name, published, revision, value)
