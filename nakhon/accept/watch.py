"""What the consumer holds: asked again and again while the load goes on, and once thoroughly at the end."""

from __future__ import annotations

import contextlib
import math
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from collector.auditing.audit import Verdict
from collector.auditing.faults import explained
from collector.auditing.findings import Findings
from collector.language.errors import InputError, NakhonError
from collector.language.ledger import Effect, Ledger, read_ledger
from collector.language.time import parse_time
from collector.stores import open_store
from nakhon.auditing import findings_of, verdict_of

EVERY = 0.5
GLANCE = 0.1
SHARE = 4.0  # at most a fourth of the time goes into asking


@dataclass(frozen=True, slots=True)
class Lost:
    """Consecutive messages of a station of which something is not there, and why if it is known."""

    station: str
    first: int
    last: int
    since: str
    until: str
    count: int
    cause: str


@dataclass(frozen=True, slots=True)
class Held:
    """What a consumer made of a ledger: measures by name (None where it does not tell), losses, remarks."""

    unit: str
    measures: Mapping[str, float | None]
    losses: Sequence[Lost]
    remarks: Sequence[str]
    told: Mapping[str, Any]


def held(ledger: Ledger, source: str, *, is_sink: bool) -> Held:
    """Ask a consumer for everything in a ledger. Raises `NakhonError` as the audit does."""
    if is_sink:
        with _recording(Path(source)) as path:
            return _of_findings(findings_of(ledger, path))
    return _of_verdict(verdict_of(ledger, source), ledger)


@contextlib.contextmanager
def _recording(path: Path) -> Iterator[Path]:
    """The path; for a recording into which nothing was written yet, that of one which says so."""
    if path.suffix != ".jsonl" or not path.is_file() or path.stat().st_size:
        yield path
        return
    with tempfile.NamedTemporaryFile("w", suffix=path.suffix) as empty:
        empty.write('{"capture": 1}\n')
        empty.flush()
        yield Path(empty.name)


def _of_findings(found: Findings) -> Held:
    total = found.total
    names = ("published", "lost", "injected", "expired", "rejected", "accepted", "duplicated", "strangers")
    measures: dict[str, float | None] = {name: getattr(total, name) for name in names}
    measures |= {"reordered": total.reordered, "late": total.late, "corrupted": total.corrupted}
    measures |= {"altered": total.altered, "stored": total.right + total.faulted, "pending": 0}
    measures["missing"] = total.lost + total.injected + total.expired
    measures["malformed"] = total.rejected + total.accepted
    if total.latency is not None:
        measures |= dict(zip(("p50", "p95", "p99"), total.latency, strict=True))
    losses = [Lost(g.station, g.first, g.last, g.since, g.until, g.missing, g.cause) for g in found.gaps]
    remarks = [*(one.text for one in found.diagnoses), *found.doubts]
    return Held(found.unit, measures, losses, remarks, found.told())


def _of_verdict(found: Verdict, ledger: Ledger) -> Held:
    total = found.total
    measures: dict[str, float | None] = {
        "published": total.published,
        "stored": total.stored,
        "missing": total.missing,
        "lost": total.unexplained,
        "injected": total.injected,
        "expired": total.expired,
        "rejected": total.rejected,
        "malformed": spoilt(ledger),
        "accepted": max(0, spoilt(ledger) - total.malformed),
        "duplicated": max(0, total.values_stored - total.values_published),
        "corrupted": total.differing,
        "altered": 0,
        "strangers": found.unrecorded,
        "conflicts": found.conflicts,
        "pending": found.pending,
    }
    losses = [Lost(g.station, g.first, g.last, g.since, g.until, g.messages, g.cause) for g in found.losses]
    return Held("messages", measures, losses, list(found.doubts), found.told())


def spoilt(ledger: Ledger) -> int:
    """How many messages of a ledger a fault spoilt on purpose."""
    if not any(fault.effect is Effect.MALFORMED for fault in ledger.faults):
        return 0
    names: dict[str, int] = {}
    entries = ledger.entries
    station = np.array([names.setdefault(_place(one), len(names)) for one in entries], dtype=np.int64)
    seq = np.array([one.seq for one in entries], dtype=np.int64)
    at = np.array([parse_time(one.first) * 1_000 for one in entries], dtype=np.int64)
    found = explained(ledger.faults, tuple(names), station, seq, at)
    return int((found[Effect.MALFORMED] >= 0).sum())


def _place(entry: Any) -> str:
    return f"{entry.address.city}/{entry.address.pillar}/{entry.address.station}"


def before(ledger: Ledger, moment: float) -> Ledger:
    """Only what was said until a moment (seconds since 1970)."""
    return replace(ledger, entries=[one for one in ledger.entries if one.at is not None and one.at <= moment])


