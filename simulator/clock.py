"""The pump that paces simulated time against the wall.

SimPy's own real-time environment tolerates less lateness the faster it runs and sees nothing from outside while it
sleeps. This clock keeps an absolute schedule, wakes for commands, and reports how late it is instead of hiding it.
"""

from __future__ import annotations

import math
import queue
import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from collector.language.control import Reply, Request
from collector.language.errors import InputError

MAXIMUM_PACE = 1e7
OVERRUN = 1.0
LATEST = 10_000  # ms

Command = Callable[[Mapping[str, Any], float], dict[str, object]]
"""Obeys the arguments of a request at a simulated time; the result of the reply. Raises `InputError`."""


def parse_pace(text: str) -> float:
    """Simulated seconds in a second of the wall: `max` is infinite, `realtime` is 1, or a positive number."""
    if text == "max":
        return math.inf
    if text == "realtime":
        return 1.0
    try:
        pace = float(text)
    except ValueError:
        pace = math.nan
    if not 0 < pace <= MAXIMUM_PACE:
        raise InputError(f"expected a pace of max, realtime or a factor up to {MAXIMUM_PACE:g}, came {text!r}")
    return pace


@dataclass(slots=True)
class Lateness:
    """How late messages were said, in wall seconds: of how many, how many over 1 s, the largest, and the newest.

    `milliseconds` counts them by their lateness; the last is for all that were later.
    """

    waits: int = 0
    overruns: int = 0
    largest: float = 0.0
    newest: float = 0.0
    milliseconds: array[int] = field(default_factory=lambda: array("Q", bytes(8 * (LATEST + 1))))

    def note(self, late: float) -> None:
        """Count a message."""
        self.waits += 1
        self.overruns += late > OVERRUN
        self.newest = late
        self.largest = max(self.largest, late)
        self.milliseconds[min(int(late * 1000), LATEST)] += 1

    def quantile(self, share: float) -> float:
        """The lateness in seconds that a share of the messages did not exceed, to the next millisecond."""
        wanted = math.ceil(share * self.waits)
        seen = 0
        for milliseconds, count in enumerate(self.milliseconds):
            seen += count
            if seen >= wanted:
                return min(self.largest, (milliseconds + 1) / 1000) if milliseconds < LATEST else self.largest
        return 0.0


@dataclass
class Clock:
    """Paces simulated time from `start` (seconds since 1970) at `pace` simulated seconds a wall second.

    What lies before `free_until` is not waited for: a run may catch up with now and go on from there. `commands` are
    those that others obey, by name.
    """

    start: float
    pace: float
    free_until: float = -math.inf
    lateness: Lateness = field(default_factory=Lateness)
    commands: dict[str, Command] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._inbox: queue.SimpleQueue[tuple[Request, Callable[[Reply], None]] | None] = queue.SimpleQueue()
        self._paused_at: float | None = None
        self.stopped = False
        self._anchor(self.start)

    def _anchor(self, simulated: float) -> None:
        self._simulated = simulated
        self._wall = time.monotonic()

    @property
    def now(self) -> float:
        """The simulated time that the wall asks for; infinite at full speed."""
        if self._paused_at is not None:
            return self._paused_at
        return self._simulated + self.pace * (time.monotonic() - self._wall) if self.pace < math.inf else math.inf

    def command(self, request: Request, answer: Callable[[Reply], None]) -> None:
        """Hand in a command (any thread); it is answered when it takes effect."""
        self._inbox.put((request, answer))

    def stop(self) -> None:
        """Ask the run to end in order (any thread, or a signal handler)."""
        self.stopped = True
        self._inbox.put(None)

    def wait_until(self, simulated: float) -> bool:
        """Wait until a simulated time is due, obeying commands meanwhile; False if the run was stopped."""
        self._obey_waiting(simulated)
        if simulated < self.free_until:
            self._anchor(self.free_until)
        if (self.pace == math.inf or simulated < self.free_until) and self._paused_at is None:
            return not self.stopped
        while not self.stopped and ((now := self.now) < simulated or self._paused_at is not None):
            self._obey(self._next((simulated - now) / self.pace), min(now, simulated))
        self._note_lateness(simulated)
        return not self.stopped

    def _note_lateness(self, simulated: float) -> None:
        if self.pace == math.inf:
            return
        late = max(0.0, (self.now - simulated) / self.pace)
        self.lateness.note(late)

    def _obey_waiting(self, simulated: float) -> None:
        while not self._inbox.empty():
            self._obey(self._inbox.get(), min(self.now, simulated))

    def _next(self, timeout: float) -> tuple[Request, Callable[[Reply], None]] | None:
        try:
            return self._inbox.get(timeout=None if self._paused_at is not None else min(timeout, 3600.0))
        except queue.Empty:
            return None

    def _obey(self, told: tuple[Request, Callable[[Reply], None]] | None, simulated: float) -> None:
        if told is None:
            return
        request, answer = told
        try:
            result = self._do(request, simulated)
        except InputError as error:
            answer(Reply(request.id, ok=False, error=str(error)))
        else:
            answer(Reply(request.id, ok=True, result=result))

    def _do(self, request: Request, simulated: float) -> dict[str, object]:
        match request.command:
            case "pause":
                self._paused_at = simulated
            case "resume":
                self._paused_at = None
                self._anchor(simulated)
            case "pace":
                factor = request.arguments.get("factor")
                self.pace = parse_pace(str(factor))
                self._anchor(simulated)
            case "stop":
                self.stopped = True
            case "status":
                pass
            case other if other in self.commands:
                return self.commands[other](request.arguments, simulated)
            case other:
                more = "".join(f", {name}" for name in self.commands)
                raise InputError(f"expected pause, resume, pace, stop or status{more}, came {other!r}")
        pace = "max" if self.pace == math.inf else self.pace
        return {"pace": pace, "paused": self._paused_at is not None, "simulated": round(min(simulated, 2**53))}
