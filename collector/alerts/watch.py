"""Alerts beside the ingest: what was committed goes in, notices go out, states are kept.

`Watch.update` is called by the thread that commits, after each commit. A notice is on the disk before anybody hears of
it, and stays until everybody who should has taken it.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from collector.alerts import states
from collector.alerts.board import Board
from collector.alerts.notices import Notice, withdrawn
from collector.alerts.replay import replay
from collector.alerts.rules import Rule
from collector.alerts.states import Kept, Pending
from collector.alerts.webhook import Webhook
from collector.language.indicators import indicators
from collector.language.messages import Event, Message, Readings
from collector.language.profile import CityProfile, StationProfile, Status
from collector.language.topics import Address, CityAddress
from collector.stores.protocol import Batch, Store

SAVE_EVERY = 5.0
LAST_WORD = 5.0
Say = Callable[[str, bytes, Callable[[], None]], None]
"""Publishes a payload, retained, on a topic; calls back when the broker has it."""

log = logging.getLogger("nakhon.alerts")


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of alerts: those that stand, the newest notices, the rules, and what still waits to be taken.

    A notice waits until the disk says that it was taken: a kill before that has it said again.
    """

    alerts: tuple[Notice, ...]
    recent: tuple[Notice, ...]
    rules: tuple[Rule, ...]
    waiting: dict[str, int]
    hidden: int
    trouble: str | None


