"""What differs between two scenarios in effect, with units and meanings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import cast

from collector.language.time import format_epoch
from simulator.interventions import DRIVERS, Intervention
from simulator.scenario import Scenario
from simulator.scenario_parts import ASSUMPTIONS, KINDS, POLICIES

Value = float | int | str | None
MEANINGS: Mapping[str, tuple[str, str]] = {
    "start": ("first tick", "UTC"),
    "end": ("end, not included", "UTC"),
    "cadence": ("time between two readings of a station", "s"),
    "seed": ("what weather and luck are drawn from", ""),
    "cities": ("a city that takes part", ""),
    "stations": ("stations of a kind in a city", ""),
    "start of an intervention": ("from when it acts", "UTC"),
    "end of an intervention": ("until when it acts, not included", "UTC"),
    "ramp": ("time in which it comes to full force", "s"),
    "strength": ("how strongly it acts; 1 as described", "×"),
    "cities of an intervention": ("where it acts", ""),
    "stations of an intervention": ("at which stations it acts", ""),
    "hours": ("local hours of the crews that it adds", ""),
    "faults": ("a fault that is made on purpose", ""),
}
"""The meaning and the unit of what a scenario sets, by the last word of its path."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that two scenarios do not share: its path, what it means, its unit, and both values (None: absent)."""

    path: str
    meaning: str
    unit: str
    before: Value
    after: Value

    @property
    def text(self) -> str:
        """Get the difference as a line for people."""
        unit = f" {self.unit}" if self.unit and self.unit != "UTC" else ""
        return f"{self.path}: {_shown(self.before)} -> {_shown(self.after)}{unit} ({self.meaning})"


def describe_differences(before: Scenario, after: Scenario) -> tuple[Difference, ...]:
    """Get what differs between two scenarios in effect; names, titles and where a setting is written do not count."""
    one, other = _settings(before), _settings(after)
    changed = {path: (one.get(path), other.get(path)) for path in one | other if one.get(path) != other.get(path)}
    new = set(before.cities) ^ set(after.cities)
    kept = {path: pair for path, pair in changed.items() if not (path.startswith("stations.") and _city(path) in new)}
    shared = set(before.cities) & set(after.cities)
    return tuple(Difference(path, *_meaning(path), *pair) for path, pair in _together(kept, shared).items())


def _settings(made: Scenario) -> dict[str, Value]:
    """Get all that changes results, by path."""
    found: dict[str, Value] = {
        "start": format_epoch(made.start),
        "end": format_epoch(made.end),
        "cadence": made.cadence,
        "seed": made.seed,
    }
    found |= {f"cities[{city}]": "takes part" for city in made.cities}
    for city, counts in made.stations.items():
        found |= {f"stations.{city}.{kind}": getattr(counts, kind) for kind in KINDS}
    found |= {f"assumptions.{name}": getattr(made.assumptions, name) for name in ASSUMPTIONS}
    found |= {f"policies.{name}": getattr(made.policies, name) for name in POLICIES}
    for one in made.interventions:
        found |= {f"interventions[{one.id}].{name}": value for name, value in _of_intervention(one)}
    return found | {f"faults[{one.id}]": f"{one.fault} {_words(asdict(one))}" for one in made.faults}


def _of_intervention(one: Intervention) -> Iterator[tuple[str, Value]]:
    yield "start", format_epoch(one.start)
    yield "end", "for good" if one.end is None else format_epoch(one.end)
    yield "ramp", one.ramp
    yield "strength", one.strength
    yield "cities", "all" if one.cities is None else ", ".join(one.cities)
    if one.stations is not None:
        yield "stations", ", ".join(one.stations)
    if one.hours is not None:
        yield "hours", f"{one.hours[0]} to {one.hours[1]}"
    yield from ((f"effects[{effect.driver}]", effect.size) for effect in one.effects)


def _words(given: object) -> str:
    pairs = cast("dict[str, object]", given).items()
    return ", ".join(f"{key} {value}" for key, value in pairs if value is not None and key not in ("id", "fault"))


def _together(changed: Mapping[str, tuple[Value, Value]], cities: set[str]) -> dict[str, tuple[Value, Value]]:
    """Get the changes, with those of a kind of station that all cities share told once."""
    found: dict[str, tuple[Value, Value]] = {}
    for path, pair in changed.items():
        if path.startswith("stations."):
            kind = path.rsplit(".", 1)[1]
            if all(changed.get(f"stations.{city}.{kind}") == pair for city in cities):
                path = f"stations.{kind}"  # noqa: PLW2901
        found[path] = pair
    return found


def _city(path: str) -> str:
    return path.split(".")[1]


def _meaning(path: str) -> tuple[str, str]:
    section, _, name = path.partition(".")
    section = section.split("[")[0]
    if section in ("assumptions", "policies"):
        made = (ASSUMPTIONS | dict(POLICIES))[name]  # type: ignore[operator]
        return made.meaning, made.unit
    if driver := re.search(r"effects\[(.*)\]", name):
        return DRIVERS[driver[1]].meaning, DRIVERS[driver[1]].unit
    key = f"{name} of an intervention" if f"{name} of an intervention" in MEANINGS else name
    return MEANINGS[key if section == "interventions" else section]


def _shown(value: Value) -> str:
    return "(absent)" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
