"""The JSON Schema of scenario files: for completion in an editor, and for programs that write scenarios."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from simulator.cities import cities, networks
from simulator.faults.kinds import KINDS as FAULTS
from simulator.interventions import DRIVERS
from simulator.scenario_faults import TARGET, WINDOW
from simulator.scenario_file import CADENCE, DURATION, MOMENT, NAME, ON, SEED, TEXT, Expected
from simulator.scenario_interventions import HOURS, STATION, STRENGTH, catalogue
from simulator.scenario_parts import ASSUMPTIONS, COUNT, KINDS, POLICIES, Setting, StationCounts

Schema = dict[str, Any]
DRAFT = "http://json-schema.org/draft-07/schema#"


def scenario_schema() -> Schema:
    """Get the schema (draft 7). What spans several keys only `nakhon check` knows; dates of TOML count as texts."""
    return {
        "$schema": DRAFT,
        "title": "A scenario",
        "type": "object",
        "additionalProperties": False,
        "properties": _top(),
        "required": ["name"],
        "anyOf": [
            {"required": ["extends"]},
            {"required": ["start", "cities"], "oneOf": [{"required": ["end"]}, {"required": ["duration"]}]},
        ],
        "not": {"required": ["end", "duration"]},
        "definitions": {
            "counts": _table({kind: dict(COUNT.schema) for kind in KINDS}, "a city that differs"),
            "city": _enum(cities()),
            "network": _network(),
        },
    }


def _top() -> Schema:
    return {
        "extends": _text("another scenario that this one changes: a file beside it, or a shipped name"),
        "name": _of(NAME, "a-z, 0-9 and -"),
        "title": _of(TEXT, "shown in reports"),
        "description": _of(TEXT, "what the scenario is about"),
        "start": _of(MOMENT, "the first tick, UTC"),
        "end": _of(MOMENT, "the end, not included; or duration"),
        "duration": _of(DURATION, "how long, from the start; or end"),
        "cadence": _of(CADENCE, "time between two readings of a station"),
        "seed": _of(SEED, "what weather and luck are drawn from"),
        "cities": _table(
            {"include": _list(_defined("city")), "networks": _list(_defined("network"))}, "who takes part"
        ),
        "stations": _stations(),
        "assumptions": _settings(ASSUMPTIONS, "what the world does"),
        "policies": _settings(POLICIES, "what the city does"),
        "interventions": _list(_intervention(), "what changes drivers of cities, for a while or for good"),
        "faults": _list(_fault(), "what is broken on purpose"),
    }


def _stations() -> Schema:
    defaults = StationCounts()
    kinds = {kind: dict(COUNT.schema) | {"default": getattr(defaults, kind)} for kind in KINDS}
    return {
        "description": "how many of each kind every city has, and tables for cities that differ",
        "type": "object",
        "properties": kinds | dict.fromkeys(cities(), _defined("counts")),
        "additionalProperties": False,
    }


def _settings(made: Mapping[str, Setting[int]] | Mapping[str, Setting[float]], description: str) -> Schema:
    return _table({name: _of(one.expected, f"{one.meaning} ({one.unit})") for name, one in made.items()}, description)


def _intervention() -> Schema:
    return _table(
        {
            "use": _enum(catalogue(), "an intervention of the catalogue"),
            "id": _of(NAME, "what it is called; that of the catalogue by default"),
            "title": _of(TEXT, "shown in reports"),
            "description": _of(TEXT, "what it is"),
            "source": _of(TEXT, "the publication its size is taken from"),
            "assumption": _of(TEXT, "the reasoning, where no source is known"),
            **_effect()["properties"],
            "effects": _list(_effect(), "what it does, where that is more than one thing"),
            "start": _of(MOMENT, "from when it acts; the start of the scenario by default"),
            "after": _of(DURATION, "from when it acts, from the start of the scenario"),
            "end": _of(MOMENT, "until when it acts, not included; for good by default"),
            "for": _of(DURATION, "how long it acts"),
            "ramp": _of(DURATION, "in which it comes to full force, and fades before its end"),
            "strength": _of(STRENGTH, "how strongly it acts; 1 as described, 0 not at all"),
            "cities": _list(_defined("city"), "where it acts; everywhere by default"),
            "networks": _list(_defined("network"), "and in the members of networks"),
            "stations": _list(dict(STATION.schema), "at which stations alone: a kind, or ids such as sd-01"),
            "hours": _of(HOURS, "from and to: local hours of crews that it adds; by default those of the first shift"),
        },
        "an intervention or a shock",
    )


def _effect() -> Schema:
    drivers = "; ".join(f"{name}: {one.meaning} ({one.way}, {one.unit})" for name, one in DRIVERS.items())
    return _table(
        {
            "driver": _enum(DRIVERS, drivers),
            "scale": {"type": "number", "minimum": 0, "description": "multiplies the driver"},
            "shift": {"type": "number", "description": "is added to the driver"},
        },
        "what it does to one driver",
    )


def _fault() -> Schema:
    parameters: dict[str, list[Schema]] = {}
    for kind in FAULTS.values():
        for one in kind.parameters:
            known = parameters.setdefault(one.name, [])
            if (found := dict(one.expected.schema)) not in known:
                known.append(found)
    return _table(
        {
            "fault": _enum(FAULTS, "its kind"),
            "id": _of(NAME, "what it is called"),
            "probability": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
            **{name: {"type": "string"} for name in (*TARGET, *WINDOW)},
            **{name: found[0] if len(found) == 1 else {"anyOf": found} for name, found in parameters.items()},
        },
        "a fault; `nakhon fault kinds` lists them",
    )


def _network() -> Schema:
    return _table(
        {"network": _enum(networks()), "on": _of(ON, "the members on this day")}, "members of a network on a day"
    ) | {"required": ["network", "on"]}


def _defined(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _of(expected: Expected[Any], description: str) -> Schema:
    return dict(expected.schema) | {"description": description}


def _text(description: str) -> Schema:
    return {"type": "string", "minLength": 1, "description": description}


def _enum(names: Iterable[str], description: str = "") -> Schema:
    return {"enum": sorted(names)} | ({"description": description} if description else {})


def _table(properties: Schema, description: str) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "additionalProperties": False,
    }


def _list(items: Schema, description: str = "") -> Schema:
    return {"type": "array", "items": items} | ({"description": description} if description else {})
