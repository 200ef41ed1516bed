"""What faults need of whoever publishes: messages recorded, sent and spoiled, and connections that can be harmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from collector.language.ledger import Fault as Told
from collector.language.messages import Message
from simulator.faults.spoiling import Spoil


@dataclass(frozen=True, slots=True)
class Links:
    """Whose connections are meant: whole cities, or (city, station) where stations have connections of their own.

    A publisher with a connection a city harms that of each city named in either; one with a single connection harms
    that one.
    """

    cities: tuple[str, ...]
    stations: tuple[tuple[str, str], ...] = ()

    @property
    def touched(self) -> tuple[str, ...]:
        """The cities that are named at all."""
        return tuple(dict.fromkeys((*self.cities, *(city for city, _station in self.stations))))


class ConnectionFaults(Protocol):
    """What can be done to the connections of a publisher (called from the thread that publishes; none waits).

    Each returns the names of the connections it harms: `chiang-mai`, or `chiang-mai/aq-01`. `seconds` are of the wall.
    None of them loses a message: what is under way or queued is sent when the connection stands again.
    """

    def kill(self, links: Links) -> Sequence[str]:
        """Shut the sockets without DISCONNECT, so that the wills fire; connect again as after any break."""

    def reconnect_storm(self, links: Links, times: int, rate: float) -> Sequence[str]:
        """Kill so many times, `rate` a second, and connect again at once each time, without back-off."""

    def half_open(self, links: Links, seconds: float) -> Sequence[str]:
        """Neither read nor write (no PINGREQ either) and keep the sockets open; after that go on as if nothing was."""

    def outage(self, links: Links, seconds: float) -> Sequence[str]:
        """Kill, do not connect again before `seconds` are over, queue meanwhile."""

    def missing_birth(self, links: Links, seconds: float) -> Sequence[str]:
        """Kill and connect again, announce nothing (not after a late will either) until `seconds` are over."""

    def stale_status(self, links: Links, *, online: bool) -> Sequence[str]:
        """Publish, retained, the birth (or will) of another session where the birth of this one stands."""


class Outlet(Protocol):
    """Where the messages of a run go. `publish` is `record` and `send` in one, as everything without faults needs."""

    @property
    def connections(self) -> ConnectionFaults | None:
        """What can be done to its connections; None if it has none."""

    def publish(self, message: Message, spoil: Spoil | None = None) -> bool:
        """Record a message when there is room for it, and hand it over; False if no more are taken.

        With `spoil`, each of its payloads is broken, and the ledger has the digest of what is really sent.
        """

    def record(self, message: Message, spoil: Spoil | None = None) -> None:
        """Write a message in the ledger that is sent later, or never."""

    def send(self, message: Message, spoil: Spoil | None = None, *, copy: bool = False) -> bool:
        """Hand over a message that is recorded already; False if no more are taken.

        A `copy` is not counted as a message that collectors will hold one more of.
        """

    def note(self, told: Told) -> None:
        """Write a fault in the ledger, if there is one."""
