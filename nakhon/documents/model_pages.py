"""The page of the models, docs/models.md: a section per indicator from catalogue, docstrings and parameters.

What stands above the mark in docs/models.md is written by hand and kept; what is below is written by `scripts/models`.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from collector.language.indicators import Indicator, IndicatorKind, Rollup, indicators
from nakhon.documents.model_cycles import HOME, Cycles, Floats, Profile, profiles, relative, simulated_cycles
from nakhon.documents.model_pictures import MONTHS, Panel, picture
from nakhon.validating.validation_rows import Record, fault_of, records_of, statistic_of
from simulator import economy, environment, governance, parameters
from simulator.cities import City, cities
from simulator.parameters.tables import ParameterSet
from simulator.stations import KINDS, sets_of
from simulator.validation.mapping import load_map

MARK = (
    "<!-- from here on written by scripts/models: change the docstrings, the catalogue and the parameters instead -->"
)
MODULES = (environment, economy, governance)
SHOWN = ("chiang-mai", "bangkok", "singapore", "makassar")
"""The cities whose parameters are shown: measured in part, measured for the most part, equatorial, of its climate."""
TRENDS = frozenset({"internet_access", "eservice_share", "eservice_adoption", "eprocurement_share", "open_datasets"})
"""What grows and has no cycle: drawn over the months of the run."""
YEARLY = frozenset({"gpp_per_capita", "ghg_per_capita"})
"""One figure a year: no picture."""
PARTS: Mapping[str, tuple[str, ...]] = {
    "pm25": ("season", "seasonal_sd", "smoky", "fire_activity", "hotspots", "poisson"),
    "o3": ("oxidant", "clearness"),
    "dissolved_oxygen": ("oxygen_saturation",),
    "pm10": ("coarse_particles",),
    "rain": ("wet_day", "geng_transitions", "rain_depth"),
    "wind_speed": ("wind_strength",),
    "traffic_flow": ("traffic_demand",),
    "service_requests": ("mixing",),
    "resolution_time": ("work_hours",),
    "emergency_response": ("travel_minutes",),
    "visitor_arrivals": ("smoke_share",),
    "water_level": ("linear_reservoir",),
}
"""Functions an indicator is made of and whose names its docstring does not mention."""
RESULTS = ("validation", "results.json")
Function = Callable[..., object]


def write_pages(docs: Path) -> None:
    """Write the page and its pictures into a folder of documentation."""
    page = docs / "models.md"
    page.write_text(models_page(page.read_text("utf-8"), results()), encoding="utf-8")
    folder = docs / "models"
    folder.mkdir(exist_ok=True)
    for name, drawn in pictures():
        (folder / f"{name}.svg").write_text(drawn, encoding="utf-8")


def models_page(before: str, told: Mapping[str, Any] | None) -> str:
    """Get the page with what is written by hand as it was, and the rest anew.

    `told` is a result of `nakhon validate` as JSON holds it, if there is one.
    """
    records = {record.name: record for record in records_of(told)} if told else {}
    sections = "\n".join(section(one, records) for one in indicators().values())
    introduction = before.split(MARK, maxsplit=1)[0].rstrip()
    return f"{introduction}\n\n{MARK}\n\n{_closeness(told, records)}\n## The indicators\n\n{_contents()}\n{sections}"


# ---- one section -----------------------------------------------------------------------------------------------


def section(one: Indicator, records: Mapping[str, Record]) -> str:
    """Get the section of an indicator."""
    parts = [
        f"### {one.id}",
        f"**{one.name}**, {_unit(one.unit)} · {one.kind} · {one.pillar} · {_stations(one)}",
        f"{one.definition}.",
        *_model(one),
        _sets(one.id),
        _picture(one),
        _beside(one, records),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def functions(indicator: str) -> dict[str, Function]:
    """Get the function of an indicator (if it has one) and those it is made of, by name."""
    found: dict[str, Function] = {}
    wanted = [indicator, *PARTS.get(indicator, ())]
    while wanted:
        name = wanted.pop(0)
        function = next((getattr(module, name) for module in MODULES if hasattr(module, name)), None)
        if name not in found and inspect.isfunction(function):
            found[name] = function
            own = inspect.signature(function).parameters.keys() | indicators().keys()
            wanted += [word for word in re.findall(r"`(\w+)`", _docstring(function)) if word not in own]
    return found


def _model(one: Indicator) -> Iterator[str]:
    made = functions(one.id)
    if one.id in made:
        yield _docstring(made.pop(one.id))
    else:
        yield f"Counted, not calculated: every event `{one.event}` is one."
    if made:
        yield "\n".join(f"- `{name}`: {' '.join(_docstring(function).split())}" for name, function in made.items())


def _docstring(function: Function) -> str:
    """Get the prose of a docstring: what stands before its numpy sections, as a description of what it gets."""
    text = re.split(r"\n\n\w+\n-{3,}\n", inspect.getdoc(function) or "", maxsplit=1)[0].removeprefix("Get ")
    return text[:1].upper() + text[1:]


def _unit(unit: str) -> str:
    return "no unit" if unit == "1" else unit


def _stations(one: Indicator) -> str:
    kinds = [made.name.lower() for made in KINDS.values() if one.id in made.indicators]
    return f"told by: {', '.join(kinds)}" + (f" (event `{one.event}`)" if one.event else "")


def _sets(indicator: str) -> str:
    lines = ["| parameters | city | origin | source |", "|---|---|---|---|"]
    shown = [cities()[name] for name in SHOWN]
    by_city = {city.name: sets_of(city)[indicator] | _publication(city, indicator) for city in shown}
    for path in by_city[shown[0].name]:
        found: dict[tuple[str, str], list[str]] = {}
        for name, sets in by_city.items():
            found.setdefault((sets[path].origin, sets[path].source), []).append(name)
        for (origin, source), names in found.items():
            where = "all four" if len(names) == len(SHOWN) else ", ".join(names)
            lines.append(f"| `{path}` | {where} | {origin} | {_cell(source)} |")
    for kind, made in KINDS.items():
        if indicator in made.indicators and made.periodic and not made.service:
            one = parameters.instruments(kind)[indicator]
            lines.append(f"| instrument of the {made.name.lower()} | everywhere | {one.origin} | {_cell(one.source)} |")
    return "\n".join(lines)


def _publication(city: City, indicator: str) -> dict[str, ParameterSet]:
    made = parameters.governance(city).publication
    return {f"governance.publication.{indicator}": made[indicator]} if indicator in made else {}


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


# ---- pictures --------------------------------------------------------------------------------------------------


def pictures() -> Iterator[tuple[str, str]]:
    """Get the picture of every indicator that has one, by its name: two simulated years beside what was measured."""
    drawn = [one for one in indicators().values() if one.id not in YEARLY]
    wanted: dict[str, list[str]] = {}
    for one in drawn:
        for city in _cities(one.id):
            wanted.setdefault(city, []).append(one.id)
    simulated = {city: simulated_cycles(city, names) for city, names in wanted.items()}
    for one in drawn:
        rows = [_panels(one, city, simulated[city][one.id]) for city in _cities(one.id)]
        yield one.id, picture(rows, f"{one.name}: daily and seasonal cycle")


def _cities(indicator: str) -> list[str]:
    """Get the cities drawn: those where the indicator was measured, else one."""
    return list(dict.fromkeys(one.city for one in profiles() if one.indicator == indicator)) or [HOME]


def _panels(one: Indicator, city: str, cycles: Cycles) -> list[Panel]:
    if one.id in TRENDS:
        along = tuple(MONTHS[month % 12] for month in range(24))
        return [Panel(f"{cities()[city].name}, over two years", _axis(one, None), along, cycles.along(), every=3)]
    panels = []
    if one.kind is not IndicatorKind.STATISTIC:
        hourly = _measured(one.id, city, "hour")
        cycle = cycles.by_hour(hourly.months) if hourly else cycles.by_hour()
        panels.append(_panel(one, city, "hour", cycle, hourly))
    return [*panels, _panel(one, city, "month", cycles.by_month(), _measured(one.id, city, "month"))]


def _panel(one: Indicator, city: str, kind: str, cycle: Floats, measured: Profile | None) -> Panel:
    labels, every = (MONTHS, 1) if kind == "month" else (tuple(map(str, range(24))), 3)
    title, unit = f"{cities()[city].name}, by {kind}", _axis(one, measured)
    if measured is None:
        return Panel(title, unit, labels, cycle, None, every)
    drawn = relative(cycle) if measured.relative else cycle
    return Panel(title, unit, labels, drawn, np.array(measured.values), every)


def _measured(indicator: str, city: str, kind: str) -> Profile | None:
    found = (one for one in profiles() if (one.indicator, one.city, one.kind) == (indicator, city, kind))
    return next(found, None)


def _axis(one: Indicator, measured: Profile | None) -> str:
    if measured is not None and measured.relative:
        return "relative to the mean"
    counted = one.kind is IndicatorKind.EVENT and one.rollup is Rollup.SUM
    return f"{one.unit} a day" if counted else _unit(one.unit)


def _picture(one: Indicator) -> str:
    if one.id in YEARLY:
        return "One figure a year: there is no cycle to draw."
    names = " and ".join(cities()[city].name for city in _cities(one.id))
    shown = f"![{one.name}: simulated and measured cycles](models/{one.id}.svg)"
    sources = list(_sources(one.id))
    if not sources:
        return f"{shown}\n\nSimulated: {names}, two years. No measured cycle was available."
    listed = "\n".join(f"- {source}" for source in sources)
    return f"{shown}\n\nSimulated: {names}, two years. Measured:\n\n{listed}"


def _sources(indicator: str) -> Iterator[str]:
    """Get where the measured cycles of an indicator come from, series by series."""
    mine = [one for one in profiles() if one.indicator == indicator]
    for series in dict.fromkeys(one.series for one in mine):
        cycles = [one for one in mine if one.series == series]
        kinds = " and ".join(f"by {one.kind}{_when(one.months)}" for one in cycles)
        yield f"{series}, {kinds}: {cycles[0].source} ({cycles[0].licence})"


def _when(months: Sequence[int]) -> str:
    return "" if len(months) == len(MONTHS) else f" ({', '.join(MONTHS[month - 1] for month in months)})"


# ---- how close it comes ----------------------------------------------------------------------------------------


def results() -> dict[str, Any] | None:
    """Get the shipped result of `nakhon validate --out`, None if none is shipped."""
    page = reduce(lambda folder, name: folder / name, RESULTS, files("scenarios"))
    if not page.is_file():
        return None
    told: dict[str, Any] = json.loads(page.read_text(encoding="utf-8"))
    return told


def _closeness(told: Mapping[str, Any] | None, records: Mapping[str, Record]) -> str:
    if told is None:
        return "## How close it comes\n\nNo results of `nakhon validate` are kept with this version.\n"
    rows, inside = told["summary"]["rows"], told["summary"]["inside"]
    unjudged = sum(one.unjudged for one in records.values())
    table = "\n".join(
        f"| {one.name} | {len(one.rows)} | {one.inside} | {one.unjudged or ''} | {_outside(one)} |"
        for one in records.values()
    )
    return f"""## How close it comes

