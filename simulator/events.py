"""What is told of cases and of counts: the events of a city as columns, in the order of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge

import numpy as np
from numpy.typing import NDArray

from collector.language.messages import Event, Field
from collector.language.profile import StationProfile
from simulator.cases import NO_CASES, Cases, Integers
from simulator.drivers import date_of
from simulator.streams import Floats

Fields = dict[str, Field]
Words = Callable[[str, str, float], Fields]
"""From the name of a case, its category and the value of its event to the fields."""


@dataclass(frozen=True, slots=True)
class Happening:
    """A type of event that cases of a service can have, the suffix of its id, and how its fields are made."""

    type: str
    suffix: str
    words: Words


@dataclass(frozen=True, slots=True)
class Told:
    """Events of one type at one station, in the order of time: when (epoch seconds), of which case, its value."""

    station: StationProfile
    happening: Happening
    times: Integers
    cases: Cases
    values: Floats


@dataclass(frozen=True, slots=True)
class CaseEvents:
    """Events of cases as columns, in the order of time; iterating gives stations and events.

    `times` (epoch seconds), `sources` (which of `told`), each (events,), with the case and the value of each event.
    """

    told: tuple[Told, ...]
    categories: tuple[str, ...]
    times: Integers
    sources: Integers
    values: Floats
    cases: Cases

    def __len__(self) -> int:
        return len(self.times)

    def __iter__(self) -> Iterator[tuple[StationProfile, Event]]:
        columns = (self.sources, self.values, self.cases.day, self.cases.number, self.cases.kind)
        lists = (column.tolist() for column in columns)
        for time, source, value, day, number, kind in zip(self.times.astype("datetime64[s]"), *lists, strict=True):
            told = self.told[source]
            name, how = f"{date_of(day).isoformat()}-{number:03d}", told.happening
            yield (
                told.station,
                Event(time, f"{name}-{how.suffix}", how.type, how.words(name, self.categories[kind], value)),
            )

    def of(self, station: StationProfile, happening: str) -> Integers:
        """Get the times of the events of one type at one station."""
        which = [
            at for at, told in enumerate(self.told) if told.station is station and told.happening.type == happening
        ]
        return np.asarray(self.times[np.isin(self.sources, which)])


def case_events(told: Sequence[Told], categories: tuple[str, ...]) -> CaseEvents:
    """Get events in the order of time; of one moment in the order in which they are told."""
    told = tuple(told)
    cases = NO_CASES.then(*(part.cases for part in told))
    sources = np.repeat(np.arange(len(told)), [len(part.times) for part in told])
    times = np.concatenate([NO_CASES.opened, *(part.times for part in told)])
    values = np.concatenate([NO_CASES.luck, *(part.values for part in told)])
    order = times.argsort(kind="stable")
    return CaseEvents(told, categories, times[order], sources[order], values[order], cases.rows(order))


@dataclass(frozen=True, slots=True)
class CityEvents:
    """All events of a city in a block, in the order of time."""

    parts: tuple[CaseEvents, ...]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __iter__(self) -> Iterator[tuple[StationProfile, Event]]:
        return merge(*self.parts, key=_moment)

    def times(self, station: StationProfile, happening: str) -> Integers:
        """Get the times (epoch seconds) of the events of one type at one station."""
        found = [part.of(station, happening) for part in self.parts]
        return np.sort(np.concatenate([NO_CASES.opened, *found]))


def _moment(told: tuple[StationProfile, Event]) -> NDArray[np.datetime64]:
    return told[1].time  # type: ignore[return-value]
