"""Home Assistant: each station a device that is discovered by itself, each indicator a sensor of it.

Configurations are retained under `homeassistant/`; states are JSON, one tick in a message. A sensor shows the newest
value with the moment it arrived: the time of the reading, `session` and `seq` are attributes of its state.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from collector.language import codec
from collector.language.indicators import IndicatorKind, indicators
from collector.language.messages import Event, Message, Statistic
from collector.language.profile import CityProfile, StationProfile
from collector.language.topics import CityAddress
from simulator.formats.protocol import Body, Outgoing, Places, Speakers, ticks
from simulator.formats.stations import event_types, tells

DISCOVERY = "homeassistant"
ROOT = "nakhon/home-assistant"


class HomeAssistant:
    """Says everything: readings and statistics as sensors, events as an event entity of the station."""

    def __init__(self, speakers: Speakers) -> None:
        self._run = speakers.run
        self._places = Places(speakers)

    def session_started(self) -> Sequence[Outgoing]:
        """The configurations of all sensors and event entities, retained."""
        return tuple(told for station in self._places.stations for told in self._configurations(station))

    def parts(self, body: Body) -> Sequence[Body]:
        """One tick each."""
        return ticks(body)

    def encode(self, message: Message) -> Sequence[Outgoing]:
        """One state; that of a statistic is retained."""
        at, body = message.address, message.body
        root = f"{ROOT}/{at.run}/{at.city}/{at.pillar}/{at.station}"
        if isinstance(body, Statistic):
            return (Outgoing(f"{root}/statistics/{body.indicator}", codec.encode(message), retain=True),)
        if isinstance(body, Event):
            told = codec.load(codec.encode(message))
            return (Outgoing(f"{root}/events", codec.dump({"event_type": told.pop("type")} | told)),)
        return (Outgoing(root, codec.encode(message)),)

    def _configurations(self, station: StationProfile) -> Sequence[Outgoing]:
        city = self._places.city(station.city)
        root = f"{ROOT}/{self._run}/{station.city}/{station.pillar}/{station.id}"
        shared = {
            "device": _device(station, city),
            "availability_topic": CityAddress(self._run, station.city).topic,
            "availability_template": "{{ 'online' if value_json.online else 'offline' }}",
            "origin": {"name": "Nakhon"},
        }
        told = [_told("sensor", station, name, _sensor(name, root) | shared) for name in _sensors(station)]
        if types := event_types(station):
            about = {"name": "Events", "event_types": list(types), "state_topic": f"{root}/events"}
            told.append(_told("event", station, "events", about | shared))
        return told


def _sensors(station: StationProfile) -> list[str]:
    told_as_events = set(tells(station, IndicatorKind.EVENT))
    return [name for name in station.indicators if name not in told_as_events]


def _sensor(name: str, root: str) -> dict[str, Any]:
    entry = indicators().get(name)
    statistic = entry is not None and entry.kind is IndicatorKind.STATISTIC
    topic = f"{root}/statistics/{name}" if statistic else root
    told: dict[str, Any] = {
        "name": name if entry is None else entry.name,
        "state_topic": topic,
        "value_template": "{{ value_json.value }}" if statistic else f"{{{{ value_json.{name} }}}}",
        "json_attributes_topic": topic,
        "force_update": True,
        "state_class": "measurement",
    }
    known = _table().get(name, {})
    if unit := known.get("unit", "" if entry is None or entry.unit == "1" else entry.unit):
        told["unit_of_measurement"] = unit
    if "device_class" in known:
        told["device_class"] = known["device_class"]
    return told


def _device(station: StationProfile, city: CityProfile) -> dict[str, Any]:
    return {
        "identifiers": [f"nakhon_{station.city}_{station.id}"],
        "name": f"{city.name} {station.name}",
        "manufacturer": "Nakhon",
        "model": station.kind,
        "suggested_area": city.name,
    }


def _told(component: str, station: StationProfile, name: str, configuration: dict[str, Any]) -> Outgoing:
    node = f"nakhon_{station.city}_{station.id}"
    told = {"unique_id": f"{node}_{name}"} | configuration
    return Outgoing(f"{DISCOVERY}/{component}/{node}/{name}/config", codec.dump(told), retain=True)


@cache
def _table() -> dict[str, dict[str, str]]:
    return tomllib.loads(files(__package__).joinpath("home_assistant.toml").read_text("utf-8"))
