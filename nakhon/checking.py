"""`nakhon check`: whatever file a user writes, whether it is right and what it asks for."""

from __future__ import annotations

from pathlib import Path

from collector.language.time import format_epoch
from collector.sinks.file import load_sink
from nakhon import auditing, mapping, scenarios
from nakhon.accept import outcome
from nakhon.fault import faults_in
from nakhon.terminal.console import shown
from simulator.scenario import load_scenario


def check(file: str) -> None:
    """Check a scenario, a plan of acceptance, a mapping of devices or a sink file; print what it asks for."""
    if outcome.names_plan(file):
        shown.print(outcome.describe(outcome.prepare(Path(file))[0]), markup=False, soft_wrap=True)
        return
    if auditing.names_sink(file):
        shown.print(auditing.describe(load_sink(Path(file))), markup=False)
        return
    if mapping.names_mapping(file):
        shown.print(mapping.describe(mapping.load_mapping(file)), markup=False)
        return
    scenario = load_scenario(file)
    shown.print(
        f"{scenario.name}: {len(scenario.cities)} cities, {scenario.station_count:,} stations, "
        f"{format_epoch(scenario.start)} to {format_epoch(scenario.end)}, {scenario.ticks:,} ticks of "
        f"{scenario.cadence} s; digest {scenario.digest}"
    )
    for line in (*scenarios.lines_of(scenario), *faults_in(scenario)):
        shown.print(line, markup=False, soft_wrap=True)
