"""The last value of everything in a run as NGSI-LD entities: what a context broker is filled with at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from collector.analysis.data import latest_with_origin
from collector.language.messages import Message, Readings
from collector.language.profile import StationProfile, Status
from collector.language.topics import Address
from collector.stores.protocol import Store
from simulator.formats.ngsi_ld import NgsiLd
from simulator.formats.patterns import Pattern

Entity = dict[str, Any]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Heard:
    """The run as the encoder of the format asks for it."""

    run: str
    births: Mapping[str, Status]
    stations: Mapping[str, Sequence[StationProfile]]


def snapshot(store: Store, run: str) -> list[Entity]:
    """The entities of a run, one for each station and model, each with the `origin` of its values.

    Where the attributes of an entity were heard at different times each says its own, and the entity the newest.
    Values out of bounds, and stations whose city sent no birth, are left out.
    """
    births = {profile.id: status for profile, status in store.cities(run)}
    rows = [row for row in latest_with_origin(store, run).to_pylist() if row["city"] in births and row["quality"] == 0]
    encoder = NgsiLd(_Heard(run, births, _stations(store, run, rows)), Pattern(("",)))
    entities: dict[str, Entity] = {}
    for message, origin in _messages(run, rows):
        for part in encoder.parts(message.body):
            for outgoing in encoder.encode(Message(message.address, None, None, part)):
                told = json.loads(outgoing.payload) | {"origin": {"type": "Property", "value": origin}}
                entities[told["id"]] = entities.get(told["id"], {}) | told
    return list(entities.values())


def _stations(store: Store, run: str, rows: Sequence[Row]) -> dict[str, list[StationProfile]]:
    """The stations by city; one without a birth is what its series say."""
    told = {(one.city, one.id): one for one in store.stations(run)}
    for row in rows:
        key = (row["city"], row["station"])
        if key not in told:
            told[key] = StationProfile(row["station"], row["city"], row["pillar"], "unknown", row["station"], 3600, ())
    by_city: dict[str, list[StationProfile]] = {}
    for (city, _), station in told.items():
        by_city.setdefault(city, []).append(station)
    return by_city


def _messages(run: str, rows: Sequence[Row]) -> Iterator[tuple[Message, str]]:
    """The last values as messages, the oldest first: those of a station, a time and an origin together."""
    groups: dict[tuple[Any, ...], dict[str, float]] = {}
    for row in sorted(rows, key=lambda row: row["time"]):
        key = (row["time"], row["city"], row["pillar"], row["station"], row["origin"])
        groups.setdefault(key, {})[row["indicator"]] = row["value"]
    for (time, city, pillar, station, origin), values in groups.items():
        columns = {name: np.array([value]) for name, value in values.items()}
        body = Readings(np.array([time], "datetime64[s]"), columns)
        yield Message(Address(run, city, pillar, station), None, None, body), origin
