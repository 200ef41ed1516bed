"""What cities say: blocks of a simulation as messages, in time order, each with its number in the session."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from collector.language.messages import Event, Message, Readings, Statistic
from collector.language.profile import StationProfile
from collector.language.topics import Address, Kind
from simulator.run import CityBlock, GroupBlock

Body = Readings | Event | Statistic
KINDS = {Readings: Kind.READINGS, Event: Kind.EVENTS, Statistic: Kind.STATISTICS}


@dataclass(frozen=True, slots=True)
class Said:
    """A message and when it is said (seconds since 1970): a pack is said at its last tick."""

    time: int
    message: Message


Planned = tuple[int, StationProfile, Body]
"""When something is to be said (seconds since 1970), by whom, and what."""


class Speaker:
    """Numbers the messages of all stations of a run in one session, from 0 without gaps for each station.

    `parts` divides a body into those of the messages that say it, or leaves it unsaid.
    """

    def __init__(self, run: str, session: str, parts: Callable[[Body], Sequence[Body]] = lambda body: (body,)) -> None:
        self.run = run
        self.session = session
        self.parts = parts
        self._next: defaultdict[tuple[str, str], int] = defaultdict(int)

    def say(self, blocks: Iterable[CityBlock], pack: int = 1) -> Iterator[Said]:
        """The messages of blocks in time order, with `pack` ticks in a message of readings.

        A station that measured nothing at a tick says nothing.
        """
        for time, station, body in self.plan(blocks, pack):
            yield Said(time, self.number(station, body))

    def plan(self, blocks: Iterable[CityBlock], pack: int = 1) -> list[Planned]:
        """What is to be said, in the same order, not yet numbered."""
        planned: list[Planned] = []
        for block in blocks:
            planned += ((_epoch(event.time), station, event) for station, event in block.events)
            planned += ((max(_epoch(told.published), block.start), station, told) for station, told in block.statistics)
            for group in block.groups:
                planned += _readings(group, pack)
        planned.sort(key=lambda said: said[0])
        return [(time, station, part) for time, station, body in planned for part in self.parts(body)]

    def number(self, station: StationProfile, body: Body) -> Message:
        """A body as the next message of its station."""
        key = (station.city, station.id)
        seq = self._next[key]
        self._next[key] = seq + 1
        address = Address(self.run, station.city, station.pillar, station.id, KINDS[type(body)])
        return Message(address, self.session, seq, body)


def _readings(group: GroupBlock, pack: int) -> Iterator[tuple[int, StationProfile, Readings]]:
    names = list(group.observed)
    cells = np.stack([group.observed[name] for name in names])  # (indicators, stations, ticks)
    heard = np.asarray(np.isfinite(cells).any(axis=0))
    for first in range(0, len(group.times), pack):
        times = group.times[first : first + pack]
        said = _epoch(times[-1])
        for at, station in enumerate(group.stations):
            ticks = heard[at, first : first + pack]
            if ticks.all():
                columns = cells[:, at, first : first + pack]
                yield said, station, Readings(times, dict(zip(names, columns, strict=True)))
            elif ticks.any():
                columns = cells[:, at, first : first + pack][:, ticks]
                yield said, station, Readings(times[ticks], dict(zip(names, columns, strict=True)))


def _epoch(time: np.datetime64) -> int:
    return int(time.astype(np.int64))
