"""The interventions of a scenario file, `[[interventions]]`, and the catalogue of those that ship."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from collector.language.errors import InputError
from collector.language.time import format_epoch
from simulator.cities import UnknownNameError, describe_unknown, members
from simulator.interventions import DRIVERS, STATIONS, Effect, Hours, Intervention
from simulator.scenario_file import DURATION, MOMENT, NAME, NETWORK, ON, TEXT, Expected, Table, number, shown
from simulator.scenario_parts import StationCounts

EFFECT = ("driver", "scale", "shift")
TOLD = ("title", "description", "source", "assumption", "effects", "ramp", "for", "hours")
KEYS = ("use", "set", "id", *EFFECT, *TOLD, "start", "after", "end", "strength", "cities", "networks", "stations")
STRENGTH = number(0, 5)
_IDS = {prefix: kind for kind, prefix in STATIONS.items()}


def _station(given: object) -> str:
    text = TEXT.read(given)
    prefix, _, number_ = text.partition("-")
    if text not in STATIONS and not (prefix in _IDS and re.fullmatch("[0-9]{2,5}", number_)):
        raise UnknownNameError(
            f"expected the id of a station, like sd-01, or a kind, came {shown(text)}; kinds: {', '.join(STATIONS)}"
        )
    return text


def _hours(given: object) -> Hours:
    if not isinstance(given, list) or [type(hour) for hour in given] != [int, int]:
        raise TypeError
    begins, ends = given
    if not 0 <= begins < ends <= 24:
        raise ValueError
    return begins, ends


STATION = Expected("the id or the kind of a station, like sd-01 or service_desk", _station, {"type": "string"})
HOURS = Expected(
    "two local hours, from and to, like [16, 22]", _hours,
    {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 24}, "minItems": 2, "maxItems": 2},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Period:
    """When a scenario is, which cities take part, and their stations: what interventions are read for.

    `start` in seconds since 1970-01-01; `stations` by city id.
    """

    start: int
    cities: Sequence[str]
    stations: Mapping[str, StationCounts] = field(default_factory=dict)


def read_interventions(table: Table, period: Period) -> tuple[Intervention, ...]:
    """Get the interventions of a scenario; an id not given is that of the catalogue, or i1, i2, ... by position."""
    found: list[Intervention] = []
    for row, entry in enumerate(table.tables("interventions"), start=1):
        one = _read(entry, period, f"i{row}")
        if one is None:
            continue
        if any(one.id == other.id for other in found):
            entry.note("id", f"expected an id that no other intervention has, came {one.id}")
        found.append(one)
    return tuple(found)


def effects_of(name: str) -> tuple[Effect, ...]:
    """Get what an intervention of the catalogue does."""
    found = _read(Table({"use": name}), Period(0, ()), name)
    return found.effects if found else ()


@cache
def catalogue() -> Mapping[str, Mapping[str, object]]:
    """Get the entries of the shipped catalogue of interventions, by id. Raises `InputError` if one is wrong."""
    page = tomllib.loads((files("scenarios") / "interventions.toml").read_text(encoding="utf-8"))
    for name, entry in page.items():
        table = Table(entry)
        table.allow(*TOLD)
        if _read(table, Period(0, ()), name) is None or table.errors:
            raise InputError(f"interventions.toml: {name}: {'; '.join(table.errors)}")
    return MappingProxyType(page)


def _read(given: Table, period: Period, identity: str) -> Intervention | None:
    given.allow(*KEYS)
    use = given.take("use", _KNOWN, "")
    if not given.fine("use"):
        return None
    entry = given.filled(catalogue()[use]) if use else given
    effects = _effects(entry, own=given)
    source, assumption = _reason(entry, given, use)
    start, end = _window(entry, given, period)
    cities = _target(given, period)
    return Intervention(
        id=given.take("id", NAME, use or identity),
        title=entry.take("title", TEXT, use or identity),
        effects=effects,
        start=start,
        end=end,
        ramp=entry.take("ramp", DURATION, 0),
        strength=given.take("strength", STRENGTH, 1.0),
        cities=cities,
        source=source,
        assumption=assumption,
        stations=_stations(given, period, cities, effects),
        hours=_shift_hours(entry, given, effects),
    )


def _effects(entry: Table, own: Table) -> tuple[Effect, ...]:
    """Get what an intervention does: its one effect, or the list of them."""
    listed = entry.tables("effects")
    single = {key: own.entries[key] for key in (*EFFECT, "set") if key in own}
    if single and len(listed) > 1:
        own.note(next(iter(single)), "this intervention has several effects; expected a list of tables, effects")
        return ()
    if single or not listed:
        return _one(own.filled(dict(listed[0].entries) if listed else {}))
    effects = tuple(effect for table in listed for effect in _listed(table))
    if len({effect.driver for effect in effects}) < len(effects):
        own.note("effects", "expected each driver once")
    return effects


def _listed(table: Table) -> tuple[Effect, ...]:
    table.allow(*EFFECT, "set")
    return _one(table)


def _one(table: Table) -> tuple[Effect, ...]:
    name = table.take("driver", _DRIVER, "", required=True)
    if not name:
        return ()
    driver = DRIVERS[name]
    other = "shift" if driver.way == "scale" else "scale"
    if "set" in table:
        table.note("set", f"{name} cannot be set to a value: {_INSTEAD[driver.way]}")
        return ()
    if other in table:
        table.note(other, f"{name} ({driver.meaning}, {driver.unit}) takes a {driver.way}, not a {other}")
    nothing = 1.0 if driver.way == "scale" else 0.0
    size = table.take(driver.way, number(driver.low, driver.high), nothing, required=True)
    return (Effect(name, size),)


def _reason(entry: Table, own: Table, use: str) -> tuple[str | None, str | None]:
    """Get the source of an intervention's size, or the reasoning where there is none."""
    source, assumption = entry.take("source", TEXT, ""), entry.take("assumption", TEXT, "")
    if "source" in own and "assumption" in own:
        own.note("assumption", "expected either source or assumption, came both")
    if not use and not (source or assumption) and own.fine("source", "assumption"):
        own.note("source", "missing; expected source (a publication) or assumption (the reasoning where there is none)")
    given = own.entries.keys()
    if use and not {"source", "assumption"} & given and {*EFFECT, "effects"} & given:
        return None, f"Set in the scenario, other than in the catalogue. {assumption or source}"
    return source or None, assumption or None


