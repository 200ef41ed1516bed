"""What can be done on purpose to the connections of a fleet: cut, frozen, kept away, not announced, lied about."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from collector.language.connection import Network
from collector.language.profile import Status
from collector.language.topics import Address, CityAddress
from simulator.faults.outlet import Links
from simulator.line import Line

Say = Callable[[Line, Address | CityAddress, Status], None]


class Harm:
    """Connection faults on the lines of a publisher; each returns the names of the connections that it harms.

    It may be called from any thread and waits for nothing; `seconds` are of the wall. None of them loses a message from
    QoS 1 on: what is under way or waits is sent when the connection stands again.
    """

    def __init__(
        self, lines: Sequence[Line], network: Network, run: str, birth: Callable[[Line], None], say: Say
    ) -> None:
        self._lines = lines
        self._network = network
        self._run = run
        self._birth = birth
        self._say = say

    def kill(self, links: Links) -> Sequence[str]:
        """Shut the sockets without DISCONNECT, so that the wills fire; connect again as after any break."""
        return self._each(links, lambda line: line.connection.kill())

    def reconnect_storm(self, links: Links, times: int, rate: float) -> Sequence[str]:
        """Kill so many times, at most `rate` a second, and connect again at once each time, without back-off.

        A connection that has not come back when its turn comes is killed at a later turn: all the breaks happen.
        """
        return self._each(links, lambda line: self._storm(line, times, 1 / rate))

    def _storm(self, line: Line, times: int, pause: float) -> None:
        if line.up:
            line.connection.kill(0.0)
            times -= 1
        if times:
            self._network.later(pause, partial(self._storm, line, times, pause))

    def half_open(self, links: Links, seconds: float) -> Sequence[str]:
        """Neither read nor write (no PINGREQ either) and keep the sockets open; after that go on as if nothing was."""
        return self._each(links, lambda line: self._freeze(line, seconds))

    def _freeze(self, line: Line, seconds: float) -> None:
        line.connection.freeze()
        self._network.later(seconds, lambda: line.connection.freeze(False))

    def outage(self, links: Links, seconds: float) -> Sequence[str]:
        """Kill, do not connect again before `seconds` are over, queue meanwhile."""
        return self._each(links, lambda line: line.connection.kill(seconds))

    def missing_birth(self, links: Links, seconds: float) -> Sequence[str]:
        """Kill and connect again, announce nothing (not after a late will either) until `seconds` are over."""
        return self._each(links, lambda line: self._keep_quiet(line, seconds))

    def _keep_quiet(self, line: Line, seconds: float) -> None:
        line.unannounced = True
        line.connection.kill(0.0)
        self._network.later(seconds, lambda: self._announce(line))

    def _announce(self, line: Line) -> None:
        line.unannounced = False
        if line.up:
            self._birth(line)

    def stale_status(self, links: Links, *, online: bool) -> Sequence[str]:
        """Publish, retained, the birth (or will) of another session where the birth of this one stands."""
        return self._each(links, lambda line: self._lie(line, online))

    def _lie(self, line: Line, online: bool) -> None:
        address, birth = line.member.births[0]
        other = replace(birth, session=f"old-{secrets.token_hex(3)}")
        if line.up:
            self._say(line, address, other if online else other.offline())

    def _each(self, links: Links, harm: Callable[[Line], None]) -> list[str]:
        meant = self._meant(links)
        for line in meant:
            self._network.call(partial(harm, line))
        return [self._name(line) for line in meant]

    def _meant(self, links: Links) -> list[Line]:
        if len(self._lines) == 1:
            return list(self._lines)
        own = {self._place(line) for line in self._lines}
        wanted = set(links.stations) & own
        whole = set(links.cities) | {city for city, station in links.stations if (city, station) not in own}
        return [line for line in self._lines if (place := self._place(line)) in wanted or place[0] in whole]

    def _place(self, line: Line) -> tuple[str, str]:
        address = line.member.births[0][0]
        return address.city, address.station if isinstance(address, Address) else ""

    def _name(self, line: Line) -> str:
        return "/".join(filter(None, self._place(line)))
