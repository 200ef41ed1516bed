"""`nakhon new scenario`, `nakhon diff`, and what `nakhon check` says of a scenario."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from collector.language.errors import InputError
from collector.language.time import format_epoch
from nakhon.terminal.console import shown
from simulator.interventions import Intervention
from simulator.scenario import Scenario, load_scenario, new_scenario
from simulator.scenario_difference import Difference, describe_differences
from simulator.scenario_interventions import shown_effect


def write_new(name: str) -> None:
    """Write a commented scenario file, never over another."""
    text = new_scenario(name)
    path = Path(f"{name}.toml")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{path} exists; choose another name") from None
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    shown.print(f"wrote {path}; next: nakhon check {path}")


def diff(one: str, other: str, *, as_json: bool, console: Console) -> bool:
    """Print what differs in effect between two scenarios (files, or shipped names); whether they are the same.

    Raises `ScenarioError` with all that is wrong with one of them.
    """
    before, after = load_scenario(one), load_scenario(other)
    found = describe_differences(before, after)
    if as_json:
        told = {
            "before": {"name": before.name, "digest": before.digest},
            "after": {"name": after.name, "digest": after.digest},
            "differences": [asdict(difference) for difference in found],
        }
        console.print_json(json.dumps(told, ensure_ascii=False))
    elif found:
        console.print(_table(before, after, found))
    else:
        console.print(f"{before.name} and {after.name} are the same in effect; digest {before.digest}", markup=False)
    return not found


def lines_of(scenario: Scenario) -> Iterator[str]:
    """Get a line for each intervention of a scenario: what, where, when, and on what grounds."""
    for one in scenario.interventions:
        effects = ", ".join(map(shown_effect, one.effects))
        idle = one.start >= scenario.end or (one.end is not None and one.end <= scenario.start)
        warning = " (not within the period of the scenario: it does nothing)" if idle else ""
        yield f"intervention {one.id}: {effects}{_manner(one)}{warning}; {_reason(one)}"


def _manner(one: Intervention) -> str:
    strength = "" if one.strength == 1.0 else f" at strength {one.strength:g}"
    where = "" if one.stations is None else f" at {', '.join(one.stations)}"
    where += "" if one.cities is None else f" in {', '.join(one.cities)}"
    where += "" if one.hours is None else f", {one.hours[0]} to {one.hours[1]} h"
    until = "for good" if one.end is None else f"to {format_epoch(one.end)}"
    ramp = f", ramp {one.ramp / 86_400:g} d" if one.ramp else ""
    return f"{strength}{where}, from {format_epoch(one.start)} {until}{ramp}"


def _reason(one: Intervention) -> str:
    return f"source: {one.source}" if one.source else f"assumption: {one.assumption}"


def _table(before: Scenario, after: Scenario, found: tuple[Difference, ...]) -> Table:
    table = Table()
    for column in ("setting", before.name, after.name, "unit", "meaning"):
        table.add_column(column, overflow="fold")
    for one in found:
        values = ("-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
                  for value in (one.before, one.after))  # fmt: skip
        table.add_row(*(text.replace("[", "\\[") for text in (one.path, *values, one.unit, one.meaning)))
    return table
