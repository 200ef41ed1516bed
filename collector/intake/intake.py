"""Between the ear and the ingest: a bounded inbox, a thread that stores, and one that spools what must not wait.

A message is said to be safe when the store has committed it, or when it is on the disk of the spool. Without a spool
the broker keeps what the store cannot take.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from collector.intake.delivery import Delivery
from collector.intake.ingest import Ingest
from collector.intake.spool import Spool, SpoolError
from collector.language.errors import StoreError
from collector.stores.protocol import Batch

INBOX = 20_000
INBOX_BYTES = 64 << 20
BATCH_MESSAGES = 5_000
BATCH_BYTES = 32 << 20
PATIENCE = 2.0
TURN = 0.1
BATCHES_A_TURN = 10
AGAIN = 1.0
DRAIN = 10.0
LAST_WORD = 30.0

log = logging.getLogger("nakhon.collector")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery, and what it takes to acknowledge it: the connection it came on, its id there, its quality."""

    delivery: Delivery
    generation: int = 0
    mid: int = 0
    qos: int = 1


@dataclass(frozen=True, slots=True)
class Outlets:
    """Whom an intake tells: what may be acknowledged, what is stored, that there is room again, that nothing is new."""

    safe: Callable[[Sequence[Arrival]], None]
    stored: Callable[[Batch], None] = lambda _batch: None
    room: Callable[[], None] = lambda: None
    idle: Callable[[], None] = lambda: None


@dataclass(slots=True)
class _Work:
    """What the store is given at once: from the inbox, or the spool's up to a number; a batch may be spooled late."""

    deliveries: list[Delivery]
    arrivals: list[Arrival] = field(default_factory=list)
    until: int | None = None
    since: float = field(default_factory=time.monotonic)