def _window(entry: Table, own: Table, period: Period) -> tuple[int, int | None]:
    for one, other in (("start", "after"), ("end", "for")):
        if one in own and other in own:
            own.note(other, f"expected either {one} or {other}, came both")
    start = own.take("start", MOMENT, period.start) + own.take("after", DURATION, 0)
    if "end" in own:
        end = own.take("end", MOMENT, start + 1)
    elif "for" in entry:
        end = start + entry.take("for", DURATION, 1)
    else:
        return start, None
    if end <= start and own.fine("start", "after", "end", "for"):
        own.note("end", f"expected a time after {format_epoch(start)}, came {format_epoch(end)}")
    return start, end


def _target(own: Table, period: Period) -> tuple[str, ...] | None:
    """Get the cities an intervention acts in, None for all."""
    if "cities" not in own and "networks" not in own:
        return None
    here = _known("city of this scenario", tuple(period.cities))
    chosen = own.take_each("cities", here, "")
    for entry in own.tables("networks"):
        entry.allow("network", "on")
        network = entry.take("network", NETWORK, "", required=True)
        on = entry.take("on", ON, date.min, required=True)
        if entry.fine("network", "on"):
            chosen += [name for name in members(network, on) if name in period.cities]
    if not chosen and own.fine("cities", "networks"):
        own.note("cities", "none of them takes part in this scenario")
    return tuple(dict.fromkeys(chosen))


