"""A line to the broker: one connection of a fleet, open or not, and what waits for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from collector.language.connection import Connection
from simulator.fleet import Member
from simulator.formats import Format, Outgoing


class Line:
    """A member's connection. While it does not stand, messages wait; at QoS 0 they are lost, as a device loses them.

    paho tells of a message at QoS 0 when the system has taken its bytes, and never tells of one that went down with
    its connection; so those handed over and those settled are counted here.
    """

    __slots__ = (
        "_handed", "_lock", "_settled", "_waiting",
        "births_unheard", "connection", "member", "reliable", "told", "unannounced", "up",
    )  # fmt: skip

    connection: Connection

    def __init__(self, member: Member, told: Format) -> None:
        self.member = member
        self.told = told
        self.up = False
        self.unannounced = False
        self.births_unheard = 0
        self.reliable: set[int] = set()
        self._lock = threading.Lock()
        self._waiting: deque[Outgoing] = deque()
        self._handed = 0
        self._settled = 0

    def hand(self, out: Outgoing, qos: int, send: Callable[[Line, Outgoing], None]) -> bool:
        """Send a message or keep it until the connection stands; False if it is lost (QoS 0)."""
        with self._lock:
            if self.up:
                self._handed += 1
                send(self, out)
            elif qos:
                self._waiting.append(out)
            return self.up or qos > 0

    def open(self, send: Callable[[Line, Outgoing], None]) -> None:
        """The connection stands: say what has waited (network thread)."""
        with self._lock:
            self.up = True
            while self._waiting:
                send(self, self._waiting.popleft())

    def shut(self, qos: int) -> int:
        """The connection broke: how many messages went down with it (network thread)."""
        with self._lock:
            self.up = False
            lost = self._handed - self._settled if qos == 0 else 0
            self._settled = self._handed
            return lost

    def took(self, mid: int) -> None:
        """The broker, or at QoS 0 the system, has taken a message (network thread)."""
        if mid in self.reliable:
            self.reliable.discard(mid)
        else:
            self._settled += 1