class Intake:
    """Takes what has arrived until it is safe, in order; what it holds in memory is bounded.

    With a `spool`, what the store has not taken within 2 s goes to the disk, and from there to the store before
    anything newer.
    """

    def __init__(self, ingest: Ingest, outlets: Outlets, spool: Spool | None = None) -> None:
        self._ingest = ingest
        self._outlets = outlets
        self._spool = spool
        self._some = threading.Condition()
        self._order = threading.Lock()  # held before _some: who takes from the inbox, and where it goes
        self._inbox: deque[Arrival] = deque()
        self._size = 0
        self._full = False
        self._work: _Work | None = None
        self._deadline = float("inf")
        self._spool_trouble: str | None = None
        self.broken: str | None = None
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._guarded, args=[self._store], name="ingest", daemon=True)]
        if spool is not None:
            self._threads.append(
                threading.Thread(target=self._guarded, args=[self._overflow], name="spool", daemon=True)
            )

    def start(self) -> None:
        """Start to store; what a spool holds from before comes first."""
        if self._spool is not None and self._spool.pending:
            log.warning("%d messages wait in the spool %s", self._spool.pending, self._spool.directory)
        for thread in self._threads:
            thread.start()

    def offer(self, arrival: Arrival) -> bool:
        """Take a message; False if no more should come until there is room again."""
        with self._some:
            self._inbox.append(arrival)
            self._size += len(arrival.delivery.payload)
            if len(self._inbox) == 1:
                self._some.notify_all()
            self._full = self._full or len(self._inbox) >= INBOX or self._size >= INBOX_BYTES
            return not self._full

    def stop(self) -> None:
        """Store what has arrived, for 10 s at most; the rest goes to the spool, or stays with the broker."""
        self._deadline = time.monotonic() + DRAIN
        self._ingest.stopping.set()
        with self._some:
            self._some.notify_all()
        if self._threads[0].is_alive():
            self._threads[0].join(DRAIN + LAST_WORD)
        self._ended.set()
        for thread in self._threads[1:]:
            thread.join(LAST_WORD)
        self._leave()

    @property
    def waiting(self) -> int:
        """How many messages have arrived and are not yet stored; those in the spool too."""
        return len(self._inbox) + self._in_memory + (0 if self._spool is None else self._spool.pending)

    @property
    def trouble(self) -> str | None:
        """Why messages are not stored, or None."""
        return self.broken or self._spool_trouble or self._ingest.trouble

    def _guarded(self, run: Callable[[], None]) -> None:
        """Run a thread's work; an error nobody foresaw is said, here and by `trouble`, and nothing more is safe."""
        try:
            run()
        except Exception as error:
            self.broken = f"the collector is broken: {error!r}; start it again"
            log.exception("the collector is broken; what is not stored stays with the broker")

    def _store(self) -> None:
        while (work := self._next()) is not None:
            if work.deliveries:
                try:
                    batch = self._ingest.process(work.deliveries)
                except StoreError:
                    return
                self._conclude(work)
                self._outlets.stored(batch)
            else:
                self._outlets.idle()
            self._ingest.maintain()

    def _next(self) -> _Work | None:
        """What to store next, nothing after a second without news, or None at the end."""
        stopping = self._ingest.stopping
        with self._some:
            if not self._inbox and not self._unread and not stopping.is_set():
                self._some.wait(1.0)
        with self._order:
            if stopping.is_set() and (time.monotonic() > self._deadline or not (self._inbox or self._unread)):
                return None
            if self._spool is not None and self._spool.unread:
                work = _Work(*self._from_spool(self._spool))
            else:
                arrivals = self._pop()
                work = _Work([one.delivery for one in arrivals], arrivals)
            self._work = work if work.deliveries else None
            return work

    @property
    def _in_memory(self) -> int:
        """How many messages are being stored and are nowhere else."""
        work = self._work
        return 0 if work is None or work.until is not None else len(work.deliveries)

    @property
    def _unread(self) -> bool:
        return self._spool is not None and self._spool.unread

    @staticmethod
    def _from_spool(spool: Spool) -> tuple[list[Delivery], list[Arrival], int]:
        deliveries, until = spool.take(BATCH_MESSAGES, BATCH_BYTES)
        if not deliveries:
            spool.done(until)
        return deliveries, [], until

    def _conclude(self, work: _Work) -> None:
        with self._order:
            self._work = None
            if work.until is None:
                self._outlets.safe(work.arrivals)
            elif self._spool is not None:
                self._spool.done(work.until)
                if not self._spool.pending:
                    log.warning("the spool is empty again")

    def _overflow(self) -> None:
        """Spool what the store does not take in time, until the end."""
        while not self._ended.wait(TURN if self._spool_trouble is None else AGAIN):
            for _ in range(BATCHES_A_TURN):
                if not self._spool_what_waits():
                    break

    def _spool_what_waits(self) -> bool:
        """Spool a batch, if the store is slow or has yet to take what is in the spool; whether one was spooled."""
        with self._order:
            work, spool = self._work, self._spool
            slow = work is not None and time.monotonic() - work.since > PATIENCE
            if spool is None or not (slow or spool.pending):
                self._spool_trouble = None
                return False
            return self._spool_some(spool)

    def _spool_some(self, spool: Spool) -> bool:
        """Spool the work under way, if it came from the inbox, and a batch of the inbox (holding `_order`)."""
        if not spool.pending:
            log.warning("the store does not take messages in time; they go to the spool %s", spool.directory)
        try:
            arrivals = self._peek()
            self._spool_work(spool)
            if arrivals:
                spool.append([one.delivery for one in arrivals])
        except SpoolError as error:
            if self._spool_trouble is None:
                log.error("%s; the broker keeps what comes", error)
            self._spool_trouble = str(error)
            return False
        self._spool_trouble = None
        self._outlets.safe(arrivals)
        self._drop(len(arrivals))
        return bool(arrivals)

    def _spool_work(self, spool: Spool) -> None:
        work = self._work
        if work is not None and work.until is None:
            work.until = spool.append(work.deliveries)
            spool.skip(work.until)
            self._outlets.safe(work.arrivals)

    def _pop(self) -> list[Arrival]:
        arrivals = self._peek()
        self._drop(len(arrivals))
        return arrivals

    def _peek(self) -> list[Arrival]:
        taken: list[Arrival] = []
        size = 0
        with self._some:
            for one in self._inbox:
                if len(taken) >= BATCH_MESSAGES or size >= BATCH_BYTES:
                    break
                taken.append(one)
                size += len(one.delivery.payload)
        return taken

    def _drop(self, messages: int) -> None:
        with self._some:
            for _ in range(messages):
                self._size -= len(self._inbox.popleft().delivery.payload)
            room = self._full and len(self._inbox) <= INBOX // 2 and self._size <= INBOX_BYTES // 2
            self._full = self._full and not room
        if room:
            self._outlets.room()

    def _leave(self) -> None:
        """Say where what is not stored stays."""
        spool = self._spool
        with self._order:
            while spool is not None and (self._inbox or self._in_memory) and self._spool_some(spool):
                pass
            left = len(self._inbox) + self._in_memory
        if left:
            log.error("%d messages stay with the broker: %s", left, self.trouble or "there was no time to store them")
        if spool is not None and spool.pending:
            log.warning("%d messages wait in the spool %s for the next start", spool.pending, spool.directory)
