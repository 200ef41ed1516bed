"""FIWARE NGSI-LD: normalised entities of the Smart Data Models, one in a message.

A station is one entity of each model that its indicators belong to, renewed with each reading; an indicator without a
model of its own is a KeyPerformanceIndicator, a statistic one for each period, an event an entity of type CityEvent.
`session`, `seq` and what else a model does not have are further properties of the entity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from collector.language.codec import dump
from collector.language.errors import InputError
from collector.language.indicators import indicators
from collector.language.messages import Event, Message, Readings, Statistic
from collector.language.profile import StationProfile
from collector.language.time import format_epoch, period_start
from simulator.formats.patterns import Pattern
from simulator.formats.protocol import Body, Outgoing, Places, Speakers, ticks
from simulator.formats.smart_data_models import KPI, attribute_of, context_of
from simulator.formats.stations import some, topic_values

MEDIA_TYPE = "application/ld+json"
EVENT = "CityEvent"

Entity = dict[str, Any]


class NgsiLd:
    """Says everything; a missing value is an attribute left out."""

    def __init__(self, speakers: Speakers, topic: Pattern) -> None:
        self._places = Places(speakers)
        self._topic = topic
        silent = [one.id for one in self._places.stations if one.cadence == 0 and _needs_cadence(one)]
        if silent:
            raise InputError(
                f"ngsi-ld: {some(silent)} have no cadence, and the model counts their readings by interval: "
                "give them one, or take another --format"
            )

    def session_started(self) -> Sequence[Outgoing]:
        """Nothing beside the births of the wire."""
        return ()

    def parts(self, body: Body) -> Sequence[Body]:
        """One body for each time and entity."""
        if not isinstance(body, Readings):
            return (body,)
        return tuple(part for tick in ticks(body) if isinstance(tick, Readings) for part in _by_entity(tick))

    def encode(self, message: Message) -> Sequence[Outgoing]:
        """One entity. Raises `ValueError` for readings that are not one of the `parts`."""
        entity = self._entity(message)
        told = entity | self._about(message)
        told["@context"] = context_of(entity["type"])
        return (Outgoing(self._topic.fill(topic_values(message, self._places)), dump(told), MEDIA_TYPE),)

    def _entity(self, message: Message) -> Entity:
        match message.body:
            case Readings():
                return _observed(message, message.body, self._places.station(message.address))
            case Statistic():
                return _statistic(message, message.body)
            case Event():
                return _event(message, message.body)

    def _about(self, message: Message) -> Entity:
        station, city = self._places.station(message.address), self._places.city(message.address.city)
        known = station.latitude is not None and station.longitude is not None
        point = [station.longitude, station.latitude] if known else [city.longitude, city.latitude]
        about = {
            "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": point}},
            "address": _property({"addressLocality": city.name, "addressCountry": city.country}),
            "dataProvider": _property(f"{city.name}: {station.name}"),
        }
        if message.session is not None:
            about |= {"session": _property(message.session), "seq": _property(message.seq)}
        return about


def _needs_cadence(station: StationProfile) -> bool:
    return any(attribute_of(name).scale == "tick" for name in station.indicators)


def _by_entity(tick: Readings) -> Sequence[Readings]:
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for name, column in tick.columns.items():
        model = attribute_of(name).model
        groups.setdefault((model, name if model == KPI else ""), {})[name] = column
    return [Readings(tick.times, columns) for columns in groups.values()]


def _observed(message: Message, body: Readings, station: StationProfile) -> Entity:
    (epoch,) = body.times.view(np.int64).tolist()
    time = format_epoch(epoch)
    name = next(iter(body.columns))
    model = attribute_of(name).model
    entity = _named(message, model, *([name] if model == KPI else []))
    if model == KPI:
        entity |= _indicator(name)
    elif model == "NoiseLevelObserved":  # the interval ends with its reading
        entity["dateObservedFrom"] = _moment(format_epoch(epoch - station.cadence))
        entity["dateObservedTo"] = _moment(time)
    entity["dateObserved"] = _moment(time)
    for indicator, column in body.columns.items():
        if (value := column.item()) == value:
            attribute = attribute_of(indicator)
            entity[attribute.attribute] = _value(attribute.counted(value, station.cadence), time, attribute.unece)
    return entity


def _statistic(message: Message, body: Statistic) -> Entity:
    published = format_epoch(int(body.published.astype("datetime64[s]").astype(np.int64)))
    first, last = _span(body.period)
    return (
        _named(message, KPI, body.indicator, body.period)
        | _indicator(body.indicator)
        | {
            "kpiValue": _value(float(body.value), published, attribute_of(body.indicator).unece),
            "calculationPeriod": _property({"from": first, "to": last}),
            "period": _property(body.period),
            "revision": _property(body.revision),
            "updatedAt": _moment(published),
        }
    )


def _event(message: Message, body: Event) -> Entity:
    time = format_epoch(int(body.time.astype("datetime64[s]").astype(np.int64)))
    return _named(message, EVENT, body.id) | {
        "eventId": _property(body.id),
        "eventType": _property(body.type),
        "fields": _property(body.fields),
        "dateObserved": _moment(time),
    }


def _named(message: Message, model: str, *more: str) -> Entity:
    return {"id": ":".join(["urn:ngsi-ld", model, message.address.city, message.address.station, *more]), "type": model}


def _indicator(name: str) -> Entity:
    entry = indicators().get(name)
    about = {"name": _property(name)}
    return about if entry is None else about | {"description": _property(entry.definition)}


def _span(period: str) -> tuple[str, str]:
    start = period_start(period)
    unit, step = ("M", 3) if "Q" in period else ({4: "Y", 7: "M"}.get(len(period), "D"), 1)
    end = (start.astype(f"datetime64[{unit}]") + step).astype("datetime64[D]") - 1
    return str(start.astype("datetime64[D]")), str(end)


def _value(value: float, time: str, code: str | None) -> Entity:
    told = {"type": "Property", "value": value, "observedAt": time}
    return told if code is None else told | {"unitCode": code}


def _property(value: object) -> Entity:
    return {"type": "Property", "value": value}


def _moment(time: str) -> Entity:
    return _property({"@type": "DateTime", "@value": time})
