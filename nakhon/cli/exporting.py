"""The commands that bring out what a store holds: as files that others read, and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collector.language.errors import InputError
from collector.stores.secrets import secret
from nakhon.cli.application import app
from nakhon.cli.options import ApiOption, StoreOption, source_of
from nakhon.terminal.durations import parse_seconds


@app.command(
    epilog="Example: nakhon export --store duckdb://city.duckdb --indicator pm25 --bucket 1d --out pm25.csv --bom"
)
def export(
    out: Annotated[
        list[Path],
        typer.Option(help="a file: .csv .xlsx .parquet .arrow .json, .geojson of stations, .jsonld (repeatable)"),
    ],
    store: StoreOption = None,
    api: ApiOption = None,
    indicator: Annotated[list[str] | None, typer.Option(help="what to take (all without; may be repeated)")] = None,
    city: Annotated[list[str] | None, typer.Option(help="only these cities (may be repeated)")] = None,
    run: Annotated[list[str] | None, typer.Option(help="only these runs (may be repeated)")] = None,
    station: Annotated[list[str] | None, typer.Option(help="only these stations (may be repeated)")] = None,
    start: Annotated[str | None, typer.Option(help="from, in UTC, such as 2024-01-01 or 2024-01-01T06:00")] = None,
    end: Annotated[str | None, typer.Option(help="until (not included)")] = None,
    bucket: Annotated[str | None, typer.Option(help="combine values: a multiple of 30min; raw without")] = None,
    utc: Annotated[bool, typer.Option("--utc", help="buckets begin at midnight UTC instead of local")] = False,
    flagged: Annotated[bool, typer.Option("--flagged", help="also values out of their plausible bounds")] = False,
    without: Annotated[
        list[str] | None, typer.Option(help="leave out values flagged so: stuck, spike, drift, clock (repeatable)")
    ] = None,
    latest: Annotated[bool, typer.Option("--latest", help="only the last value of each series")] = False,
    bom: Annotated[bool, typer.Option("--bom", help="begin CSV with a byte-order mark: Excel then reads Thai")] = False,
) -> None:
    """Write values, stations (GeoJSON) or an NGSI-LD snapshot, each with unit and origin.

    Exit code 1: there are no values of what was asked for, and the tables are empty.
    """
    from nakhon.export import Export, export

    asked = Export(
        tuple(indicator or ()),
        tuple(city or ()),
        tuple(run or ()),
        tuple(station or ()),
        start,
        end,
        None if bucket is None else int(parse_seconds(bucket)),
        utc,
        flagged,
        tuple(without or ()),
        latest,
    )
    done = export(source_of(store, api), asked, out, bom=bom)
    raise typer.Exit(0 if done else 1)


@app.command(epilog="Example: nakhon show --store parquet://results")
def show(
    store: StoreOption = None,
    host: Annotated[str, typer.Option(help="address of the page and the API")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="their port; 0 takes a free one")] = 8080,
    host_name: Annotated[list[str] | None, typer.Option(help="a name browsers know us by (may be repeated)")] = None,
) -> None:
    """Show what a store holds, the results of an experiment too: the page and the API, without a broker.

    Nothing in the store is changed. For others than this machine a token is needed: NAKHON_API_TOKEN.
    """
    from collector.serving.access import Tokens
    from nakhon.show import show as show_store

    if store is None:
        raise InputError("expected --store duckdb://FILE, or parquet://DIRECTORY for the results of an experiment")
    show_store(store, host, port, host_name or [], Tokens(secret("NAKHON_API_TOKEN")))
