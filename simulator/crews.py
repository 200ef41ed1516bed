"""Crews that work on what waits: a SimPy queue with priorities and shifts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from zoneinfo import ZoneInfo

import numpy as np
import simpy

from simulator.cases import Integers
from simulator.drivers import local_day, midnight
from simulator.parameters.services import Shift

Columns = tuple[list[int], list[int], list[int]]
"""When cases are opened (epoch seconds, ascending), the work (s) and the priority of each."""
Batch = tuple[int, Callable[[], Columns]]
"""The time from which cases may be drawn, and what draws them."""
Duty = Callable[[int], int] | None
"""From a time (epoch seconds) to the seconds until a crew is on duty, 0 if it is; None for a crew that always is."""


NEVER = 1 << 40
"""Seconds that no run lasts."""


class Crew(simpy.Event):
    """A crew, which is the event that its work ends: one event a case, used again and again."""

    def __init__(self, clock: simpy.Environment, duty: Duty, ended: Callable[[Crew], None]) -> None:
        super().__init__(clock)
        self._ok, self._value, self._ended = True, None, [ended]
        self.duty = duty
        self.begun = self.ends = -1

    def work(self, begun: int, ends: int, now: int) -> None:
        """Work from now or from a later time on."""
        self.begun, self.ends = begun, ends
        self.callbacks = self._ended
        self.env.schedule(self, delay=ends - now)

    def pause(self, time: int) -> int:
        """Get the seconds from a time until the crew is on duty."""
        return self.duty(time) if self.duty else 0


class Crews:
    """Cases that wait for a crew, by priority and then first come first served; a crew works on one at a time.

    What happens are SimPy events with a callback: the end of each work, and an arrival only where it is not plain who
    takes the case (a process for each crew and one for arrivals take over twice the time). Where nothing waits, the
    next case goes to an idle crew before it comes: it is begun as it comes. `batches` of cases ascend and do not end;
    cases are numbered from 0 as they come. `duties` has one function per crew; without crews cases are only counted.

    Attributes
    ----------
    opened : int
        How many cases have come by the last `count`.
    waiting : list[tuple[int, int, int]]
        A heap of priority, number and work of those no crew has begun.
    """

    def __init__(self, clock: simpy.Environment, duties: Iterable[Duty], batches: Iterator[Batch]) -> None:
        self._clock, self._batches = clock, batches
        self._crews = [Crew(clock, duty, self._end) for duty in duties]
        self._idle, self._staffed = deque(self._crews), bool(self._crews)
        self._batch = next(batches)
        self._opened, self._work, self._priority = [self._batch[0]], list[int](), list[int]()
        self._drawn = self._coming = 0  # numbers of the first case of the batch and of the next one, within the batch
        self._next, self._turn = self._batch[0], -1
        self.opened = 0
        self.waiting: list[tuple[int, int, int]] = []
        self._begun: list[int] = []  # number, begin and end of each case, also of those that idle crews will begin
        self._told, self._left = int(clock.now), np.empty((0, 3), dtype=np.int64)
        if self._staffed:
            now = int(clock.now)
            self._at(max(self._next, now), now)

    def count(self, until: int) -> None:
        """Count the cases that come before a time (epoch seconds)."""
        if self._next < until:
            self._admit(until - 1)
        self.opened = self._drawn + self._coming - sum(crew.begun >= until for crew in self._crews)

    def take(self, until: int) -> tuple[Integers, Integers]:
        """Get the cases begun and the cases closed since the last call, before a time (epoch seconds).

        Rows of number, begin and end in the order of begin and of end, (cases, 3); what was begun may end later.
        """
        self.count(until)
        found = np.concatenate((self._left, np.array(self._begun, dtype=np.int64).reshape(-1, 3)))
        begin, end = found[:, 1], found[:, 2]
        begun, closed = found[(begin >= self._told) & (begin < until)], found[end < until]
        self._begun, self._left, self._told = [], found[end >= until], until
        return begun, closed[closed[:, 2].argsort(kind="stable")]

    def _admit(self, now: int) -> None:
        """Let the cases wait that have come by now; a batch is drawn when its time has come."""
        while self._next <= now:
            coming = self._coming
            if coming == len(self._work):
                self._draw()
            else:
                if self._staffed:
                    heappush(self.waiting, (self._priority[coming], self._drawn + coming, self._work[coming]))
                self._coming = coming + 1
            self._next = self._opened[self._coming]

    def _draw(self) -> None:
        """Draw the next batch; after its last case comes the time of the batch that follows."""
        self._drawn, self._coming = self._drawn + self._coming, 0
        self._opened, self._work, self._priority = self._batch[1]()
        self._batch = next(self._batches)
        self._opened.append(self._batch[0])

    def _act(self, now: int) -> None:
        """Give waiting cases to idle crews on duty; then wait for the next case, or for the next crew on duty."""
        if self._next <= now:
            self._admit(now)
        idle, off = self._idle, 0
        while self.waiting and off < len(idle):
            if idle[0].pause(now):
                idle.rotate(-1)
                off += 1
            else:
                self._go_on(idle.popleft(), now)
                off = 0
        if idle and self.waiting:
            self._at(now + min(crew.pause(now) for crew in idle), now)
        elif idle:
            self._look_ahead(now)

    def _look_ahead(self, now: int) -> None:
        """Give the cases that come next to idle crews, where nothing waits and they come one by one."""
        idle, opened, work = self._idle, self._opened, self._work
        while idle:
            begun, coming = self._next, self._coming
            if coming == len(work) or opened[coming + 1] == begun:
                return self._at(begun, now)
            if idle[0].duty and (pause := self._turn_to_duty(begun)):
                return self._at(begun + pause, now)
            self._begin(idle.popleft(), self._drawn + coming, begun, work[coming], now)
            self._coming = coming + 1
            self._next = opened[coming + 1]
        return None

    def _turn_to_duty(self, time: int) -> int:
        """Let an idle crew that is on duty at a time be the first; otherwise get the seconds until one is."""
        least = 1 << 60
        for _ in range(len(self._idle)):
            pause = self._idle[0].pause(time)
            if not pause:
                return 0
            least = min(least, pause)
            self._idle.rotate(-1)
        return least

    def _go_on(self, crew: Crew, now: int) -> None:
        """Give the first of the waiting cases to a crew."""
        _, case, work = heappop(self.waiting)
        self._begin(crew, case, now, work, now)

    def _begin(self, crew: Crew, case: int, begun: int, work: int, now: int) -> None:
        ends = begun + work
        self._begun += (case, begun, ends)
        crew.work(begun, ends, now)

    def _end(self, crew: Crew) -> None:
        now = crew.ends
        if self._next <= now:
            self._admit(now)
        if self.waiting and crew.duty is None:  # then no other crew on duty is idle
            return self._go_on(crew, now)
        self._idle.append(crew)
        return self._act(now) if self.waiting else self._look_ahead(now)

    def _at(self, time: int, now: int) -> None:
        """Act at a time, unless that is to be done anyway before it."""
        if self._turn <= now or time < self._turn:
            self._turn = time
            self._clock.timeout(time - now).callbacks.append(lambda _: self._act(time))


def duties_of(shifts: Iterable[Shift], zone: ZoneInfo) -> list[Duty]:
    """Get the duty of each crew of some shifts in a time zone."""
    return [duty for shift in shifts for duty in [_duty(shift, zone)] * shift.crews]


def changed(duties: list[Duty], steps: Iterable[tuple[int, int, int | None]]) -> list[Duty]:
    """Get the duties with crews added (+1) or absent (-1) from a time to before another (None: for good).

    A crew that is added has the hours of the first; those that are absent are the last of those there were.
    """
    found, absent = list(duties), len(duties)
    for step, begins, ends in steps:
        if step > 0 and duties:
            found.append(_there(duties[0], begins, ends))
        elif step < 0 and absent:
            absent -= 1
            found[absent] = _absent(duties[absent], begins, ends)
    return found


def added(shifts: Iterable[tuple[tuple[int, int], int, int | None]], zone: ZoneInfo) -> list[Duty]:
    """Get the duties of crews in local hours of their own, each from a time to before another (None: for good)."""
    return [
        _there(_duty(Shift(crews=1, begins=hours[0], ends=hours[1]), zone), begins, ends)
        for hours, begins, ends in shifts
    ]


def _there(duty: Duty, begins: int, ends: int | None) -> Duty:
    """Get the duty of a crew that is there only from a time to before another."""

    def until(time: int) -> int:
        from_then = max(time, begins)
        next_on_duty = from_then + (duty(from_then) if duty else 0)
        return NEVER if ends is not None and next_on_duty >= ends else next_on_duty - time

    return until


def _absent(duty: Duty, begins: int, ends: int | None) -> Duty:
    """Get the duty of a crew that is away from a time to before another."""

    def until(time: int) -> int:
        pause = duty(time) if duty else 0
        if not begins <= time + pause < (NEVER if ends is None else ends):
            return pause
        return NEVER if ends is None else ends - time + (duty(ends) if duty else 0)

    return until


def _duty(shift: Shift, zone: ZoneInfo) -> Duty:
    if (shift.begins, shift.ends, shift.days) == (0, 24, 7):
        return None
    after = begins = ends = 0  # from `after` to `ends` the next time on duty is from `begins` to `ends`

    def until(time: int) -> int:
        nonlocal after, begins, ends
        if not after <= time < ends:
            after, begins, ends = _on_duty(shift, zone, time)
        return max(begins - time, 0)

    return until


def _on_duty(shift: Shift, zone: ZoneInfo, time: int) -> tuple[int, int, int]:
    """Get the time on duty that lasts at a time or comes next, after the time from which on it does."""
    day = local_day(time, zone)
    after = midnight(day, zone)
    while True:
        begins = midnight(day, zone) + 3600 * shift.begins
        ends = begins + 3600 * (shift.ends - shift.begins)
        if (day + 3) % 7 < shift.days:
            if time < ends:
                return after, begins, ends
            after = ends
        day += 1
