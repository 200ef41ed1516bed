"""The collector's ear: paho with manual acknowledgement, in arrival order, after a message is safe.

What is heard waits in the bounded inbox of an `Intake`, whose thread stores all that is there at once. So a commit
holds few messages when few arrive, and many when the store is slower than the wire. When the inbox is full nothing
more is read from the broker.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from paho.mqtt.client import MQTTMessage
from paho.mqtt.subscribeoptions import SubscribeOptions

from collector.intake.delivery import Delivery
from collector.intake.ingest import Ingest
from collector.intake.intake import Arrival, Intake, Outlets
from collector.intake.spool import Spool
from collector.language.broker import Broker
from collector.language.connection import Connection, Network, Session
from collector.language.control import Committed, encode_committed
from collector.language.errors import BrokerError, StoreError
from collector.language.topics import ROOT, committed_topic
from collector.serving.metrics import Metrics
from collector.stores.protocol import Batch

WINDOW = 10_000
EXPIRY = 7 * 86_400
HEARTBEAT = 2.0
LAST_MESSAGE = 5.0
SESSIONS = 100

log = logging.getLogger("nakhon.collector")


class Subscriber:
    """Takes what cities say from a broker into an ingest.

    `client_id` names the collector to the broker, which keeps for it what arrives while it is away: it must stay the
    same from start to start. `runs` limits it to some runs; `group` shares the readings with other collectors of the
    group (births go to all). `foreign` are topics beside those of wire version 1, for the decoders of the ingest. With
    a `spool`, what the store does not take in time is kept on this machine's disk. To `retire` is to subscribe to
    nothing more, take what the broker still keeps for us, and have it forget us. `forgotten` is called when the broker
    does not know us: what it had retained may be gone too.
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
        spool: Spool | None = None,
        retire: bool = False,
        foreign: Sequence[str] = (),
        forgotten: Callable[[], None] | None = None,
    ) -> None:
        self._ingest = ingest
        self._forgotten = forgotten
        self._untaken: dict[int, Callable[[], None]] = {}
        self._metrics = metrics
        self._topics = _foreign(foreign, group) | _subscriptions(runs or ("+",), group)
        self._intake = Intake(ingest, Outlets(self._safe, self._stored, self._resume, self._idle), spool)
        self._spool = spool
        self._deaf = False
        self._name = client_id if group is None else f"{client_id[:50]}.{secrets.token_hex(3)}"
        self._group = group
        self._speaking: dict[tuple[str, str], None] = {}
        self._spoken = 0.0
        self._known = False
        self._remembered = False
        self._refusal: str | None = None
        self._listening = threading.Event()
        self._retire = retire
        self._moved = time.monotonic()
        self._network = Network("subscriber")
        session = Session(client_id, expiry=EXPIRY, window=WINDOW, manual_ack=True)
        self.connection = Connection(
            self._network,
            broker,
            session,
            on_up=self._up,
            on_down=self._down,
            on_message=self._hear,
            on_acknowledged=self._taken,
        )
        self.connection.client.on_subscribe = self._subscribed

    def start(self, timeout: float = 10.0) -> None:
        """Connect and start to collect. Raises `BrokerError` if the broker cannot be reached in time."""
        self._network.start().add(self.connection)
        try:
            self._wait(timeout)
        except BaseException:
            self._network.stop()
            raise
        if self._metrics is not None and self._spool is not None:
            self._metrics.received(self._spool.pending)
        self._intake.start()

    def _wait(self, timeout: float) -> None:
        self.connection.wait_up(timeout)
        if not self._listening.wait(timeout):
            raise BrokerError(f"{self.connection.broker.url} does not answer our subscriptions")

    def stop(self) -> None:
        """Store and acknowledge what has arrived, then leave; what comes later waits at the broker."""
        self._deaf = True
        self.connection.forgotten = self.retired
        self._intake.stop()
        self._network.stop()

    def say(self, topic: str, payload: bytes, taken: Callable[[], None]) -> None:
        """Publish a retained message; `taken` is called in the network thread when the broker has it."""
        self._network.call(partial(self._say, topic, payload, taken))

    @property
    def waiting(self) -> int:
        """How many messages have arrived and are not yet stored."""
        return self._intake.waiting

    def check(self) -> None:
        """Raise `StoreError` if nothing more can be collected before a new start."""
        if self._intake.broken is not None:
            raise StoreError(self._intake.broken)

    @property
    def retired(self) -> bool:
        """Whether a collector that retires has taken all that the broker kept for it: nothing came for 5 s."""
        quiet = time.monotonic() - self._moved > LAST_MESSAGE and self.connection.up.is_set()
        return self._retire and quiet and not self.waiting

    def not_ready(self) -> str | None:
        """Why the collector is not ready, or None if it is."""
        if not self.connection.up.is_set():
            return self.connection.refusal or "not connected to the broker"
        if not self._listening.is_set():
            return "not subscribed yet"
        return self._refusal or self._intake.trouble

    def _up(self, remembered: bool) -> None:
        self._remembered = remembered
        if self._known and not remembered:
            log.error("the broker has forgotten us: what it kept for us is lost; an audit names it")
        self._known = True
        if not remembered and self._forgotten is not None:
            self._forgotten()
        if self._metrics is not None:
            self._metrics.connection(up=True)
        self._moved = time.monotonic()
        if self._retire:
            self.connection.client.unsubscribe(list(self._topics))
            self._subscribed(None, None, 0, (), None)
        elif self.connection.broker.protocol == 5:
            self.connection.client.subscribe(
                [(topic, SubscribeOptions(qos=1, retainHandling=handling)) for topic, handling in self._topics.items()]
            )
        else:
            self.connection.client.subscribe([(topic, 1) for topic in self._topics])

    def _subscribed(self, _client: object, _data: object, _mid: int, codes: Sequence[Any], _properties: object) -> None:
        """What is said from now on reaches us, unless the broker refuses."""
        refused = next((str(code) for code in codes if code.is_failure), None)
        if refused is not None:
            self._refusal = f"{self.connection.broker.url} refuses our subscriptions: {refused}; check its access list"
            log.error(self._refusal)
        else:
            self._refusal = None
            kept = "kept" if self._remembered else "new"
            log.info("connected to %s (%s session)", self.connection.broker.url, kept)
        self._listening.set()

    def _down(self, reason: str) -> None:
        self._listening.clear()
        log.warning("connection to %s lost: %s; connecting again", self.connection.broker.url, reason)
        if "taken over" in reason:
            log.error("another client has our name at the broker: give every collector a --client-id of its own")
        if self._metrics is not None:
            self._metrics.connection(up=False)

    def _hear(self, message: MQTTMessage) -> None:
        if self._deaf:
            return
        published = _published(message)
        self._moved = time.monotonic()
        delivery = Delivery(_topic(message), bytes(message.payload), time.time(), published, message.retain)
        if self._metrics is not None:
            self._metrics.received()
        if not self._intake.offer(Arrival(delivery, self.connection.generation, message.mid, message.qos)):
            self.connection.pause()

    def _say(self, topic: str, payload: bytes, taken: Callable[[], None]) -> None:
        self._untaken[self.connection.client.publish(topic, payload, qos=1, retain=True).mid] = taken

    def _taken(self, mid: int) -> None:
        if (taken := self._untaken.pop(mid, None)) is not None:
            taken()

    def _resume(self) -> None:
        self._network.call(self.connection.resume)

    def _safe(self, heard: Sequence[Arrival]) -> None:
        self._network.call(partial(self._acknowledge, heard))

    def _stored(self, batch: Batch) -> None:
        self._network.call(partial(self._tell, _sessions(batch)))

    def _idle(self) -> None:
        if time.monotonic() - self._spoken > HEARTBEAT:
            self._network.call(lambda: self._speak(list(self._speaking)))

    def _acknowledge(self, heard: Sequence[Arrival]) -> None:
        """Acknowledge what is safe, in arrival order (network thread).

        A message of an earlier connection is not acknowledged: its id may stand for another message now. The broker
        delivers it again, and it is recognised.
        """
        client = self.connection.client
        for one in heard:
            if one.qos and one.generation == self.connection.generation:
                client.ack(one.mid, one.qos)

    def _tell(self, sessions: dict[tuple[str, str], None]) -> None:
        self._speaking |= sessions
        while len(self._speaking) > SESSIONS:
            del self._speaking[next(iter(self._speaking))]
        self._speak(list(sessions))

    def _speak(self, sessions: Sequence[tuple[str, str]]) -> None:
        """Say how much of each session is safe (network thread)."""
        self._spoken = time.monotonic()
        for run, session in sessions:
            word = Committed(self._name, session, self._ingest.committed(run, session), self._group)
            self.connection.client.publish(committed_topic(run), encode_committed(word), qos=0, retain=True)


def _subscriptions(runs: Sequence[str], group: str | None) -> dict[str, int]:
    """The topics of runs, with the retain handling of MQTT 5: births always, no reading that a broker had kept."""
    share = f"$share/{group}/" if group else ""
    births, readings = [], []
    for run in runs:
        station = f"{ROOT}/{run}/+/+/+"
        births += [f"{ROOT}/{run}/+/status", f"{station}/status"]
        readings += [f"{share}{station}", f"{share}{station}/events", f"{share}{station}/statistics"]
    return dict.fromkeys(births, 0) | dict.fromkeys(readings, 2)


def _foreign(topics: Sequence[str], group: str | None) -> dict[str, int]:
    """Topics of devices: what the broker had kept is wanted at the first subscription only."""
    share = f"$share/{group}/" if group else ""
    return {f"{share}{topic}": 1 for topic in topics}


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
