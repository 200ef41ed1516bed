"""The commands for scenarios."""

from __future__ import annotations

from typing import Annotated

import typer

from nakhon.cli.application import app
from nakhon.cli.options import JsonOption
from nakhon.terminal.console import shown


@app.command(epilog="Example: nakhon diff burning-season burning-ban")
def diff(
    before: Annotated[str, typer.Argument(help="a scenario: a file, or a shipped one's name")],
    after: Annotated[str, typer.Argument(help="another one")],
    as_json: JsonOption = False,
) -> None:
    """Show what differs in effect between two scenarios, with units.

    Exit code 0: nothing; 1: something; 2: bad input.
    """
    from nakhon import scenarios

    raise typer.Exit(0 if scenarios.diff(before, after, as_json=as_json, console=shown) else 1)