@dataclass(slots=True)
class Arrivals:
    """When each message was first seen in a running collector: its latency is at most so long."""

    url: str
    seen: dict[tuple[str, str], dict[int, float]] = field(default_factory=dict)
    looks: list[float] = field(default_factory=list)

    @property
    def resolution(self) -> float | None:
        """How many seconds lay between two looks, half of the time at most."""
        gaps = sorted(later - sooner for sooner, later in pairwise(self.looks))
        return gaps[len(gaps) // 2] if gaps else None

    def look(self, run: str, session: str) -> None:
        """See what has come. Raises `NakhonError` if the collector does not answer."""
        store = open_store(self.url, read_only=True)
        try:
            positions = store.positions(run)
        finally:
            store.close()
        now = time.time()
        self.looks.append(now)
        for one in positions:
            if one.stream.session == session:
                known = self.seen.setdefault((one.stream.city, one.stream.station), {})
                for first, last in one.ranges:
                    if first not in known or last not in known:
                        known.update(dict.fromkeys(set(range(first, last + 1)) - known.keys(), now))

    def latencies(self, ledger: Ledger, since: float) -> list[float]:
        """At most how many seconds each message took that was said after a moment and came."""
        nothing: dict[int, float] = {}
        return [
            came - one.at
            for one in ledger.entries
            if one.at is not None and one.at >= since
            and (came := self.seen.get((one.address.city, one.address.station), nothing).get(one.seq)) is not None
        ]  # fmt: skip


@dataclass(slots=True)
class Look:
    """What was not there at a moment (seconds since 1970), None where the consumer did not answer."""

    at: float
    missing: int | None


class Watch:
    """Asks a consumer, while a load goes on, how much of what was said it has not got; and when all came back."""

    def __init__(self, ledger: Path, whose: tuple[str, str], source: str, *, is_sink: bool, is_open: bool) -> None:
        self._ledger, self._source, self._is_sink = ledger, source, is_sink
        self._whose = whose
        self._can = is_open
        self._open: dict[str, float] = {}
        self._over = threading.Event()
        self.looks: list[Look] = []
        self.recovered: dict[str, float | None] = {}
        self.arrivals = None if is_sink or not source.startswith(("http://", "https://")) else Arrivals(source)
        work = [self._run] if self.arrivals is None else [self._run, self._glance]
        self._threads = [threading.Thread(target=one, name="watch", daemon=True) for one in work]

    def start(self) -> None:
        """Begin to ask, if the consumer can be asked while it works."""
        if self._can:
            for thread in self._threads:
                thread.start()

    def after(self, step: str, moment: float) -> None:
        """From now on see when all is there that was said before a moment."""
        self.recovered[step] = None
        self._open[step] = moment

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(60)

    def _run(self) -> None:
        while True:
            began = time.monotonic()
            self._look()
            if self._over.wait(max(EVERY, SHARE * (time.monotonic() - began))):
                return

    def _glance(self) -> None:
        """See at short intervals what has come, to know when."""
        if self.arrivals is None:
            return
        while True:
            began = time.monotonic()
            with contextlib.suppress(NakhonError):
                self.arrivals.look(*self._whose)
            if self._over.wait(max(GLANCE, time.monotonic() - began)):
                return

    def _look(self) -> None:
        asked = time.time()
        try:
            ledger = read_ledger(self._ledger)
            missing = self._missing(before(ledger, asked))
            self.looks.append(Look(asked, missing))
            for step, moment in list(self._open.items()):
                if self._missing(before(ledger, moment)) == 0:
                    self.recovered[step] = max(0.0, time.time() - moment)
                    del self._open[step]
        except NakhonError:
            self.looks.append(Look(asked, None))

    def _missing(self, ledger: Ledger) -> int:
        if not ledger.entries:
            return 0
        try:
            return int(held(ledger, self._source, is_sink=self._is_sink).measures["lost"] or 0)
        except InputError as error:
            if "knows no" in str(error):  # nothing of the run has come yet
                return len(ledger.entries)
            raise

    def settle(self, seconds: float, over: Callable[[], bool]) -> None:
        """Wait until all is there, at most so long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not over():
            since = time.time()
            if self._can and self.looks and self.looks[-1].missing == 0 and not self._open:
                return
            while time.time() - since < EVERY and time.monotonic() < deadline and not over():
                time.sleep(0.05)


def percentiles(latencies: Sequence[float]) -> dict[str, float | None]:
    """The 50th, 95th and 99th percentile."""
    if not latencies:
        return {}
    ordered = sorted(latencies)
    return {f"p{share}": ordered[math.ceil(share / 100 * len(ordered)) - 1] for share in (50, 95, 99)}
