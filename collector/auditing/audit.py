"""Ledger against store: what became of every message that was published.

Every term is counted on its own and none is a remainder: per distinct message
`published = stored + rejected + missing`; per delivery `received = stored + rejected + duplicate + conflict + pending`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from collector.auditing.faults import explained
from collector.intake.positions import Ranges, short
from collector.language.errors import InputError
from collector.language.ledger import Effect, Entry, Fault, Ledger
from collector.language.time import parse_time
from collector.language.topics import Kind
from collector.stores.protocol import Fate, Promise, Rejection, Store

LOSSES_NAMED = 1000


@dataclass(frozen=True, slots=True)
class Loss:
    """Consecutive messages of a station that are missing: their numbers, and the times they were about."""

    station: str
    first: int
    last: int
    since: str
    until: str
    cause: str = "unexplained"

    @property
    def messages(self) -> int:
        """How many messages."""
        return self.last - self.first + 1


@dataclass(slots=True)
class Account:
    """The messages of one station (or of all), each counted in exactly one of stored, rejected and missing.

    `mended` are those of the stored that had been rejected first and were replayed; they are not counted as rejected.
    `differing` are stored messages whose bytes are not those of the ledger and that were not mended;
    `values_published` and `values_stored` are the values in the readings that are stored, by the ledger and by the
    store. `malformed` are those of the rejected that a fault of the ledger spoilt on purpose: rejected as they should
    be; `injected` and `expired` those of the missing that a fault explains.
    """

    published: int = 0
    stored: int = 0
    rejected: int = 0
    malformed: int = 0
    missing: int = 0
    injected: int = 0
    expired: int = 0
    mended: int = 0
    differing: int = 0
    values_published: int = 0
    values_stored: int = 0

    @property
    def unexplained(self) -> int:
        """How many of the missing nothing explains."""
        return self.missing - self.injected - self.expired

    def add(self, other: Account) -> None:
        """Add up."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an audit found.

    `missing` splits the missing messages by their cause, `losses` names them, `unrecorded` are stored messages of the
    session that the ledger does not know, `doubts` are remarks in full sentences.
    """

    run: str
    session: str
    total: Account
    stations: Mapping[str, Account]
    missing: Mapping[str, int]
    unrecorded: int
    conflicts: int
    pending: int
    deliveries: Mapping[str, int]
    losses: Sequence[Loss]
    doubts: Sequence[str] = field(default_factory=tuple)

    @property
    def accounted_for(self) -> bool:
        """Whether every message is where it should be, once, and as it was said."""
        total = self.total
        return not (
            self.missing["unexplained"]
            or self.unrecorded
            or self.conflicts
            or self.pending
            or total.differing
            or total.values_published != total.values_stored
            or total.published != total.stored + total.rejected + total.missing
        )

    def told(self) -> dict[str, Any]:
        """The verdict as plain data, for JSON."""
        return {
            "run": self.run,
            "session": self.session,
            "accounted_for": self.accounted_for,
            "total": asdict(self.total),
            "missing": dict(self.missing),
            "unrecorded": self.unrecorded,
            "conflicts": self.conflicts,
            "pending": self.pending,
            "deliveries": dict(self.deliveries),
            "losses": [asdict(loss) | {"messages": loss.messages} for loss in self.losses],
            "stations": {name: asdict(account) for name, account in self.stations.items()},
            "doubts": list(self.doubts),
        }


def audit(ledger: Ledger, store: Store) -> Verdict:
    """The verdict on a ledger against a store.

    Raises `InputError` if the store knows nothing of the run and the ledger is not empty.
    """
    run, session = ledger.header.run, ledger.header.session
    held = {
        (position.stream.city, position.stream.station): (Ranges(position.ranges), position.recent)
        for position in store.positions(run)
        if position.stream.session == session
    }
    kept_apart = store.rejections(run)
    _refuse_a_stranger(ledger, bool(held or kept_apart), store)
    stations, missing = _count(ledger.entries, held, kept_apart, _causes(ledger))
    _count_values(stations, store, run)
    total = Account()
    for account in stations.values():
        total.add(account)
    return Verdict(
        run=run,
        session=session,
        total=total,
        stations=stations,
        missing={"injected": total.injected, "expired": total.expired, "unexplained": total.unexplained},
        unrecorded=sum(ranges.count for ranges, _ in held.values()) - total.stored,
        conflicts=sum(one.fate is Fate.CONFLICT for one in kept_apart),
        pending=store.pending(),
        deliveries={fate.value: count for fate, count in store.counts(run).items()},
        losses=_losses(missing)[:LOSSES_NAMED],
        doubts=_doubts(ledger, total, store.promise),
    )


def _refuse_a_stranger(ledger: Ledger, known: bool, store: Store) -> None:
    if known or not ledger.entries:
        return
    runs = [info.run for info in store.runs()]
    if ledger.header.run not in runs:
        there = ", ".join(runs[-5:]) or "none"
        raise InputError(
            f"{store.url} knows nothing of the run {ledger.header.run!r} (it holds: {there}); is it the right store?"
        )


Held = Mapping[tuple[str, str], tuple[Ranges, Mapping[int, int]]]
Causes = Mapping[tuple[str, int], Fault]
Missing = tuple[Entry, str]


def _causes(ledger: Ledger) -> Causes:
    """The faults that explain why a message is not stored, by station and number."""
    if not ledger.faults:
        return {}
    names: dict[str, int] = {}
    station = np.array([names.setdefault(_name(entry), len(names)) for entry in ledger.entries], dtype=np.int64)
    seq = np.array([entry.seq for entry in ledger.entries], dtype=np.int64)
    time = np.array([parse_time(entry.first) * 1_000 for entry in ledger.entries], dtype=np.int64)
    found = explained(ledger.faults, tuple(names), station, seq, time)
    return {
        (_name(ledger.entries[row]), ledger.entries[row].seq): ledger.faults[found[effect][row]]
        for effect in (Effect.MALFORMED, Effect.EXPIRED, Effect.MISSING)
        for row in np.flatnonzero(found[effect] >= 0).tolist()
    }


def _count(
    entries: Iterable[Entry], held: Held, kept_apart: Sequence[Rejection], causes: Causes
) -> tuple[dict[str, Account], list[Missing]]:
    rejected = {(one.topic, one.digest) for one in kept_apart if one.fate is Fate.REJECTED}
    nothing: tuple[Ranges, Mapping[int, int]] = (Ranges(), {})
    stations: defaultdict[str, Account] = defaultdict(Account)
    missing = []
    for entry in entries:
        account = stations[_name(entry)]
        account.published += 1
        was_rejected = (entry.address.topic, entry.digest) in rejected
        ranges, recent = held.get((entry.address.city, entry.address.station), nothing)
        if entry.seq in ranges:
            account.stored += 1
            account.mended += was_rejected
            account.differing += not was_rejected and recent.get(entry.seq, short(entry.digest)) != short(entry.digest)
            if entry.address.kind is Kind.READINGS:
                account.values_published += entry.values
        elif was_rejected:
            account.rejected += 1
            fault = causes.get((_name(entry), entry.seq))
            account.malformed += fault is not None and fault.effect is Effect.MALFORMED
        else:
            missing.append((entry, _miss(account, causes.get((_name(entry), entry.seq)))))
    return dict(sorted(stations.items())), missing


def _miss(account: Account, fault: Fault | None) -> str:
    """Count a missing message by its cause, and tell that."""
    account.missing += 1
    if fault is None or fault.effect is Effect.MALFORMED:
        return "unexplained"
    account.injected += fault.effect is Effect.MISSING
    account.expired += fault.effect is Effect.EXPIRED
    return f"{fault.kind} ({fault.id})"


def _count_values(stations: Mapping[str, Account], store: Store, run: str) -> None:
    """Count the stored values of each station; those of other sessions of the run are counted too, and show."""
    table = store.series(run).select(["city", "pillar", "station", "readings"])
    counts: Counter[str] = Counter()
    for row in table.to_pylist():
        counts[f"{row['city']}/{row['pillar']}/{row['station']}"] += row["readings"]
    for name, account in stations.items():
        account.values_stored = counts[name]


def _losses(missing: Sequence[Missing]) -> list[Loss]:
    losses: list[Loss] = []
    for entry, cause in sorted(missing, key=lambda one: (_name(one[0]), one[0].seq)):
        before = losses[-1] if losses else None
        name = _name(entry)
        if before is not None and (before.station, before.last, before.cause) == (name, entry.seq - 1, cause):
            losses[-1] = replace(before, last=entry.seq, until=entry.last)
        else:
            losses.append(Loss(name, entry.seq, entry.seq, entry.first, entry.last, cause))
    return sorted(losses, key=lambda loss: (loss.cause != "unexplained", -loss.messages, loss.station, loss.first))


def _doubts(ledger: Ledger, total: Account, promise: Promise) -> tuple[str, ...]:
    doubts = []
    if not ledger.closed:
        doubts.append(
            "The publisher did not end in order: its last messages may never have reached the broker, "
            "and count as missing."
        )
    if ledger.torn:
        doubts.append("The last line of the ledger is torn; it is left out.")
    if total.mended:
        messages = "message was" if total.mended == 1 else "messages were"
        doubts.append(f"{total.mended} of the stored {messages} rejected first, then mended and replayed.")
    if total.values_published != total.values_stored:
        doubts.append(
            f"The stored messages carried {total.values_published} values by the ledger, "
            f"the store holds {total.values_stored}."
        )
    if promise is Promise.IDEMPOTENT:
        doubts.append(
            "The store is idempotent: its counts of deliveries, of duplicates above all, are estimates where several "
            "collectors write or one was killed."
        )
    return tuple(doubts)


def _name(entry: Entry) -> str:
    return f"{entry.address.city}/{entry.address.pillar}/{entry.address.station}"
