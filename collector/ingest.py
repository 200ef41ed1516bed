"""Decode, check, gather, write, and only then acknowledge.

`Ingest.process` takes deliveries in the order they arrived and returns when every one of them is safe: stored, kept as
rejected, or known to be stored already. It does not return while the store cannot take them.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from collector.language.codec import decode, digest
from collector.language.errors import StoreError, WireError
from collector.language.messages import Message
from collector.language.profile import Status, decode_status
from collector.language.topics import Address, CityAddress, Kind, parse_topic
from collector.live import Live
from collector.metrics import Metrics
from collector.positions import Positions
from collector.stores.protocol import Accepted, Batch, Fate, Rejection, Store, Stream
from collector.unnumbered import settle

KEPT_OF_A_REJECTED_PAYLOAD = 64 * 1024
KEPT_OF_A_REJECTED_TOPIC = 1024
REMEMBERED_REJECTIONS = 100_000
MAINTAIN_EVERY = 5.0
LONGEST_RETRY = 10.0

log = logging.getLogger("nakhon.collector")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it arrived: `received` and `published` are seconds since 1970 by the wall."""

    topic: str
    payload: bytes
    received: float
    published: float | None = None


@dataclass(slots=True)
class _Gathering:
    """What a batch will hold, while it is gathered."""

    accepted: list[Accepted] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    births: list[tuple[Address | CityAddress, Status]] = field(default_factory=list)
    counts: Counter[tuple[str, Fate]] = field(default_factory=Counter)
    unnumbered: list[tuple[Message, Delivery, int]] = field(default_factory=list)

    def batch(self) -> Batch:
        stored = Counter(one.message.address.run for one in self.accepted)
        counts = {(run, Fate.STORED): count for run, count in stored.items()}
        return Batch(self.accepted, self.rejected, self.births, counts | self.counts)


class Ingest:
    """The way of a message into a store. One thread calls `process`; everything it holds in memory is bounded."""

    def __init__(self, store: Store, live: Live | None = None, metrics: Metrics | None = None) -> None:
        self._store = store
        self._live = live
        self._metrics = metrics
        self._positions = Positions(store.positions())
        kept = store.rejections(limit=REMEMBERED_REJECTIONS)
        self._rejections = {(digest(one.topic.encode()), one.digest): None for one in kept}
        self._kept_apart = Counter(one.run for one in kept)
        self._maintained = time.monotonic()
        self.trouble: str | None = None
        self.stopping = threading.Event()

    def process(self, deliveries: Sequence[Delivery]) -> Batch:
        """Return what was committed when every delivery is safe.

        Raises `StoreError` only if `stopping` is set and the store still refuses.
        """
        gathering = _Gathering()
        for delivery in deliveries:
            self._take(delivery, gathering)
        self._settle(gathering)
        batch = gathering.batch()
        started = time.monotonic()
        self._write(batch)
        self._tell(batch, len(deliveries), time.monotonic() - started)
        return batch

    def committed(self, run: str, session: str) -> int:
        """How many distinct messages of a session are safe; messages kept apart count for every session of the run."""
        return self._positions.held(run, session) + self._kept_apart[run]

    def maintain(self) -> None:
        """Let the store do what may wait, when it is due."""
        if time.monotonic() - self._maintained >= MAINTAIN_EVERY:
            self._store.maintain()
            self._maintained = time.monotonic()

    def _take(self, delivery: Delivery, gathering: _Gathering) -> None:
        key = digest(delivery.payload)
        run = ""
        try:
            address = parse_topic(delivery.topic)
            run = address.run
            if isinstance(address, CityAddress) or address.kind is Kind.STATUS:
                gathering.births.append((address, decode_status(delivery.payload)))
                return
            message = decode(address, delivery.payload)
        except WireError as error:
            self._keep_apart(delivery, key, run, str(error), Fate.REJECTED, gathering)
            return
        if message.session is None or message.seq is None:
            gathering.unnumbered.append((message, delivery, key))
            return
        stream = _stream(message.address, message.session)
        fate = self._positions.fate(stream, message.seq, key)
        if fate is Fate.STORED:
            self._positions.add(stream, message.seq, key)
        self._book(message, delivery, key, fate, gathering)

    def _settle(self, gathering: _Gathering) -> None:
        """Settle what came without numbers against the store, all at once."""
        fates = settle([message for message, _, _ in gathering.unnumbered], self._store)
        for (_, delivery, key), (fate, message) in zip(gathering.unnumbered, fates, strict=True):
            self._book(message, delivery, key, fate, gathering)

    def _book(self, message: Message, delivery: Delivery, key: int, fate: Fate, gathering: _Gathering) -> None:
        if fate is Fate.CONFLICT:
            self._keep_apart(delivery, key, message.address.run, _contradiction(message), fate, gathering)
            return
        if fate is Fate.STORED:
            gathering.accepted.append(Accepted(message, key, delivery.received, delivery.published))
        else:
            gathering.counts[message.address.run, fate] += 1

    def _keep_apart(
        self, delivery: Delivery, key: int, run: str, reason: str, fate: Fate, gathering: _Gathering
    ) -> None:
        """Keep a message as rejected or in conflict, once: the same bytes again are a duplicate of what is kept."""
        topic = delivery.topic[:KEPT_OF_A_REJECTED_TOPIC]
        identity = (digest(topic.encode(errors="replace")), key)
        if identity in self._rejections:
            gathering.counts[run, Fate.DUPLICATE] += 1
            return
        self._rejections[identity] = None
        if len(self._rejections) > REMEMBERED_REJECTIONS:
            del self._rejections[next(iter(self._rejections))]
        self._kept_apart[run] += 1
        gathering.counts[run, fate] += 1
        kept = delivery.payload[:KEPT_OF_A_REJECTED_PAYLOAD]
        gathering.rejected.append(
            Rejection(topic, kept, len(delivery.payload), key, reason, delivery.received, fate, run)
        )

    def _write(self, batch: Batch) -> None:
        delay = 0.1
        while True:
            try:
                self._store.write(batch)
            except StoreError as error:
                if self.stopping.is_set():
                    raise
                if self.trouble is None:
                    log.error("the store refuses: %s; nothing is acknowledged, trying again", error)
                self.trouble = str(error)
                self.stopping.wait(random.uniform(0, delay))
                delay = min(delay * 2, LONGEST_RETRY)
                continue
            if self.trouble is not None:
                log.warning("the store works again")
                self.trouble = None
            return

    def _tell(self, batch: Batch, received: int, seconds: float) -> None:
        if self._live is not None:
            self._live.update(batch)
        if self._metrics is not None:
            readings = sum(accepted.message.values for accepted in batch.accepted)
            oldest = min((accepted.received for accepted in batch.accepted), default=time.time())
            counts = Counter(batch.counts) + Counter((address.run, Fate.STORED) for address, _ in batch.births)
            self._metrics.committed(counts, readings, received, seconds, time.time() - oldest)


def _contradiction(message: Message) -> str:
    if message.seq is None:
        return "it contradicts what is stored for that time"
    return f"number {message.seq} of session {message.session} is taken by other bytes"


@lru_cache(maxsize=16_384)
def _stream(address: Address, session: str) -> Stream:
    """One object for a stream: finding it again compares no text."""
    return Stream(address.run, address.city, address.station, session)
