"""The solve file: which scenario, which lever, which targets; every error at once, each with its place."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collector.answers.targets import Target
from collector.answers.totals import Kind, Statistic, weight
from collector.language.checking import suggestion
from collector.language.errors import InputError
from collector.language.gathered import text_of
from collector.language.indicators import derived, indicators
from nakhon.solving.search import Lever
from nakhon.terminal.durations import parse_seconds
from simulator.cities import describe_unknown
from simulator.scenario import Scenario, shipped_scenarios, with_values
from simulator.scenario_source import Source, source_of
from simulator.validation.mapping import FIRES

LARGEST_SEARCH = 100_000
DAY = 86_400
ERRORS_SHOWN = 40

Text = Annotated[str, Field(min_length=1, max_length=2_000)]
Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e12, le=1e12)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _LeverEntry(_Strict):
    path: Text
    low: Number
    high: Number
    better: Literal["low", "high"]
    resolution: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
    note: Text | None = None


class _TargetEntry(_Strict):
    name: Text | None = None
    indicator: Text
    city: Text
    count_over: Number | None = None
    count_under: Number | None = None
    statistic: Literal["total", "mean", "median", "p95"] | None = None
    at_most: Number | None = None
    at_least: Number | None = None
    probability: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.8
    share: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    source: Text


class _File(_Strict):
    title: Text = "Untitled"
    note: Text | None = None
    scenario: Text
    cadence: Text | None = None
    replications: Annotated[int, Field(ge=5, le=10_000)] = 40
    seed: Annotated[int, Field(ge=0)] | None = None
    curve: Annotated[int, Field(ge=2, le=100)] = 7
    most_settings: Annotated[int, Field(ge=2, le=1_000)] = 40
    lever: _LeverEntry
    targets: Annotated[tuple[_TargetEntry, ...], Field(min_length=1, max_length=20)]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to solve. `shares` scale what is simulated for each target (the province's share of a basin's hotspots)."""

    title: str
    note: str
    source: Source
    cadence: int
    seed: int
    replications: int
    points: int
    most_settings: int
    lever: Lever
    lever_note: str
    targets: tuple[Target, ...]
    shares: tuple[float, ...]

    def at(self, setting: float) -> Scenario:
        """Get the scenario with the lever at a setting."""
        return _at(self.source, self.lever.path, setting, self.cadence, self.seed)


def shipped_plans() -> list[str]:
    """Get the names of the shipped solve files."""
    folder = files("scenarios") / "solve"
    return sorted(page.name.removesuffix(".toml") for page in folder.iterdir() if page.name.endswith(".toml"))


def load_plan(source: str) -> Plan:
    """Get the plan in a file, or the shipped one of that name. Raises `InputError` with all that is wrong."""
    if source in shipped_plans():
        return parse_plan((files("scenarios") / "solve" / f"{source}.toml").read_text("utf-8"), f"{source}.toml", None)
    path = Path(source)
    if not path.is_file():
        raise InputError(f"{source}: no such file; shipped solve files: {', '.join(shipped_plans())}")
    return parse_plan(text_of(path, "a solve file"), str(path), path.parent)


def parse_plan(text: str, where: str, folder: Path | None) -> Plan:
    """Get the plan in a TOML text; `folder` is where a scenario file is looked for. Raises `InputError`."""
    try:
        entry = _File.model_validate(tomllib.loads(text))
    except ValidationError as wrong:
        raise InputError("\n".join(f"{where}: {line}" for line in _lines(wrong))) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: expected TOML, came something else: {error}") from None
    errors = [*_lever_errors(entry.lever), *_target_errors(entry.targets)]
    source, scenario = _scenario(entry, folder, errors)
    if scenario is not None:
        known = ", ".join(scenario.cities[:8])
        errors += [
            f"targets[{place}].city: {target.city} is not among the cities of {scenario.name}: {known}"
            for place, target in enumerate(entry.targets)
            if target.city not in scenario.cities
        ]
    if (runs := entry.replications * entry.most_settings) > LARGEST_SEARCH:
        errors.append(f"replications x most_settings: expected at most {LARGEST_SEARCH:,} runs, came {runs:,}")
    if errors or source is None or scenario is None:
        raise InputError("\n".join(f"{where}: {error}" for error in errors))
    return _plan(entry, source, scenario)


def _plan(entry: _File, source: Source, scenario: Scenario) -> Plan:
    lever = entry.lever
    return Plan(
        entry.title,
        entry.note or "",
        source,
        scenario.cadence,
        scenario.seed,
        entry.replications,
        entry.curve,
        entry.most_settings,
        Lever(lever.path, lever.low, lever.high, lever.better, lever.resolution),
        lever.note or "",
        tuple(_target(one) for one in entry.targets),
        tuple(one.share for one in entry.targets),
    )


