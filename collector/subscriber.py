"""The collector's ear: paho with manual acknowledgement, in arrival order, after the store has committed.

Messages wait in a bounded inbox; one thread takes all that are there, has them stored, and acknowledges them. So a
commit holds few messages when few arrive, and many when the store is slower than the wire.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from paho.mqtt.client import MQTTMessage
from paho.mqtt.subscribeoptions import SubscribeOptions

from collector.ingest import Delivery, Ingest
from collector.language.broker import Broker
from collector.language.connection import Connection, Network, Session
from collector.language.control import Committed, encode_committed
from collector.language.errors import StoreError
from collector.language.topics import ROOT, committed_topic
from collector.metrics import Metrics
from collector.stores.protocol import Batch

INBOX = 20_000
BATCH_MESSAGES = 5_000
BATCH_BYTES = 32 << 20
WINDOW = 10_000
EXPIRY = 7 * 86_400
DRAIN = 10.0
HEARTBEAT = 2.0
SESSIONS = 100

log = logging.getLogger("nakhon.collector")


@dataclass(frozen=True, slots=True)
class _Waiting:
    generation: int
    mid: int
    qos: int
    delivery: Delivery


class Subscriber:
    """Takes what cities say from a broker into an ingest.

    `client_id` names the collector to the broker, which keeps for it what arrives while it is away: it must stay the
    same from start to start. `runs` limits it to some runs; `group` shares the readings with other collectors of the
    group (births go to all).
    """

    def __init__(
        self,
        broker: Broker,
        ingest: Ingest,
        client_id: str,
        *,
        runs: Sequence[str] = (),
        group: str | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._ingest = ingest
        self._metrics = metrics
        self._topics = _subscriptions(runs or ("+",), group)
        self._inbox: deque[_Waiting] = deque()
        self._some = threading.Condition()
        self._deaf = False
        self._client_id = client_id
        self._group = group
        self._speaking: dict[tuple[str, str], None] = {}
        self._spoken = 0.0
        self._taken = 0
        self._network = Network("subscriber")
        session = Session(client_id, expiry=EXPIRY, window=WINDOW, manual_ack=True)
        self.connection = Connection(
            self._network, broker, session, on_up=self._up, on_down=self._down, on_message=self._hear
        )
        self._thread = threading.Thread(target=self._run, name="ingest")

    def start(self, timeout: float = 10.0) -> None:
        """Connect and start to collect. Raises `BrokerError` if the broker cannot be reached in time."""
        self._network.start().add(self.connection)
        try:
            self.connection.wait_up(timeout)
        except BaseException:
            self._network.stop()
            raise
        self._thread.start()

    def stop(self) -> None:
        """Store and acknowledge what has arrived, then leave; what comes later waits at the broker."""
        self._deaf = True
        self._ingest.stopping.set()
        with self._some:
            self._some.notify_all()
        self._thread.join(DRAIN)
        self._network.stop()

    @property
    def waiting(self) -> int:
        """How many messages have arrived and are not yet safe."""
        return len(self._inbox) + self._taken

    def not_ready(self) -> str | None:
        """Why the collector is not ready, or None if it is."""
        if not self.connection.up.is_set():
            return self.connection.refusal or "not connected to the broker"
        return self._ingest.trouble

    def _up(self, remembered: bool) -> None:
        log.info("connected to %s (%s session)", self.connection.broker.url, "kept" if remembered else "new")
        if self._metrics is not None:
            self._metrics.connection(up=True)
        if self.connection.broker.protocol == 5:
            self.connection.client.subscribe(
                [
                    (topic, SubscribeOptions(qos=1, retainHandling=0 if topic.endswith("/status") else 2))
                    for topic in self._topics
                ]
            )
        else:
            self.connection.client.subscribe([(topic, 1) for topic in self._topics])

    def _down(self, reason: str) -> None:
        log.warning("connection to %s lost: %s; connecting again", self.connection.broker.url, reason)
        if self._metrics is not None:
            self._metrics.connection(up=False)

    def _hear(self, message: MQTTMessage) -> None:
        if self._deaf:
            return
        delivery = Delivery(_topic(message), bytes(message.payload), time.time(), _published(message))
        with self._some:
            while len(self._inbox) >= INBOX and not self._deaf:
                self._some.wait(1.0)
            self._inbox.append(_Waiting(self.connection.generation, message.mid, message.qos, delivery))
            if len(self._inbox) == 1:
                self._some.notify_all()
        if self._metrics is not None:
            self._metrics.received()

    def _run(self) -> None:
        while True:
            waiting = self._take()
            if not waiting and self._ingest.stopping.is_set():
                return
            try:
                batch = self._ingest.process([one.delivery for one in waiting]) if waiting else None
            except StoreError as error:
                log.error("%d messages stay with the broker: %s", len(waiting) + len(self._inbox), error)
                return
            self._taken = 0
            if batch is not None:
                self._network.call(partial(self._acknowledge, waiting, batch))
            elif time.monotonic() - self._spoken > HEARTBEAT:
                self._network.call(lambda: self._speak(list(self._speaking)))
            self._ingest.maintain()

    def _take(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        size = 0
        with self._some:
            if not self._inbox and not self._ingest.stopping.is_set():
                self._some.wait(1.0)
            while self._inbox and len(taken) < BATCH_MESSAGES and size < BATCH_BYTES:
                taken.append(self._inbox.popleft())
                size += len(taken[-1].delivery.payload)
            self._taken = len(taken)
            self._some.notify_all()
        return taken

    def _acknowledge(self, waiting: Sequence[_Waiting], batch: Batch) -> None:
        """Acknowledge what was committed, in arrival order (network thread).

        A message of an earlier connection is not acknowledged: its id may stand for another message now. The broker
        delivers it again, and it is recognised.
        """
        client = self.connection.client
        for one in waiting:
            if one.qos and one.generation == self.connection.generation:
                client.ack(one.mid, one.qos)
        sessions = _sessions(batch)
        self._speaking |= sessions
        while len(self._speaking) > SESSIONS:
            del self._speaking[next(iter(self._speaking))]
        self._speak(list(sessions))

    def _speak(self, sessions: Sequence[tuple[str, str]]) -> None:
        """Say how much of each session is safe (network thread)."""
        self._spoken = time.monotonic()
        for run, session in sessions:
            word = Committed(self._client_id, session, self._ingest.committed(run, session), self._group)
            self.connection.client.publish(committed_topic(run), encode_committed(word), qos=0, retain=True)


def _subscriptions(runs: Sequence[str], group: str | None) -> list[str]:
    share = f"$share/{group}/" if group else ""
    topics = []
    for run in runs:
        station = f"{ROOT}/{run}/+/+/+"
        topics += [f"{ROOT}/{run}/+/status", f"{station}/status"]
        topics += [f"{share}{station}", f"{share}{station}/events", f"{share}{station}/statistics"]
    return topics


def _sessions(batch: Batch) -> dict[tuple[str, str], None]:
    """The runs and sessions heard in a batch, each once; a birth counts."""
    messages = (kept.message for kept in batch.accepted)
    heard = {(message.address.run, message.session): None for message in messages if message.session is not None}
    return heard | {(address.run, status.session): None for address, status in batch.births if status.online}


def _topic(message: MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        return "\N{REPLACEMENT CHARACTER}"


def _published(message: MQTTMessage) -> float | None:
    properties = message.properties
    if properties is not None:
        for name, value in getattr(properties, "UserProperty", ()):
            if name == "published":
                with contextlib.suppress(ValueError):
                    return datetime.fromisoformat(value).timestamp()
    return None
