"""The command that accepts a consumer, or does not: accept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakhon.cli.application import app
from nakhon.cli.options import JsonOption, RunOption, broker_of, environment, hidden, secrets
from nakhon.terminal.console import shown, told


@app.command(epilog="Example: nakhon accept plan.toml --broker mqtt://localhost:1883 --out evidence")
def accept(
    plan: Annotated[Path, typer.Argument(help="TOML file: load, consumer, steps, criteria; `nakhon check` checks it")],
    broker: Annotated[str | None, typer.Option(help="instead of the plan's: mqtt://host:1883")] = None,
    out: Annotated[
        Path | None, typer.Option(help="folder for the certificate and the evidence (output/accept/RUN)")
    ] = None,
    run: RunOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accept a consumer, with evidence: a load, timed steps and criteria. Exit code 0: accepted; 1: not; 2: bad input.

    The shell commands of the plan are run as they stand (and printed first): use only plans that you have read.
    Ctrl-C ends in order; the certificate then says INCOMPLETE.
    """
    from nakhon.accept.commands import Shell
    from nakhon.accept.outcome import broker_asked, perform, prepare

    asked, digest = prepare(plan)
    way = broker_asked(asked, broker)
    reached = broker_of(way.url, way.mqtt, way.ca, way.cert, way.key)
    shell = Shell(environment(), hidden(secrets()))
    course, folder = perform(asked, digest, reached, shell, run, out, told)
    if as_json:
        print((folder / "verdict.json").read_text("utf-8"))
    else:
        shown.print((folder / "certificate.txt").read_text("utf-8").rstrip(), markup=False, soft_wrap=True)
    told.print(f"certificate: {folder / 'certificate.html'}", markup=False, soft_wrap=True)
    raise typer.Exit(0 if course.accepted else 1)
