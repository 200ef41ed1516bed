"""The commands about the quality of what is stored: store flag, store flags."""

from __future__ import annotations

from typing import Annotated

import typer

from nakhon.cli.keeping import store_app
from nakhon.cli.options import ApiOption, JsonOption, StoreOption, source_of
from nakhon.terminal.console import shown, told

KeptOption = Annotated[
    str, typer.Option("--store", help="duckdb://FILE or ducklake:postgres://... (others keep no flags)")
]


@store_app.command(epilog="Example: nakhon store flag --store duckdb://city.duckdb")
def flag(
    store: KeptOption,
    run: Annotated[str | None, typer.Option(help="only this run (all by default)")] = None,
) -> None:
    """Look for what is stuck, spiked, missing, drifting or mistimed, and store flags of it beside the readings."""
    from nakhon import quality

    quality.flag(store, run, told)


@store_app.command(epilog="Example: nakhon store flags --store duckdb://city.duckdb --kind stuck --city chiang-mai")
def flags(
    store: StoreOption = None,
    api: ApiOption = None,
    run: Annotated[str | None, typer.Option(help="only of this run")] = None,
    city: Annotated[list[str] | None, typer.Option(help="only of these cities (may be repeated)")] = None,
    indicator: Annotated[list[str] | None, typer.Option(help="only of these indicators (may be repeated)")] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="only stuck, spike, gap, drift or clock (may be repeated)")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the flags of a store: what is odd, where, since when, and why."""
    from nakhon import quality

    choice = quality.Choice(run, tuple(city or ()), tuple(indicator or ()), tuple(kind or ()))
    quality.show(source_of(store, api), choice, shown, as_json=as_json)
