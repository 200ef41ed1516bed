"""The command that looks for the smallest lever: solve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakhon.cli.application import app
from nakhon.cli.options import JsonOption


@app.command(epilog="Example: nakhon solve chiang-mai-days --curve curve.csv")
def solve(
    file: Annotated[str, typer.Argument(help="a solve file (TOML), or the name of a shipped one")],
    workers: Annotated[int | None, typer.Option(min=1, max=1_000, help="processes (all cores by default)")] = None,
    curve: Annotated[Path | None, typer.Option(help="write the trade-off curve (CSV)")] = None,
    as_json: JsonOption = False,
) -> None:
    """Find the smallest setting of a lever that reaches targets with a probability.

    Exit code 0: reachable; 1: not reachable, or the targets contradict each other; 2: bad input.
    """
    from nakhon.solving.solve import Outputs, solve

    raise typer.Exit(0 if solve(file, workers, Outputs(as_json, curve)) else 1)
