"""What cities say: blocks of a simulation as messages, in time order, each with its number in the session."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from collector.language.messages import Event, Message, Readings, Statistic
from collector.language.profile import StationProfile
from collector.language.topics import Address, Kind
from simulator.run import CityBlock, GroupBlock

KINDS = {Readings: Kind.READINGS, Event: Kind.EVENTS, Statistic: Kind.STATISTICS}


@dataclass(frozen=True, slots=True)
class Said:
    """A message and when it is said (seconds since 1970): a pack is said at its last tick."""

    time: int
    message: Message


class Speaker:
    """Numbers the messages of all stations of a run in one session, from 0 without gaps for each station."""

    def __init__(self, run: str, session: str) -> None:
        self.run = run
        self.session = session
        self._next: defaultdict[tuple[str, str], int] = defaultdict(int)

    def say(self, blocks: Iterable[CityBlock], pack: int = 1) -> Iterator[Said]:
        """The messages of blocks in time order, with `pack` ticks in a message of readings.

        A station that measured nothing at a tick says nothing.
        """
        planned: list[tuple[int, StationProfile, Readings | Event | Statistic]] = []
        for block in blocks:
            planned += ((_epoch(event.time), station, event) for station, event in block.events)
            planned += ((max(_epoch(told.published), block.start), station, told) for station, told in block.statistics)
            for group in block.groups:
                planned += _readings(group, pack)
        planned.sort(key=lambda said: said[0])
        for time, station, body in planned:
            yield Said(time, self.number(station, body))

    def number(self, station: StationProfile, body: Readings | Event | Statistic) -> Message:
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
