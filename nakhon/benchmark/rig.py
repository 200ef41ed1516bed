"""A measuring rig: connections that say messages by an absolute schedule, and one that hears them come back.

Messages are those of the wire, so that a collector at the same broker can be measured too: it tells by its word
(`nakhon/v1/<run>/committed`) how many it has stored. Latency counts from when a message was due, not from when it was
sent: a target that makes us wait cannot hide it (coordinated omission). Times are of the monotonic clock, in seconds.
"""

from __future__ import annotations

import contextlib
import math
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Self

import numpy as np

from collector.language.broker import Broker
from collector.language.connection import Connection, Network, Session
from collector.language.control import decode_committed
from collector.language.errors import BrokerError, PayloadError
from collector.language.topics import Address, committed_topic
from nakhon.benchmark.figures import Seconds, percentiles

STATIONS = 20
WINDOW = 1_000
EPOCH = np.datetime64("2026-01-01T00:00:00", "s")
TARDY = 0.1
BUSY = 0.9
AWAKE = 0.05
_SEQ = re.compile(rb'"seq": ?(\d+)')


@dataclass(frozen=True, slots=True)
class Setting:
    """How a broker is measured: quality of service, publishing connections, patience after the last message (s)."""

    qos: int = 1
    connections: int = 4
    patience: float = 10.0


@dataclass(frozen=True, slots=True)
class Trial:
    """Messages said at a rate: when each was due, sent, acknowledged and heard (NaN: never); (n,) each, from its begin.

    `stored` is how many of them a collector said it has (None: no collector spoke), `caught_up` how long after the last
    was due everything was acknowledged, heard and stored (None: not in time). `cpu` is our own use of one processor.
    """

    rate: float
    due: Seconds
    sent: Seconds
    acknowledged: Seconds
    heard: Seconds
    copies: int
    stored: int | None
    caught_up: float | None
    cpu: float
    qos: int

    @property
    def lost(self) -> int:
        """How many were sent and never heard."""
        return int((np.isnan(self.heard) & ~np.isnan(self.sent)).sum())

    @property
    def offered(self) -> int:
        """How many were sent."""
        return int((~np.isnan(self.sent)).sum())

    @property
    def latencies(self) -> Seconds:
        """Of those heard, from when each was due."""
        return (self.heard - self.due)[~np.isnan(self.heard)]

    @property
    def uncorrected(self) -> Seconds:
        """Of those heard, from when each was sent: what a benchmark that waits for its target would tell."""
        return (self.heard - self.sent)[~np.isnan(self.heard)]

    @property
    def schedule(self) -> Seconds:
        """How late each was sent."""
        return (self.sent - self.due)[~np.isnan(self.sent)]

    @property
    def lag(self) -> float:
        """How late 99 % of the messages were sent at most."""
        return percentiles(self.schedule).get("p99", 0.0)

    @property
    def offer_limited(self) -> bool:
        """Whether we ourselves were too slow for the rate: behind our schedule, or a processor all used."""
        return self.lag > TARDY or self.cpu > BUSY

    def sustained(self, allowed: float) -> bool:
        """Whether everything was acknowledged, heard (and stored) within a time after the last message was due."""
        return self.caught_up is not None and self.caught_up <= allowed and not self.lost


@dataclass(slots=True)
class _Record:
    base: int
    count: int
    sent: list[float] = field(default_factory=list)
    acknowledged: list[float] = field(default_factory=list)
    heard: list[float] = field(default_factory=list)
    taken: int = 0
    there: int = 0
    copies: int = 0

    def __post_init__(self) -> None:
        for name in ("sent", "acknowledged", "heard"):
            setattr(self, name, [math.nan] * self.count)


