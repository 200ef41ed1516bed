"""What an audit of a consumer found: accounts by station, when it happened, what was done, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from collector.auditing.diagnosis import Diagnosis

STATES = ("right", "faulted", "altered", "corrupted", "rejected", "injected", "expired", "lost")
LOSSES_NAMED = 1000


@dataclass(frozen=True, slots=True)
class Account:
    """The readings (or messages) of one station, each counted in exactly one of the first eight terms.

    right: as it was said. faulted: differs, and a fault of the ledger says so. altered: differs, and a diagnosis names
    how. corrupted: differs, nothing says why. rejected: not there, and rightly so: it was malformed on purpose.
    injected, expired: not there because of a fault. lost: not there, nothing says why.

    `duplicated` are rows too many, `duplicates_injected` those that a fault sent twice, `strangers` rows of the station
    that nobody said, `accepted` malformed ones that are there. `reordered` and `late` are of those that arrived, None
    where the sink does not tell when; `latency` the seconds at 50, 95 and 99 %.
    """

    published: int
    right: int
    faulted: int
    altered: int
    corrupted: int
    rejected: int
    injected: int
    expired: int
    lost: int
    duplicated: int = 0
    duplicates_injected: int = 0
    strangers: int = 0
    accepted: int = 0
    reordered: int | None = None
    late: int | None = None
    late_injected: int = 0
    latency: tuple[float, float, float] | None = None

    @property
    def accounted_for(self) -> bool:
        """Whether nothing is wrong that no fault explains, and all terms add up."""
        wrong = self.altered + self.corrupted + self.lost + self.duplicated + self.strangers + self.accepted
        return not wrong and not self.late and self.published == sum(getattr(self, name) for name in STATES)


@dataclass(frozen=True, slots=True)
class Gap:
    """Consecutive messages of a station of which something is missing: how many readings, and why if it is known."""

    station: str
    first: int
    last: int
    since: str
    until: str
    missing: int
    cause: str = "unexplained"


@dataclass(frozen=True, slots=True)
class Timeline:
    """When it happened, by the time of the readings: `width` seconds a bucket, and counts (one for each bucket)."""

    start: str
    width: float
    published: Sequence[int]
    lost: Sequence[int]
    excused: Sequence[int]
    wrong: Sequence[int]
    duplicated: Sequence[int]


@dataclass(frozen=True, slots=True)
class Findings:
    """What became of what a ledger tells, by one consumer.

    `unit` is what is counted: readings or messages. `ignored` are rows of other stations, indicators, sessions or
    times, `unreadable` rows that make no sense; `doubts` are remarks in full sentences.
    """

    run: str
    session: str
    sink: str
    unit: str
    total: Account
    stations: Mapping[str, Account]
    timeline: Timeline
    diagnoses: Sequence[Diagnosis]
    gaps: Sequence[Gap]
    faults: Mapping[str, int]
    ignored: int = 0
    unreadable: int = 0
    doubts: Sequence[str] = field(default_factory=tuple)

    @property
    def accounted_for(self) -> bool:
        """Whether all is there once and as it was said, but for what the faults explain."""
        return self.total.accounted_for and not self.unreadable

    def told(self) -> dict[str, Any]:
        """The findings as plain data, for JSON."""
        plain = asdict(self)
        plain["gaps"] = plain["gaps"][:LOSSES_NAMED]
        return {"accounted_for": self.accounted_for} | plain
