"""The ledger: what a publisher said, written down before it is said, so that an audit can ask for each message.

JSON lines. The first line says whose ledger it is; then a line for each message, before it is handed to the broker;
then, when the publisher ends in order, a last line that closes the book.

    {"ledger": 1, "run": "demo-...", "session": "9f3c", "origin": "simulated", "scenario": "demo", ...}
    {"to": "chiang-mai/environment/aq-01", "kind": "readings", "seq": 0, "values": 2, "first": "...", "last": "...",
     "digest": "5f3a..."}
    {"closed": "2026-03-01T08:00:00Z", "messages": 2880}
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import numpy as np

from collector.language.codec import digest
from collector.language.errors import LedgerError
from collector.language.messages import Event, Message, Readings, Statistic
from collector.language.time import format_epoch
from collector.language.topics import Address, Kind

VERSION = 1


@dataclass(frozen=True, slots=True)
class Header:
    """Whose ledger it is. `facts` are whatever else helps to reproduce the run (scenario, digest, seed, versions)."""

    run: str
    session: str
    origin: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One message said: to which topic, its number, how many values it carried, the times it spans, its digest."""

    address: Address
    seq: int
    values: int
    first: str
    last: str
    digest: int


def entry_of(message: Message, payload: bytes) -> Entry:
    """The entry of a message with a number, as encoded in `payload`."""
    match message.body:
        case Readings(times):
            epochs = times.view(np.int64)
            first, last = int(epochs[0]), int(epochs[-1])
        case Event(time) | Statistic(published=time):
            first = last = int(time.astype(np.int64))
    if message.seq is None:
        raise ValueError("only numbered messages go into a ledger")
    return Entry(message.address, message.seq, message.values, format_epoch(first), format_epoch(last), digest(payload))


class LedgerWriter:
    """Writes a ledger: `record` before publishing, `close` at the end. A file that exists is never overwritten."""

    def __init__(self, path: Path, header: Header) -> None:
        try:
            self._file: TextIO = path.open("x", encoding="utf-8")
        except FileExistsError:
            raise LedgerError(f"{path} exists; a ledger is never overwritten: name another file") from None
        except OSError as error:
            raise LedgerError(f"cannot write the ledger {path}: {error.strerror}") from None
        self._messages = 0
        self._write(
            {"ledger": VERSION, "run": header.run, "session": header.session, "origin": header.origin} | header.facts
        )

    def record(self, entry: Entry) -> None:
        """Write down a message that is about to be published."""
        at = entry.address
        self._file.write(
            f'{{"to": "{at.city}/{at.pillar}/{at.station}", "kind": "{at.kind.value}", "seq": {entry.seq}, '
            f'"values": {entry.values}, "first": "{entry.first}", "last": "{entry.last}", '
            f'"digest": "{entry.digest:016x}"}}\n'
        )
        self._file.flush()  # from here on the entry survives the end of this process
        self._messages += 1

    def close(self, closed: str) -> None:
        """Close the book at a time (ISO 8601): every message was handed over."""
        self._write({"closed": closed, "messages": self._messages})
        self.abandon()

    def abandon(self) -> None:
        """Leave the book open: what was written stays, an audit says that the publisher did not end in order."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def _write(self, told: dict[str, Any]) -> None:
        self._file.write(json.dumps(told, ensure_ascii=False) + "\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._file.closed:
            self.abandon()


@dataclass(frozen=True, slots=True)
class Ledger:
    """A ledger that was read: `closed` is False if the publisher did not end in order, `torn` if its last line is."""

    header: Header
    entries: list[Entry]
    closed: bool
    torn: bool


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
    closed = False
    for number, told in _objects(path, lines[1:-1]):
        if "closed" in told:
            closed = True
            continue
        try:
            entries.append(_entry(header.run, told))
        except (KeyError, ValueError, TypeError, AttributeError):
            raise LedgerError(f"{path} line {number}: expected the entry of a message") from None
    return Ledger(header, entries, closed, torn)


def _objects(path: Path, lines: list[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, start=2):
        try:
            told = json.loads(line)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise LedgerError(f"{path} line {number}: expected a JSON object")
        yield number, told


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


def _entry(run: str, told: dict[str, Any]) -> Entry:
    city, pillar, station = told["to"].split("/")
    address = Address(run, city, pillar, station, Kind(told["kind"]))
    return Entry(address, int(told["seq"]), int(told["values"]), told["first"], told["last"], int(told["digest"], 16))
