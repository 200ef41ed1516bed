"""What the commands do, between the command line and the two programs."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path

from rich.table import Table

from collector.audit import Verdict
from collector.audit import audit as audited
from collector.language.broker import Broker
from collector.language.errors import InputError
from collector.language.ledger import read_ledger
from collector.language.time import format_epoch
from collector.stores import open_store
from nakhon.console import shown, told
from nakhon.durations import parse_seconds
from nakhon.embedded_broker import embedded_broker
from nakhon.stage import Manner, Play, to_broker, to_store
from simulator.scenario import Scenario, load_scenario, new_scenario

STATIONS_SHOWN = 20
LOSSES_SHOWN = 10


def starting(scenario: Scenario, start: str) -> Scenario:
    """The scenario from its own date, or from now (the last full tick)."""
    if start == "scenario":
        return scenario
    if start != "now":
        raise InputError(f"expected --start scenario or now, came {start!r}")
    return scenario.starting(int(time.time()) // scenario.cadence * scenario.cadence)


def manner(pack: int, qos: int, window: int, ledger: Path | None, limit: str | None) -> Manner:
    """How a run is to be said, by the options. Raises `InputError`."""
    return Manner(pack, qos, window, ledger, None if limit is None else parse_seconds(limit))


def perform(play: Play, manner: Manner, broker: str, store: str | None, make: Callable[[], Broker]) -> bool:
    """Say a run to the broker named (or embedded, or none with a store); whether everything was taken."""
    if broker == "none":
        if store is None:
            raise InputError("--broker none needs --store, for example --store duckdb://city.duckdb")
        to_store(play, manner, store, told)
        return True
    if store is not None:
        raise InputError("--store goes with --broker none; with a broker, a collector does the storing")
    if broker != "embedded":
        return to_broker(play, manner, make(), told)
    with embedded_broker() as (own, older):
        told.print(f"broker: {own.url} (MQTT 5), {older.url} (MQTT 3.1.1), on this machine only")
        if play.clock.pace == math.inf:
            told.print("[yellow]the broker ends with the run: subscribe at once, or give --pace realtime")
        return to_broker(play, manner, own, told)


def audit(path: Path, source: str, *, as_json: bool) -> bool:
    """Print what became of every message in a ledger; whether all are accounted for."""
    ledger = read_ledger(path)
    store = open_store(source, read_only=True)
    try:
        verdict = audited(ledger, store)
    finally:
        store.close()
    if as_json:
        print(json.dumps(verdict.told(), indent=1))
    else:
        _show(verdict)
    return verdict.accounted_for


def _show(verdict: Verdict) -> None:
    table = Table(title=f"Run {verdict.run}, session {verdict.session}", title_justify="left")
    for name in ("station", "published", "stored", "rejected", "missing", "differing", "values said", "values stored"):
        table.add_column(name, justify="left" if name == "station" else "right", no_wrap=name == "station")
    worst = sorted(verdict.stations.items(), key=lambda item: (-item[1].missing - item[1].differing, item[0]))
    for name, one in [*worst[:STATIONS_SHOWN], ("all stations", verdict.total)]:
        if name == "all stations":
            table.add_section()
        cells = (one.published, one.stored, one.rejected, one.missing, one.differing)
        table.add_row(name, *(f"{cell:,}" for cell in (*cells, one.values_published, one.values_stored)))
    shown.print(table)
    if len(worst) > STATIONS_SHOWN:
        shown.print(f"... and {len(worst) - STATIONS_SHOWN} more stations (--json lists all)")
    total = verdict.total
    shown.print(
        f"published {total.published:,} = stored {total.stored:,} + rejected {total.rejected:,} "
        f"+ missing {total.missing:,}"
    )
    shown.print(
        "missing: "
        + ", ".join(f"{cause} {count:,}" for cause, count in verdict.missing.items())
        + f"; unrecorded {verdict.unrecorded:,}; conflicts {verdict.conflicts:,}; pending {verdict.pending:,}"
    )
    if verdict.deliveries:
        shown.print("deliveries: " + ", ".join(f"{fate} {count:,}" for fate, count in verdict.deliveries.items()))
    for loss in verdict.losses[:LOSSES_SHOWN]:
        shown.print(
            f"[red]lost[/] {loss.station} seq {loss.first} to {loss.last} ({loss.messages:,} messages, "
            f"about {loss.since} to {loss.until}): {loss.cause}"
        )
    if len(verdict.losses) > LOSSES_SHOWN:
        shown.print(f"... and {len(verdict.losses) - LOSSES_SHOWN} more gaps (--json lists them)")
    for doubt in verdict.doubts:
        shown.print(f"[yellow]{doubt}")
    shown.print("[green]all accounted for" if verdict.accounted_for else "[red]NOT all accounted for")


def check(file: str) -> None:
    """Check a scenario; print what it asks for."""
    scenario = load_scenario(file)
    shown.print(
        f"{scenario.name}: {len(scenario.cities)} cities, {scenario.station_count:,} stations, "
        f"{format_epoch(scenario.start)} to {format_epoch(scenario.end)}, {scenario.ticks:,} ticks of "
        f"{scenario.cadence} s; digest {scenario.digest}"
    )


def new_scenario_file(name: str) -> None:
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
