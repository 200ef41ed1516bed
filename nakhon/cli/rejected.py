"""The commands for what was rejected, and for mappings of devices: rejected list|show|replay, try-map."""

from __future__ import annotations

from typing import Annotated

import typer

from nakhon.cli.application import app
from nakhon.cli.options import (
    ApiOption,
    AuthorityOption,
    CertificateOption,
    JsonOption,
    KeyOption,
    ProtocolOption,
    StoreOption,
    Version,
    broker_of,
    source_of,
)

rejected = typer.Typer(no_args_is_help=True, help="List, show and replay what was rejected.")
app.add_typer(rejected, name="rejected")

RunOption = Annotated[str | None, typer.Option(help="only of this run")]
ReasonOption = Annotated[str | None, typer.Option(help="only with this text in the reason")]


@rejected.command("list", epilog="Example: nakhon rejected list --store duckdb://city.duckdb --by reason")
def list_(
    store: StoreOption = None,
    api: ApiOption = None,
    run: RunOption = None,
    reason: ReasonOption = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="at most so many, the newest")] = 50,
    by: Annotated[
        str | None, typer.Option(help="count by reason, topic, run or fate (of all, whatever --limit)")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the messages that were kept apart, newest last, or count them."""
    from nakhon.rejected import Choice, show_list

    choice = Choice(run, reason, limit=None if by else limit)
    show_list(source_of(store, api), choice, by, as_json=as_json)


@rejected.command(epilog="Example: nakhon rejected show 3f9a01c2 --store duckdb://city.duckdb")
def show(
    identity: Annotated[str, typer.Argument(metavar="ID", help="the id, or the beginning of it")],
    store: StoreOption = None,
    api: ApiOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a message with the reason and its bytes."""
    from nakhon.rejected import show_one

    show_one(source_of(store, api), identity, as_json=as_json)


@rejected.command(epilog="Example: nakhon rejected replay --store duckdb://city.duckdb --map mend.toml --dry-run")
def replay(
    identities: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="only these (all by default)")
    ] = None,
    store: StoreOption = None,
    api: ApiOption = None,
    run: RunOption = None,
    reason: ReasonOption = None,
    maps: Annotated[
        list[str] | None, typer.Option("--map", help="mapping that understands them: a file or a shipped name[@CITY]")
    ] = None,
    broker: Annotated[
        str, typer.Option(help="publish them there: mqtt://host:1883; none writes them into --store")
    ] = "none",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would come out")] = False,
    mqtt: ProtocolOption = Version.FIVE,
    ca: AuthorityOption = None,
    cert: CertificateOption = None,
    key: KeyOption = None,
) -> None:
    """Replay what was rejected: as it is, or mended by a mapping. Exit code 1: some of it cannot be replayed.

    What is stored already is left alone: replaying twice changes nothing.
    """
    from nakhon.mending import replay
    from nakhon.rejected import Choice

    target = None if broker == "none" else broker_of(broker, mqtt, ca, cert, key)
    choice = Choice(run, reason, tuple(identities or ()))
    raise typer.Exit(0 if replay(source_of(store, api), choice, tuple(maps or ()), target, dry=dry_run) else 1)


@app.command(epilog="Example: nakhon try-map tasmota@chiang-mai --topic tele/TH16/SENSOR payload.json")
def try_map(
    mapping: Annotated[str, typer.Argument(help="a mapping file, or a shipped one, with @CITY where it names none")],
    payload: Annotated[str, typer.Argument(help="a file with a recorded payload; - for standard input")],
    topic: Annotated[str, typer.Option(help="the topic it came on")],
    as_json: JsonOption = False,
) -> None:
    """Show what a mapping makes of a payload. Exit code 1: it would be rejected; the reason is printed."""
    from nakhon.mapping import try_mapping

    raise typer.Exit(0 if try_mapping(mapping, topic, payload, as_json=as_json) else 1)
