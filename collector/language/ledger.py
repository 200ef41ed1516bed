"""The ledger: what a publisher said, written down before it is said, so that an audit can ask for each message.

JSON lines. The first line says whose ledger it is; then a line for each message, before it is handed to the broker;
then, when the publisher ends in order, a last line that closes the book. Between the messages stand the faults that
were injected and the steps of an acceptance plan, in the order in which they came about.

    {"ledger": 1, "run": "demo-...", "session": "9f3c", "origin": "simulated", "scenario": "demo", ...}
    {"to": "chiang-mai/environment/aq-01", "kind": "readings", "seq": 0, "values": 2, "first": "...", "last": "...",
     "digest": "5f3a...", "at": 1772352000.123, "said": {"session": "9f3c", "seq": 0, "time": "...", "pm25": 83.2}}
    {"fault": "silence", "id": "f1", "where": ["chiang-mai/environment/*"], "from": "...", "until": "...",
     "seq": {"chiang-mai/environment/aq-01": [10, 19]}, "effect": "missing", "cause": "a power cut"}
    {"step": "restart the consumer", "at": 1772352009.5, "exit": 0}
    {"closed": "2026-03-01T08:00:00Z", "messages": 2880, "connections": 3, "schedule": {"p50": 0.001, "...": 0}}

`digest` is that of the bytes handed to the broker, `at` the wall's time of it (seconds since 1970), `said` what the
message tells as wire version 1, whatever format it was sent in: the truth that a consumer without numbers is compared
with. A message that a fault holds back or spoils has its line too; the fault's line says what became of it.
Ledgers without `at`, `said`, faults and steps are read as well.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from collector.language.codec import hex_digest
from collector.language.errors import LedgerError
from collector.language.messages import Event, Message, Readings
from collector.language.topics import Address, Kind

VERSION = 1
SAID, END = b', "said": ', b"}\n"


@dataclass(frozen=True, slots=True)
class Header:
    """Whose ledger it is. `facts` are whatever else helps to reproduce the run (scenario, digest, seed, versions)."""

    run: str
    session: str
    origin: str
    facts: dict[str, Any] = field(default_factory=dict)


class Effect(StrEnum):
    """What a consumer that does everything right shows of a fault, for the messages that the fault names."""

    MISSING = "missing"  # never handed to the broker, or at QoS 0 to a connection that broke
    EXPIRED = "expired"  # the broker was told to drop them after a time
    MALFORMED = "malformed"  # to be rejected
    DUPLICATED = "duplicated"
    REORDERED = "reordered"
    LATE = "late"
    ALTERED = "altered"  # what was sent is not what `said` holds
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that was injected: what, where, when, and what should be seen of it.

    `where` are patterns over `city/pillar/station`. `since` and `until` span the times of the readings concerned (ISO
    8601, the end included), empty where `seq` (first and last number by station) says it. `facts` is the rest.
    """

    kind: str
    id: str
    where: tuple[str, ...]
    effect: Effect
    since: str = ""
    until: str = ""
    seq: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def concerns(self, station: str) -> bool:
        """Whether a station (`city/pillar/station`) is meant."""
        return any(fnmatchcase(station, pattern) for pattern in self.where)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of an acceptance plan: its name, when it was taken (seconds since 1970 by the wall), what came of it."""

    name: str
    at: float
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One message said: to which topic, its number, how many values it carried, the times it spans, its digest.

    `said` is what it tells, as JSON of wire version 1; `at` when it was written down (seconds since 1970 by the wall).
    Both are None in a ledger that does not keep them, and are no part of what makes two entries the same.
    """

    address: Address
    seq: int
    values: int
    first: str
    last: str
    digest: int
    said: str | None = field(default=None, compare=False)
    at: float | None = field(default=None, compare=False)


Record = tuple[Message, bytes, bytes | None]
"""A message to write down, the bytes it is published as, and its JSON of the wire where that is another."""


