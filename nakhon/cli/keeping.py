"""The commands that look after a store: info, migrate, backup, restore, retain, compact, delete-run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakhon.cli.application import app
from nakhon.cli.options import ApiOption, JsonOption, StoreOption, source_of
from nakhon.terminal.console import shown, told
from nakhon.terminal.durations import parse_length

store_app = typer.Typer(help="Look after a store: figures, copies, and what it lets go of.", no_args_is_help=True)
app.add_typer(store_app, name="store")

FileOption = Annotated[str, typer.Option("--store", help="duckdb://FILE (three slashes before an absolute path)")]
ApplyOption = Annotated[bool, typer.Option("--apply", help="do it; without, only show what would be done")]


@store_app.command(epilog="Example: nakhon store info --api http://localhost:8080")
def info(store: StoreOption = None, api: ApiOption = None, as_json: JsonOption = False) -> None:
    """Show what a store holds: version, size, runs, readings, policy, last backup."""
    from nakhon import keeping

    keeping.tell_facts(source_of(store, api), shown, as_json=as_json)


@store_app.command(epilog="Example: nakhon store migrate --store duckdb://city.duckdb")
def migrate(store: FileOption) -> None:
    """Bring a store of an older Nakhon up to date; a copy of it as it was stays beside it."""
    from nakhon import keeping

    keeping.migrate(store, told)


@store_app.command(epilog="Example: nakhon store backup city-2026-03-01.duckdb --api http://localhost:8080")
def backup(
    to: Annotated[Path, typer.Argument(help="the file to write; it must not exist")],
    store: StoreOption = None,
    api: ApiOption = None,
) -> None:
    """Copy a store to a file, or with --api that of a collector while it collects; verified before it gets its name."""
    from nakhon import keeping

    keeping.back_up(source_of(store, api), to, told)


@store_app.command(epilog="Example: nakhon store restore city-2026-03-01.duckdb --store duckdb://city.duckdb")
def restore(
    source: Annotated[Path, typer.Argument(metavar="FROM", help="a copy made by `nakhon store backup`")],
    store: FileOption,
    replace: Annotated[bool, typer.Option("--replace", help="put it in the place of a store that exists")] = False,
    ledger: Annotated[
        Path | None, typer.Option(help="only if every message of this ledger is accounted for in the copy")
    ] = None,
) -> None:
    """Put a copy in the place of a store, once it is verified."""
    from nakhon import keeping

    keeping.restore(source, store, ledger, told, replace=replace)


@store_app.command(epilog="Example: nakhon store retain --store duckdb://city.duckdb --raw 90d --halfhourly 2y --apply")
def retain(
    store: FileOption,
    raw: Annotated[str | None, typer.Option(help="keep raw values so long, then half hours: 12h, 90d, 8w, 2y")] = None,
    halfhourly: Annotated[str | None, typer.Option(help="keep half hours so long (for ever by default)")] = None,
    events: Annotated[str | None, typer.Option(help="keep events so long (for ever by default)")] = None,
    run: Annotated[str, typer.Option(help="only runs whose names match, such as 'demo-*'")] = "*",
    indicator: Annotated[list[str] | None, typer.Option(help="only these indicators (may be repeated)")] = None,
    pillar: Annotated[list[str] | None, typer.Option(help="only these pillars (may be repeated)")] = None,
    wall: Annotated[bool, typer.Option("--wall", help="count back from now, not from the run's readings")] = False,
    apply: ApplyOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what is older than it has to be, and with --apply let go of it."""
    from collector.stores.keeping import Policy
    from nakhon import keeping

    kept = (None if text is None else parse_length(text) for text in (raw, halfhourly, events))
    policy = Policy(next(kept), next(kept), next(kept), run, tuple(indicator or ()), tuple(pillar or ()), wall)
    keeping.retain(store, policy, shown, apply=apply, as_json=as_json)


@store_app.command(epilog="Example: nakhon store compact --store duckdb://city.duckdb")
def compact(store: FileOption) -> None:
    """Give the free space within a store back to the disk; nobody may have it open."""
    from nakhon import keeping

    keeping.compact(store, told)


@store_app.command(epilog="Example: nakhon store delete-run demo-20260301-1a2b3c --store duckdb://city.duckdb --apply")
def delete_run(
    run: Annotated[str, typer.Argument(help="the name of the run")], store: FileOption, apply: ApplyOption = False
) -> None:
    """Show what a store holds of a run, and with --apply forget it."""
    from nakhon import keeping

    keeping.delete_run(store, run, told, apply=apply)
