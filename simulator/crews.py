"""Crews that work on what waits: a SimPy queue with priorities and shifts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from zoneinfo import ZoneInfo

import simpy

from simulator.drivers import local_day, midnight
from simulator.parameters.services import Shift

Case = tuple[int, int, int]
"""When it is opened (epoch seconds), the work (s) and the priority of a case."""
Batch = tuple[int, Callable[[], Iterable[Case]]]
"""The time from which cases may be drawn, and what draws them, ascending."""
Duty = Callable[[int], int] | None
"""From a time (epoch seconds) to the seconds until a crew is on duty, 0 if it is; None for a crew that always is."""


class Crews:
    """Cases that wait for a crew, by priority and then first come first served; a crew works on one at a time.

    What happens are `Timeout` events with a callback: the end of each work, and an arrival only where a crew is idle
    (a process for each crew and one for arrivals take twice the time). `batches` of cases ascend and do not end; cases
    are numbered from 0 as they come. `duties` has one function per crew; without crews cases are only counted.

    Attributes
    ----------
    opened : int
        How many cases have come by the last `count` or the last event.
    waiting : list[tuple[int, int, int]]
        A heap of priority, number and work of those no crew has begun.
    begun : list[tuple[int, int]]
        Number and begin of those begun, until someone clears it.
    closed : list[tuple[int, int, int]]
        Number, begin and end of those done, in the order of their end, until someone clears it.
    """

    def __init__(self, clock: simpy.Environment, duties: Iterable[Duty], batches: Iterator[Batch]) -> None:
        self._timeout, self._batches = clock.timeout, batches
        self._idle = deque(duties)
        self._crews = len(self._idle)
        self._coming: deque[Case] = deque()
        self._batch = next(batches)
        self._next = self._batch[0]
        self._turn = -1
        self.opened = 0
        self.waiting: list[tuple[int, int, int]] = []
        self.begun: list[tuple[int, int]] = []
        self.closed: list[tuple[int, int, int]] = []
        if self._crews:
            now = int(clock.now)
            self._at(max(self._next, now), now)

    def count(self, until: int) -> None:
        """Count the cases that come before a time (epoch seconds)."""
        if self._next < until:
            self._admit(until - 1)

    def _admit(self, now: int) -> None:
        """Let the cases wait that have come by now; a batch is drawn when its time has come."""
        coming = self._coming
        while self._next <= now:
            if coming:
                _, work, priority = coming.popleft()
                if self._crews:
                    heappush(self.waiting, (priority, self.opened, work))
                self.opened += 1
            else:
                coming.extend(self._batch[1]())
                self._batch = next(self._batches)
            self._next = coming[0][0] if coming else self._batch[0]

    def _act(self, now: int) -> None:
        """Give waiting cases to idle crews on duty; then wait for the next case, or for the next crew on duty."""
        if self._next <= now:
            self._admit(now)
        idle, off = self._idle, 0
        while self.waiting and off < len(idle):
            duty = idle.popleft()
            if duty is not None and duty(now):
                idle.append(duty)
                off += 1
            else:
                self._begin(duty, now)
                off = 0
        if idle:
            pauses = [duty(now) for duty in idle if duty is not None] if self.waiting else []
            self._at(now + min(pauses) if pauses else self._next, now)

    def _begin(self, duty: Duty, now: int) -> None:
        _, case, work = heappop(self.waiting)
        self.begun.append((case, now))
        self._timeout(work).callbacks.append(lambda _: self._end(duty, case, now, now + work))

    def _end(self, duty: Duty, case: int, started: int, now: int) -> None:
        self.closed.append((case, started, now))
        if self._next <= now:
            self._admit(now)
        if self.waiting and duty is None:  # then no other crew on duty is idle
            self._begin(duty, now)
        else:
            self._idle.append(duty)
            self._act(now)

    def _at(self, time: int, now: int) -> None:
        """Act at a time, unless that is to be done anyway before it."""
        if self._turn <= now or time < self._turn:
            self._turn = time
            self._timeout(time - now).callbacks.append(lambda _: self._act(time))


def duties_of(shifts: Iterable[Shift], zone: ZoneInfo) -> list[Duty]:
    """Get the duty of each crew of some shifts in a time zone."""
    return [_duty(shift, zone) for shift in shifts for _ in range(shift.crews)]


def _duty(shift: Shift, zone: ZoneInfo) -> Duty:
    if (shift.begins, shift.ends, shift.days) == (0, 24, 7):
        return None

    def until(time: int) -> int:
        day = local_day(time, zone)
        while True:
            begins = midnight(day, zone) + 3600 * shift.begins
            if (day + 3) % 7 < shift.days and time < begins + 3600 * (shift.ends - shift.begins):
                return max(begins - time, 0)
            day += 1

    return until
