"""The commands that tell what there is: check, new, catalogue, version."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.language.errors import InputError
from nakhon import __version__
from nakhon.cli.application import app
from nakhon.cli.options import JsonOption
from nakhon.terminal.console import shown


@app.command(epilog="Example: nakhon check my-scenario.toml")
def check(
    file: Annotated[str, typer.Argument(help="a scenario or a mapping of devices: a file, or a shipped one's name")],
) -> None:
    """Check a scenario or a mapping of devices; every error at once, with its path."""
    from nakhon import checking

    checking.check(file)


@app.command(epilog="Example: nakhon new scenario rainy-march")
def new(
    what: Annotated[str, typer.Argument(help="scenario")],
    name: Annotated[str, typer.Argument(help="its name: lower-case letters, digits, hyphens")],
) -> None:
    """Write a commented file to start from."""
    from nakhon import scenarios

    if what != "scenario":
        raise InputError(f"expected `nakhon new scenario NAME`, came {what!r}")
    scenarios.write_new(name)


@app.command(epilog="Example: nakhon catalogue cities --json")
def catalogue(
    what: Annotated[
        str, typer.Argument(help="cities, indicators, scenarios, networks, interventions, drivers, origins")
    ] = "indicators",
    city: Annotated[str | None, typer.Option(help="of origins: this city, with the sources")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the cities, indicators, scenarios, interventions there are, and where parameters come from."""
    from nakhon.catalogue import show

    show(what, city, as_json=as_json, console=shown)


@app.command(epilog="Example: nakhon version")
def version() -> None:
    """Print the version."""
    shown.print(__version__)
