"""Runs with faults, said into a list: what the ledger would hold, and what would be sent."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from collector.language.codec import encode
from collector.language.ledger import Effect
from collector.language.ledger import Fault as Told
from collector.language.messages import Message, Readings
from nakhon.plays import simulated
from simulator.faults.outlet import ConnectionFaults, Links
from simulator.faults.spoiling import Spoil
from simulator.scenario import Scenario, parse_scenario

SMALL = """
name = "small"
start = 2026-03-01
duration = "1d"
cadence = "15min"
[cities]
include = ["rayong"]
[stations]
statistics_office = 0
permit_office = 0
dispatch_centre = 0
grid_control = 0
business_registry = 0
open_data_portal = 0
noise_meter = 0
river_gauge = 0
payment_gateway = 0
city_portal = 0
"""
TWO = SMALL.replace('"rayong"', '"chiang-mai", "rayong"')


def scenario(faults: str = "", head: str = SMALL) -> Scenario:
    return parse_scenario(head + faults, "small.toml")


@dataclass
class Harmed:
    """Connections that only note what is done to them."""

    done: list[tuple[str, Links, object]] = field(default_factory=list)

    def kill(self, links: Links) -> Sequence[str]:
        return self._note("kill", links, None)

    def reconnect_storm(self, links: Links, times: int, rate: float) -> Sequence[str]:
        return self._note("reconnect-storm", links, (times, rate))

    def half_open(self, links: Links, seconds: float) -> Sequence[str]:
        return self._note("half-open", links, seconds)

    def outage(self, links: Links, seconds: float) -> Sequence[str]:
        return self._note("outage", links, seconds)

    def missing_birth(self, links: Links, seconds: float) -> Sequence[str]:
        return self._note("missing-birth", links, seconds)

    def stale_status(self, links: Links, *, online: bool) -> Sequence[str]:
        return self._note("stale-status", links, online)

    def _note(self, what: str, links: Links, more: object) -> Sequence[str]:
        self.done.append((what, links, more))
        return links.touched


@dataclass
class Sink:
    """An outlet that keeps everything; after `most` messages it takes no more."""

    most: float = math.inf
    connections: ConnectionFaults | None = None
    ledger: list[tuple[Message, bytes]] = field(default_factory=list)
    sent: list[tuple[Message, bytes]] = field(default_factory=list)
    notes: list[Told] = field(default_factory=list)

    def publish(self, message: Message, spoil: Spoil | None = None) -> bool:
        if len(self.sent) >= self.most:
            return False
        self.record(message, spoil)
        return self.send(message, spoil)

    def record(self, message: Message, spoil: Spoil | None = None) -> None:
        self.ledger.append((message, payload(message, spoil)))

    def send(self, message: Message, spoil: Spoil | None = None, *, copy: bool = False) -> bool:
        if len(self.sent) >= self.most:
            return False
        self.sent.append((message, payload(message, spoil)))
        return True

    def note(self, told: Told) -> None:
        self.notes.append(told)

    def named(self, effect: Effect) -> dict[str, set[int]]:
        """The numbers that lines of the ledger give an effect, by station; of one id the last line counts."""
        found: defaultdict[str, set[int]] = defaultdict(set)
        for told in {told.id: told for told in self.notes}.values():
            if told.effect is effect:
                for station, (first, last) in told.seq.items():
                    found[station] |= set(range(first, last + 1))
        return dict(found)

    def numbers(self, *, sent: bool = False) -> dict[str, list[int]]:
        """The numbers in the ledger (or sent), by station, in their order."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for message, _payload in self.sent if sent else self.ledger:
            found[place(message)].append(message.seq or 0)
        return dict(found)


def payload(message: Message, spoil: Spoil | None) -> bytes:
    said = encode(message)
    return said if spoil is None else spoil(said)


def place(message: Message) -> str:
    at = message.address
    return f"{at.city}/{at.pillar}/{at.station}"


def run(asked: Scenario, sink: Sink | None = None, pack: int = 1) -> Sink:
    """Say a scenario at full speed."""
    into = sink or Sink()
    simulated(asked, math.inf, "small-1", pack).perform(into, lambda _progress: None)
    return into


def series(sink: Sink, city: str, station: str, indicator: str) -> dict[int, float]:
    """What was said of an indicator of a station, by time (seconds since 1970)."""
    found: dict[int, float] = {}
    for message, _payload in sink.ledger:
        at, body = message.address, message.body
        if (at.city, at.station) == (city, station) and isinstance(body, Readings) and indicator in body.columns:
            told = zip(body.times.astype(np.int64).tolist(), body.columns[indicator].tolist(), strict=True)
            found |= {time: value for time, value in told if value == value}
    return found