{inside} of {rows} rows are inside ({inside / max(rows, 1):.0%}): `nakhon validate` with the shipped mapping,
{told["replications"]} replications, seed {told["seed"]}. For {unjudged} of those inside nobody knows the spread from
year to year, so the width of the band could not be judged. [What inside means](validate.md#when-a-row-is-inside); even
a perfect model does not reach 100 %. What stays outside, observed below or above the simulated band, or inside a band
that is too wide:

| series | rows | inside | width not judged | outside |
|---|--:|--:|--:|---|
{table}
"""


def _outside(record: Record) -> str:
    found: dict[str, list[str]] = {}
    for row in record.rows:
        if fault := fault_of(row):
            found.setdefault(fault, []).append(statistic_of(row))
    return _cell("; ".join(f"**{fault}:** {', '.join(_gathered(names))}" for fault, names in found.items()))


def _gathered(names: Iterable[str]) -> list[str]:
    """Get names, those that differ only in their end joined: mean of January, May."""
    found: dict[str, list[str]] = {}
    for name in names:
        what, _, which = name.rpartition(" of ")
        found.setdefault(what, []).append(which)
    return [f"{what} of {', '.join(which)}" if what else ", ".join(which) for what, which in found.items()]


def _beside(one: Indicator, records: Mapping[str, Record]) -> str:
    if not records:
        return ""
    _, mapping = load_map(None)
    names = [entry.name for entry in mapping.series if entry.indicator == one.id]
    names += [entry.name for entry in mapping.tickets if one.id in {"service_requests", "resolution_time"}]
    told = [f"{name} {records[name].inside} of {len(records[name].rows)}" for name in names if name in records]
    return f"Rows inside: {', '.join(told)}." if told else ""


def _contents() -> str:
    """Get links to all sections, by pillar."""
    lines: dict[str, list[str]] = {}
    for one in indicators().values():
        lines.setdefault(one.pillar, []).append(f"[{one.id}](#{one.id})")
    return "".join(f"- {pillar}: {', '.join(links)}\n" for pillar, links in lines.items())
