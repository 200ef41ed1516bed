"""The command that ranks cities by a composite score: league."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakhon.cli.application import app
from nakhon.cli.options import JsonOption


@app.command(epilog="Example: nakhon league duckdb://city.duckdb --pillar environment -o league.html")
def league(
    store: Annotated[str, typer.Argument(help="duckdb://FILE or a running collector, http://localhost:8080")],
    pillar: Annotated[
        str, typer.Option(help="environment, economy or governance; or a TOML file that declares a score")
    ] = "environment",
    run: Annotated[list[str] | None, typer.Option("--run", "--runs", help="only these runs (may be repeated)")] = None,
    city: Annotated[list[str] | None, typer.Option(help="only these cities (may be repeated)")] = None,
    start: Annotated[str | None, typer.Option(help="from, such as 2024-01-01 (a local day)")] = None,
    end: Annotated[str | None, typer.Option(help="until (not included)")] = None,
    mixed_origins: Annotated[
        bool, typer.Option("--mixed-origins", help="rank measured and simulated together")
    ] = False,
    unlike_populations: Annotated[
        bool, typer.Option("--unlike-populations", help="per person although populations count unlike things")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="seed of the draws of weights")] = 0,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="write a page for a browser (HTML, one file)")] = None,
    as_json: JsonOption = False,
) -> None:
    """Rank cities by a composite score of a pillar: with its parts, how sure each place is, what would change it.

    Exit code 1: the ranking was refused; the reason is printed.
    """
    from collector.league.composite_file import load_composite
    from collector.league.league_store import LeagueRequest
    from nakhon.compare import parse_clock
    from nakhon.league import Outputs, rank

    request = LeagueRequest(
        load_composite(pillar),
        tuple(city or ()),
        tuple(run or ()),
        parse_clock(start),
        parse_clock(end),
        mixed_origins=mixed_origins,
        unlike_populations=unlike_populations,
        seed=seed,
    )
    raise typer.Exit(0 if rank(store, request, Outputs(out, as_json)) else 1)
