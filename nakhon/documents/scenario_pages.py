"""The pages about the shipped scenarios: docs/scenarios/<name>.md, and the tables of docs/scenarios.md."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

from collector.language.time import format_epoch
from simulator.interventions import DRIVERS, Intervention
from simulator.scenario import Scenario, load_scenario, shipped_scenarios
from simulator.scenario_difference import Difference, describe_differences
from simulator.scenario_interventions import catalogue, effects_of, shown_effect
from simulator.scenario_source import page_of

MARK = "<!-- written by scripts/schema: {} -->"


def page_about(name: str) -> str:
    """Get the page about a shipped scenario, in Markdown."""
    scenario, text = load_scenario(name), page_of(name)
    below = tomllib.loads(text).get("extends")
    lines = [f"# {scenario.title}", "", f"`{name}`: {scenario.description}", ""]
    if story := _story(text):
        lines += [story, ""]
    lines += [_size(scenario), ""]
    if below:
        lines += [f"It extends [`{below}`]({below}.md). What differs in effect:", ""]
        lines += _differences(describe_differences(load_scenario(below), scenario))
    for one in scenario.interventions:
        lines += _intervention(one)
    lines += ["```sh", f"nakhon check {name}", *([f"nakhon diff {below} {name}"] if below else [])]
    return "\n".join([*lines, f"nakhon simulate {name} --broker none --store duckdb://{name}.duckdb", "```", ""])


def write_pages(docs: Path) -> None:
    """Write the page of every shipped scenario, and the tables of scenarios.md."""
    (docs / "scenarios").mkdir(exist_ok=True)
    for name in shipped_scenarios():
        (docs / "scenarios" / f"{name}.md").write_text(page_about(name), encoding="utf-8")
    page = docs / "scenarios.md"
    page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")


def with_tables(page: str) -> str:
    """Get scenarios.md with its tables as the program knows them."""
    tables = {"scenarios": _scenarios(), "interventions": _interventions(), "drivers": _drivers()}
    for name, rows in tables.items():
        begin, end = MARK.format(name), MARK.format(f"end of {name}")
        before, _, rest = page.partition(begin)
        page = "\n".join([before + begin, *rows, end + rest.partition(end)[2]])
    return page


def _story(text: str) -> str:
    """Get the comment that a file begins with."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("# "):
            break
        lines.append(line.removeprefix("# "))
    return "\n".join(lines)


def _size(scenario: Scenario) -> str:
    return (
        f"{len(scenario.cities)} cities, {scenario.station_count} stations, {format_epoch(scenario.start)} to "
        f"{format_epoch(scenario.end)}, a reading every {scenario.cadence // 60} minutes."
    )


def _differences(found: tuple[Difference, ...]) -> Iterator[str]:
    yield from ("| setting | before | after | unit | meaning |", "|---|---|---|---|---|")
    for one in found:
        values = ("-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
                  for value in (one.before, one.after))  # fmt: skip
        yield f"| `{one.path}` | {' | '.join(values)} | {one.unit} | {one.meaning} |"
    yield ""


def _intervention(one: Intervention) -> Iterator[str]:
    yield from (f"## {one.title}", "")
    entered = sorted({name for effect in one.effects for name in DRIVERS[effect.driver].enters})
    yield f"Effect: {', '.join(f'`{shown_effect(effect)}`' for effect in one.effects)}."
    told = ", ".join(f"`{name}`" for name in entered)
    yield f"Entered, not found: {told}." if entered else "No indicator is entered."
    yield "What changes in all others emerges from the models."
    yield ""
    yield f"Source: {one.source}" if one.source else f"*Assumption*: {one.assumption}"
    yield ""


def _scenarios() -> Iterator[str]:
    yield from ("| scenario | what it is |", "|---|---|")
    for name, title in shipped_scenarios().items():
        yield f"| [`{name}`](scenarios/{name}.md) | {title} |"


def _interventions() -> Iterator[str]:
    yield from ("| intervention | effect | source or *assumption* |", "|---|---|---|")
    for name, entry in catalogue().items():
        reason = f"{entry['source']}" if "source" in entry else f"*assumption*: {entry['assumption']}"
        effects = ", ".join(f"`{shown_effect(effect)}`" for effect in effects_of(name))
        yield f"| `{name}` | {effects} | {entry['description']} {reason} |"


def _drivers() -> Iterator[str]:
    yield from ("| driver | how | unit | range | at a station | what it is |", "|---|---|---|---|---|---|")
    for one in DRIVERS.values():
        station = f"`{one.station}`" if one.station else ""
        yield f"| `{one.name}` | {one.way} | {one.unit} | {one.low:g} to {one.high:g} | {station} | {one.meaning} |"
