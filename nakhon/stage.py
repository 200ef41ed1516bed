"""Where a run is said: to a broker, or straight into a store. What is said may be simulated or recorded."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from collector.intake.ingest import Delivery, Ingest
from collector.language.broker import Broker
from collector.language.codec import encode
from collector.language.errors import InputError
from collector.language.ledger import Fault, Header, LedgerWriter
from collector.language.messages import Message, Readings
from collector.language.profile import Status, encode_status
from collector.language.time import format_epoch
from collector.language.topics import Address, CityAddress, Kind
from collector.stores import open_store
from nakhon import __version__
from nakhon.terminal.interrupt import after, on_interrupt
from nakhon.terminal.progress import showing
from simulator.broadcast import Progress, Tell
from simulator.clock import Clock, Lateness
from simulator.faults.outlet import Outlet
from simulator.faults.spoiling import Spoil
from simulator.fleet import Cast, Fleet
from simulator.flow import WINDOW
from simulator.formats import Body, Open, format_of
from simulator.publisher import Account, Publisher
from simulator.service import Service, check_service
from simulator.speaker import KINDS

BATCH = 2_000
DISCOVERY = 3.0


@dataclass(frozen=True, slots=True)
class Words:
    """In which format a run is said, and of what it speaks (readings, events, statistics; empty for everything)."""

    format: str = "wire"
    make: Open = field(default_factory=format_of)
    only: frozenset[Kind] = frozenset()

    def parts(self, cast: Cast) -> Callable[[Body], Sequence[Body]]:
        """What divides a body into those of messages. Raises `InputError` where the format cannot say something."""
        divide = self.make(cast).parts
        return lambda body: divide(body) if not self.only or KINDS[type(body)] in self.only else ()


def words_of(name: str, topic: str | None, payload: str | None, only: Iterable[Kind]) -> Words:
    """The words of a format, with the templates of the user. Raises `InputError` as `format_of` does."""
    kinds = frozenset(only)
    return Words(name, format_of(name, topic=topic, payload=payload, only=kinds), kinds)


@dataclass(frozen=True, slots=True)
class Manner:
    """How a run is said: ticks in a message, in which words, over which connections, with which promises.

    `ledger` is the file to write down every message in, `limit` the seconds of the wall after which it ends by itself.
    """

    pack: int = 1
    ledger: Path | None = None
    limit: float | None = None
    words: Words = field(default_factory=Words)
    service: Service = field(default_factory=Service)
    fleet: Fleet = field(default_factory=Fleet)

    @property
    def needs_a_broker(self) -> bool:
        """Whether it asks for anything that only a broker can do."""
        service = replace(self.service, window=WINDOW)
        return (self.words.format, service, self.fleet) != ("wire", Service(), Fleet())


@dataclass(frozen=True, slots=True)
class Play:
    """A run about to be said: who speaks, how time passes, how far it has come, and how it is performed."""

    cast: Cast
    session: str
    clock: Clock
    progress: Progress
    perform: Callable[[Outlet, Tell], None]
    facts: dict[str, Any] = field(default_factory=dict)


def to_broker(play: Play, manner: Manner, broker: Broker, console: Console) -> bool:
    """Say a run to a broker; whether the broker took everything. Raises `InputError` for demands without sense."""
    check_service(manner.service, broker)

    def warn(text: str) -> None:
        console.print(text, style="yellow", markup=False)

    with _ledger(play, manner, broker) as ledger:
        publisher = Publisher(
            broker,
            play.cast,
            play.session,
            service=manner.service,
            fleet=manner.fleet,
            make=manner.words.make,
            ledger=ledger,
            tell=warn,
            obey=play.clock.command,
        )
        for text in (*publisher.warnings(), *_wasted(manner, publisher)):
            warn(text)
        publisher.start()
        console.print(f"run [bold]{play.cast.run}[/], session {play.session}, to {broker.url}{publisher.told}")
        if play.clock.pace == math.inf and manner.service.statuses and not publisher.flow.wait_for_a_word(DISCOVERY):
            console.print("[yellow]no collector has answered: going as fast as the broker takes messages")
        _perform(play, manner, publisher, console, publisher.flow.close)
        left = publisher.finish()
        _end(play, ledger, left, console, publisher.account)
    return left == 0 and not publisher.account.refused and not publisher.account.gave_up


def to_store(play: Play, manner: Manner, url: str, console: Console) -> None:
    """Say a run straight into a store: the same messages, checks and positions, without a broker."""
    store = open_store(url)
    try:
        if any(info.run == play.cast.run for info in store.runs()):
            raise InputError(f"the run {play.cast.run!r} exists in {url}: leave --run out or give another name")
        ingest = Ingest(store)
        with _ledger(play, manner) as ledger:
            desk = _Desk(ingest, ledger)
            ingest.process(list(_births(play)))
            console.print(f"run [bold]{play.cast.run}[/], session {play.session}, into {url}")
            _perform(play, manner, desk, console, lambda: None)
            desk.flush()
            ingest.process([_status(at, birth.offline()) for at, birth in _city_births(play)])
            _end(play, ledger, 0, console)
    finally:
        store.close()


def check_target(broker: str, manner: Manner) -> None:
    """Raise `InputError` where no broker is asked to do what only a broker can."""
    if broker == "none" and manner.needs_a_broker:
        raise InputError(
            "--broker none says everything as the wire does, straight into the store: leave out --format, "
            "--connections and the options of MQTT, or name a broker"
        )


class _Desk:
    """Gathers messages for an ingest in the same process."""

    connections = None

    def __init__(self, ingest: Ingest, ledger: LedgerWriter | None) -> None:
        self._ingest = ingest
        self._ledger = ledger
        self._waiting: list[Delivery] = []

    def publish(self, message: Message, spoil: Spoil | None = None) -> bool:
        said = encode(message)
        payload = said if spoil is None else spoil(said)
        if self._ledger is not None:
            self._ledger.record(message, payload, said)
        return self._take(message, payload)

    def record(self, message: Message, spoil: Spoil | None = None) -> None:
        if self._ledger is not None:
            said = encode(message)
            self._ledger.record(message, said if spoil is None else spoil(said), said)

    def send(self, message: Message, spoil: Spoil | None = None, *, copy: bool = False) -> bool:  # noqa: ARG002
        said = encode(message)
        return self._take(message, said if spoil is None else spoil(said))

    def note(self, told: Fault) -> None:
        if self._ledger is not None:
            self._ledger.fault(told)

    def _take(self, message: Message, payload: bytes) -> bool:
        self._waiting.append(Delivery(message.address.topic, payload, time.time()))
        if len(self._waiting) >= BATCH:
            self.flush()
        return True

    def flush(self) -> None:
        if self._waiting:
            self._ingest.process(self._waiting)
            self._ingest.maintain()
            self._waiting = []


def _perform(play: Play, manner: Manner, outlet: Outlet, console: Console, hurry: Callable[[], None]) -> None:
    def end() -> None:
        play.clock.stop()
        hurry()

    def ask_to_end() -> None:
        console.print("ending: the last messages are delivered ...")
        end()

    with on_interrupt(ask_to_end), after(manner.limit, end), showing(play.progress, play.clock, console) as tell:
        play.perform(outlet, tell)


def _end(play: Play, ledger: LedgerWriter | None, left: int, console: Console, account: Account | None = None) -> None:
    said, late = play.progress, play.clock.lateness
    if left:
        console.print(f"[red]the broker did not take {left} messages in time; the audit will name them")
    elif ledger is not None:
        facts = {"schedule": schedule} if (schedule := _schedule(late)) else {}
        counts = {} if account is None else {name: count for name, count in account.counts.items() if count}
        ledger.close(format_epoch(int(time.time())), **facts, **counts)
    span = f"{format_epoch(said.start)} to {format_epoch(said.now)}"
    console.print(f"said {said.messages:,} messages with {said.values:,} values, {span}")
    for text in () if account is None else account.lines:
        console.print(text, style="yellow", markup=False)
    if schedule := _schedule(late):
        told = ", ".join(f"{name} {schedule[name] * 1000:,.0f} ms" for name in ("p50", "p95", "p99", "largest"))
        console.print(
            f"behind schedule: {told}; over 1 s: {late.overruns:,}", style="yellow" if late.overruns else None
        )


def _schedule(late: Lateness) -> dict[str, float]:
    """How far behind its schedule a run was, in seconds; empty at full speed."""
    if not late.waits:
        return {}
    shares = {f"p{share}": round(late.quantile(share / 100), 3) for share in (50, 95, 99)}
    return shares | {"largest": round(late.largest, 3), "overruns": late.overruns, "messages": late.waits}


def _wasted(manner: Manner, publisher: Publisher) -> Iterator[str]:
    ticks = Readings(np.zeros(2, "datetime64[s]"), {"pm25": np.zeros(2)})
    if manner.pack > 1 and len(publisher.lines[0].told.parts(ticks)) > 1:
        yield f"--format {manner.words.format} has one tick in a message: --pack {manner.pack} only delays it"


@contextlib.contextmanager
def _ledger(play: Play, manner: Manner, broker: Broker | None = None) -> Iterator[LedgerWriter | None]:
    if manner.ledger is None:
        yield None
        return
    origin = next(iter(play.cast.births.values())).origin
    facts = play.facts | {"nakhon": __version__, "pack": manner.pack, "format": manner.words.format}
    if broker is not None:
        facts |= {"mqtt": broker.protocol, "qos": manner.service.qos, "connections": manner.fleet.spread.value}
    if manner.service.message_expiry is not None:
        facts["message_expiry"] = manner.service.message_expiry
    header = Header(play.cast.run, play.session, str(origin), facts)
    with LedgerWriter(manner.ledger, header) as ledger:
        yield ledger


def _births(play: Play) -> Iterator[Delivery]:
    for address, birth in _city_births(play):
        yield _status(address, birth)
        for station in play.cast.stations[address.city]:
            at = Address(play.cast.run, station.city, station.pillar, station.id, Kind.STATUS)
            yield _status(at, birth.for_station(station))


def _city_births(play: Play) -> Iterator[tuple[CityAddress, Status]]:
    for city, birth in play.cast.births.items():
        yield CityAddress(play.cast.run, city), birth


def _status(address: Address | CityAddress, status: Status) -> Delivery:
    return Delivery(address.topic, encode_status(status), time.time())
