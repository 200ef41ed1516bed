"""The commands that keep what is said on a broker and say it again: record, replay capture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakhon.cli.application import app
from nakhon.cli.options import (
    AuthorityOption,
    BrokerOption,
    CertificateOption,
    KeyOption,
    LimitOption,
    ProtocolOption,
    Version,
    broker_of,
)
from nakhon.cli.saying import replays
from nakhon.terminal.console import told
from nakhon.terminal.durations import parse_seconds


@app.command(epilog="Example: nakhon record 'nakhon/v1/#' --broker mqtt://localhost:1883 --out capture.jsonl.gz")
def record(
    topics: Annotated[list[str], typer.Argument(metavar="TOPIC...", help="topics to record, with + and #")],
    broker: BrokerOption,
    out: Annotated[Path, typer.Option(help="the new file: JSON lines, compressed if it ends in .gz")],
    limit: LimitOption = None,
    most: Annotated[str | None, typer.Option("--max-bytes", help="end at a size, such as 1GiB")] = None,
    qos: Annotated[int, typer.Option(min=0, max=2, help="the highest quality of service to ask for")] = 2,
    mqtt: ProtocolOption = Version.FIVE,
    ca: AuthorityOption = None,
    cert: CertificateOption = None,
    key: KeyOption = None,
) -> None:
    """Record any MQTT traffic: topics, payloads, properties and times. Ctrl-C ends it."""
    from nakhon.captures import capture_commands as commands
    from nakhon.captures.recording import Ear
    from nakhon.terminal.sizes import parse_size

    seconds = None if limit is None else parse_seconds(limit)
    asked = commands.Recording(Ear(tuple(topics), qos), out, seconds, None if most is None else parse_size(most))
    whole = commands.record(asked, broker_of(broker, mqtt, ca, cert, key), told)
    raise typer.Exit(0 if whole else 1)


@replays.command(epilog="Example: nakhon replay capture capture.jsonl --broker mqtt://localhost:1883 --pace 10")
def capture(
    file: Annotated[Path, typer.Argument(help="what nakhon record wrote")],
    broker: BrokerOption,
    pace: Annotated[str, typer.Option(help="1 (as it was), 10 (ten times as fast), max")] = "1",
    rewrite: Annotated[
        list[str] | None,
        typer.Option(help="run=NAME, session=new, time=now or prefix=TOPIC; as often as needed"),
    ] = None,
    commands: Annotated[bool, typer.Option("--commands", help="also Nakhon's control and committed")] = False,
    limit: LimitOption = None,
    mqtt: ProtocolOption = Version.FIVE,
    ca: AuthorityOption = None,
    cert: CertificateOption = None,
    key: KeyOption = None,
) -> None:
    """Say recorded messages again: the same topics, payloads, properties, quality of service and spacing."""
    from nakhon.captures import capture_commands
    from nakhon.captures.rewriting import parse_rewriting
    from simulator.clock import parse_pace

    seconds = None if limit is None else parse_seconds(limit)
    asked = capture_commands.Replaying(file, parse_pace(pace), parse_rewriting(rewrite or ()), commands, seconds)
    whole = capture_commands.replay(asked, broker_of(broker, mqtt, ca, cert, key), told)
    raise typer.Exit(0 if whole else 1)
