"""`nakhon check`: whatever file a user writes, whether it is right and what it asks for."""

from __future__ import annotations

from pathlib import Path

from nakhon.recognising import kind_of
from nakhon.terminal.console import shown


def check(file: str) -> None:
    """Check a scenario, a plan of acceptance, a mapping of devices or a sink file; print what it asks for."""
    from nakhon import mapping

    kind = kind_of(file)
    if kind == "plan":
        _check_plan(Path(file))
    elif kind == "sink":
        _check_sink(Path(file))
    elif mapping.names_mapping(file):
        shown.print(mapping.describe(mapping.load_mapping(file)), markup=False)
    else:
        _check_scenario(file)


def _check_plan(path: Path) -> None:
    from nakhon.accept import outcome

    shown.print(outcome.describe(outcome.prepare(path)[0]), markup=False, soft_wrap=True)


def _check_sink(path: Path) -> None:
    from collector.sinks.file import load_sink
    from nakhon import auditing

    shown.print(auditing.describe(load_sink(path)), markup=False)


def _check_scenario(file: str) -> None:
    from collector.language.time import format_epoch
    from nakhon import scenarios
    from nakhon.fault import faults_in
    from simulator.scenario import load_scenario

    scenario = load_scenario(file)
    shown.print(
        f"{scenario.name}: {len(scenario.cities)} cities, {scenario.station_count:,} stations, "
        f"{format_epoch(scenario.start)} to {format_epoch(scenario.end)}, {scenario.ticks:,} ticks of "
        f"{scenario.cadence} s; digest {scenario.digest}"
    )
    for line in (*scenarios.lines_of(scenario), *faults_in(scenario)):
        shown.print(line, markup=False, soft_wrap=True)