def _target(entry: _TargetEntry) -> Target:
    limit = entry.count_over if entry.count_over is not None else entry.count_under
    kind = Kind.COUNT_OVER if entry.count_over is not None else Kind.COUNT_UNDER
    statistic = Statistic(Kind(entry.statistic)) if entry.statistic else Statistic(kind, float(limit or 0.0))
    bound = entry.at_most if entry.at_most is not None else entry.at_least
    return Target(
        entry.indicator, entry.city, statistic, float(bound or 0.0), entry.at_most is not None, entry.probability,
        entry.source, entry.name or "",
    )  # fmt: skip


def _lever_errors(lever: _LeverEntry) -> list[str]:
    if not 0.0 <= lever.low < lever.high:
        return [f"lever.high: expected 0 <= low < high, came {lever.low:g} and {lever.high:g}"]
    steps = (lever.high - lever.low) / lever.resolution
    if steps < 1.0 - 1e-9 or abs(steps - round(steps)) > 1e-6:
        return [f"lever.resolution: expected a whole number of steps from low to high, came {steps:g}"]
    return []


def _target_errors(targets: Sequence[_TargetEntry]) -> list[str]:
    found = []
    for place, one in enumerate(targets):
        where = f"targets[{place}]"
        known = [*indicators(), *derived()]
        if one.indicator not in [*known, FIRES]:
            hint = suggestion(one.indicator, [*known, FIRES], "`nakhon catalogue indicators` lists them")
            found.append(f"{where}.indicator: no indicator {one.indicator!r}; {hint}")
        given = [name for name in ("count_over", "count_under", "statistic") if getattr(one, name) is not None]
        if len(given) != 1:
            found.append(
                f"{where}: expected one of count_over, count_under, statistic; came {' and '.join(given) or 'none'}"
            )
        if (one.at_most is None) == (one.at_least is None):
            found.append(f"{where}: expected either at_most or at_least")
        elif one.indicator in known and len(given) == 1:
            found += _total_error(where, one)
    return found


def _total_error(where: str, one: _TargetEntry) -> list[str]:
    if one.statistic != "total":
        return []
    try:
        weight(one.indicator, 86_400.0)
    except ValueError as error:
        return [f"{where}.statistic: {error}"]
    return []


def _scenario(entry: _File, folder: Path | None, errors: list[str]) -> tuple[Source | None, Scenario | None]:
    """Get the scenario at the low end of the lever; whatever is wrong at either end is noted."""
    try:
        cadence = None if entry.cadence is None else round(parse_seconds(entry.cadence))
        shipped = entry.scenario in shipped_scenarios() or folder is None
        source = source_of(entry.scenario) if shipped else source_of((folder or Path()) / entry.scenario)
        found = [_at(source, entry.lever.path, end, cadence, entry.seed) for end in (entry.lever.low, entry.lever.high)]
    except InputError as error:
        errors += [f"scenario and lever: {line}" for line in str(error).splitlines()]
        return None, None
    span, step = found[0].end - found[0].start, found[0].cadence
    if step < 1 or span % step or DAY % step:
        errors.append(f"cadence: expected a time that divides a day and the scenario, came {step} s")
    return source, found[0]


def _at(source: Source, path: str, setting: float, cadence: int | None, seed: int | None) -> Scenario:
    """Get the scenario with the lever at a setting; whole numbers as such, which some levers ask for."""
    found = with_values(source, {path: int(setting) if float(setting).is_integer() else setting})
    return replace(found, cadence=cadence or found.cadence, seed=found.seed if seed is None else seed)


def _lines(wrong: ValidationError) -> list[str]:
    return [f"{_place(error['loc'])}: {_said(error)}" for error in wrong.errors()][:ERRORS_SHOWN]


def _said(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        models: dict[object, type[BaseModel]] = {"lever": _LeverEntry, "targets": _TargetEntry}
        model = models.get(error["loc"][0], _File) if len(error["loc"]) > 1 else _File
        return describe_unknown("key", str(error["loc"][-1]), model.model_fields)
    return f"{error['msg']}, came {_shown(error)}"


def _place(parts: Sequence[int | str]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".") or "file"


def _shown(error: Any) -> str:
    if error["type"] == "missing":
        return "nothing"
    return "a table" if isinstance(error["input"], dict) else f"{error['input']!r}"[:80]
