"""The command behind scripts/chaos."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import typer

from nakhon.cli.application import app
from nakhon.terminal.console import shown, told
from nakhon.terminal.durations import parse_seconds


@app.command(hidden=True, epilog="Example: scripts/chaos --for 1h --seed 7")
def chaos(
    limit: Annotated[str, typer.Option("--for", help="how long under load, such as 60s, 5min, 1h")] = "5min",
    seed: Annotated[int | None, typer.Option(min=0, help="what is drawn; printed, to draw it again")] = None,
    store: Annotated[str | None, typer.Option(help="an empty store; a DuckDB file of its own by default")] = None,
    collectors: Annotated[int, typer.Option(min=1, help="how many share the readings (one into DuckDB)")] = 1,
    pace: Annotated[float, typer.Option(min=1, help="simulated seconds a second")] = 240,
    spool: Annotated[bool, typer.Option(help="give every collector a spool")] = False,
    keep: Annotated[Path | None, typer.Option(help="leave logs, ledger and store in this folder")] = None,
) -> None:
    """Kill, freeze, cut and refuse at random under load, then audit. Exit code 0: 0 lost and 0 doubled; 1: not."""
    from nakhon.chaos import Plan, new_seed
    from nakhon.chaos import chaos as wreak
    from nakhon.terminal.interrupt import on_interrupt

    plan = Plan(parse_seconds(limit), new_seed() if seed is None else seed, store, collectors, pace, spool)
    told.print(f"seed {plan.seed}; Ctrl-C ends the load and audits")
    stopped = threading.Event()
    with on_interrupt(stopped.set):
        outcome = wreak(plan, lambda text: told.print(text, markup=False, highlight=False), stopped, keep)
    for line in outcome.lines:
        shown.print(line, markup=False, highlight=False)
    raise typer.Exit(0 if outcome.verdict.accounted_for else 1)
