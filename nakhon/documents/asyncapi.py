"""An AsyncAPI 3.0 document of what a scenario says, in any format; its schemas come from the catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from collector.language.errors import InputError
from collector.language.messages import Event, Readings
from collector.language.topics import ROOT
from nakhon import __version__
from nakhon.documents.said_examples import Example, Examples, examples_of
from nakhon.documents.wire_schemas import Schema, shipped, wire_schemas
from simulator.formats import FORMATS, Outgoing, format_of
from simulator.formats.home_assistant import ROOT as STATES
from simulator.formats.protocol import JSON
from simulator.scenario import Scenario

MQTT = "0.2.0"
STATION = "{run}/{city}/{pillar}/{station}"
_PAYLOADS = {"reading": "reading", "senml-json": "senml", "ngsi-ld": "entity"}
_PARAMETERS = {
    "run": "Name of the run.",
    "city": "Id of the city, unique in the world.",
    "pillar": "Pillar of the station.",
    "station": "Id of the station, unique in its city.",
    "indicator": "Id of the indicator.",
    "component": "sensor or event.",
    "device": "Id of the device, unique in Home Assistant.",
    "entity": "Id of the indicator, or events.",
}


@dataclass(frozen=True, slots=True)
class _Channel:
    address: str
    about: str
    messages: Mapping[str, Schema]
    retain: bool = False
    receive: bool = False
    reply: str = ""


@dataclass(slots=True)
class _Message:
    schema: Schema
    content_type: str = JSON
    title: str = ""
    examples: list[Any] = field(default_factory=list)

    def told(self) -> Schema:
        message: Schema = {"contentType": self.content_type, "payload": _plain(self.schema)}
        if title := self.title or self.schema.get("title", ""):
            message["title"] = title
        if self.examples:
            message["examples"] = [{"payload": one} for one in self.examples[:1]]
        return message


def describe(scenario: Scenario, name: str = "wire") -> dict[str, Any]:
    """The AsyncAPI document of a scenario's cities speaking a format. Raises `InputError` for another name."""
    if name not in FORMATS:
        raise InputError(f"expected --format {', '.join(FORMATS)}, came {name!r}")
    examples = examples_of(scenario, format_of(name))
    channels = _format_channels(name, examples) | _common_channels()
    return {
        "asyncapi": "3.0.0",
        "id": f"urn:nakhon:{scenario.name}:{name}",
        "info": _info(scenario, name),
        "defaultContentType": JSON,
        "servers": {"broker": _server()},
        "channels": {key: _channel(one, scenario) for key, one in channels.items()},
        "operations": {key: _operation(key, one) for key, one in channels.items() if key != "replies"},
    }


def write_schemas(folder: Path) -> list[Path]:
    """Write the JSON Schemas of the wire and of the other formats into a folder, a file each; the files.

    Raises `InputError` if it cannot be written to.
    """
    schemas = wire_schemas() | {name: _format_schema(name) for name in ("reading", "senml", "entity", "discovery")}
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, schema in schemas.items():
            path = folder / f"{name}.json"
            path.write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n", "utf-8")
            written.append(path)
    except OSError as error:
        raise InputError(f"cannot write schemas into {folder}: {error.strerror}") from None
    return written


def _format_channels(name: str, examples: Examples) -> dict[str, _Channel]:
    if name == "wire":
        return _wire_channels(examples)
    if name == "home-assistant":
        return _home_assistant_channels(examples)
    entry = FORMATS[name]
    topic = entry.topic.text.replace("{suffix}", "") if entry.topic else ""
    schema = _format_schema(_PAYLOADS[name]) if name in _PAYLOADS else {"type": "string", "title": entry.title}
    readings = _Message(schema, entry.content_type, examples=_told(examples.messages, Readings))
    channels = {"readings": _Channel(topic, f"Readings: {entry.title}.", {"readings": readings.told()})}
    rest = _wire_channels(examples) if name in ("reading", "senml-json", "senml-cbor") else {}
    for kind in ("events", "statistics"):
        messages = rest[kind].messages if rest else {kind: readings.told() | {"examples": _few(examples, kind)}}
        channels[kind] = _Channel(f"{topic}/{kind}", f"What a station tells of: {kind}.", messages)
    return channels


def _wire_channels(examples: Examples) -> dict[str, _Channel]:
    messages = {name: _Message(schema) for name, schema in wire_schemas().items()}
    for one in (*examples.messages, *examples.packs):
        body = one.message.body
        name = body.type if isinstance(body, Event) else "statistic"
        if isinstance(body, Readings):
            name = f"{one.station.kind}-{'tick' if len(body.times) == 1 else 'pack'}"
        if name in messages:
            messages[name].examples += _payloads(one.said)
    told = {name: message.told() for name, message in messages.items()}
    base = f"{ROOT}/{STATION}"
    ticks = {name: one for name, one in told.items() if name.endswith(("-tick", "-pack"))}
    happened = {name: one for name, one in told.items() if "." in name}
    return {
        "readings": _Channel(base, "Readings of a station: a tick, or a pack of several.", ticks),
        "events": _Channel(f"{base}/events", "What happened, each occurrence once.", happened),
        "statistics": _Channel(f"{base}/statistics", "Late and revised.", {"statistic": told["statistic"]}),
    }


