"""A fleet of a small city for tests over a real broker: who is in it, what it says, and what was heard of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from listener import Listener
from parts import Mosquitto, wait_for

from collector.language.indicators import Origin
from collector.language.ledger import Header, LedgerWriter
from collector.language.messages import Message, Readings
from collector.language.profile import StationProfile, Status
from collector.language.topics import Address
from simulator.cities import cities
from simulator.fleet import Cast
from simulator.publisher import Publisher

CITY = "chiang-mai"


def cast(session: str, stations: int = 3) -> Cast:
    birth = Status(True, session, cities()[CITY].profile(), Origin.SIMULATED)
    profiles = [
        StationProfile(f"aq-{number}", CITY, "environment", "air-quality", "a mast", 60, ("pm25",))
        for number in range(stations)
    ]
    return Cast(f"fleet-{session}", {CITY: birth}, {CITY: profiles})


def messages(made: Cast, session: str, count: int) -> Iterator[Message]:
    stations = len(made.stations[CITY])
    for number in range(count):
        time = np.array([np.datetime64("2026-03-01T00:00:00", "s") + number])
        address = Address(made.run, CITY, "environment", f"aq-{number % stations}")
        yield Message(address, session, number // stations, Readings(time, {"pm25": np.array([float(number)])}))


class Ear(Listener):
    """A listener that reads what it heard."""

    def readings(self) -> list[tuple[str, float]]:
        return [(one.topic, json.loads(one.payload)["pm25"]) for one in self.messages if one.topic.count("/") == 5]

    def statuses(self, name: str) -> list[object]:
        return [told["online"] for told in self._told(name)]

    def session(self, name: str) -> str:
        """The session that the newest status tells of."""
        return str(self._told(name)[-1]["session"])

    def _told(self, name: str) -> list[dict[str, object]]:
        return [json.loads(one.payload) for one in self.messages if one.topic.endswith(f"{name}/status")]


Brokers = Callable[..., Mosquitto]
Listen = Callable[[str], Ear]
Publishing = Callable[..., tuple[Publisher, Cast, list[str]]]


def say(publisher: Publisher, made: Cast, count: int) -> None:
    session = made.births[CITY].session
    for message in messages(made, session, count):
        assert publisher.publish(message)


def heard(listener: Ear, made: Cast, count: int) -> None:
    """All messages arrived, each under its own topic."""
    wait_for(lambda: len(set(listener.readings())) >= count, 20, "all readings")
    wanted = {(m.address.topic, float(m.body.columns["pm25"][0])) for m in messages(made, "s", count)}  # type: ignore[union-attr]
    assert set(listener.readings()) == wanted


def written(folder: Path, made: Cast) -> LedgerWriter:
    session = made.births[CITY].session
    return LedgerWriter(folder / "run.ledger", Header(made.run, session, "simulated"))
