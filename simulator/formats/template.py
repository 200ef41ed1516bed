"""Topics and payloads by template: one message for each reading, event and statistic, in the user's own words."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from collector.language.codec import dump
from collector.language.indicators import IndicatorKind
from collector.language.messages import Event, Message, Readings, Statistic
from collector.language.time import format_epoch
from collector.language.topics import Kind
from simulator.formats.patterns import STATION_FIELDS, VALUE_FIELDS, Pattern, Raw, Value, parse_pattern, refuse
from simulator.formats.protocol import JSON, Body, Outgoing, Places, Speakers, cells
from simulator.formats.stations import some, tells, topic_values
from simulator.formats.units import ucum_code

PLAIN = "text/plain"
FIELDS: Mapping[str, str] = {
    **STATION_FIELDS,
    **VALUE_FIELDS,
    "value": "the value; null where it is missing, and for an event",
    "unit": "UCUM code of the indicator's unit",
    "time": "time of the reading or event, or when the statistic was published (ISO 8601)",
    "epoch": "the same in seconds since 1970",
    "epoch_ms": "the same in milliseconds since 1970",
    "seq": "number of the message in its session; null for a device that does not number",
    "city_name": "name of the city",
    "country": "ISO 3166 code of its country",
    "station_name": "name of the station",
    "latitude": "of the station, in degrees; null where it is not known",
    "longitude": "of the station, in degrees; null where it is not known",
    "id": "id of the event; empty for anything else",
    "type": "type of the event; empty for anything else",
    "fields": "the fields of the event as a JSON object, without quotes around it; {} for anything else",
    "period": "period of the statistic; empty for anything else",
    "revision": "revision of the statistic; null for anything else",
}
"""Fields of a payload."""


class Template:
    """Says everything that its payload has a field for. Raises `InputError` for stations that tell of more.

    `only` are the kinds that will be said; none for all.
    """

    def __init__(self, speakers: Speakers, topic: Pattern, payload: Pattern, only: Collection[Kind] = ()) -> None:
        self._places = Places(speakers)
        self._topic = topic
        self._payload = payload
        self._content_type = JSON if _is_json(payload) else PLAIN
        said = [kind for kind in _NEEDED if not only or kind in only]
        refuse([told for kind in said for told in _left_out(self._places, payload, kind)])

    def session_started(self) -> Sequence[Outgoing]:
        """Nothing beside the births of the wire."""
        return ()

    def parts(self, body: Body) -> Sequence[Body]:
        """One cell each."""
        return cells(body)

    def encode(self, message: Message) -> Sequence[Outgoing]:
        """One payload. Raises `ValueError` for readings that are not one of the `parts`."""
        topic = topic_values(message, self._places)
        text = self._payload.fill_json(topic | self._about(message) | _values(message.body))
        return (Outgoing(self._topic.fill(topic), text.encode(), self._content_type),)

    def _about(self, message: Message) -> dict[str, Value]:
        station, city = self._places.station(message.address), self._places.city(message.address.city)
        return {
            "seq": message.seq,
            "city_name": city.name,
            "country": city.country,
            "station_name": station.name,
            "latitude": station.latitude,
            "longitude": station.longitude,
        }


_NEEDED = {Kind.EVENTS: ("fields", IndicatorKind.EVENT), Kind.STATISTICS: ("period", IndicatorKind.STATISTIC)}
"""The field without which a payload cannot say a kind, and the indicators behind that."""


def _left_out(places: Places, payload: Pattern, kind: Kind) -> Iterator[str]:
    field, behind = _NEEDED[kind]
    telling = [f"{one.city}/{one.id}" for one in places.stations if tells(one, behind)]
    if telling and field not in payload.fields:
        told = f"--payload has no place for the {kind} that {some(telling)} tell of"
        yield f"{told}: add {{{field}}} to it, or leave them out with --only"


def payload_pattern(text: str) -> tuple[Pattern, list[str]]:
    """The pattern of a payload, and everything that is wrong with it."""
    pattern, wrong = parse_pattern(text, FIELDS, "--payload")
    if not text:
        wrong.append("--payload: expected at least one character")
    if not wrong and _is_json(pattern):
        wrong += _json_faults(pattern)
    return pattern, wrong


def _values(body: Body) -> dict[str, Value]:
    told: dict[str, Value] = {"value": None, "unit": "", "id": "", "type": "", "period": "", "revision": None}
    told["fields"] = Raw("{}")
    match body:
        case Readings(times, columns):
            ((name, column),), (epoch,) = columns.items(), times.view(np.int64).tolist()
            value = column.item()
            told |= {"value": value if value == value else None, "unit": ucum_code(name) or ""}
        case Event(time, identity, kind, fields):
            epoch = _epoch(time)
            told |= {"id": identity, "type": kind, "fields": Raw(dump(fields).decode())}
        case Statistic(name, period, published, revision, value):
            epoch = _epoch(published)
            told |= {"value": value, "unit": ucum_code(name) or "", "period": period, "revision": revision}
    return told | {"time": format_epoch(epoch), "epoch": epoch, "epoch_ms": epoch * 1000}


def _epoch(time: np.datetime64) -> int:
    return int(time.astype("datetime64[s]").astype(np.int64))


def _is_json(pattern: Pattern) -> bool:
    return pattern.pieces[0].lstrip()[:1] in ("{", "[") or pattern.pieces == ("", "fields", "")


def _json_faults(pattern: Pattern) -> list[str]:
    numbers = {"value", "epoch", "epoch_ms", "seq", "latitude", "longitude", "revision"}
    for number in (1.5, None):
        sample: dict[str, Value] = {name: number if name in numbers else 'a "b" \\' for name in FIELDS}
        text = pattern.fill_json(sample | {"fields": Raw('{"a":1}')})
        try:
            json.loads(text)
        except ValueError as error:
            return [f'--payload: filled in it is no JSON ({error}): {text[:200]}; text needs quotes, as in "{{time}}"']
    return []
