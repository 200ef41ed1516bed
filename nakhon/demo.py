"""`nakhon demo`: broker, cities, collector and page together, then the audit and a comparison."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from collector.comparing.comparison import Request
from collector.intake.subscriber import Subscriber
from nakhon import auditing
from nakhon.collect import Duty, collecting
from nakhon.compare import Outputs, compare
from nakhon.embedded_broker import embedded_broker
from nakhon.naming import run_name
from nakhon.plays import simulated
from nakhon.stage import Manner, to_broker
from simulator.scenario import Scenario

DAY = 86_400
PATIENCE = 30.0
QUIET = 0.5
COMPARED = ("pm25", "air_temperature", "travel_time_index", "electricity_demand", "service_backlog")


@dataclass(frozen=True, slots=True)
class Staging:
    """What a demonstration shows: a scenario, days before now at full speed, then on at a pace until a limit."""

    scenario: Scenario
    days: int
    pace: float
    port: int
    folder: Path
    limit: float | None


def demo(staging: Staging, console: Console) -> bool:
    """Show the whole system at work; whether everything said was stored."""
    staging.folder.mkdir(parents=True, exist_ok=True)
    scenario, now = from_now(staging.scenario, staging.days)
    run = run_name(None, scenario.name)
    ledger, report = staging.folder / f"{run}.ledger", staging.folder / f"{run}.html"
    store = f"duckdb://{staging.folder}/{run}.duckdb"
    with embedded_broker() as (broker, _), collecting(Duty(store, port=staging.port), broker) as collector:
        console.rule("Nakhon")
        console.print(f"page     [bold]{collector.server.url}[/]  (Ctrl-C ends the demonstration)")
        console.print(f"broker   {broker.url}\nstore    {store}")
        console.print(f"cities   {', '.join(scenario.cities)}: the last {staging.days} days first, then from now on")
        play = simulated(scenario, staging.pace, run, 1, free_until=now)
        taken = to_broker(play, Manner(ledger=ledger, limit=staging.limit), broker, console)
        wait_until_stored(collector.subscriber)
    console.rule("Audit: where is every message?")
    stored = auditing.audit(ledger, store, as_json=False)
    console.rule("Comparison")
    compare(store, Request(COMPARED, runs=(run,)), Outputs(report=report, title="Three cities, simulated"))
    return taken and stored


def from_now(scenario: Scenario, days: int) -> tuple[Scenario, int]:
    """The scenario from some days before the last full tick, for a year; and that tick (seconds since 1970)."""
    now = int(time.time()) // scenario.cadence * scenario.cadence
    start = now - days * DAY
    return replace(scenario.starting(start), end=start + 365 * DAY), now


def wait_until_stored(subscriber: Subscriber) -> None:
    """Wait until nothing has arrived for a moment."""
    deadline = time.monotonic() + PATIENCE
    quiet_since = time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - quiet_since < QUIET:
        if subscriber.waiting:
            quiet_since = time.monotonic()
        time.sleep(0.05)
