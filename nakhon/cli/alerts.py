"""The commands about alerts: alerts list, alerts check."""

from __future__ import annotations

from typing import Annotated

import typer

from nakhon.cli.application import app
from nakhon.cli.options import JsonOption

alerts_app = typer.Typer(help="Rules that raise alerts beside a collector, and what stands.", no_args_is_help=True)
app.add_typer(alerts_app, name="alerts")


@alerts_app.command("list", epilog="Example: nakhon alerts list --api http://localhost:8080")
def list_alerts(
    api: Annotated[
        str, typer.Option(help="a running collector (its token: NAKHON_API_TOKEN)")
    ] = "http://localhost:8080",
    run: Annotated[str | None, typer.Option(help="only of this run")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the alerts that stand at a running collector. Exit code 1: there are some."""
    from nakhon.alerts import listed

    raise typer.Exit(0 if listed(api, run, as_json=as_json) else 1)


@alerts_app.command(epilog="Example: nakhon alerts check thailand")
def check(
    rules: Annotated[str, typer.Argument(help="a TOML file of rules, or the name of shipped ones (thailand)")],
    as_json: JsonOption = False,
) -> None:
    """Check a file of rules, with every error at once, and print what each rule does."""
    from nakhon import alerts

    alerts.check(rules, as_json=as_json)