def _home_assistant_channels(examples: Examples) -> dict[str, _Channel]:
    base = f"{STATES}/{STATION}"
    state, event = _Message({"type": "object", "title": "One tick"}), _Message({"type": "object", "title": "An event"})
    figure = _Message(shipped("statistic"))
    config = _Message(_format_schema("discovery"), examples=_payloads(examples.births))
    state.examples, event.examples = _told(examples.messages, Readings), _told(examples.messages, Event)
    return {
        "discovery": _Channel(
            "homeassistant/{component}/{device}/{entity}/config", "What there is.", {"discovery": config.told()}, True
        ),
        "readings": _Channel(base, "States of the sensors of a station.", {"readings": state.told()}),
        "events": _Channel(f"{base}/events", "What happened at a station.", {"event": event.told()}),
        "statistics": _Channel(
            f"{base}/statistics/{{indicator}}", "The newest figure of a statistic.", {"statistic": figure.told()}, True
        ),
    }


def _common_channels() -> dict[str, _Channel]:
    told = {name: _Message(shipped(name)).told() for name in ("status", "request", "reply", "committed")}
    status = {"status": told["status"]}
    return {
        "cityStatus": _Channel(f"{ROOT}/{{run}}/{{city}}/status", "Birth and will of a city.", status, retain=True),
        "stationStatus": _Channel(f"{ROOT}/{STATION}/status", "Birth of a station.", status, retain=True),
        "control": _Channel(
            f"{ROOT}/{{run}}/control", "Requests to a running simulation.", {"request": told["request"]},
            receive=True, reply="replies",
        ),
        "replies": _Channel(f"{ROOT}/{{run}}/control/replies", "Answers to requests.", {"reply": told["reply"]}),
        "committed": _Channel(
            f"{ROOT}/{{run}}/committed", "What collectors have made safe.", {"committed": told["committed"]},
            receive=True,
        ),
    }  # fmt: skip


def _info(scenario: Scenario, name: str) -> Schema:
    return {
        "title": f"Nakhon: {scenario.title or scenario.name}",
        "version": __version__,
        "description": (
            f"What {len(scenario.cities)} simulated cities publish in the format {name} "
            f"({FORMATS[name].title}). Bounds are those of the catalogue of indicators: a collector stores and flags "
            "a value outside them."
        ),
        "license": {"name": "Apache-2.0"},
        "tags": [{"name": "smart-city"}, {"name": "simulation"}],
    }


def _server() -> Schema:
    will = {"topic": f"{ROOT}/{{run}}/{{city}}/status", "qos": 1, "retain": True, "message": '{"online": false}'}
    return {
        "host": "localhost:1883",
        "protocol": "mqtt",
        "protocolVersion": "5.0",
        "description": "Any MQTT broker, 5 or 3.1.1; one connection a city, with the city's will.",
        "bindings": {
            "mqtt": {"lastWill": will, "cleanSession": False, "sessionExpiryInterval": 3600, "bindingVersion": MQTT}
        },
    }


def _channel(channel: _Channel, scenario: Scenario) -> Schema:
    named = [name for name in _PARAMETERS if f"{{{name}}}" in channel.address]
    return {
        "address": channel.address,
        "description": channel.about,
        "parameters": {name: _parameter(name, scenario) for name in named},
        "messages": {_key(name): {"name": name} | message for name, message in channel.messages.items()},
    }


def _parameter(name: str, scenario: Scenario) -> Schema:
    told: Schema = {"description": _PARAMETERS[name]}
    if name == "city":
        told["enum"] = list(scenario.cities)
    if name == "pillar":
        told["enum"] = ["environment", "economy", "governance"]
    return told


def _operation(key: str, channel: _Channel) -> Schema:
    told: Schema = {
        "action": "receive" if channel.receive else "send",
        "channel": {"$ref": f"#/channels/{key}"},
        "summary": channel.about,
        "bindings": {"mqtt": {"qos": 1, "retain": channel.retain, "bindingVersion": MQTT}},
    }
    return told | {"reply": {"channel": {"$ref": f"#/channels/{channel.reply}"}}} if channel.reply else told


def _key(name: str) -> str:
    return "".join(part.title() if at else part for at, part in enumerate(name.replace(".", "-").split("-")))


def _plain(schema: Schema) -> Schema:
    """A schema as AsyncAPI takes it (draft 7): without a name of its own, dependent fields as draft 7 has them."""
    told = {name: value for name, value in schema.items() if name not in ("$schema", "$id")}
    if "dependentRequired" in told:
        told["dependencies"] = told.pop("dependentRequired")
    return told


def _format_schema(name: str) -> Schema:
    text = files("simulator.formats").joinpath(f"schemas/{name}.json").read_text("utf-8")
    schema: Schema = json.loads(text)
    return schema


def _told(examples: Sequence[Example], kind: type) -> list[Any]:
    return [payload for one in examples if isinstance(one.message.body, kind) for payload in _payloads(one.said)]


def _few(examples: Examples, kind: str) -> list[Schema]:
    found = [one for one in examples.messages if one.message.address.kind.value == kind]
    return [{"payload": payload} for one in found[:1] for payload in _payloads(one.said)]


def _payloads(said: Iterable[Outgoing]) -> list[Any]:
    """Payloads as a document may show them: JSON as it is, other text as text, and no binary ones."""
    texts = [(one.content_type, one.payload.decode()) for one in said if one.text]
    return [json.loads(text) if "json" in content_type else text for content_type, text in texts]
