"""The design of an experiment: factors and a rule, made into settings with a name each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from collector.answers.designs import (
    Design,
    Factor,
    grid,
    latin_hypercube,
    one_at_a_time,
    sobol_points,
)
from collector.answers.intervals import Floats
from nakhon.experimenting.asked import one_of
from nakhon.experimenting.plan import DesignPlan, Variant
from simulator.scenario import Scenario
from simulator.scenario_file import TEXT, Table, number, whole

ONE_AT_A_TIME = "one-at-a-time"
OF_ANALYSES = ("morris", "sobol-indices")
KINDS = ("list", "grid", "latin-hypercube", "sobol", ONE_AT_A_TIME, *OF_ANALYSES)
MOST_VARIANTS = 10_000
NUMBER = number(-1e12, 1e12)


@dataclass(frozen=True, slots=True)
class Made:
    """A variant to be made: where the file asks for it, and what it sets in which scenario."""

    place: str
    name: str
    source: str
    settings: Mapping[str, object]
    title: str
    description: str


def read_design(
    table: Table, base: Scenario, baseline: Variant | Scenario, name: str
) -> tuple[DesignPlan | None, Mapping[str, Mapping[str, object]]]:
    """The design of an experiment (None without one), and what its variants set, by name.

    A design one at a time begins with the scenario itself, which then is the baseline.
    """
    if "design" not in table:
        return None, {}
    entry = table.table("design")
    entry.allow("kind", "factors", "samples", "levels", "percent")
    kind = entry.take("kind", one_of("kind of design", KINDS), "")
    samples = entry.take("samples", whole(1, MOST_VARIANTS), 64)
    levels = entry.take("levels", whole(2, 100), 3)
    percent = entry.take("percent", number(0.001, 1_000), 0.0) or None
    factors = [_factor(one, base, kind, percent) for one in entry.tables("factors")]
    if not factors:
        entry.note("factors", "expected at least one, with its path and low and high or values")
    if not entry.fine("kind", "factors", "samples", "levels", "percent") or not factors:
        return None, {}
    try:
        design = _made(kind, factors, samples, levels, percent, base.seed)
    except ValueError as error:
        table.note("design", str(error))
        return None, {}
    if len(design.rows) > MOST_VARIANTS:
        table.note("design", f"expected at most {MOST_VARIANTS:,} variants, came {len(design.rows):,}")
        return None, {}
    return _planned(table, kind, design, percent, baseline, name)


def _planned(
    table: Table, kind: str, design: Design, percent: float | None, baseline: Variant | Scenario, name: str
) -> tuple[DesignPlan, Mapping[str, Mapping[str, object]]]:
    names = list(design.names)
    rows = tuple(tuple(row) for row in design.rows.tolist())
    settings = {
        one: {factor.path: _typed(factor, value) for factor, value in zip(design.factors, row, strict=True)}
        for one, row in zip(names, rows, strict=True)
    }
    if kind == ONE_AT_A_TIME:
        if isinstance(baseline, Variant) and baseline.settings:
            table.note("design", f"one at a time begins with the scenario itself; the baseline {name} sets more")
        del settings[names[0]]
        settings = {one: _moved(found, rows[0], design.factors) for one, found in settings.items()}
        names[0] = name
    return DesignPlan(kind, design.factors, rows, tuple(names), percent), settings


def _moved(found: Mapping[str, object], base: Sequence[float], factors: Sequence[Factor]) -> dict[str, object]:
    usual = {factor.path: value for factor, value in zip(factors, base, strict=True)}
    return {path: value for path, value in found.items() if value != usual[path]}


def _made(kind: str, factors: Sequence[Factor], samples: int, levels: int, percent: float | None, seed: int) -> Design:
    if kind == "list":
        return _listed(factors)
    if kind == "grid":
        return grid(factors, levels)
    if kind == ONE_AT_A_TIME:
        design = one_at_a_time(factors, percent)
        ends = [f"{slug}-{side}" for slug in _slugs(factors) for side in ("low", "high")]
        return replace(design, names=("base", *ends))
    if kind in OF_ANALYSES:
        if any(factor.whole or factor.values for factor in factors):
            raise ValueError(f"{kind} needs factors that can take any number from low to high")
        from collector.answers.sensitivity import morris_design, sobol_design  # slow to import, rarely needed

        rows = (morris_design if kind == "morris" else sobol_design)(factors, samples, seed)
        return _numbered(factors, rows, kind)
    return (latin_hypercube if kind == "latin-hypercube" else sobol_points)(factors, samples, seed)


def _listed(factors: Sequence[Factor]) -> Design:
    lengths = {len(factor.values) for factor in factors}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError("a list needs values of each factor, as many of all")
    return _numbered(factors, np.column_stack([factor.values for factor in factors]), "list")


def _numbered(factors: Sequence[Factor], rows: Floats, name: str) -> Design:
    width = len(str(len(rows) - 1))
    return Design(tuple(factors), rows, tuple(f"{name}-{place:0{width}d}" for place in range(len(rows))))


def _factor(entry: Table, base: Scenario, kind: str, percent: float | None) -> Factor:
    entry.allow("path", "low", "high", "values", "base")
    path = entry.take("path", TEXT, "", required=True)
    values = tuple(entry.take_each("values", NUMBER, np.nan))
    low, high = entry.take("low", NUMBER, np.nan), entry.take("high", NUMBER, np.nan)
    usual = entry.take("base", NUMBER, np.nan) if "base" in entry else usual_value(base, path)
    if kind == ONE_AT_A_TIME and not np.isfinite(usual):
        entry.note("base", f"missing; expected the usual value of {path}, which the scenario does not tell")
    if kind == ONE_AT_A_TIME and percent is not None and usual == 0.0:
        entry.note("base", f"a percentage of 0 is 0; expected low and high of {path} in place of percent")
    if values and not all(one < other for one, other in pairwise(values)) and kind != "list":
        entry.note("values", "expected values in ascending order")
    if not values and percent is None and not low < high:
        entry.note("high", "expected low < high, or values (or percent, one at a time)")
    return Factor(path, low, high, values, usual, path.startswith(("policies.", "stations.")))


def usual_value(scenario: Scenario, path: str) -> float:
    """The number that a scenario has at a path, NaN where it has none there."""
    section, _, name = path.partition(".")
    if section in ("assumptions", "policies"):
        return float(getattr(getattr(scenario, section), name, np.nan))
    found = re.fullmatch(r"interventions\[([^\[\]]+)\]\.strength", path)
    strengths = {one.id: one.strength for one in scenario.interventions}
    return strengths.get(found[1], np.nan) if found else np.nan


def _slugs(factors: Sequence[Factor]) -> list[str]:
    """A short name of each factor: the last words of its path, or all of them where those are not its own."""
    short = [_slug(re.sub(r"^(assumptions|policies|interventions|stations)\.?", "", one.path)) for one in factors]
    return short if len(set(short)) == len(short) else [_slug(one.path) for one in factors]


def _slug(path: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")[:50]


def _typed(factor: Factor, value: float) -> object:
    return int(value) if factor.whole and float(value).is_integer() else value
