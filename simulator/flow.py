"""How far a publisher may run ahead: a window of messages beyond what the collectors say they have stored.

A broker's acknowledgement says nothing about a collector, and a broker with a bounded queue drops what it has
acknowledged. So at full speed a publisher waits for the collectors' word.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from collector.language.control import Committed

WINDOW = 500
PATIENCE = 15.0
SILENCE = 5.0


@dataclass(slots=True)
class _Word:
    """What a collector said last: how much it holds, when, since when it speaks without a break, its last progress."""

    messages: int
    heard: float
    since: float
    progressed: float


class Flow:
    """Counts what was handed over, what the broker acknowledged, what the collectors hold; `admit` waits for room.

    Until a collector has spoken, only the broker's acknowledgements count. A collector that keeps speaking without
    any progress for 15 s while messages are outstanding has not got them: they were lost on the way, and the flow
    goes on without them, saying so. A collector that is silent is waited for. With `patience` (seconds) the flow closes
    when the broker has taken nothing for so long while messages are under way, calling `gave_up`.
    """

    def __init__(
        self,
        session: str,
        window: int = WINDOW,
        tell: Callable[[str], None] = lambda _text: None,
        patience: float | None = None,
        gave_up: Callable[[], None] = lambda: None,
    ) -> None:
        self._session = session
        self._window = window
        self._tell = tell
        self._change = threading.Condition()
        self._words: dict[str, _Word] = {}
        self._groups: dict[str, str] = {}
        self._written_off = 0
        self.handed_over = 0
        self._expected = 0
        self._acknowledged = 0
        self.closed = False
        self._patience = patience
        self._gave_up = gave_up
        self._taken = time.monotonic()

    def admit(self, *, copy: bool = False) -> bool:
        """Wait for room for one more message and count it; False if the flow was closed meanwhile.

        Collectors will not hold one more for a `copy`.
        """
        complained = time.monotonic()
        with self._change:
            while not self.closed and self._outstanding() >= self._window:
                self._change.wait(1.0)
                self._write_off()
                self._give_up()
                if time.monotonic() - complained > PATIENCE:
                    complained = time.monotonic()
                    self._tell(self._complaint())
            self.handed_over += not (self.closed or copy)
            self._expected += not self.closed
            return not self.closed

    def expect(self) -> None:
        """Count a message that only the broker acknowledges: a birth, a reply."""
        with self._change:
            self._expected += 1

    def acknowledge(self, count: int = 1) -> None:
        """The broker has taken messages; at QoS 0, the system has taken them for the network."""
        with self._change:
            self._acknowledged += count
            self._taken = time.monotonic()
            self._change.notify_all()

    def lose(self, count: int) -> None:
        """Messages at QoS 0 went down with their connection, or found none: nobody will ever take them."""
        if count:
            with self._change:
                self._acknowledged += count
                self._written_off += count
                self._change.notify_all()

    def refuse(self) -> None:
        """A message was refused: it counts as acknowledged, and no collector will hold it."""
        with self._change:
            self._written_off += 1
            self._change.notify_all()

    def hear(self, word: Committed, *, retained: bool = False) -> None:
        """A collector has spoken; a retained word tells what it held, not that it is there."""
        if word.session != self._session:
            return
        now = time.monotonic()
        with self._change:
            said = self._words.setdefault(word.collector, _Word(0, -math.inf, now, now))
            if word.messages > said.messages:
                said.messages, said.progressed = word.messages, now
            if not retained:
                said.since = now if now - said.heard > SILENCE else said.since
                said.heard = now
            self._groups[word.collector] = word.group or word.collector
            self._written_off = min(self._written_off, max(0, self.handed_over - (self.held or 0)))
            self._change.notify_all()

    def wait_for_a_word(self, timeout: float) -> bool:
        """Whether a collector speaks within a time."""
        with self._change:
            return self._change.wait_for(lambda: bool(self._words) or self.closed, timeout)

    def wait_until_taken(self, timeout: float) -> int:
        """Wait until the broker has everything; how many messages it has not taken in time."""
        with self._change:
            self._change.wait_for(lambda: self._under_way <= 0, timeout)
            return self._under_way

    def close(self) -> None:
        """Admit nothing more."""
        with self._change:
            self.closed = True
            self._change.notify_all()

    @property
    def held(self) -> int | None:
        """How many messages every group of collectors holds; None if none has spoken."""
        groups: defaultdict[str, int] = defaultdict(int)
        for collector, word in self._words.items():
            groups[self._groups[collector]] += word.messages
        return min(groups.values()) if groups else None

    @property
    def _under_way(self) -> int:
        return self._expected - self._acknowledged

    def _outstanding(self) -> int:
        held = self.held
        if held is None:
            return self._under_way
        return max(self._under_way, self.handed_over - held - self._written_off)

    def _write_off(self) -> None:
        now = time.monotonic()
        words = self._words.values()
        speaking = any(now - word.heard < SILENCE and now - word.since >= PATIENCE for word in words)
        if not speaking or any(now - word.progressed < PATIENCE for word in words):
            return
        for word in words:
            word.progressed = now
        lost = self.handed_over - self._under_way - (self.held or 0) - self._written_off
        if lost > 0:
            self._written_off += lost
            self._tell(f"{lost} messages were taken by the broker but never reached the collector; going on")

    def _give_up(self) -> None:
        waited = time.monotonic() - self._taken
        if self._patience is not None and self._under_way >= self._window and waited >= self._patience:
            self._tell(f"the broker has taken nothing for {waited:.0f} s ({self._under_way:,} under way): giving up")
            self._gave_up()
            self.closed = True

    def _complaint(self) -> str:
        if self._under_way >= self._window:
            return f"waiting for the broker: {self._under_way} messages are under way"
        return f"waiting for the collector: it holds {self.held} of {self.handed_over} messages"
