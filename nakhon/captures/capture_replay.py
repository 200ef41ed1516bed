"""A faithful mouth: captured messages said again as they were, at their spacing."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable

from collector.language.broker import Broker
from collector.language.connection import Connection, Network, Session
from nakhon.captures.capture import Captured
from nakhon.captures.recording import Tell, publishable
from simulator.clock import Clock

WINDOW = 500
EXPIRY = 3600
GOODBYE = 30.0


class Mouth:
    """Says captured messages to a broker, in order, with at most `window` of them under way.

    `said` counts what was handed to the broker, `taken` what it has acknowledged (QoS 0: what has left), and `refused`
    what it did not let us say.
    """

    def __init__(self, broker: Broker, *, window: int = WINDOW, tell: Tell = lambda _text: None) -> None:
        self.said = self.taken = self.refused = 0
        self._window = window
        self._moved = threading.Condition()
        self._stopping = False
        self._is_5 = broker.protocol == 5
        self._network = Network("replay")
        session = Session(f"nakhon-replay-{secrets.token_hex(4)}", expiry=EXPIRY, window=window)
        self.connection = Connection(
            self._network, broker, session, on_down=lambda why: tell(f"connection lost ({why}); connecting again")
        )
        self._progress = self.connection.client.on_publish
        self.connection.client.on_publish = self._published

    def start(self, timeout: float = 10.0) -> None:
        """Connect. Raises `BrokerError` if the broker cannot be reached in time (seconds)."""
        self._network.start().add(self.connection)
        try:
            self.connection.wait_up(timeout)
        except BaseException:
            self._network.stop()
            raise

    def say(self, captured: Captured, timeout: float = GOODBYE) -> bool:
        """Publish a message as it was; False if the broker takes nothing for a time (seconds), or we are to stop."""
        with self._moved:
            room = self._moved.wait_for(lambda: self._stopping or self.under_way < self._window, timeout)
            if not room or self._stopping:
                return False
            self.said += 1
        self.connection.client.publish(
            captured.topic,
            captured.payload,
            qos=captured.qos,
            retain=captured.retain,
            properties=publishable(captured.properties) if self._is_5 else None,
        )
        return True

    def stop(self) -> None:
        """Say nothing more (any thread)."""
        with self._moved:
            self._stopping = True
            self._moved.notify_all()

    def finish(self, timeout: float = GOODBYE) -> None:
        """Wait until the broker has taken what is under way (seconds at most), and leave."""
        with self._moved:
            self._moved.wait_for(lambda: not self.under_way, timeout)
        self.connection.forgotten = True
        self._network.stop()

    @property
    def under_way(self) -> int:
        """How many messages the broker has not yet taken or refused."""
        return self.said - self.taken - self.refused

    def _published(self, client: object, data: object, mid: int, reason: object, properties: object) -> None:
        with self._moved:
            if getattr(reason, "is_failure", False):
                self.refused += 1
            else:
                self.taken += 1
            self._moved.notify_all()
        if self._progress is not None:
            self._progress(client, data, mid, reason, properties)  # type: ignore[call-arg, arg-type]


def say_again(messages: Iterable[Captured], mouth: Mouth, clock: Clock, tell: Callable[[], None]) -> bool:
    """Say messages at their spacing by the clock; False if it was stopped, or the broker takes no more.

    The first is said at once. Of captures that were joined, each goes on where the one before it ended.
    """
    base = last = 0.0
    first: float | None = None
    for one in messages:
        first = one.at if first is None else first
        if one.at < last:
            base += last - first
        last = one.at
        if not clock.wait_until(base + last - first) or not mouth.say(one):
            return False
        tell()
    return True