class Watch:
    """Rules watched beside an ingest; safe to use from several threads.

    Parameters
    ----------
    rules
        What to watch.
    path
        The file that keeps the states.
    webhook
        Who else is told, by HTTP.
    """

    def __init__(self, rules: Sequence[Rule], path: Path, webhook: Webhook | None = None) -> None:
        self._lock = threading.RLock()
        self._board = Board(rules)
        self._path = path
        self._kept = Kept()
        self._receipts: Counter[str] = Counter()  # of whom, not on the disk yet
        self._webhook = webhook
        self._say: Say | None = None
        self._bounds = {entry.id: (entry.minimum, entry.maximum) for entry in indicators().values()}
        self._urgent = threading.Event()
        self._changed = False
        self._ended = threading.Event()
        self._full = False
        self.trouble: str | None = None
        self._thread = threading.Thread(target=self._keep, name="alerts", daemon=True)

    def start(self, store: Store) -> None:
        """Take up the states where they were kept, and what the store took since; then go on keeping them.

        Without a file it begins with what is heard from now on. Raises `StoreError` for a file that cannot be used.
        """
        with self._lock:
            found = states.load(self._path, self._board)
            notices: list[Notice] = []
            if found is not None:
                self._kept, orphans = found
                notices = [self._over(one) for one in orphans]
            notices += replay(self._board, store, self._bounds, anew=found is None)
            self._note(notices)
            self._save()  # from here on a crash is made good
        if self._webhook is not None:
            self._webhook.start(self._taken)
            self._post([one.notice for one in self._kept.pending.values() if "webhook" in one.waiting])
        self._thread.start()

    def connect(self, say: Say) -> None:
        """Publish through a connection from now on, first what nobody has taken yet."""
        with self._lock:
            self._say = say
            self._publish([one.notice for one in self._kept.pending.values() if "mqtt" in one.waiting])

    def forgotten(self) -> None:
        """The broker may have forgotten what it had retained: publish what stands once more."""
        with self._lock:
            waiting = {one.notice.id for one in self._kept.pending.values() if "mqtt" in one.waiting}
            self._publish([one for one in self._board.standing() if one.id not in waiting])

    def update(self, batch: Batch) -> None:
        """Take in what was just committed."""
        with self._lock:
            notices = list(self._judge(batch))
            self._note(notices)
            self._publish(notices)
            self._post(notices)

    def view(self, run: str | None = None) -> View:
        """What is shown, of one run or of all."""
        with self._lock:
            waiting = {who: self._waiting(who) for who in ("mqtt", "webhook")}
            return View(
                tuple(one for one in self._board.standing() if run in (None, one.run)),
                tuple(one for one in reversed(self._kept.recent) if run in (None, one.run)),
                tuple(self._board.rules.values()),
                waiting,
                self._board.hidden,
                self.trouble,
            )

    def standing(self) -> dict[str, int]:
        """How many alerts of each rule stand, 0 of those that have none."""
        with self._lock:
            counted = Counter(one.rule for one in self._board.standing())
            return {rule: counted[rule] for rule in self._board.rules}

    def stop(self) -> None:
        """Stop posting, and keep the states as they are."""
        if self._webhook is not None:
            self._webhook.stop()
        self._ended.set()
        self._urgent.set()
        if self._thread.is_alive():
            self._thread.join(LAST_WORD)
        with self._lock:
            self._save()

    def _judge(self, batch: Batch) -> Iterator[Notice]:
        for address, status in batch.births:
            self._announce(address, status)
        runs: dict[str, None] = {}
        for accepted in batch.accepted:
            runs[accepted.message.address.run] = None
            yield from self._hear(accepted.message)
        for run in runs:
            yield from self._board.look(run)

    def _announce(self, address: Address | CityAddress, status: Status) -> None:
        state = self._board.run(address.run)
        if status.origin is not None:
            state.origin = status.origin.value
        if isinstance(status.profile, CityProfile) and len(state.names) < 1_000:
            state.names[status.profile.id] = status.profile.name
        if status.online and isinstance(status.profile, StationProfile) and status.profile.city == address.city:
            self._board.born(address.run, status.profile)

    def _hear(self, message: Message) -> Iterator[Notice]:
        address, body = message.address, message.body
        if isinstance(body, Readings):
            times = body.times.view(np.int64).tolist()
            if not times or not self._sane(address, min(times), max(times)):
                return
            for name, column in body.columns.items():
                if self._board.watches(name):
                    pairs = zip(times, column.tolist(), strict=True)
                    yield from self._take(address, name, [pair for pair in pairs if math.isfinite(pair[1])])
            yield from self._board.hear(address.run, address.city, address.station, max(times))
        elif isinstance(body, Event):
            time = int(body.time.astype(np.int64))
            if not self._sane(address, time, time):
                return
            for name, told in body.fields.items():
                if self._board.watches(name) and isinstance(told, int | float) and not isinstance(told, bool):
                    yield from self._take(address, name, [(time, float(told))])
            yield from self._board.hear(address.run, address.city, address.station, time)

    def _sane(self, address: Address, first: int, last: int) -> bool:
        return self._board.sane(address.run, address.city, address.station, first, last)

    def _take(self, address: Address, name: str, pairs: Sequence[tuple[int, float]]) -> Iterator[Notice]:
        lowest, highest = self._bounds[name]
        series = (address.city, address.station, name)
        for time, value in pairs:
            yield from self._board.take(address.run, series, time, value, sound=lowest <= value <= highest)

    def _over(self, said: Notice) -> Notice:
        """Say that an alert is over because its rule is gone or asks something else now."""
        state = self._board.runs[said.run]
        return withdrawn(said, state.watermark or said.time, state.names.get(said.city, ""))

    def _note(self, notices: Sequence[Notice]) -> None:
        """Keep notices until everybody has taken them; on the disk, if there are any (holding the lock)."""
        for one in notices:
            log.warning("alert %s: %s, %s: %s", one.state, one.rule, one.city, one.message)
            waiting = {"mqtt"} | ({"webhook"} if self._webhook is not None else set())
            self._kept.pending[one.id] = Pending(one, waiting)
            self._kept.recent.append(one)
        while len(self._kept.pending) > states.WAITING:
            lost = self._kept.pending.pop(next(iter(self._kept.pending)))
            if not self._full:
                log.error("over %d notices wait for %s: the oldest are given up", states.WAITING, sorted(lost.waiting))
            self._full = True
        self._changed = True
        if notices:
            self._save()

    def _publish(self, notices: Sequence[Notice]) -> None:
        """Publish in the order of what happened: what is retained is what was published last (holding the lock)."""
        if self._say is not None:
            for one in notices:
                self._say(one.topic, one.payload, lambda one=one: self._taken(one.id, "mqtt"))  # type: ignore[misc]

    def _post(self, notices: Sequence[Notice]) -> None:
        if self._webhook is not None:
            for one in notices:
                self._webhook.offer(one.id, one.payload)

    def _taken(self, identity: str, who: str = "webhook") -> None:
        with self._lock:
            pending = self._kept.pending.get(identity)
            if pending is None or who not in pending.waiting:
                return
            pending.waiting.discard(who)
            self._receipts[who] += 1
            if not pending.waiting:
                del self._kept.pending[identity]
                self._full = False
            self._changed = True
        self._urgent.set()

    def _waiting(self, who: str) -> int:
        return sum(who in one.waiting for one in self._kept.pending.values()) + self._receipts[who]

    def _keep(self) -> None:
        """Keep what changed: at once what was taken, every few seconds the rest."""
        while not self._ended.is_set():
            self._urgent.wait(SAVE_EVERY)
            self._urgent.clear()
            with self._lock:
                if self._changed:
                    self._save()

    def _save(self) -> None:
        try:
            states.save(self._path, self._board, self._kept)
        except OSError as error:
            if self.trouble is None:
                log.error("cannot keep the states of alerts in %s: %s; a restart may repeat them", self._path, error)
            self.trouble = f"cannot keep the states of alerts in {self._path}: {error.strerror}"
            return
        self.trouble, self._changed = None, False
        self._receipts.clear()