class Rig:
    """Connections to a broker, for as many trials as are wanted. Use as a context."""

    def __init__(self, broker: Broker, setting: Setting) -> None:
        self.run = f"bench-{secrets.token_hex(4)}"
        self._session = secrets.token_hex(4)
        self._setting = setting
        self._broker = broker
        self._topics = [
            Address(self.run, "bench", "environment", f"st-{number:04d}").topic for number in range(STATIONS)
        ]
        self._place = {topic: number for number, topic in enumerate(self._topics)}
        self._said = 0
        self._record = _Record(0, 0)
        self._words: dict[str, int] = {}
        self._subscribed = threading.Event()
        self._mouth, self._ear = Network("bench-mouth"), Network("bench-ear")
        self._mids: list[dict[int, int]] = [{} for _ in range(setting.connections)]
        self._early: list[dict[int, float]] = [{} for _ in range(setting.connections)]
        self._mouths = [
            self._connection(self._mouth, f"mouth-{number}", on_acknowledged=partial(self._acknowledged, number))
            for number in range(setting.connections)
        ]
        self._hearing = self._connection(self._ear, "ear", on_up=self._subscribe, on_message=self._hear)
        self._hearing.client.on_subscribe = lambda *_: self._subscribed.set()
        self.losses = 0

    def _connection(self, network: Network, name: str, **calls: Any) -> Connection:
        session = Session(f"nakhon-{self.run}-{name}", window=WINDOW)
        return Connection(network, self._broker, session, on_down=self._down, **calls)

    def _down(self, _reason: str) -> None:
        self.losses += 1

    def __enter__(self) -> Self:
        self._mouth.start()
        self._ear.start()
        for connection in self._mouths:
            self._mouth.add(connection)
        self._ear.add(self._hearing)
        try:
            self._wait_up()
        except BaseException:
            self._stop()
            raise
        return self

    def _wait_up(self) -> None:
        for connection in (*self._mouths, self._hearing):
            connection.wait_up(10.0)
        if not self._subscribed.wait(10.0):
            raise BrokerError(f"{self._broker.url} does not answer a subscription within 10 s")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        self._mouth.stop()
        self._ear.stop()

    def _subscribe(self, _remembered: bool) -> None:
        wanted = [(f"nakhon/v1/{self.run}/bench/+/+", self._setting.qos), (committed_topic(self.run), 1)]
        self._hearing.client.subscribe(wanted)

    def _hear(self, message: Any) -> None:
        now = time.monotonic()
        station = self._place.get(message.topic)
        if station is None:
            self._word(bytes(message.payload))
            return
        found = _SEQ.search(message.payload)
        record = self._record
        number = -1 if found is None else int(found[1]) * STATIONS + station - record.base
        if not 0 <= number < record.count:
            return
        if record.heard[number] == record.heard[number]:
            record.copies += 1
            return
        record.heard[number] = now
        record.there += 1

    def _word(self, payload: bytes) -> None:
        with contextlib.suppress(PayloadError):
            word = decode_committed(payload)
            if word.session == self._session:
                self._words[word.collector] = word.messages

    def _acknowledged(self, connection: int, mid: int) -> None:
        now = time.monotonic()
        number = self._mids[connection].pop(mid, None)
        if number is None:
            self._early[connection][mid] = now
        else:
            self._take(number, now)

    def _take(self, number: int, now: float) -> None:
        record = self._record
        if 0 <= number - record.base < record.count:
            record.acknowledged[number - record.base] = now
            record.taken += 1

    @property
    def stored(self) -> int | None:
        """How many of all messages a collector says it has; None if none has spoken."""
        return max(self._words.values()) if self._words else None

    def trial(self, rate: float, seconds: float, over: threading.Event, tell: Callable[[float], None]) -> Trial:
        """Say messages at a rate for a time, then wait until all came back; `tell` hears how much (0 to 1) is done."""
        count = max(1, round(rate * seconds))
        record = self._record = _Record(self._said, count)
        payloads = self._payloads(self._said, count)
        self._said += count
        used, began = time.process_time(), time.monotonic() + AWAKE
        self._say(record, payloads, began, rate, over, tell)
        spent = time.monotonic() - began
        cpu = (time.process_time() - used) / max(spent, 1e-9)
        due = began + np.arange(count) / rate
        caught_up = self._catch_up(record, float(due[-1]), over)
        stored = None if self.stored is None else max(0, self.stored - record.base)
        sent, acknowledged, heard = (np.array(one) - began for one in (record.sent, record.acknowledged, record.heard))
        return Trial(
            rate, due - began, sent, acknowledged, heard, record.copies, stored, caught_up, cpu, self._setting.qos
        )  # fmt: skip

    def _payloads(self, base: int, count: int) -> list[bytes]:
        first, last = base // STATIONS, (base + count - 1) // STATIONS
        moments = np.datetime_as_string(EPOCH + np.arange(first, last + 1))
        return [
            f'{{"session": "{self._session}", "seq": {number // STATIONS}, '
            f'"time": "{moments[number // STATIONS - first]}Z", "pm25": {10 + number % 50}.5, "pm10": 40.0}}'.encode()
            for number in range(base, base + count)
        ]

    def _say(
        self, record: _Record, payloads: list[bytes], began: float, rate: float, over: threading.Event,
        tell: Callable[[float], None],
    ) -> None:  # fmt: skip
        qos, many = self._setting.qos, len(self._mouths)
        for place, payload in enumerate(payloads):
            due = began + place / rate
            if (early := due - time.monotonic()) > 0:
                time.sleep(early)
            if not place % 64:
                if over.is_set():
                    return
                tell(place / record.count)
            number = record.base + place
            connection = number % STATIONS % many  # a station keeps to its connection, so that its order is kept
            record.sent[place] = time.monotonic()
            mid = self._mouths[connection].client.publish(self._topics[number % STATIONS], payload, qos).mid
            self._mids[connection][mid] = number
            at = self._early[connection].pop(mid, None)
            if at is not None and self._mids[connection].pop(mid, None) is not None:
                self._take(number, at)
        tell(1.0)

    def _catch_up(self, record: _Record, last: float, over: threading.Event) -> float | None:
        deadline = time.monotonic() + self._setting.patience
        while time.monotonic() < deadline and not over.is_set():
            stored = self.stored
            if record.taken >= record.count <= record.there and (stored is None or stored >= self._said):
                newest = max(*record.heard, *record.acknowledged, last)
                return max(0.0, (newest if stored is None else time.monotonic()) - last)
            time.sleep(0.01)
        return None
