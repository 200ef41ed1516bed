"""Where a run is said: to a broker, or straight into a store. What is said may be simulated or recorded."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any

from rich.console import Console

from collector.ingest import Delivery, Ingest
from collector.language.broker import Broker
from collector.language.codec import encode
from collector.language.errors import InputError
from collector.language.ledger import Header, LedgerWriter, entry_of
from collector.language.messages import Message
from collector.language.profile import Status, encode_status
from collector.language.time import format_epoch
from collector.language.topics import Address, CityAddress, Kind
from collector.stores import open_store
from nakhon import __version__
from nakhon.interrupt import on_interrupt
from nakhon.progress import showing
from simulator.broadcast import Progress, Publish, Tell
from simulator.clock import Clock
from simulator.publisher import Cast, Publisher

BATCH = 2_000
DISCOVERY = 3.0


@dataclass(frozen=True, slots=True)
class Manner:
    """How a run is said: ticks in a message, quality of service, how far ahead of the collector, for how long.

    `ledger` is the file to write down every message in, `limit` the seconds of the wall after which it ends by itself.
    """

    pack: int = 1
    qos: int = 1
    window: int = 500
    ledger: Path | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Play:
    """A run about to be said: who speaks, how time passes, how far it has come, and how it is performed."""

    cast: Cast
    session: str
    clock: Clock
    progress: Progress
    perform: Callable[[Publish, Tell], None]
    facts: dict[str, Any] = field(default_factory=dict)


def to_broker(play: Play, manner: Manner, broker: Broker, console: Console) -> bool:
    """Say a run to a broker; whether the broker took everything."""
    with _ledger(play, manner) as ledger:
        publisher = Publisher(
            broker,
            play.cast,
            play.session,
            qos=manner.qos,
            window=manner.window,
            ledger=ledger,
            tell=lambda text: console.print(text, style="yellow", markup=False),
            obey=play.clock.command,
        )
        publisher.start()
        console.print(f"run [bold]{play.cast.run}[/], session {play.session}, to {broker.url}")
        if play.clock.pace == math.inf and not publisher.flow.wait_for_a_word(DISCOVERY):
            console.print("[yellow]no collector has answered: going as fast as the broker takes messages")
        _perform(play, manner, publisher.publish, console, publisher.flow.close)
        left = publisher.finish()
        _end(play, ledger, left, console)
    return left == 0


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
            _perform(play, manner, desk.take, console, lambda: None)
            desk.flush()
            ingest.process([_status(at, birth.offline()) for at, birth in _city_births(play)])
            _end(play, ledger, 0, console)
    finally:
        store.close()


class _Desk:
    """Gathers messages for an ingest in the same process."""

    def __init__(self, ingest: Ingest, ledger: LedgerWriter | None) -> None:
        self._ingest = ingest
        self._ledger = ledger
        self._waiting: list[Delivery] = []

    def take(self, message: Message) -> bool:
        payload = encode(message)
        if self._ledger is not None:
            self._ledger.record(entry_of(message, payload))
        self._waiting.append(Delivery(message.address.topic, payload, time.time()))
        if len(self._waiting) >= BATCH:
            self.flush()
        return True

    def flush(self) -> None:
        if self._waiting:
            self._ingest.process(self._waiting)
            self._ingest.maintain()
            self._waiting = []


def _perform(play: Play, manner: Manner, publish: Publish, console: Console, hurry: Callable[[], None]) -> None:
    def end() -> None:
        play.clock.stop()
        hurry()

    def ask_to_end() -> None:
        console.print("ending: the last messages are delivered ...")
        end()

    with on_interrupt(ask_to_end), _limit(manner.limit, end), showing(play.progress, play.clock, console) as tell:
        play.perform(publish, tell)


def _end(play: Play, ledger: LedgerWriter | None, left: int, console: Console) -> None:
    said, late = play.progress, play.clock.lateness
    if left:
        console.print(f"[red]the broker did not take {left} messages in time; the audit will name them")
    elif ledger is not None:
        ledger.close(format_epoch(int(time.time())))
    span = f"{format_epoch(said.start)} to {format_epoch(said.now)}"
    console.print(f"said {said.messages:,} messages with {said.values:,} values, {span}")
    if late.overruns:
        console.print(f"[yellow]{late.overruns:,} messages were over 1 s late, at most {late.largest:.1f} s")


@contextlib.contextmanager
def _ledger(play: Play, manner: Manner) -> Iterator[LedgerWriter | None]:
    if manner.ledger is None:
        yield None
        return
    origin = next(iter(play.cast.births.values())).origin
    facts = play.facts | {"nakhon": __version__, "pack": manner.pack}
    header = Header(play.cast.run, play.session, str(origin), facts)
    with LedgerWriter(manner.ledger, header) as ledger:
        yield ledger


@contextlib.contextmanager
def _limit(seconds: float | None, end: Callable[[], None]) -> Iterator[None]:
    if seconds is None:
        yield
        return
    timer = Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


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
