"""The plan of an experiment as JSON: what is kept beside the results and what is asked of them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from collector.answers.designs import Factor
from collector.answers.targets import Target
from collector.answers.totals import Statistic
from collector.language.time import format_epoch
from nakhon import __version__
from nakhon.experimenting.asked import cost_of
from nakhon.experimenting.plan import DesignPlan, Experiment, Stop, Variant
from simulator.cities import cities
from simulator.interventions import DRIVERS, Intervention
from simulator.scenario import Scenario
from simulator.scenario_difference import describe_differences
from simulator.stations import origins_of

FORMAT = 1
DECIDING = ("format", "nakhon", "bucket_seconds", "warm_up_seconds", "indicators", "baseline")
"""What decides of the bytes of results, beside the scenarios of the variants."""


def plan_as_data(plan: Experiment) -> dict[str, Any]:
    """The plan as JSON holds it; `docs/experiments.md` explains the keys."""
    base = plan.baseline.scenario
    return {
        "format": FORMAT,
        "nakhon": __version__,
        "name": plan.name,
        "title": plan.title,
        "question": plan.question,
        "description": plan.description,
        "base": plan.base,
        "start": format_epoch(base.start),
        "end": format_epoch(base.end),
        "cadence_seconds": base.cadence,
        "seed": base.seed,
        "bucket_seconds": plan.bucket,
        "warm_up_seconds": plan.warm_up,
        "replications": plan.replications,
        "indicators": list(plan.indicators),
        "cities": [_city(name) for name in base.cities],
        "baseline": plan.baseline.name,
        "variants": [_variant(plan, one) for one in plan.variants],
        "design": None if plan.design is None else _design(plan.design),
        "stop": [_stop(one) for one in plan.stop],
        "targets": [_target(one) for one in plan.targets],
        "costs": [asdict(one) for one in plan.costs],
    }


def what_differs(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What makes results of one plan unfit for another, in lines; words and more replications do not."""
    one, other = _deciding(before), _deciding(after)
    paths = [path for path in one | other if one.get(path) != other.get(path)]
    return [f"{path}: {_shown(one, path)} there, {_shown(other, path)} in this plan" for path in paths]


def _city(name: str) -> dict[str, Any]:
    profile = asdict(cities()[name].profile())
    return profile | {"origins": origins_of(cities()[name])}


def _variant(plan: Experiment, one: Variant) -> dict[str, Any]:
    differences = describe_differences(plan.baseline.scenario, one.scenario)
    return {
        "name": one.name,
        "title": one.title,
        "description": one.description,
        "digest": one.scenario.digest,
        "settings": {path: _plain(value) for path, value in one.settings.items()},
        "differences": [asdict(found) | {"text": found.text} for found in differences],
        "interventions": [_intervention(found) for found in one.scenario.interventions],
        "cost": cost_of(plan.costs, one, plan.design),
        "scenario": effective(one.scenario),
    }


def effective(scenario: Scenario) -> dict[str, Any]:
    """The scenario in effect: all that decides of its results, as JSON holds it."""
    made = json.loads(json.dumps(asdict(scenario), default=str))
    for key in ("title", "description"):
        del made[key]
    return dict(made)


def _intervention(one: Intervention) -> dict[str, Any]:
    effects = [
        {
            "driver": effect.driver,
            "size": effect.size,
            "way": DRIVERS[effect.driver].way,
            "unit": DRIVERS[effect.driver].unit,
            "meaning": DRIVERS[effect.driver].meaning,
            "enters": list(DRIVERS[effect.driver].enters),
        }
        for effect in one.effects
    ]
    where = {"stations": one.stations, "hours": one.hours}
    return {name: list(given) for name, given in where.items() if given is not None} | {
        "id": one.id,
        "title": one.title,
        "effects": effects,
        "start": format_epoch(one.start),
        "end": None if one.end is None else format_epoch(one.end),
        "ramp_seconds": one.ramp,
        "strength": one.strength,
        "cities": None if one.cities is None else list(one.cities),
        "source": one.source,
        "assumption": one.assumption,
    }


def _design(design: DesignPlan) -> dict[str, Any]:
    return {
        "kind": design.kind,
        "percent": design.percent,
        "factors": [_factor(one) for one in design.factors],
        "rows": [list(row) for row in design.rows],
        "variants": list(design.variants),
    }


def _factor(one: Factor) -> dict[str, Any]:
    found = {"path": one.path, "low": one.low, "high": one.high, "values": list(one.values), "base": one.base}
    return {key: _plain(value) for key, value in found.items()} | {"whole": one.whole}


def _stop(stop: Stop) -> dict[str, Any]:
    return asdict(stop.rule) | _numbers(stop.indicator, stop.city, stop.statistic)


def _target(one: Target) -> dict[str, Any]:
    bound = {"at_most": one.bound} if one.at_most else {"at_least": one.bound}
    found = {"name": one.name, **_numbers(one.indicator, one.city, one.statistic), **bound}
    return found | {"probability": one.probability, "source": one.source, "text": str(one)}


def _numbers(indicator: str, city: str, statistic: Statistic) -> dict[str, Any]:
    limit = None if math.isnan(statistic.limit) else statistic.limit
    return {"indicator": indicator, "city": city, "statistic": statistic.kind.value, "limit": limit}


def _plain(value: object) -> object:
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool | list) else str(value)


def _deciding(plan: Mapping[str, Any]) -> dict[str, object]:
    made = {key: plan.get(key) for key in DECIDING}
    scenarios = {one["name"]: one["scenario"] | {"name": ""} for one in plan.get("variants", ())}
    return dict(_flat(made, "")) | dict(_flat({"variants": scenarios}, ""))


def _flat(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        for place, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{place}]")
    else:
        yield path, value


def _shown(flat: Mapping[str, object], path: str) -> str:
    return json.dumps(flat[path], ensure_ascii=False) if path in flat else "nothing"
