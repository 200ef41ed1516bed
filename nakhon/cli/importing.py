"""The commands about data that others have: import, coverage."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from collector.language.errors import InputError
from nakhon.cli.application import app
from nakhon.cli.options import ApiOption, JsonOption, StoreOption, source_of
from nakhon.terminal.console import told


class OriginOf(StrEnum):
    """Where imported values come from."""

    MEASURED = "measured"
    DERIVED = "derived"
    ASSUMED = "assumed"
    SIMULATED = "simulated"


@app.command("import", epilog="Example: nakhon import pm25.xlsx --map pm25.toml --store duckdb://city.duckdb")
def import_(
    files: Annotated[list[Path], typer.Argument(help="CSV or XLSX files; request sheets need no mapping")],
    store: StoreOption = None,
    mapping: Annotated[Path | None, typer.Option("--map", help="TOML file that says what the columns are")] = None,
    run: Annotated[str, typer.Option(help="the run they belong to")] = "measured",
    origin: Annotated[
        OriginOf, typer.Option(help="where the values come from (request sheets say it)")
    ] = OriginOf.MEASURED,
    suggest: Annotated[bool, typer.Option("--suggest", help="print a guess at the mapping, and store nothing")] = False,
    city: Annotated[str | None, typer.Option(help="with --suggest: the city that the file is about")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would be taken")] = False,
    rejects: Annotated[Path | None, typer.Option(help="write the rows with errors and their reasons (CSV)")] = None,
    as_json: JsonOption = False,
) -> None:
    """Take tables into a store without a broker: the checks, rejects and origins of what comes over MQTT.

    Exit code 1: some rows could not be taken, or contradict what is stored; they are listed and kept apart.
    """
    if suggest:
        from nakhon.importing.suggest import suggest as guess

        print(guess(files[0], city), end="")
        return
    if store is None and not dry_run:
        raise InputError("expected --store, for example --store duckdb://city.duckdb (or --dry-run)")
    from collector.language.indicators import Origin
    from nakhon.importing.command import Asked, import_files

    asked = Asked(tuple(files), mapping, run, Origin(origin), store, dry_run, rejects, as_json)
    raise typer.Exit(0 if import_files(asked) else 1)


@app.command(epilog="Example: nakhon coverage --store duckdb://city.duckdb --network ascn --requests requests/")
def coverage(
    store: StoreOption = None,
    api: ApiOption = None,
    city: Annotated[list[str] | None, typer.Option(help="these cities (may be repeated; those in the store)")] = None,
    network: Annotated[str | None, typer.Option(help="the cities of a network, such as ascn")] = None,
    on: Annotated[str | None, typer.Option(help="members of the network on this day (2023-12-31; today)")] = None,
    indicator: Annotated[list[str] | None, typer.Option(help="these indicators (may be repeated; all)")] = None,
    run: Annotated[list[str] | None, typer.Option(help="only these runs (may be repeated)")] = None,
    start: Annotated[str | None, typer.Option(help="from, such as 2026-01-01 (UTC; as far as the data go)")] = None,
    end: Annotated[str | None, typer.Option(help="until (not included)")] = None,
    as_of: Annotated[str | None, typer.Option(help="the time to count ages from (now)")] = None,
    report: Annotated[Path | None, typer.Option(help="write a page for a browser (HTML, one file)")] = None,
    out: Annotated[list[Path] | None, typer.Option(help="write the matrix: .xlsx, .csv or .json (repeatable)")] = None,
    requests: Annotated[
        Path | None, typer.Option(help="write one request sheet (XLSX) for each city into this folder")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show who reported what: cities x indicators with origin, age, and the share of what was to be expected.

    Exit code 1: something is missing altogether.
    """
    from nakhon.compare import parse_clock
    from nakhon.coverage import Asked, show

    asked = Asked(
        tuple(city or ()), network, on, tuple(indicator or ()), tuple(run or ()), parse_clock(start), parse_clock(end),
        parse_clock(as_of), report, tuple(out or ()), requests, as_json,
    )  # fmt: skip
    raise typer.Exit(0 if show(source_of(store, api), asked, told) else 1)
