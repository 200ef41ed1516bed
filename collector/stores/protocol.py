"""What every store promises, and the data that go in and out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import pyarrow as pa

from collector.language.messages import Event, Message, Readings, Statistic
from collector.language.profile import CityProfile, StationProfile, Status
from collector.language.topics import Address, CityAddress

Body = Readings | Event | Statistic


class Promise(StrEnum):
    """How a store keeps "exactly once": see `docs/delivery.md`."""

    TRANSACTIONAL = "transactional"
    APPEND = "append"
    IDEMPOTENT = "idempotent"


class Fate(StrEnum):
    """Where a delivered message ended; every delivery has exactly one fate."""

    STORED = "stored"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Stream:
    """Everything one station said in one session of its publisher: numbered from 0 without gaps."""

    run: str
    city: str
    station: str
    session: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message to store: decoded, new, with the digest of its bytes. Times are seconds since 1970 by the wall."""

    message: Message
    digest: int
    received: float
    published: float | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A message that is kept outside the readings, with its bytes (bounded) and the reason.

    `fate` is rejected (it does not follow the wire) or conflict (its number is taken by other bytes); `size` is
    the length of the whole payload, `digest` the digest of all of it.
    """

    topic: str
    payload: bytes
    size: int
    digest: int
    reason: str
    received: float
    fate: Fate = Fate.REJECTED
    run: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is committed together. `counts` are deliveries by run and fate, of every fate, to be added up."""

    accepted: Sequence[Accepted] = ()
    rejected: Sequence[Rejection] = ()
    births: Sequence[tuple[Address | CityAddress, Status]] = ()
    counts: dict[tuple[str, Fate], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a stream is stored: the ranges of numbers (first, last) held, and the digests of recent ones."""

    stream: Stream
    ranges: tuple[tuple[int, int], ...]
    recent: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run in the store: where its readings come from, and what times they span (seconds since 1970)."""

    run: str
    origin: str
    scenario: str | None
    digest: str | None
    first: int | None
    last: int | None
    readings: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Which values to read.

    Empty tuples mean all. `start` and `end` are seconds since 1970, [start, end). With a `bucket` (seconds, a
    multiple of 1800) values are combined per city as each indicator says of a bucket and of its stations, aligned to
    each city's local midnight if `local`; without, they are raw. `known_at` asks for statistics as they were known at
    that time. Values out of their bounds are left out unless `flagged`, and those that carry a flag of the kinds in
    `without` (`collector.quality.kinds`) always. Raw values tell all they carry in `quality`.
    """

    indicators: tuple[str, ...]
    cities: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    stations: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None
    bucket: int | None = None
    local: bool = True
    known_at: int | None = None
    flagged: bool = False
    without: tuple[str, ...] = ()


class Store(Protocol):
    """A place where readings are kept.

    Every table returned is Arrow; times are `timestamp[s]` in UTC. Errors are `StoreError` and its kin.
    """

    url: str
    promise: Promise

    def objection(self, message: Message) -> str | None:
        """Why the store can never keep a message, None if it can: it is rejected then, and blocks nothing."""

    def write(self, batch: Batch) -> None:
        """Return when the whole batch is durable; raise and keep nothing of it otherwise."""

    def maintain(self) -> None:
        """Do what may wait (rollups, folding); called every few seconds by whoever writes, quick if nothing is due."""

    def known(self, messages: Sequence[Message]) -> list[Body | None]:
        """What is stored under the keys of each message, None where nothing is: for messages without a number.

        Of readings the body has the same times and columns, NaN where nothing is stored; an event is looked up by its
        id, a statistic by its period and revision. What was stored first is what is told.
        """

    def positions(self, run: str | None = None) -> list[Position]:
        """How far every stream (of a run) is stored."""

    def rejections(self, run: str | None = None, limit: int = 100_000) -> list[Rejection]:
        """The newest messages kept outside the readings, oldest first; payloads as kept."""

    def counts(self, run: str) -> dict[Fate, int]:
        """How many deliveries of a run came to each fate, ever."""

    def pending(self) -> int:
        """How many messages have arrived and are not stored yet; 0 of a file, for nobody else may write to it."""

    def runs(self) -> list[RunInfo]:
        """The runs in the store, oldest first."""

    def cities(self, run: str) -> list[tuple[CityProfile, Status]]:
        """The cities of a run with their newest status; a city that sent no birth has no entry."""

    def stations(self, run: str) -> list[StationProfile]:
        """The stations of a run that sent a birth."""

    def series(self, run: str | None = None) -> pa.Table:
        """One row per series: run, city, pillar, station, indicator, origin, registered, readings, first, last."""

    def read(self, selection: Selection) -> pa.Table:
        """Values: run, city, indicator, origin, time, value, n (bucketed), or also station and quality (raw)."""

    def latest(self, run: str) -> pa.Table:
        """The last value of each series: city, pillar, station, indicator, time, value, quality."""

    def close(self) -> None:
        """Finish what is pending (rollups) and let go of the store."""