def _stations(
    own: Table, period: Period, cities: tuple[str, ...] | None, effects: Sequence[Effect]
) -> tuple[str, ...] | None:
    """Get the ids or kinds of stations an intervention is limited to, None for whole cities."""
    if "stations" not in own:
        return None
    chosen = own.take_each("stations", STATION, "")
    if not chosen and own.fine("stations"):
        own.note("stations", "expected at least one station; leave it out for whole cities")
    kinds = {one: _IDS.get(one.partition("-")[0], one) for one in chosen}
    for effect in effects:
        _check_place(own, effect, kinds)
    for place, one in enumerate(chosen):
        if own.fine("stations") and all(DRIVERS[effect.driver].station != kinds[one] for effect in effects):
            own.note(f"stations[{place}]", f"nothing that this intervention does acts at {one}")
        elif (most := _most(period, cities, kinds[one], one)) is not None:
            own.note(f"stations[{place}]", f"no city it acts in has {one}; the most {kinds[one]} one has is {most}")
    return tuple(dict.fromkeys(chosen))


def _check_place(own: Table, effect: Effect, kinds: Mapping[str, str]) -> None:
    """Note where a driver cannot be changed at the chosen stations."""
    kind = DRIVERS[effect.driver].station
    if not kind:
        could = ", ".join(name for name, one in DRIVERS.items() if one.station in set(kinds.values()))
        instead = f"; at {', '.join(kinds)} there are {could}" if could else ""
        own.note("stations", f"{effect.driver} is of a whole city: leave stations out, or take another driver{instead}")
    elif kinds and kind not in kinds.values():
        own.note("stations", f"{effect.driver} acts at {kind}; expected {kind} or an id, like {STATIONS[kind]}-01")


def _most(period: Period, cities: tuple[str, ...] | None, kind: str, chosen: str) -> int | None:
    """Get how many stations of a kind a city has at most, None where the chosen one is among them."""
    counts = [getattr(given, kind) for city, given in period.stations.items() if cities is None or city in cities]
    least = 1 if chosen == kind else int(chosen.partition("-")[2])
    return None if not counts or 1 <= least <= max(counts) else max(counts)


def _shift_hours(entry: Table, own: Table, effects: Sequence[Effect]) -> Hours | None:
    """Get the local hours of the crews that an intervention adds, None for those of the first shift."""
    if "hours" not in entry:
        return None
    crews = [effect.size for effect in effects if effect.driver.endswith("_crews")]
    if effects and not any(size > 0 for size in crews):
        own.note("hours", "they are those of crews that come; expected a shift of crews, like requests_crews, above 0")
    elif any(size < 0 for size in crews):
        own.note("hours", "they are those of crews that come, and one effect takes crews away; make it two entries")
    return entry.take("hours", HOURS, (0, 24))


def _known(what: str, known: Sequence[str]) -> Expected[str]:
    def read(given: object) -> str:
        text = TEXT.read(given)
        if text not in known:
            raise UnknownNameError(describe_unknown(what, text, known))
        return text

    return Expected(f"the name of a {what}", read, {"type": "string"})


def _catalogued(given: object) -> str:
    text = TEXT.read(given)
    if text not in catalogue():
        raise UnknownNameError(describe_unknown("intervention", text, catalogue()))
    return text


_INSTEAD = {
    "scale": "it is told relative to what would come; give scale, like 0.5 for half or 0 for none",
    "shift": "what it would be differs by time and place; give shift, which is added to that",
}
_DRIVER = _known("driver", tuple(DRIVERS))
_KNOWN = Expected("the name of an intervention of the catalogue", _catalogued, {"type": "string"})


def shown_effect(effect: Effect) -> str:
    """Get an effect for people: `fires × 0.5` or `air_temperature + 2 K`."""
    driver = DRIVERS[effect.driver]
    if driver.way == "scale":
        return f"{effect.driver} × {effect.size:g}"
    unit = "" if driver.unit == "1" else f" {driver.unit}"
    return f"{effect.driver} {'-' if effect.size < 0 else '+'} {abs(effect.size):g}{unit}"
