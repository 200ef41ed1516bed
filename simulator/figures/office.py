"""The statistics offices of a city: they publish late and revise, and begin with what was published before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
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


@dataclass(frozen=True, slots=True)
class Published:
    """Figures of one revision of a statistic: by period when each appears (epoch seconds), and the values.

    `times` are of consecutive periods of a `kind`, `values` (periods,) are NaN where there is nothing to tell.
    """

    indicator: str
    kind: str
    revision: int
    times: Mapping[int, int]
    values: Floats

    def __len__(self) -> int:
        return int(np.isfinite(self.values).sum())

    def __iter__(self) -> Iterator[tuple[int, Statistic]]:
        names, times = names_of(self.kind, range(min(self.times), max(self.times) + 1)), list(self.times.values())
        columns = (names, times, np.array(times, dtype="datetime64[s]"), self.values.tolist())
        for name, time, published, value in zip(*columns, strict=True):
            if value == value:
                yield time, Statistic(self.indicator, name, published, self.revision, value)


@dataclass(frozen=True, slots=True)
class CityStatistics:
    """All that the statistics offices of a city publish in a block; iterating gives pairs in the order of time.

    Each figure is told by all offices; figures are put in order only when someone iterates.
    """

    offices: tuple[StationProfile, ...]
    parts: tuple[Published, ...]

    def __len__(self) -> int:
        return len(self.offices) * sum(map(len, self.parts))

    def __iter__(self) -> Iterator[tuple[StationProfile, Statistic]]:
        found = sorted(chain.from_iterable(self.parts), key=itemgetter(0))
        return ((office, statistic) for _, statistic in found for office in self.offices)


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

    def told(self, start: int, until: int, state: State, events: CityEvents) -> CityStatistics:
        """Get what is published from `start` to before `until` (epoch seconds).

        `state` and `events` are those of the block.
        """
        if not self._offices:
            return CityStatistics((), ())
        self._record.add(state, events, start, until)
        found = [] if self._begun else [told for series in self._series for told in series.known()]
        found += [told for series in self._series for told in series.published(until)]
        self._begun = True
        return CityStatistics(self._offices, tuple(found))


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

    def known(self) -> Iterator[Published]:
        """Get the newest figure published before the run, of a monthly or yearly statistic."""
        if self._made.period != "day":
            period = self._schedules[0].next - 1
            revision = sum(schedule.next > period for schedule in self._schedules) - 1
            true = self._true(range(period, period + 1))
            yield self._figures({period: self._schedules[revision].time(period)}, revision, true)

    def published(self, until: int) -> Iterator[Published]:
        """Get what is published from the last call (or the start of the run) to before `until`."""
        taken = [self._since_start(schedule.take(until)) for schedule in self._schedules]
        if periods := [*chain.from_iterable(taken)]:
            first = min(periods)
            true = self._true(range(first, max(periods) + 1))
            for revision, due in enumerate(taken):
                if due:
                    yield self._figures(due, revision, true[min(due) - first : max(due) + 1 - first])

    def _since_start(self, due: dict[int, int]) -> dict[int, int]:
        if self._made.period != "day":
            return due
        return {period: time for period, time in due.items() if period >= self._since}

    def _figures(self, due: dict[int, int], revision: int, true: Floats) -> Published:
        """Get the figures of consecutive periods, by period the time (epoch seconds) at which each is due."""
        made, bounds = self._made, indicators()[self._name]
        if made.bias or made.sd:
            left = 1.0 - revision / (len(made.days) - 1)
            true = true * (1.0 + left * (made.bias + made.sd * self._error.of(range(min(due), max(due) + 1))))
        values = np.clip(true, bounds.minimum, bounds.maximum).round(made.digits)
        return Published(self._name, made.period, revision, due, values)