class LedgerWriter:
    """Writes a ledger: `record` before publishing, `close` at the end. A file that exists is never overwritten.

    More than one thread may write. What is written is with the system when a call returns, so that no end of this
    process loses it; it is on the disk when the ledger is closed. Raises `LedgerError` when the system takes no more.
    Without `keep` it leaves out what the messages say: smaller by half, and a consumer without numbers can then only
    be asked for the times of readings, not for their values.
    """

    def __init__(self, path: Path, header: Header, *, keep: bool = True) -> None:
        self._keep = keep
        self._path = path
        self._lock = threading.RLock()
        self._messages = 0
        try:
            self._file = path.open("xb", buffering=0)  # each line is with the system before its message is published
        except FileExistsError:
            raise LedgerError(f"{path} exists; a ledger is never overwritten: name another file") from None
        except OSError as error:
            raise LedgerError(f"cannot write the ledger {path}: {error.strerror}") from None
        self._write(
            {"ledger": VERSION, "run": header.run, "session": header.session, "origin": header.origin} | header.facts
        )

    def record(self, message: Message, payload: bytes, said: bytes | None = None) -> None:
        """Write down a message that is about to be published as `payload`; `said` is its JSON where that is another."""
        self.record_all([(message, payload, said)])

    def record_all(self, records: Sequence[Record]) -> None:
        """Write down messages that are about to be published, all of them at once."""
        now = f"{time.time():.3f}"
        parts: list[bytes] = []
        for message, payload, said in records:
            parts.append(_head(message, payload, now))
            if self._keep:
                parts += SAID, payload if said is None else said
            parts.append(END)
        with self._lock:
            self._put(b"".join(parts))
            self._messages += len(records)

    def fault(self, fault: Fault) -> None:
        """Write down a fault; once it is over, or again under the same id when more is known: the last line counts."""
        told = {"fault": fault.kind, "id": fault.id, "where": fault.where, "from": fault.since, "until": fault.until}
        self._write(dict(fault.facts) | told | {"seq": dict(fault.seq), "effect": fault.effect.value})

    def step(self, name: str, **facts: Any) -> None:
        """Write down a step of an acceptance plan, taken now."""
        self._write({"step": name, "at": round(time.time(), 3)} | facts)

    def close(self, closed: str, **facts: Any) -> None:
        """Close the book at a time (ISO 8601), with what else is known: every message was handed over."""
        with self._lock:
            self._write({"closed": closed, "messages": self._messages} | facts)
            self.abandon()

    def abandon(self) -> None:
        """Leave the book open: what was written stays, an audit says that the publisher did not end in order."""
        with self._lock:
            os.fsync(self._file.fileno())
            self._file.close()

    def _write(self, told: dict[str, Any]) -> None:
        self._put((json.dumps(told, ensure_ascii=False) + "\n").encode())

    def _put(self, left: bytes) -> None:
        with self._lock:
            try:
                while left:  # a disk that fills up takes a part of a line, and refuses the rest
                    left = left[self._file.write(left) or 0 :]
            except OSError as error:
                raise LedgerError(
                    f"the ledger {self._path} takes nothing more ({error.strerror}), and what it does not hold is not "
                    "sent: make room, and say it again under another name"
                ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._file.closed:
            self.abandon()


def _head(message: Message, payload: bytes, now: str) -> bytes:
    """The beginning of the line of a message that is written down now (seconds since 1970)."""
    if message.seq is None:
        raise ValueError("only numbered messages go into a ledger")
    at = message.address
    first, last = _span(message)
    return (
        f'{{"to": "{at.city}/{at.pillar}/{at.station}", "kind": "{at.kind.value}", "seq": {message.seq}, '
        f'"values": {message.values}, "first": "{first}", "last": "{last}", '
        f'"digest": "{hex_digest(payload)}", "at": {now}'
    ).encode()


def _span(message: Message) -> tuple[str, str]:
    """The times of the first and the last thing that a message tells."""
    body = message.body
    if isinstance(body, Readings):
        first = _shown(body.times.item(0))
        return first, first if len(body.times) == 1 else _shown(body.times.item(-1))
    return (_shown((body.time if isinstance(body, Event) else body.published).item()),) * 2


@lru_cache(maxsize=4_096)
def _shown(moment: Any) -> str:
    """ISO 8601 text ending in Z of a time in UTC; the stations of a city speak at the same times."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


@dataclass(frozen=True, slots=True)
class Ledger:
    """A ledger that was read: `closed` is False if the publisher did not end in order, `torn` if its last line is."""

    header: Header
    entries: list[Entry]
    closed: bool
    torn: bool
    faults: tuple[Fault, ...] = ()
    steps: tuple[Step, ...] = ()


def read_ledger(path: Path) -> Ledger:
    """The ledger in a file. Raises `LedgerError` with the line that is wrong; a torn last line is no error."""
    try:
        lines = path.read_text("utf-8").split("\n")
    except FileNotFoundError:
        raise LedgerError(f"no such ledger: {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerError(f"cannot read the ledger {path}: {error}") from None
    torn = lines[-1] != ""
    header = _header(path, lines[0])
    entries: list[Entry] = []
    faults: dict[str, Fault] = {}
    steps: list[Step] = []
    closed = False
    for told, said, spoilt in _objects(path, lines[1:-1]):
        try:
            if "to" in told:
                entries.append(_entry(header.run, told, said))
            elif "fault" in told:
                fault = _fault(told)
                faults[fault.id] = fault
            elif "step" in told:
                steps.append(Step(told.pop("step"), float(told.pop("at")), told))
            elif "closed" in told:
                closed = True
            else:
                raise spoilt
        except (KeyError, ValueError, TypeError, AttributeError):
            raise spoilt from None
    return Ledger(header, entries, closed, torn, tuple(faults.values()), tuple(steps))


def _objects(path: Path, lines: list[str]) -> Iterator[tuple[dict[str, Any], str | None, LedgerError]]:
    """Each line: its object without what was said, that as it stands, and the error to raise if it makes no sense."""
    for number, line in enumerate(lines, start=2):
        head, mark, said = line.partition(', "said": ') if line.startswith('{"to"') else (line, "", "")
        spoilt = LedgerError(f"{path} line {number}: expected the entry of a message, a fault, a step or the end")
        try:
            told = _plain(head + "}" if mark else head)
        except ValueError:
            raise spoilt from None
        if not isinstance(told, dict):
            raise spoilt
        yield told, said[:-1] if mark else None, spoilt


_plain = json.JSONDecoder().decode


def _header(path: Path, line: str) -> Header:
    try:
        told = json.loads(line)
        version = told.pop("ledger")
        header = Header(told.pop("run"), told.pop("session"), told.pop("origin"), told)
    except (ValueError, KeyError, AttributeError):
        raise LedgerError(f"{path} is not a ledger: its first line does not say whose it is") from None
    if version != VERSION:
        raise LedgerError(f"{path} is a ledger of version {version}; this Nakhon reads version {VERSION}")
    return header


def _entry(run: str, told: dict[str, Any], said: str | None) -> Entry:
    address = _address(run, told["to"], told["kind"])
    span = told["first"], told["last"]
    return Entry(address, int(told["seq"]), int(told["values"]), *span, int(told["digest"], 16), said, told.get("at"))


@lru_cache(maxsize=65_536)
def _address(run: str, place: str, kind: str) -> Address:
    city, pillar, station = place.split("/")
    return Address(run, city, pillar, station, Kind(kind))


def _fault(told: dict[str, Any]) -> Fault:
    where = told.pop("where")
    spans = {station: (int(first), int(last)) for station, (first, last) in (told.pop("seq", None) or {}).items()}
    return Fault(
        kind=str(told.pop("fault")),
        id=str(told.pop("id")),
        where=(where,) if isinstance(where, str) else tuple(map(str, where)),
        effect=Effect(told.pop("effect")),
        since=told.pop("from", None) or "",
        until=told.pop("until", None) or "",
        seq=spans,
        facts=told,
    )
