"""Which effects were entered and which emerged, and at which size of what was entered a conclusion turns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from collector.answers.breakeven import BreakEven, Why, break_even_of_chance, break_even_of_mean
from collector.answers.intervals import Floats, Interval, mean_interval
from collector.answers.targets import Target
from collector.language.indicators import Better
from nakhon.experimenting.reading import Results, VariantResult
from nakhon.reporting.material import Numbers, told_variants
from nakhon.reporting.measures import Outcome
from simulator.interventions import DRIVERS, STATIONS

ASSUMED_DRIVERS: Mapping[str, str] = {"burning_severity": "fires", "rainfall": "rainfall"}
"""The driver that each assumption of a scenario scales."""
SHAPE = ("start", "end", "ramp_seconds", "cities", "stations", "hours")


class Conclusion(StrEnum):
    """What may turn with the size of an assumed effect."""

    TARGET = "target"
    DIFFERENCE = "difference"
    COST = "cost"


@dataclass(frozen=True, slots=True)
class Axis:
    """The sizes at which one thing was simulated, all else the same: of an effect, a strength, or a setting.

    `none` is the size of the baseline; `variants` and `sizes` go together in ascending order, the baseline among them.
    `size_of` has the size of every variant, also of those that share one.
    """

    name: str
    driver: str
    unit: str
    none: float
    variants: tuple[str, ...]
    sizes: tuple[float, ...]
    size_of: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Turn:
    """At which size of what a variant changes a conclusion about it turns.

    `at` is None where these runs do not determine it, because the variant changes several things at once; `only_none`
    says that a difference vanishes without the change and at no other simulated size. `rival` is the variant whose cost
    per unit is met.
    """

    variant: str
    conclusion: Conclusion
    outcome: Outcome
    target: Target | None = None
    axis: Axis | None = None
    assumed_size: float = math.nan
    at: BreakEven | None = None
    only_none: bool = False
    rival: str = ""


Change = tuple[str, ...]


def entered_by(variant: VariantResult, baseline: VariantResult, city: str, indicator: str) -> tuple[str, ...]:
    """Get what says the change of an indicator in a city outright: ids of interventions, names of assumptions."""
    found = [str(one["id"]) for one in _entering(variant, baseline, city, indicator)]
    return tuple(dict.fromkeys([*found, *_entering_settings(variant, indicator)]))


def entered_at(variant: VariantResult, baseline: VariantResult, city: str, indicator: str) -> tuple[str, ...]:
    """Get the stations (ids or kinds) at which alone such a change is said; none where it is of the whole city."""
    where = [_stations(one, indicator) for one in _entering(variant, baseline, city, indicator)]
    if _entering_settings(variant, indicator) or not all(where):
        return ()
    return tuple(dict.fromkeys(station for stations in where for station in stations))


def _entering(variant: VariantResult, baseline: VariantResult, city: str, indicator: str) -> list[Mapping[str, Any]]:
    return [
        one
        for one in changed_interventions(variant, baseline)
        if (one["cities"] is None or city in one["cities"])
        and any(indicator in effect["enters"] for effect in one["effects"])
    ]


def _entering_settings(variant: VariantResult, indicator: str) -> list[str]:
    paths = [str(one["path"]) for one in variant.differences]
    return [path for path in paths if indicator in entered_by_setting(path)]


def _stations(one: Mapping[str, Any], indicator: str) -> list[str]:
    """Get the stations of an intervention that tell an indicator which it sets."""
    kinds = {DRIVERS[effect["driver"]].station for effect in one["effects"] if indicator in effect["enters"]}
    begins = {STATIONS[kind] for kind in kinds if kind}
    return [station for station in one.get("stations") or () if station in kinds or station.rsplit("-", 1)[0] in begins]


def entered_by_setting(path: str) -> tuple[str, ...]:
    """Get the indicators that a setting of a scenario says outright."""
    section, _, name = path.partition(".")
    return DRIVERS[ASSUMED_DRIVERS[name]].enters if section == "assumptions" and name in ASSUMED_DRIVERS else ()


def changed_interventions(variant: VariantResult, baseline: VariantResult) -> list[Mapping[str, Any]]:
    """Get the interventions that a variant has and the baseline has not (in this form), and those it lacks."""
    ours, theirs = ([_acting(one) for one in made.interventions] for made in (variant, baseline))
    there = [one for one, acting in zip(variant.interventions, ours, strict=True) if acting not in theirs]
    kept = {one["id"] for one in variant.interventions}
    return there + [one for one in baseline.interventions if one["id"] not in kept]


def axes_of(found: Results) -> dict[str, Axis]:
    """Get for each variant that changes one thing only the sizes at which that was simulated."""
    changes = {one.name: _single_change(one, found.baseline) for one in found.variants[1:]}
    made: dict[str, Axis] = {}
    for change in set(filter(None, changes.values())):
        names = [name for name, theirs in changes.items() if theirs == change]
        axis = _axis(found, change, names)
        made |= dict.fromkeys(names, axis)
    return made


def turns_of(
    found: Results, numbers: Numbers, asked: Sequence[Outcome], costs: Mapping[tuple[str, Outcome], float],
    confidence: float,
) -> tuple[Turn, ...]:  # fmt: skip
    """Get at which size each conclusion turns, for every variant that is told and each outcome asked for."""
    axes, made = axes_of(found), []
    for one in told_variants(found):
        axis = axes.get(one.name)
        for target in found.targets:
            outcome = Outcome(target.city, target.indicator, target.statistic, found.bucket)
            if outcome in numbers and _moves(found, numbers, one.name, outcome):
                made.append(_target_turn(found, numbers, one.name, axis, target, outcome, confidence))
        for outcome in asked:
            if outcome.better is not Better.TARGET and _moves(found, numbers, one.name, outcome):
                made.append(_difference_turn(found, numbers, one.name, axis, outcome, confidence))
            made += _cost_turns(found, numbers, one.name, axis, outcome, costs, confidence)
    return tuple(made)


def _target_turn(
    found: Results, numbers: Numbers, name: str, axis: Axis | None, target: Target, outcome: Outcome, confidence: float
) -> Turn:
    if axis is None:
        return Turn(name, Conclusion.TARGET, outcome, target)
    at = break_even_of_chance(np.array(axis.sizes), _along(found, numbers, axis, outcome), target, confidence)
    return Turn(name, Conclusion.TARGET, outcome, target, axis, axis.size_of[name], at)


def _difference_turn(
    found: Results, numbers: Numbers, name: str, axis: Axis | None, outcome: Outcome, confidence: float
) -> Turn:
    """Get where the difference crosses 0 beyond the size of the baseline, where it is 0 by itself."""
    if axis is None:
        return Turn(name, Conclusion.DIFFERENCE, outcome)
    sizes = np.array(axis.sizes)
    there = (sizes - axis.none) * (axis.size_of[name] - axis.none) > 0.0  # its own side of the baseline
    change = _along(found, numbers, axis, outcome) - numbers[outcome][0][:, None]
    at = break_even_of_mean(sizes[there], change[:, there], 0.0, confidence)
    signs = {np.sign(one.value) if one.clear else 0.0 for one in map(mean_interval, change[:, there].T)}
    alone = at.why in (Why.SAME, Why.SINGLE) and len(signs) == 1 and 0.0 not in signs
    return Turn(
        name, Conclusion.DIFFERENCE, outcome, axis=axis, assumed_size=axis.size_of[name], at=at, only_none=alone
    )


def _cost_turns(
    found: Results, numbers: Numbers, name: str, axis: Axis | None, outcome: Outcome,
    costs: Mapping[tuple[str, Outcome], float], confidence: float,
) -> Iterator[Turn]:  # fmt: skip
    """Get where a unit costs as much as with the cheapest other variant, its own cost as declared.

    The other's improvement is taken as its mean.
    """
    cost = costs.get((name, outcome))
    rivals = {
        other: amount / gain
        for (other, of), amount in costs.items()
        if of == outcome and other != name and (gain := _gain(found, numbers, other, outcome).value) > 0.0
    }
    if cost is None or not rivals:
        return
    rival = min(rivals, key=lambda other: rivals[other])
    if axis is None or rivals[rival] <= 0.0 or cost <= 0.0:
        yield Turn(name, Conclusion.COST, outcome, rival=rival)
        return
    way = 1.0 if outcome.better is Better.HIGHER else -1.0
    gains = way * (_along(found, numbers, axis, outcome) - numbers[outcome][0][:, None])
    at = break_even_of_mean(np.array(axis.sizes), gains, cost / rivals[rival], confidence)
    yield Turn(name, Conclusion.COST, outcome, axis=axis, assumed_size=axis.size_of[name], at=at, rival=rival)


def _moves(found: Results, numbers: Numbers, name: str, outcome: Outcome) -> bool:
    rows = numbers[outcome]
    return bool(np.nan_to_num(rows[found.position(name)] - rows[0]).any())


def _gain(found: Results, numbers: Numbers, name: str, outcome: Outcome) -> Interval:
    way = 1.0 if outcome.better is Better.HIGHER else -1.0
    return mean_interval(way * (numbers[outcome][found.position(name)] - numbers[outcome][0]))


def _along(found: Results, numbers: Numbers, axis: Axis, outcome: Outcome) -> Floats:
    """Get the outcomes at the sizes of an axis, (replications, sizes)."""
    return np.asarray(numbers[outcome][[found.position(name) for name in axis.variants]].T)


def _axis(found: Results, change: Change, names: Sequence[str]) -> Axis:
    """Get the axis of variants that change the same single thing."""
    baseline, kind, what = found.baseline, change[0], change[1]
    made = [found.variants[found.position(name)] for name in names]
    if kind == "setting":
        sizes, none = [_setting(one, what) for one in made], _setting(baseline, what)
        driver, unit = ASSUMED_DRIVERS.get(what.partition(".")[2], ""), _difference(made[0], what)["unit"]
    else:
        effects = next(one for one in changed_interventions(made[0], baseline) if one["id"] == what)["effects"]
        single = effects[0] if len(effects) == 1 else None
        sizes, none = [_strength(one, what, single) for one in made], _strength(baseline, what, single)
        driver, unit = (single["driver"], single["unit"]) if single else ("", "×")
    pairs = sorted(dict(zip([none, *sizes], [baseline.name, *names], strict=True)).items())
    return Axis(what, driver, unit, none, tuple(name for _, name in pairs), tuple(size for size, _ in pairs),
                dict(zip(names, sizes, strict=True)))  # fmt: skip


def _strength(variant: VariantResult, identity: str, single: Mapping[str, Any] | None) -> float:
    """Get the size of a single effect in full force, or the strength of several; what is absent has none."""
    one = next((one for one in variant.interventions if one["id"] == identity), None)
    if single is None:
        return 0.0 if one is None else float(one["strength"])
    if one is None:
        return 1.0 if single["way"] == "scale" else 0.0
    size, strength = float(one["effects"][0]["size"]), float(one["strength"])
    return 1.0 + (size - 1.0) * strength if single["way"] == "scale" else size * strength


def _single_change(variant: VariantResult, baseline: VariantResult) -> Change | None:
    """Get the one thing that a variant changes, with all that must be the same to compare its sizes."""
    interventions = changed_interventions(variant, baseline)
    settings = [one["path"] for one in variant.differences if not one["path"].startswith("interventions[")]
    if len(interventions) == 1 and not settings:
        one = interventions[0]
        before = next((found for found in baseline.interventions if found["id"] == one["id"]), one)
        if any(before.get(key) != one.get(key) for key in SHAPE):
            return None
        drivers = [effect["driver"] for effect in one["effects"]]
        sizes = [] if len(drivers) == 1 else [str(effect["size"]) for effect in one["effects"]]
        return "intervention", one["id"], *(str(one.get(key)) for key in SHAPE), *drivers, *sizes
    if len(settings) == 1 and not interventions and settings[0].startswith(("assumptions.", "policies.")):
        return "setting", settings[0]
    return None


def _setting(variant: VariantResult, path: str) -> float:
    section, _, name = path.partition(".")
    return float(variant.scenario[section][name])


def _difference(variant: VariantResult, path: str) -> Mapping[str, Any]:
    return next(one for one in variant.differences if one["path"] == path)


def _acting(one: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key not in ("title", "source", "assumption")}
