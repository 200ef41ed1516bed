"""The commands that ask what became of what was said: audit, listen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collector.language.errors import InputError
from nakhon.cli.application import app
from nakhon.cli.options import (
    ApiOption,
    AuthorityOption,
    CertificateOption,
    JsonOption,
    KeyOption,
    LimitOption,
    ProtocolOption,
    StoreOption,
    Version,
    broker_of,
    source_of,
)
from nakhon.terminal.console import told


@app.command(epilog="Example: nakhon audit demo.ledger --store duckdb://city.duckdb")
def audit(
    ledger: Annotated[Path, typer.Argument(help="what the publisher wrote with --ledger")],
    store: StoreOption = None,
    api: ApiOption = None,
    sink: Annotated[
        Path | None, typer.Option(help="any other consumer: a sink file (TOML), or what nakhon listen recorded")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="write JUnit XML too, a case for each station")] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask for every published message. Exit code 0: all accounted for; 1: not; 2: bad input.

    A --sink file says where a consumer keeps what it received and which column is what; docs/audit.md explains it.
    """
    from nakhon import auditing

    if sink is None:
        done = auditing.audit(ledger, source_of(store, api), as_json=as_json, report=junit)
    elif store is None and api is None:
        done = auditing.audit_by(ledger, sink, as_json=as_json, report=junit)
    else:
        raise InputError("expected one of --store, --api and --sink")
    raise typer.Exit(0 if done else 1)


@app.command(epilog="Example: nakhon listen --broker mqtt://localhost:1883 --topic 'nakhon/v1/#' --out heard.jsonl")
def listen(
    broker: Annotated[str, typer.Option(help="mqtt://host:1883 or mqtts://host:8883")],
    out: Annotated[Path, typer.Option(help="file to write, a line of JSON for each message")],
    topic: Annotated[list[str] | None, typer.Option(help="only these topics (may be repeated; # by default)")] = None,
    qos: Annotated[int, typer.Option(min=0, max=2, help="quality of service asked for")] = 1,
    client_id: Annotated[
        str | None, typer.Option(help="a name that the broker remembers: it keeps for us what comes while we are away")
    ] = None,
    group: Annotated[str | None, typer.Option(help="share the messages with other listeners of this group")] = None,
    limit: Annotated[str, typer.Option(help="end when the file has this size")] = "16GiB",
    seconds: LimitOption = None,
    mqtt: ProtocolOption = Version.FIVE,
    ca: AuthorityOption = None,
    cert: CertificateOption = None,
    key: KeyOption = None,
) -> None:
    """Record what a broker hands out, as it comes. Ends with Ctrl-C; exit code 1: the file is not complete."""
    from nakhon.captures.capture_commands import Recording, record
    from nakhon.captures.recording import Ear
    from nakhon.terminal.durations import parse_seconds
    from nakhon.terminal.sizes import parse_size

    lasting = None if seconds is None else parse_seconds(seconds)
    ear = Ear(tuple(topic or ("#",)), qos, client_id, group)
    asked = Recording(ear, out, lasting, parse_size(limit), each=True, whole=True)
    raise typer.Exit(0 if record(asked, broker_of(broker, mqtt, ca, cert, key), told) else 1)
