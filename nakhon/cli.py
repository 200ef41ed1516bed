"""The command line: options and environment variables in, exit codes out (0 done, 1 the answer is no, 2 bad input)."""

from __future__ import annotations

import logging
import os
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from collector.language.broker import Broker, parse_broker
from collector.language.errors import InputError, NakhonError
from nakhon import __version__
from nakhon.console import shown, told
from nakhon.durations import parse_seconds

app = typer.Typer(
    name="nakhon",
    help="Simulates the sensors and services of smart cities, publishes them over MQTT, collects every reading, "
    "compares cities and scenarios.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
BrokerOption = Annotated[str, typer.Option("--broker", help="mqtt://host:1883 or mqtts://host:8883", show_default=True)]


class Version(StrEnum):
    """Versions of MQTT."""

    FIVE = "5"
    FOUR = "3.1.1"


ProtocolOption = Annotated[Version, typer.Option("--mqtt", help="MQTT version")]
AuthorityOption = Annotated[
    Path | None, typer.Option("--ca", help="PEM file of the authority that vouches for the broker")
]
CertificateOption = Annotated[Path | None, typer.Option("--cert", help="PEM file of our own certificate")]
KeyOption = Annotated[Path | None, typer.Option("--key", help="PEM file of its key")]
StoreOption = Annotated[
    str | None, typer.Option("--store", help="duckdb://FILE (three slashes before an absolute path)")
]
ApiOption = Annotated[str | None, typer.Option("--api", help="a running collector: http://localhost:8080")]
TargetOption = Annotated[
    str, typer.Option("--broker", help="mqtt://host:1883, mqtts://host:8883, embedded, or none (with --store)")
]
PaceOption = Annotated[str, typer.Option(help="max, realtime, or simulated seconds a second")]
RunOption = Annotated[str | None, typer.Option(help="name of the run (made up by default)")]
LedgerOption = Annotated[Path | None, typer.Option(help="write down every message, for nakhon audit")]
PackOption = Annotated[int, typer.Option(min=1, max=2000, help="ticks in a message of readings")]
QosOption = Annotated[int, typer.Option(min=0, max=2, help="quality of service of messages")]
WindowOption = Annotated[int, typer.Option(min=1, max=100_000, help="messages ahead of what the collector has stored")]
LimitOption = Annotated[str | None, typer.Option("--for", help="end by itself after a time, such as 60s")]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON, for programs")]


def main() -> None:
    """Run the command and exit with its code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except NakhonError as error:
        told.print(f"nakhon: {error}", style="red", markup=False)
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt):
        told.print("nakhon: ended at once")
        sys.exit(130)
    except Exception as error:
        if not hasattr(error, "format_message"):  # what typer says of wrong options, whichever click it is built on
            raise
        told.print(f"nakhon: {error.format_message()}; see nakhon --help", style="red", markup=False)
        sys.exit(2)


def broker_of(
    url: str,
    protocol: str = "5",
    authority: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
) -> Broker:
    """The broker behind the options; user and password come from the environment."""
    return parse_broker(
        url,
        protocol=protocol,
        username=os.environ.get("NAKHON_MQTT_USERNAME"),
        password=os.environ.get("NAKHON_MQTT_PASSWORD"),
        authority=str(authority) if authority else None,
        certificate=str(certificate) if certificate else None,
        key=str(key) if key else None,
    )


def source_of(store: str | None, api: str | None) -> str:
    """The URL to read from: a store or a running collector, exactly one."""
    if (store is None) == (api is None):
        raise InputError("expected either --store duckdb://FILE or --api http://HOST:PORT")
    return store or api or ""


@app.command(epilog="Example: nakhon simulate demo --broker mqtt://localhost:1883 --pace max --ledger demo.ledger")
def simulate(
    scenario: Annotated[str, typer.Argument(help="a scenario file, or the name of a shipped one")],
    broker: TargetOption,
    store: StoreOption = None,
    pace: PaceOption = "max",
    start: Annotated[str, typer.Option(help="scenario (its own date) or now")] = "scenario",
    run: RunOption = None,
    ledger: LedgerOption = None,
    pack: PackOption = 1,
    qos: QosOption = 1,
    window: WindowOption = 500,
    limit: LimitOption = None,
    mqtt: ProtocolOption = Version.FIVE,
    ca: AuthorityOption = None,
    cert: CertificateOption = None,
    key: KeyOption = None,
) -> None:
    """Simulate the cities of a scenario and publish what they measure."""
    from nakhon import commands
    from nakhon.plays import simulated
    from simulator.clock import parse_pace
    from simulator.scenario import load_scenario

    asked = commands.starting(load_scenario(scenario), start)
    manner = commands.manner(pack, qos, window, ledger, limit)
    play = simulated(asked, parse_pace(pace), run, pack)
    done = commands.perform(play, manner, broker, store, lambda: broker_of(broker, mqtt, ca, cert, key))
    raise typer.Exit(0 if done else 1)


@app.command(epilog="Example: nakhon replay csv pm25.csv --map pm25.toml --broker mqtt://localhost:1883")
def replay(
    what: Annotated[str, typer.Argument(help="csv")],
    file: Annotated[Path, typer.Argument(help="the recorded series")],
    mapping: Annotated[Path, typer.Option("--map", help="TOML file that says what its columns are")],
    broker: TargetOption,
    store: StoreOption = None,
    pace: PaceOption = "max",
    start: Annotated[str, typer.Option(help="kept (the times as recorded) or now")] = "kept",
    run: RunOption = None,
    ledger: LedgerOption = None,
    pack: PackOption = 1,
    qos: QosOption = 1,
    window: WindowOption = 500,
    limit: LimitOption = None,
    mqtt: ProtocolOption = Version.FIVE,
    ca: AuthorityOption = None,
    cert: CertificateOption = None,
    key: KeyOption = None,
) -> None:
    """Publish a recorded series as a run of its own, of origin measured."""
    from nakhon import commands
    from nakhon.plays import parse_start, recorded
    from simulator.clock import parse_pace

    if what != "csv":
        raise InputError(f"expected `nakhon replay csv FILE`, came {what!r}")
    manner = commands.manner(pack, qos, window, ledger, limit)
    play, about = recorded(file, mapping, parse_pace(pace), run, pack, parse_start(start, int(time.time())))
    told.print(about, markup=False)
    done = commands.perform(play, manner, broker, store, lambda: broker_of(broker, mqtt, ca, cert, key))
    raise typer.Exit(0 if done else 1)


@app.command(epilog="Example: nakhon demo --for 60s")
def demo(
    scenario: Annotated[str, typer.Option(help="a scenario file, or the name of a shipped one")] = "demo",
    days: Annotated[int, typer.Option(min=0, max=60, help="days before now to simulate first, at full speed")] = 7,
    pace: PaceOption = "900",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="port of the page; 0 takes a free one")] = 8080,
    folder: Annotated[Path, typer.Option(help="where the store, the ledger and the report go")] = Path("output/demo"),
    limit: LimitOption = None,
) -> None:
    """Broker, cities, collector and page together, from now on; then the audit and a comparison."""
    from nakhon.demo import Staging, demo
    from simulator.clock import parse_pace
    from simulator.scenario import load_scenario

    seconds = None if limit is None else parse_seconds(limit)
    done = demo(Staging(load_scenario(scenario), days, parse_pace(pace), port, folder, seconds), told)
    raise typer.Exit(0 if done else 1)


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

    Exit code 1: a ranking was asked for and refused; the reason is printed.
    """
    from collector.comparison import Request
    from nakhon.compare import Outputs, compare, parse_clock

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
    )
    done = compare(source_of(store, api), request, Outputs(report, tuple(out or ()), title, as_json))
    raise typer.Exit(0 if done else 1)


