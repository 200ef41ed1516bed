"""The commands that measure a broker or a consumer: bench capacity|latency|integrity."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from collector.language.errors import InputError
from nakhon.cli.application import app
from nakhon.cli.options import (
    ApiOption,
    AuthorityOption,
    BrokerOption,
    CertificateOption,
    JsonOption,
    KeyOption,
    ProtocolOption,
    QosOption,
    StoreOption,
    Version,
    broker_of,
)
from nakhon.terminal.console import shown, told
from nakhon.terminal.durations import parse_seconds

benches = typer.Typer(
    help="Measure a broker or a consumer: capacity, latency and integrity, each on its own.", no_args_is_help=True
)
app.add_typer(benches, name="bench")

ManyOption = Annotated[int, typer.Option("--connections", min=1, max=1_000, help="connections that publish")]
LONGEST = 3_600.0
MOST = 2_000_000


@benches.command(epilog="Example: nakhon bench latency --broker mqtt://localhost:1883 --rate 500 --for 30s")
def latency(
    broker: BrokerOption,
    rate: Annotated[float, typer.Option(min=0.1, max=200_000, help="messages a second")] = 200.0,
    length: Annotated[str, typer.Option("--for", help="how long")] = "10s",
    qos: QosOption = 1,
    connections: ManyOption = 4,
    as_json: JsonOption = False,
    mqtt: ProtocolOption = Version.FIVE,
    ca: AuthorityOption = None,
    cert: CertificateOption = None,
    key: KeyOption = None,
) -> None:
    """Latency through a broker at a fixed rate, counted from when each message was due (no coordinated omission).

    Exit code 0: the figures stand; 1: something was lost, we ourselves were the limit, or it was ended early.
    """
    from nakhon.benchmark import modes, telling
    from nakhon.benchmark.rig import Setting

    seconds = _length(length, rate)
    reached = broker_of(broker, mqtt, ca, cert, key)
    with _progress() as (over, tell):
        found = modes.latency(reached, Setting(qos, connections), rate, seconds, over, tell)
    if as_json:
        print(json.dumps(found.told(), indent=1))
    else:
        telling.latency(found, shown)
    raise typer.Exit(0 if found.answer else 1)


@benches.command(epilog="Example: nakhon bench capacity --broker mqtt://localhost:1883 --from 500 --to 20000")
def capacity(
    broker: BrokerOption,
    lowest: Annotated[
        float, typer.Option("--from", min=10, max=200_000, help="messages a second to begin with")
    ] = 500.0,
    highest: Annotated[
        float, typer.Option("--to", min=10, max=200_000, help="messages a second to end with")
    ] = 64_000.0,
    length: Annotated[str, typer.Option("--for", help="how long each rate is held")] = "3s",
    qos: QosOption = 1,
    connections: ManyOption = 4,
    as_json: JsonOption = False,
    mqtt: ProtocolOption = Version.FIVE,
    ca: AuthorityOption = None,
    cert: CertificateOption = None,
    key: KeyOption = None,
) -> None:
    """Find the rate at which a broker (and its subscriber, and a collector if one is there) falls behind.

    Exit code 0: the knee was found, or every rate was kept up with; 1: we ourselves were the limit, or it ended early.
    """
    from nakhon.benchmark import modes, telling
    from nakhon.benchmark.rig import Setting

    if lowest > highest:
        raise InputError(f"--from {lowest:g} is above --to {highest:g}: exchange them")
    seconds = _length(length, highest)
    reached = broker_of(broker, mqtt, ca, cert, key)
    with _progress() as (over, tell):
        show = telling.stepping(told)
        found = modes.capacity(reached, Setting(qos, connections), (lowest, highest), seconds, over, tell, show)
    if as_json:
        print(json.dumps(found.told(), indent=1))
    else:
        telling.capacity(found, shown)
    raise typer.Exit(0 if found.complete and found.limit != "offer" and found.knee is not None else 1)


@benches.command(epilog="Example: nakhon bench integrity --broker mqtt://localhost:1883 --rate 500 --fault duplicate")
def integrity(
    broker: BrokerOption,
    scenario: Annotated[str, typer.Option(help="a scenario file, or the name of a shipped one")] = "demo",
    rate: Annotated[float, typer.Option(min=1, max=20_000, help="messages a second (about)")] = 200.0,
    length: Annotated[str, typer.Option("--for", help="how long")] = "20s",
    fault: Annotated[
        list[str] | None, typer.Option(help="kind of fault (may be repeated; `nakhon fault kinds`), or none")
    ] = None,
    store: StoreOption = None,
    api: ApiOption = None,
    sink: Annotated[Path | None, typer.Option(help="a sink file (docs/audit.md) of the consumer to audit")] = None,
    out: Annotated[Path | None, typer.Option(help="keep the ledger and what was heard in this folder")] = None,
    qos: QosOption = 1,
    as_json: JsonOption = False,
    mqtt: ProtocolOption = Version.FIVE,
    ca: AuthorityOption = None,
    cert: CertificateOption = None,
    key: KeyOption = None,
) -> None:
    """Publish at a fixed rate with faults, then ask what became of every message.

    Without --store, --api or --sink our own subscriber is the consumer. Exit code 0: all accounted for; 1: not.
    """
    from nakhon.benchmark import telling
    from nakhon.benchmark.integrity import FAULTS, Integrity
    from nakhon.benchmark.integrity import integrity as measured

    if sum(one is not None for one in (store, api, sink)) > 1:
        raise InputError("expected at most one of --store, --api and --sink")
    source = store or api or (None if sink is None else str(sink))
    names = () if fault == ["none"] else tuple(fault or FAULTS)
    asked = Integrity(scenario, rate, _length(length, rate), names, qos, source, sink is not None)
    reached = broker_of(broker, mqtt, ca, cert, key)
    with _folder(out) as folder, _interruptible() as over:
        found = measured(reached, asked, folder, over, told)
    if as_json:
        print(json.dumps(found.told(), indent=1))
    else:
        telling.integrity(found, shown)
    raise typer.Exit(0 if found.answer else 1)


def _length(text: str, rate: float) -> float:
    seconds = parse_seconds(text)
    if not 0 < seconds <= LONGEST or seconds * rate > MOST:
        raise InputError(f"--for: expected a time up to 1h with at most {MOST:,} messages, came {text} at {rate:g}/s")
    return seconds


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    from nakhon.terminal.interrupt import on_interrupt

    over = threading.Event()
    with on_interrupt(over.set):
        yield over


@contextmanager
def _progress() -> Iterator[tuple[threading.Event, Callable[[str, float], None]]]:
    """An event that Ctrl-C sets, and what to call with how far it has come."""
    from rich.progress import Progress

    with _interruptible() as over, Progress(console=told, transient=True, disable=not told.is_terminal) as bar:
        task = bar.add_task("connecting", total=1.0)
        yield over, lambda what, share: bar.update(task, description=what, completed=share)


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    if out is None:
        with tempfile.TemporaryDirectory(prefix="nakhon-bench-") as folder:
            yield Path(folder)
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write into {out}: {error.strerror}") from None
    yield out
