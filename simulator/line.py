"""A line to the broker: one connection of a fleet, open or not, and what waits for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from collector.language.connection import Connection
from collector.language.messages import Message
from simulator.fleet import Member
from simulator.formats import Format, Outgoing


class Line:
    """A member's connection. While it does not stand, messages wait; at QoS 0 they are lost, as a device loses them.

    paho tells of a message at QoS 0 when the system has taken its bytes, and never tells of one that went down with
    its connection; so those handed over and those settled are counted here. `under_way` has the messages that can be
    refused, by the ids that paho gave them.
    """

    __slots__ = (
        "_handed", "_lock", "_settled", "_waiting",
        "births_unheard", "connection", "member", "reliable", "told", "unannounced", "under_way", "up",
    )  # fmt: skip

    connection: Connection

    def __init__(self, member: Member, told: Format) -> None:
        self.member = member
        self.told = told
        self.up = False
        self.unannounced = False
        self.births_unheard = 0
        self.reliable: set[int] = set()
        self.under_way: dict[int, Message] = {}
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Outgoing, Message]] = deque()
        self._handed = 0
        self._settled = 0

    def hand(self, out: Outgoing, message: Message, qos: int, send: Send) -> bool:
        """Send a message or keep it until the connection stands; False if it is lost (QoS 0)."""
        with self._lock:
            if self.up:
                self._handed += 1
                send(self, out, message)
            elif qos:
                self._waiting.append((out, message))
            return self.up or qos > 0

    def open(self, send: Send) -> None:
        """The connection stands: say what has waited (network thread)."""
        with self._lock:
            self.up = True
            while self._waiting:
                send(self, *self._waiting.popleft())

    def shut(self, qos: int) -> int:
        """The connection broke: how many messages went down with it (network thread)."""
        with self._lock:
            self.up = False
            lost = self._handed - self._settled if qos == 0 else 0
            self._settled = self._handed
            return lost

    def took(self, mid: int) -> None:
        """The broker, or at QoS 0 the system, has taken a message (network thread)."""
        self.under_way.pop(mid, None)
        if mid in self.reliable:
            self.reliable.discard(mid)
        else:
            self._settled += 1


Send = Callable[[Line, Outgoing, Message], None]
