"""The commands that make cities talk: simulate, replay, demo."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from collector.language.topics import Kind
from nakhon.cli.application import app
from nakhon.cli.delivering import (
    AliasOption,
    ClientOption,
    DelayOption,
    ExpiryOption,
    FormatOption,
    GiveUpOption,
    NoStatusOption,
    OnlyOption,
    PayloadOption,
    PropertyOption,
    RampOption,
    RetainOption,
    SessionOption,
    SpreadOption,
    TopicOption,
    fleet_of,
    service_of,
)
from nakhon.cli.options import (
    AuthorityOption,
    CertificateOption,
    KeyOption,
    LedgerOption,
    LimitOption,
    PaceOption,
    PackOption,
    ProtocolOption,
    QosOption,
    RunOption,
    StoreOption,
    TargetOption,
    Version,
    WindowOption,
    broker_of,
)
from nakhon.terminal.console import told
from nakhon.terminal.durations import parse_seconds
from simulator.spread import Spread

replays = typer.Typer(help="Say recorded data again: csv (a series), capture (MQTT traffic).", no_args_is_help=True)
app.add_typer(replays, name="replay")


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
    form: FormatOption = "wire",
    topic: TopicOption = None,
    payload: PayloadOption = None,
    only: OnlyOption = None,
    connections: SpreadOption = Spread.CITY,
    client_id: ClientOption = None,
    ramp: RampOption = None,
    retain: RetainOption = False,
    session_expiry: SessionOption = None,
    message_expiry: ExpiryOption = None,
    will_delay: DelayOption = "0",
    topic_alias: AliasOption = 0,
    user_property: PropertyOption = None,
    no_status: NoStatusOption = False,
    give_up: GiveUpOption = None,
    mqtt: ProtocolOption = Version.FIVE,
    ca: AuthorityOption = None,
    cert: CertificateOption = None,
    key: KeyOption = None,
) -> None:
    """Simulate the cities of a scenario and publish what they measure."""
    from nakhon import commands
    from nakhon.plays import simulated
    from nakhon.stage import Manner, check_target, words_of
    from simulator.clock import parse_pace
    from simulator.scenario import load_scenario

    asked = commands.starting(load_scenario(scenario), start)
    manner = Manner(
        pack,
        ledger,
        None if limit is None else parse_seconds(limit),
        words_of(form, topic, payload, map(Kind, only or ())),
        service_of(
            qos,
            window,
            retain,
            session_expiry,
            message_expiry,
            will_delay,
            topic_alias,
            user_property,
            no_status,
            give_up,
        ),
        fleet_of(connections, client_id, ramp),
    )
    check_target(broker, manner)
    play = simulated(asked, parse_pace(pace), run, pack, words=manner.words)
    done = commands.perform(play, manner, broker, store, lambda: broker_of(broker, mqtt, ca, cert, key))
    raise typer.Exit(0 if done else 1)


@replays.command("csv", epilog="Example: nakhon replay csv pm25.csv --map pm25.toml --broker mqtt://localhost:1883")
def replay(
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
    form: FormatOption = "wire",
    topic: TopicOption = None,
    payload: PayloadOption = None,
    only: OnlyOption = None,
    connections: SpreadOption = Spread.CITY,
    client_id: ClientOption = None,
    ramp: RampOption = None,
    retain: RetainOption = False,
    session_expiry: SessionOption = None,
    message_expiry: ExpiryOption = None,
    will_delay: DelayOption = "0",
    topic_alias: AliasOption = 0,
    user_property: PropertyOption = None,
    no_status: NoStatusOption = False,
    give_up: GiveUpOption = None,
    mqtt: ProtocolOption = Version.FIVE,
    ca: AuthorityOption = None,
    cert: CertificateOption = None,
    key: KeyOption = None,
) -> None:
    """Publish a recorded series as a run of its own, of origin measured."""
    from nakhon import commands
    from nakhon.plays import parse_start, recorded
    from nakhon.stage import Manner, check_target, words_of
    from simulator.clock import parse_pace

    manner = Manner(
        pack,
        ledger,
        None if limit is None else parse_seconds(limit),
        words_of(form, topic, payload, map(Kind, only or ())),
        service_of(
            qos,
            window,
            retain,
            session_expiry,
            message_expiry,
            will_delay,
            topic_alias,
            user_property,
            no_status,
            give_up,
        ),
        fleet_of(connections, client_id, ramp),
    )
    check_target(broker, manner)
    play, about = recorded(
        file, mapping, parse_pace(pace), run, pack, parse_start(start, int(time.time())), manner.words
    )
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