@app.command(epilog="Example: nakhon collect --broker mqtt://localhost:1883 --store duckdb://city.duckdb")
def collect(
    broker: BrokerOption,
    store: Annotated[str, typer.Option(help="duckdb://FILE (three slashes before an absolute path)")],
    host: Annotated[str, typer.Option(help="address of the page, the API and the metrics")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="their port; 0 takes a free one")] = 8080,
    run: Annotated[list[str] | None, typer.Option(help="collect only this run (may be repeated)")] = None,
    client_id: Annotated[
        str | None, typer.Option(help="our name at the broker; must not change between starts")
    ] = None,
    group: Annotated[str | None, typer.Option(help="share the readings with other collectors of this group")] = None,
    mqtt: ProtocolOption = Version.FIVE,
    ca: AuthorityOption = None,
    cert: CertificateOption = None,
    key: KeyOption = None,
) -> None:
    """Collect what cities say into a store; serve the live page and the API."""
    from nakhon.collect import Duty, collect

    duty = Duty(store, client_id, group, tuple(run or ()), host, port)
    collect(duty, broker_of(broker, mqtt, ca, cert, key), told)


@app.command(epilog="Example: nakhon audit demo.ledger --store duckdb://city.duckdb")
def audit(
    ledger: Annotated[Path, typer.Argument(help="what the publisher wrote with --ledger")],
    store: StoreOption = None,
    api: ApiOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask for every published message. Exit code 0: all accounted for; 1: not; 2: bad input."""
    from nakhon import commands

    raise typer.Exit(0 if commands.audit(ledger, source_of(store, api), as_json=as_json) else 1)


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
    from nakhon.validate import Outputs, cores, validate
    from simulator.validation.ensemble import Ensemble

    ensemble = Ensemble(replications, seed, workers or cores())
    done = validate(directory, mapping, ensemble, only, Outputs(as_json, out, report))
    raise typer.Exit(0 if done else 1)


@app.command(epilog="Example: nakhon check my-scenario.toml")
def check(file: Annotated[str, typer.Argument(help="a scenario file, or the name of a shipped one")]) -> None:
    """Check a scenario file; every error at once, with its path."""
    from nakhon import commands

    commands.check(file)


@app.command(epilog="Example: nakhon new scenario rainy-march")
def new(
    what: Annotated[str, typer.Argument(help="scenario")],
    name: Annotated[str, typer.Argument(help="its name: lower-case letters, digits, hyphens")],
) -> None:
    """Write a commented file to start from."""
    from nakhon import commands

    if what != "scenario":
        raise InputError(f"expected `nakhon new scenario NAME`, came {what!r}")
    commands.new_scenario_file(name)


@app.command(epilog="Example: nakhon catalogue cities --json")
def catalogue(
    what: Annotated[str, typer.Argument(help="cities, indicators, scenarios, networks or origins")] = "indicators",
    city: Annotated[str | None, typer.Option(help="of origins: this city, with the sources")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the cities, indicators, scenarios and networks there are, and where parameters come from."""
    from nakhon.catalogue import show

    show(what, city, as_json=as_json, console=shown)


@app.command()
def version() -> None:
    """Print the version."""
    shown.print(__version__)


if __name__ == "__main__":
    main()
