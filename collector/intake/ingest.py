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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import TypeVar

from collector.intake import decoder
from collector.intake.apart import Apart
from collector.intake.decoder import Decoder
from collector.intake.delivery import Delivery
from collector.intake.positions import Positions
from collector.intake.unnumbered import settle
from collector.language.codec import decode, digest
from collector.language.errors import StoreError, WireError
from collector.language.messages import Message
from collector.language.profile import Status, decode_status
from collector.language.topics import Address, CityAddress, Kind, parse_topic
from collector.serving.live import Live
from collector.serving.metrics import Metrics
from collector.stores.protocol import Accepted, Batch, Fate, Rejection, Store, Stream

MAINTAIN_EVERY = 5.0
FIRST_RETRY = 0.1
LONGEST_RETRY = 10.0
_GRAVEST = (Fate.CONFLICT, Fate.STORED, Fate.DUPLICATE, Fate.REJECTED)

__all__ = ["Delivery", "Ingest"]

Answer = TypeVar("Answer")
Births = list[tuple[Address | CityAddress, Status]]

log = logging.getLogger("nakhon.collector")


@dataclass(slots=True)
class _Gathering:
    """What a batch will hold, while it is gathered."""

    accepted: list[Accepted] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    births: Births = field(default_factory=list)
    counts: Counter[tuple[str, Fate]] = field(default_factory=Counter)
    unnumbered: list[tuple[Message, Delivery, int]] = field(default_factory=list)
    announced: Births = field(default_factory=list)
    surplus: Counter[str] = field(default_factory=Counter)

    def batch(self) -> Batch:
        stored = Counter(one.message.address.run for one in self.accepted)
        stored -= self.surplus
        counts = Counter({(run, Fate.STORED): count for run, count in stored.items()})
        return Batch(self.accepted, self.rejected, [*self.births, *self.announced], counts + self.counts)


