"""Crews that work on what waits: a SimPy queue with priorities and shifts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from heapq import heappop, heappush
from typing import Any
from zoneinfo import ZoneInfo

import simpy

from simulator.drivers import local_day, midnight
from simulator.parameters.services import Shift

Process = Generator[simpy.Event, Any, None]
Batch = Iterator[tuple[int, int, int]]
Duty = Callable[[int], int]


class Crews:
    """Cases that wait for a crew, by priority and then first come first served; a crew works on one at a time.

    Crews are processes; an idle crew waits for an event that the next arrival triggers (2 to 3 events per case, where
    a `simpy.Store` takes more than 4). `arrivals` yields batches of cases (when opened, work in s, priority), each
    batch with the time from which it may be drawn, all ascending. Cases are numbered from 0 as they come. `duties`
    has one function per crew: the seconds from a time until it is on duty, 0 if it is.

    Attributes
    ----------
    opened : int
        How many cases have come.
    waiting : list[tuple[int, int, int]]
        A heap of priority, number and work of those no crew has begun.
    begun : list[tuple[int, int]]
        Number and begin of those begun, until someone clears it.
    closed : list[tuple[int, int, int]]
        Number, begin and end of those done, in the order of their end, until someone clears it.
    """

    def __init__(self, clock: simpy.Environment, duties: Iterable[Duty], arrivals: Iterable[tuple[int, Batch]]) -> None:
        self._clock = clock
        self._idle: deque[simpy.Event] = deque()
        self.opened = 0
        self.waiting: list[tuple[int, int, int]] = []
        self.begun: list[tuple[int, int]] = []
        self.closed: list[tuple[int, int, int]] = []
        clock.process(self._arrive(arrivals))
        for duty in duties:
            clock.process(self._serve(duty))

    def _arrive(self, arrivals: Iterable[tuple[int, Batch]]) -> Process:
        waiting, timeout, now = self.waiting, self._clock.timeout, self._clock.now
        for time, batch in arrivals:
            if time > now:
                yield timeout(time - now)
                now = time
            for opened, work, priority in batch:
                yield timeout(opened - now)
                now = opened
                heappush(waiting, (priority, self.opened, work))
                self.opened += 1
                self._call()

    def _call(self) -> None:
        if self._idle:
            self._idle.popleft().succeed()

    def _serve(self, duty: Duty) -> Process:
        clock, waiting, idle, timeout = self._clock, self.waiting, self._idle, self._clock.timeout
        while True:
            while pause := duty(int(clock.now)):
                if waiting:
                    self._call()  # whoever called this crew needs another
                yield timeout(pause)
            if not waiting:
                called = clock.event()
                idle.append(called)
                yield called
                continue
            _, case, work = heappop(waiting)
            started = int(clock.now)
            self.begun.append((case, started))
            yield timeout(work)
            self.closed.append((case, started, started + work))


def duties_of(shifts: Iterable[Shift], zone: ZoneInfo) -> list[Duty]:
    """Get the duty of each crew of some shifts in a time zone."""
    return [_duty(shift, zone) for shift in shifts for _ in range(shift.crews)]


def _duty(shift: Shift, zone: ZoneInfo) -> Duty:
    if (shift.begins, shift.ends, shift.days) == (0, 24, 7):
        return _always

    def until(time: int) -> int:
        day = local_day(time, zone)
        while True:
            begins = midnight(day, zone) + 3600 * shift.begins
            if (day + 3) % 7 < shift.days and time < begins + 3600 * (shift.ends - shift.begins):
                return max(begins - time, 0)
            day += 1

    return until


def _always(_time: int) -> int:
    return 0
