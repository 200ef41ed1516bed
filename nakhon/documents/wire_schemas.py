"""JSON Schemas of what each kind of station says on the wire, from the catalogue of indicators."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from collector.language.indicators import Indicator, IndicatorKind, indicators
from collector.language.messages import Field
from simulator.formats.stations import HAPPENINGS
from simulator.stations import KINDS

Schema = dict[str, Any]
ID = "urn:nakhon:wire:1"
SAMPLE = ("2026-02-27-007", "road", 30.5)


def wire_schemas() -> dict[str, Schema]:
    """The schemas by name: a tick and a pack of each kind of station, each type of event, statistics, the rest.

    Bounds are the catalogue's: a collector stores a value outside them and flags it.
    """
    found: dict[str, Schema] = {}
    for kind, made in KINDS.items():
        if names := periodic(made.indicators):
            found[f"{kind}-tick"] = tick(kind, made.name, names)
            found[f"{kind}-pack"] = pack(kind, made.name, names)
    found |= {one.type: event(one.type, one.words(*SAMPLE)) for one in HAPPENINGS}
    found["statistic"] = statistic([one for one in indicators().values() if one.kind is IndicatorKind.STATISTIC])
    return found | {name: shipped(name) for name in ("status", "request", "reply", "committed")}


def periodic(names: Iterable[str]) -> list[Indicator]:
    """The indicators among these that are told at every tick."""
    spoken = (IndicatorKind.SENSOR, IndicatorKind.COUNT)
    return [indicators()[name] for name in names if indicators()[name].kind in spoken]


def tick(kind: str, name: str, entries: Iterable[Indicator]) -> Schema:
    """One tick of a kind of station."""
    cells = {entry.id: value(entry) for entry in entries}
    return _strict(shipped("tick"), f"{ID}:{kind}-tick", f"{name}: one tick", cells)


def pack(kind: str, name: str, entries: Iterable[Indicator]) -> Schema:
    """Several ticks of a kind of station."""
    columns = {
        entry.id: {"type": "array", "minItems": 1, "items": value(entry), "description": described(entry)}
        for entry in entries
    }
    return _strict(shipped("pack"), f"{ID}:{kind}-pack", f"{name}: a pack", columns)


def event(kind: str, fields: Mapping[str, Field]) -> Schema:
    """A type of event with its fields, as a simulated station tells of it."""
    told: dict[str, Schema] = {"type": {"const": kind}}
    for name, sample in fields.items():
        known = indicators().get(name)
        told[name] = value(known) if known else {"type": "string" if isinstance(sample, str) else "number"}
    schema = _strict(shipped("event"), f"{ID}:{kind}", f"An event: {kind}", told)
    return schema | {"required": ["time", "id", "type", *fields]}


def statistic(entries: Iterable[Indicator]) -> Schema:
    """A statistic of one of these indicators, each within its own bounds."""
    listed = list(entries)
    schema = dict(shipped("statistic"))
    named = {"enum": [entry.id for entry in listed], "description": "; ".join(map(described, listed))}
    schema["properties"] = schema["properties"] | {"indicator": named}
    bounds = [
        {
            "if": {"properties": {"indicator": {"const": entry.id}}},
            "then": {"properties": {"value": {"minimum": entry.minimum, "maximum": entry.maximum}}},
        }
        for entry in listed
    ]
    return schema | {"allOf": bounds}


def value(entry: Indicator) -> Schema:
    """A value of an indicator, or null: its unit, bounds and what it is."""
    return {
        "type": ["number", "null"],
        "title": entry.name,
        "description": described(entry),
        "minimum": entry.minimum,
        "maximum": entry.maximum,
        "x-unit": entry.unit,
        "x-ucum": entry.ucum,
    }


def described(entry: Indicator) -> str:
    """What an indicator is, and its unit."""
    return f"{entry.id}: {entry.definition}; in {entry.unit}"


@cache
def _text(name: str) -> str:
    return files("collector.language").joinpath(f"schemas/{name}.json").read_text("utf-8")


def shipped(name: str) -> Schema:
    """A schema of the wire as it is shipped."""
    schema: Schema = json.loads(_text(name))
    return schema


def _strict(schema: Schema, identity: str, title: str, fields: Mapping[str, Schema]) -> Schema:
    return schema | {
        "$id": identity,
        "title": title,
        "properties": schema["properties"] | dict(fields),
        "additionalProperties": False,
    }
