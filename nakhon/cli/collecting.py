"""The commands that keep what cities say and account for it: collect, audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakhon.cli.application import app
from nakhon.cli.options import (
    ApiOption,
    AuthorityOption,
    BrokerOption,
    CertificateOption,
    JsonOption,
    KeyOption,
    ProtocolOption,
    StoreOption,
    Version,
    broker_of,
    source_of,
)
from nakhon.console import told


@app.command(epilog="Example: nakhon collect --broker mqtt://localhost:1883 --store duckdb://city.duckdb")
def collect(
    broker: BrokerOption,
    store: Annotated[str, typer.Option(help="duckdb://FILE (three slashes before an absolute path)")],
    host: Annotated[str, typer.Option(help="address of the page, the API and the metrics")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="their port; 0 takes a free one")] = 8080,
    run: Annotated[list[str] | None, typer.Option(help="collect only this run (may be repeated)")] = None,
    client_id: Annotated[
        str | None, typer.Option(help="our name at the broker; must not change between starts")
    ] = None,
    group: Annotated[str | None, typer.Option(help="share the readings with other collectors of this group")] = None,
    mqtt: ProtocolOption = Version.FIVE,
    ca: AuthorityOption = None,
    cert: CertificateOption = None,
    key: KeyOption = None,
) -> None:
    """Collect what cities say into a store; serve the live page and the API."""
    from nakhon.collect import Duty, collect

    duty = Duty(store, client_id, group, tuple(run or ()), host, port)
    collect(duty, broker_of(broker, mqtt, ca, cert, key), told)


@app.command(epilog="Example: nakhon audit demo.ledger --store duckdb://city.duckdb")
def audit(
    ledger: Annotated[Path, typer.Argument(help="what the publisher wrote with --ledger")],
    store: StoreOption = None,
    api: ApiOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask for every published message. Exit code 0: all accounted for; 1: not; 2: bad input."""
    from nakhon import commands

    raise typer.Exit(0 if commands.audit(ledger, source_of(store, api), as_json=as_json) else 1)