class Ingest:
    """The way of a message into a store. One thread calls `process`; everything it holds in memory is bounded.

    What does not follow wire version 1 is offered to the `decoders`. `after` is called with what was committed, before
    anything of it is acknowledged.
    `shared` says that other collectors write to the same store: `committed` then tells of this one's share only.
    """

    def __init__(
        self,
        store: Store,
        live: Live | None = None,
        metrics: Metrics | None = None,
        *,
        decoders: Sequence[Decoder] = (),
        shared: bool = False,
        after: Callable[[Batch], None] | None = None,
    ) -> None:
        self._store = store
        self._after = after
        self._live = live
        self._metrics = metrics
        self._decoders = decoders
        self._positions = Positions(store.positions(), shared=shared)
        self._apart = Apart(store, shared=shared)
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
        self._tell(batch, gathering.births, len(deliveries), time.monotonic() - started)
        return batch

    def committed(self, run: str, session: str) -> int:
        """How many distinct messages of a session are safe; messages kept apart count for every session of the run."""
        return self._positions.held(run, session) + self._apart.messages(run)

    def maintain(self) -> None:
        """Let the store do what may wait, when it is due; what it cannot do now is tried again when it is due again."""
        if time.monotonic() - self._maintained < MAINTAIN_EVERY:
            return
        try:
            self._store.maintain()
        except StoreError as error:
            log.warning("the store cannot tidy up: %s; trying again", error)
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
            self._take_foreign(delivery, key, run, error, gathering)
            return
        self._sort(message, delivery, key, gathering)

    def _take_foreign(self, delivery: Delivery, key: int, run: str, error: WireError, gathering: _Gathering) -> None:
        """Let the decoders try what does not follow the wire."""
        try:
            received = None if delivery.retained else delivery.received
            heard = decoder.decode(self._decoders, delivery.topic, delivery.payload, received)
        except WireError as better:
            heard, error = None, better
            run = run or next((name for one in self._decoders if (name := one.run(delivery.topic))), "")
        if heard is None:
            self._keep_apart(delivery, key, run, str(error), Fate.REJECTED, gathering)
            return
        gathering.announced += heard.births
        objection = next((why for one in heard.messages if (why := self._store.objection(one)) is not None), None)
        if objection is not None:
            self._keep_apart(delivery, key, heard.run, objection, Fate.REJECTED, gathering)
        elif not heard.messages:  # nothing of it was asked for: all that was is safe
            gathering.counts[heard.run, Fate.STORED] += 1
        elif len(heard.messages) == 1:
            self._sort(heard.messages[0], delivery, key, gathering)
        else:
            gathering.unnumbered += [(message, delivery, key) for message in heard.messages]

    def _sort(self, message: Message, delivery: Delivery, key: int, gathering: _Gathering) -> None:
        if message.session is None or message.seq is None:
            self._sort_unnumbered(message, delivery, key, gathering)
            return
        stream = _stream(message.address, message.session)
        fate = self._positions.fate(stream, message.seq, key)
        if fate is Fate.STORED:
            if (objection := self._store.objection(message)) is not None:
                self._keep_apart(delivery, key, message.address.run, objection, Fate.REJECTED, gathering)
                return
            self._positions.add(stream, message.seq, key)
        self._book(message, delivery, key, fate, gathering)

    def _sort_unnumbered(self, message: Message, delivery: Delivery, key: int, gathering: _Gathering) -> None:
        if (objection := self._store.objection(message)) is not None:
            self._keep_apart(delivery, key, message.address.run, objection, Fate.REJECTED, gathering)
        else:
            gathering.unnumbered.append((message, delivery, key))

    def _settle(self, gathering: _Gathering) -> None:
        """Settle what came without numbers against the store, all at once."""
        messages = [message for message, _, _ in gathering.unnumbered]
        fates = self._insist(lambda: settle(messages, self._store))
        settled = zip(gathering.unnumbered, fates, strict=True)
        for _, parts in groupby(settled, key=lambda one: id(one[0][1])):
            self._book_parts([(delivery, key, fate, part) for (_, delivery, key), (fate, part) in parts], gathering)

    def _book_parts(self, parts: Sequence[tuple[Delivery, int, Fate, Message]], gathering: _Gathering) -> None:
        """Book a delivery that may say several messages: what is new in it is stored, its own fate is the gravest."""
        delivery, key, _, message = parts[0]
        fate = min((fate for _, _, fate, _ in parts), key=_GRAVEST.index)
        new = [part for _, _, one, part in parts if one is Fate.STORED]
        if len(parts) > 1:
            gathering.accepted += [Accepted(part, key, delivery.received, delivery.published) for part in new]
            gathering.surplus[message.address.run] += len(new) - (fate is Fate.STORED)
        if len(parts) == 1 or fate is not Fate.STORED:
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
        rejection = self._apart.take(delivery, key, run, reason, fate)
        if rejection is None:
            gathering.counts[run, Fate.DUPLICATE] += 1
            return
        gathering.counts[run, fate] += 1
        kept = self._apart.fitted(rejection)
        if kept is not None:
            gathering.rejected.append(kept)

    def _write(self, batch: Batch) -> None:
        self._insist(lambda: self._store.write(batch))

    def _insist(self, ask: Callable[[], Answer]) -> Answer:
        """What the store answers, asked again until it does: with back-off and full jitter."""
        delay = FIRST_RETRY
        while True:
            try:
                answer = ask()
            except StoreError as error:
                if self.stopping.is_set():
                    raise
                self._complain(error)
                self.stopping.wait(random.uniform(0, delay))
                delay = min(delay * 2, LONGEST_RETRY)
                continue
            if self.trouble is not None:
                log.warning("the store works again")
                self.trouble = None
            return answer

    def _complain(self, error: StoreError) -> None:
        if self.trouble is None:
            log.error("the store refuses: %s; nothing is acknowledged, trying again", error)
        self.trouble = str(error)
        if self._metrics is not None:
            self._metrics.refused()

    def _tell(self, batch: Batch, births: Births, received: int, seconds: float) -> None:
        if self._live is not None:
            self._live.update(batch)
        if self._after is not None:
            self._after(batch)
        if self._metrics is not None:
            readings = sum(accepted.message.values for accepted in batch.accepted)
            oldest = min((accepted.received for accepted in batch.accepted), default=time.time())
            counts = Counter(batch.counts) + Counter((address.run, Fate.STORED) for address, _ in births)
            self._metrics.committed(counts, readings, received, seconds, max(0.0, time.time() - oldest))


def _contradiction(message: Message) -> str:
    if message.seq is None:
        return "it contradicts what is stored for that time"
    return f"number {message.seq} of session {message.session} is taken by other bytes"


@lru_cache(maxsize=16_384)
def _stream(address: Address, session: str) -> Stream:
    """One object for a stream: finding it again compares no text."""
    return Stream(address.run, address.city, address.station, session)
