"""What is told of cases and of counts: the events of a city as columns, in the order of time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    """Events of cases of one service; iterating gives stations and events in the order of time.

    They are put in order only when someone iterates; of one moment they come as they are told.
    """

    told: tuple[Told, ...]
    categories: tuple[str, ...]

    def __len__(self) -> int:
        return sum(len(part.times) for part in self.told)

    def __iter__(self) -> Iterator[tuple[StationProfile, Event]]:
        cases = NO_CASES.then(*(part.cases for part in self.told))
        times = np.concatenate([NO_CASES.opened, *(part.times for part in self.told)])
        values = np.concatenate([NO_CASES.luck, *(part.values for part in self.told)])
        sources = np.repeat(np.arange(len(self.told)), [len(part.times) for part in self.told])
        order = times.argsort(kind="stable")
        columns = (column[order].tolist() for column in (sources, values, cases.day, cases.number, cases.kind))
        moments = times[order].astype("datetime64[s]")
        for time, source, value, day, number, kind in zip(moments, *columns, strict=True):
            told = self.told[source]
            name, how = f"{date_of(day).isoformat()}-{number:03d}", told.happening
            fields = how.words(name, self.categories[kind], value)
            yield told.station, Event(time, f"{name}-{how.suffix}", how.type, fields)

    def of(self, happening: Happening, station: StationProfile | None = None) -> list[Told]:
        """Get the events of one type, at one station or at all."""
        return [part for part in self.told if part.happening is happening and station in (None, part.station)]


@dataclass(frozen=True, slots=True)
class CityEvents:
    """All events of a city in a block, in the order of time."""

    parts: tuple[CaseEvents, ...]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __iter__(self) -> Iterator[tuple[StationProfile, Event]]:
        return merge(*self.parts, key=_moment)

    def of(self, happening: Happening, station: StationProfile | None = None) -> list[Told]:
        """Get the events of one type, at one station or at all."""
        return [told for part in self.parts for told in part.of(happening, station)]

    def times(self, station: StationProfile, happening: Happening) -> Integers:
        """Get the times (epoch seconds) of the events of one type at one station, ascending."""
        return np.sort(np.concatenate([NO_CASES.opened, *(told.times for told in self.of(happening, station))]))


def _moment(told: tuple[StationProfile, Event]) -> NDArray[np.datetime64]:
    return told[1].time  # type: ignore[return-value]
