"""The commands that break things on purpose in a run under way: fault start|stop|list|kinds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nakhon.cli.application import app
from nakhon.cli.options import (
    AuthorityOption,
    BrokerOption,
    CertificateOption,
    JsonOption,
    KeyOption,
    ProtocolOption,
    Version,
    broker_of,
)
from nakhon.terminal.console import told
from nakhon.terminal.durations import parse_seconds

faults = typer.Typer(
    help="Break something on purpose in a run that is being simulated, and have it in the ledger.",
    no_args_is_help=True,
)
app.add_typer(faults, name="fault")

LiveOption = Annotated[str, typer.Option("--run", help="name of the run that is being simulated")]
TimeoutOption = Annotated[str, typer.Option(help="how long to wait for an answer")]


@faults.command(
    epilog="Example: nakhon fault start stuck --run R --broker mqtt://localhost:1883 --station aq-01 --for 10min"
)
def start(
    fault: Annotated[str, typer.Argument(help="the kind; `nakhon fault kinds` lists them")],
    run: LiveOption,
    broker: BrokerOption,
    parameters: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="such as percent=20")
    ] = None,
    identity: Annotated[str | None, typer.Option("--id", help="its name (made up by default)")] = None,
    city: Annotated[str | None, typer.Option(help="only this city")] = None,
    pillar: Annotated[str | None, typer.Option(help="only environment, economy or governance")] = None,
    kind: Annotated[str | None, typer.Option(help="only stations of this kind, such as air-quality")] = None,
    station: Annotated[str | None, typer.Option(help="only this station, or a pattern such as 'aq-*'")] = None,
    indicator: Annotated[str | None, typer.Option(help="only this indicator")] = None,
    since: Annotated[str | None, typer.Option("--from", help="simulated time to begin (now by default)")] = None,
    after: Annotated[str | None, typer.Option(help="begin so long after now (simulated), such as 10min")] = None,
    until: Annotated[str | None, typer.Option(help="simulated time to end")] = None,
    length: Annotated[str | None, typer.Option("--for", help="end so long after the beginning (simulated)")] = None,
    probability: Annotated[float | None, typer.Option(help="of acting on one tick or message")] = None,
    as_json: JsonOption = False,
    timeout: TimeoutOption = "10s",
    mqtt: ProtocolOption = Version.FIVE,
    ca: AuthorityOption = None,
    cert: CertificateOption = None,
    key: KeyOption = None,
) -> None:
    """Start a fault. Exit code 0: it is taken, and acts from its time on; 1: nobody answers; 2: refused."""
    from nakhon.fault import parameters_of, show_fault

    asked = {"fault": fault, "id": identity, "city": city, "pillar": pillar, "kind": kind, "station": station}
    asked |= {"indicator": indicator, "from": since, "after": after, "until": until, "for": length}
    given = {name: value for name, value in asked.items() if value is not None} | parameters_of(parameters or ())
    if probability is not None:
        given["probability"] = probability
    show_fault(_ask(run, "fault.start", given, timeout, broker, mqtt, ca, cert, key), as_json=as_json)


@faults.command(epilog="Example: nakhon fault stop live-1 --run R --broker mqtt://localhost:1883")
def stop(
    identity: Annotated[str, typer.Argument(metavar="ID", help="as `nakhon fault list` names it")],
    run: LiveOption,
    broker: BrokerOption,
    as_json: JsonOption = False,
    timeout: TimeoutOption = "10s",
    mqtt: ProtocolOption = Version.FIVE,
    ca: AuthorityOption = None,
    cert: CertificateOption = None,
    key: KeyOption = None,
) -> None:
    """Stop a fault, of the scenario or started here. Exit code 0: done; 1: nobody answers; 2: there is none."""
    from nakhon.fault import show_fault

    show_fault(_ask(run, "fault.stop", {"id": identity}, timeout, broker, mqtt, ca, cert, key), as_json=as_json)


@faults.command("list", epilog="Example: nakhon fault list --run R --broker mqtt://localhost:1883 --json")
def list_them(
    run: LiveOption,
    broker: BrokerOption,
    as_json: JsonOption = False,
    timeout: TimeoutOption = "10s",
    mqtt: ProtocolOption = Version.FIVE,
    ca: AuthorityOption = None,
    cert: CertificateOption = None,
    key: KeyOption = None,
) -> None:
    """List the faults of a run that act or wait, with how often they acted. Exit code 1: nobody answers."""
    from nakhon.fault import show_faults

    show_faults(_ask(run, "fault.list", {}, timeout, broker, mqtt, ca, cert, key), as_json=as_json)


@faults.command("kinds", epilog="Example: nakhon fault kinds --json")
def kinds(as_json: JsonOption = False) -> None:
    """List the kinds of faults: what each does, its parameters with units and defaults."""
    from nakhon.fault import show_kinds

    show_kinds(as_json=as_json)


def _ask(
    run: str, command: str, arguments: dict[str, Any], timeout: str, broker: str, *way: str | Path | None
) -> dict[str, Any]:
    from nakhon.fault import NoAnswer, ask

    protocol, *trust = way
    try:
        reached = broker_of(broker, str(protocol), *(None if one is None else Path(one) for one in trust))
        return ask(reached, run, command, arguments, parse_seconds(timeout))
    except NoAnswer as nobody:
        told.print(f"nakhon: {nobody}", style="red", markup=False)
        raise typer.Exit(1) from None
