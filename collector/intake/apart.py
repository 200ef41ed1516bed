"""Messages kept outside the readings, rejected or in conflict: what is kept is bounded, what is counted is not."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace

from collector.intake.delivery import Delivery
from collector.language.codec import digest
from collector.stores.protocol import Fate, Rejection, Store

KEPT_OF_A_PAYLOAD = 64 * 1024
KEPT_OF_A_TOPIC = 1024
REMEMBERED = 100_000
MESSAGES_OF_A_RUN = 100_000
BYTES_OF_A_RUN = 64 << 20
MESSAGES = 1_000_000
BYTES = 256 << 20
SAID = 100

log = logging.getLogger("nakhon.collector")


class Apart:
    """Knows what is kept apart in a store, so that the same bytes again are told from new ones.

    A run keeps 100,000 messages with 64 MiB of payload, all runs together ten and four times that. Beyond the bytes a
    message is kept without its payload, beyond the number it is only counted.
    """

    def __init__(self, store: Store, *, shared: bool = False) -> None:
        kept = store.rejections(limit=REMEMBERED)
        self._known = {(digest(one.topic.encode()), one.digest): None for one in kept}
        self._messages: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._all_messages = self._all_bytes = 0
        for one in kept:
            self._count(one)
        counted = () if shared else tuple(self._messages)
        self._counted = Counter({run: _apart(store.counts(run)) for run in counted})
        self._said: set[tuple[str, str]] = set()

    def messages(self, run: str) -> int:
        """How many distinct messages of a run are rejected or in conflict, kept or only counted."""
        return self._counted[run]

    def take(self, delivery: Delivery, key: int, run: str, reason: str, fate: Fate) -> Rejection | None:
        """What there is to keep of a message, None if the same bytes are known already."""
        topic = delivery.topic[:KEPT_OF_A_TOPIC]
        identity = (digest(topic.encode(errors="replace")), key)
        if identity in self._known:
            return None
        self._known[identity] = None
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        self._counted[run] += 1
        if len(self._counted) > REMEMBERED:
            del self._counted[next(iter(self._counted))]
        kept = delivery.payload[:KEPT_OF_A_PAYLOAD]
        return Rejection(topic, kept, len(delivery.payload), key, reason, delivery.received, fate, run)

    def fitted(self, rejection: Rejection) -> Rejection | None:
        """The rejection as there is room for it: whole, without its payload, or not at all."""
        run, size = rejection.run, len(rejection.payload)
        if self._messages[run] >= MESSAGES_OF_A_RUN or self._all_messages >= MESSAGES:
            self._say(run, "no more are kept, all are counted")
            return None
        if self._bytes[run] + size > BYTES_OF_A_RUN or self._all_bytes + size > BYTES:
            self._say(run, "they are kept without their payloads")
            rejection = replace(rejection, payload=b"")
        self._count(rejection)
        return rejection

    def _count(self, kept: Rejection) -> None:
        self._messages[kept.run] += 1
        self._bytes[kept.run] += len(kept.payload)
        self._all_messages += 1
        self._all_bytes += len(kept.payload)

    def _say(self, run: str, what: str) -> None:
        if (run, what) not in self._said and len(self._said) < SAID:
            self._said.add((run, what))
            log.warning("too many messages of the run %r are rejected: from here on %s", run, what)


def _apart(counts: dict[Fate, int]) -> int:
    return counts[Fate.REJECTED] + counts[Fate.CONFLICT]
