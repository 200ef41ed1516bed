"""The commands that compare: cities with cities, their indices, the simulation with measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakhon.cli.application import app
from nakhon.cli.options import ApiOption, JsonOption, StoreOption, source_of
from nakhon.terminal.durations import parse_seconds


@app.command(epilog="Example: nakhon compare --store duckdb://city.duckdb --indicator pm25 --report report.html")
def compare(
    indicator: Annotated[list[str], typer.Option(help="what to compare (may be repeated)")],
    store: StoreOption = None,
    api: ApiOption = None,
    city: Annotated[list[str] | None, typer.Option(help="only these cities (may be repeated)")] = None,
    run: Annotated[list[str] | None, typer.Option(help="only these runs (may be repeated)")] = None,
    start: Annotated[str | None, typer.Option(help="from, such as 2024-01-01 or 2024-01-01T06:00")] = None,
    end: Annotated[str | None, typer.Option(help="until (not included)")] = None,
    bucket: Annotated[str, typer.Option(help="length of a bucket: a multiple of 30min")] = "1h",
    utc: Annotated[bool, typer.Option("--utc", help="align on UTC instead of each city's local time")] = False,
    baseline: Annotated[str | None, typer.Option(help="the reference: a run, a city, or run/city")] = None,
    rank: Annotated[bool, typer.Option("--rank", help="rank the columns")] = False,
    per_capita: Annotated[bool, typer.Option("--per-capita", help="per 100,000 inhabitants")] = False,
    per_area: Annotated[bool, typer.Option("--per-area", help="per km²")] = False,
    against: Annotated[
        str | None, typer.Option(help="start of another range of that length, such as 2025-03-01: then against now")
    ] = None,
    least_coverage: Annotated[
        float, typer.Option(min=0, max=1, help="share of its readings below which a bucket is not compared")
    ] = 0.75,
    without: Annotated[
        list[str] | None, typer.Option(help="leave out values flagged so: stuck, spike, drift, clock (repeatable)")
    ] = None,
    trend: Annotated[bool, typer.Option("--trend", help="also the trend of each column")] = False,
    limit: Annotated[
        list[str] | None, typer.Option(help="also how often over: who, thailand, us, 40, 40/1h (repeatable)")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="also by hour, weekday, month or season")] = None,
    lag: Annotated[str | None, typer.Option(help="also the correlation with the first up to a lag such as 2d")] = None,
    mixed_origins: Annotated[
        bool, typer.Option("--mixed-origins", help="rank measured and simulated together")
    ] = False,
    unlike_populations: Annotated[
        bool, typer.Option("--unlike-populations", help="rank per person although populations count unlike things")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="write a report for a browser (HTML, one file)")] = None,
    out: Annotated[list[Path] | None, typer.Option(help="write the table: .csv, .xlsx or .json (repeatable)")] = None,
    title: Annotated[str, typer.Option(help="title of the report")] = "Comparison of cities",
    as_json: JsonOption = False,
) -> None:
    """Compare cities and runs: coverage, mean, spread, and the difference in the direction that is better.

    Also trends, limits exceeded, profiles and lags of the same aligned values. Tables go to every --out; of CSV the
    further ones get files of their own beside it.

    Exit code 1: a ranking was asked for and refused; the reason is printed.
    """
    from collector.comparing.comparison import Request
    from nakhon.compare import Outputs, Questions, compare, parse_clock

    request = Request(
        tuple(indicator),
        tuple(city or ()),
        tuple(run or ()),
        parse_clock(start),
        parse_clock(end),
        int(parse_seconds(bucket)),
        local=not utc,
        baseline=baseline,
        rank=rank,
        per_capita=per_capita,
        mixed_origins=mixed_origins,
        unlike_populations=unlike_populations,
        per_area=per_area,
        least_coverage=least_coverage,
        against=parse_clock(against),
        without=tuple(without or ()),
    )
    asked = Questions(trend, tuple(limit or ()), profile, None if lag is None else int(parse_seconds(lag)))
    done = compare(source_of(store, api), request, Outputs(report, tuple(out or ()), title, as_json), asked)
    raise typer.Exit(0 if done else 1)


@app.command(epilog="Example: nakhon index --store duckdb://city.duckdb --name aqi-us-epa --out aqi.xlsx")
def index(
    name: Annotated[
        str,
        typer.Option(
            help="aqi-us-epa, aqi-thai-pcd (by day), nowcast, heat-index (by hour), travel-reliability, service-level"
        ),
    ],
    store: StoreOption = None,
    api: ApiOption = None,
    city: Annotated[list[str] | None, typer.Option(help="only these cities (may be repeated)")] = None,
    run: Annotated[list[str] | None, typer.Option(help="only these runs (may be repeated)")] = None,
    start: Annotated[str | None, typer.Option(help="from, such as 2024-01-01, on each city's own clock")] = None,
    end: Annotated[str | None, typer.Option(help="until (not included)")] = None,
    least_coverage: Annotated[
        float, typer.Option(min=0, max=1, help="share of its values below which an hour or a day does not count")
    ] = 0.75,
    without: Annotated[
        list[str] | None, typer.Option(help="leave out values flagged so: stuck, spike, drift, clock (repeatable)")
    ] = None,
    agreed: Annotated[float | None, typer.Option(help="of service-level: the hours that were agreed")] = None,
    out: Annotated[
        list[Path] | None, typer.Option(help="write the table: .csv, .xlsx, .json, .parquet or .arrow (repeatable)")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell an index of cities with every part of it: air quality, NowCast, heat, reliability of travel, service level.

    Exit code 1: there was too little for any index; the table says why.
    """
    from collector.comparing.index_rows import IndexRequest, index_name
    from nakhon.compare import parse_clock
    from nakhon.index import Outputs
    from nakhon.index import index as tell

    request = IndexRequest(
        index_name(name),
        tuple(city or ()),
        tuple(run or ()),
        parse_clock(start),
        parse_clock(end),
        least_coverage=least_coverage,
        without=tuple(without or ()),
        agreed=agreed,
    )
    done = tell(source_of(store, api), request, Outputs(tuple(out or ()), as_json))
    raise typer.Exit(0 if done else 1)


@app.command(epilog="Example: nakhon validate measurements/ --replications 60 --out rows.json")
def validate(
    directory: Annotated[Path, typer.Argument(help="a directory of measured series (CSV)")],
    mapping: Annotated[
        Path | None, typer.Option("--map", help="TOML file that says what they are (open data by default)")
    ] = None,
    replications: Annotated[int, typer.Option(min=2, max=10_000, help="how often to simulate them")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="seed of the ensemble")] = 7,
    workers: Annotated[int | None, typer.Option(min=1, max=1_000, help="processes (all cores by default)")] = None,
    only: Annotated[str, typer.Option(help="only rows whose name matches, such as 'Bangkok*: memory*'")] = "*",
    report: Annotated[Path | None, typer.Option(help="write a report for a browser (HTML, one file)")] = None,
    out: Annotated[Path | None, typer.Option(help="write the rows as JSON")] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare an ensemble with measured series by statistics of shape. Exit code 1: a row is outside its band."""
    from nakhon.validating.validate import Outputs, cores, validate
    from simulator.validation.ensemble import Ensemble

    ensemble = Ensemble(replications, seed, workers or cores())
    done = validate(directory, mapping, ensemble, only, Outputs(as_json, out, report))
    raise typer.Exit(0 if done else 1)
