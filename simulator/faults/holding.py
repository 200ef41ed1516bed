"""Faults that send a message twice, later, or in another order: what is held back, and until when."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

from collector.language.messages import Message
from simulator.faults.account import Account
from simulator.faults.fault import Fault, Luck
from simulator.faults.spoiling import Spoil


@dataclass(frozen=True, slots=True)
class Item:
    """A message on its way, numbered and in the ledger.

    `time` is when it was due, `struck` the faults it goes through, `place` which of them is next, `by` the last holder.
    """

    message: Message
    time: int
    spoil: Spoil | None = None
    copy: bool = False
    struck: tuple[MessageFault, ...] = ()
    by: Account | None = None
    place: int = 0

    @property
    def about(self) -> tuple[str, str, int | None]:
        """What names it in a draw."""
        return self.message.address.city, self.message.address.station, self.message.seq


@dataclass(slots=True)
class MessageFault:
    """A message fault at work, with its rank among those declared; `gathered` is what a reorder keeps of a station."""

    fault: Fault
    luck: Luck
    account: Account
    rank: int = 0
    gathered: dict[tuple[str, str], list[Item]] = field(default_factory=dict)

    def acts(self, item: Item) -> bool:
        """Whether a message is struck."""
        fault = self.fault
        if not fault.within(item.time):
            return False
        return fault.probability >= 1.0 or self.luck.uniform("acts", *item.about) < fault.probability


@dataclass(order=True, slots=True)
class _Held:
    due: float
    order: int
    item: Item = field(compare=False)


class Holding:
    """What is held back until its simulated time comes, the earliest first; of one time in the order it came in."""

    def __init__(self) -> None:
        self._heap: list[_Held] = []
        self._count = count()

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def due(self) -> float:
        """When the first is due; infinite if nothing is held."""
        return self._heap[0].due if self._heap else math.inf

    def hold(self, item: Item, due: float, place: int) -> None:
        """Hold a message; `place` is that of the next fault it goes through."""
        heapq.heappush(self._heap, _Held(due, next(self._count), replace(item, place=place)))

    def hurry(self) -> None:
        """Have everything be due."""
        for one in self._heap:
            one.due = -math.inf
        heapq.heapify(self._heap)

    def ripe(self, until: float) -> Iterator[Item]:
        """Take out what is due at or before a time."""
        while self._heap and self._heap[0].due <= until:
            yield heapq.heappop(self._heap).item


def delay_of(fault: Fault, luck: Luck, item: Item) -> float:
    """How long a message is late (seconds), as drawn for it."""
    mean = float(fault.parameters["delay"])
    match fault.parameters["spread"]:
        case "uniform":
            return 2.0 * mean * luck.uniform("delay", *item.about)
        case "exponential":
            return -mean * math.log(luck.uniform("delay", *item.about))
        case _:
            return mean


def next_burst(fault: Fault, time: int) -> int:
    """When the messages of a time are sent: at the end of its period, or of the fault."""
    every = int(fault.parameters["every"])
    due = fault.since + ((time - fault.since) // every + 1) * every
    return due if fault.until is None else min(due, fault.until)


def shuffled(items: list[Item], draw: Callable[[Item], float]) -> list[Item]:
    """Messages in a drawn order that is never the one they came in (if they are two or more)."""
    drawn = sorted(items, key=draw)
    return drawn if len(items) < 2 or drawn != items else drawn[1:] + drawn[:1]
