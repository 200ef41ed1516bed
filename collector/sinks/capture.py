"""What `nakhon listen` writes: a line of JSON for each message as it came; and its examination, message by message.

    {"capture": 1, "broker": "mqtt://localhost:1883", "topics": ["#"], ...}
    {"received": 1772352000.123456, "topic": "nakhon/v1/...", "qos": 1, "retain": false, "dup": false,
     "properties": {"UserProperty": [["published", "..."]]}, "payload": "..."}
    {"received": ..., "topic": "...", ..., "base64": "..."}

A kill loses at most the last line. Lines of another recorder are read as well where they have `topic` and `payload`.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from collector.auditing import counting
from collector.auditing.counting import Judged
from collector.auditing.expected import Expected, Integers, place_of
from collector.auditing.faults import explained
from collector.auditing.findings import Findings
from collector.auditing.matching import Index, rank_in
from collector.language.codec import digest
from collector.language.errors import InputError
from collector.language.ledger import Ledger
from collector.language.time import parse_time

VERSION = 1
LONGEST_LINE = 16 << 20
_SESSION = re.compile(rb'"session"\s*:\s*"([^"]{1,64})"')
_SEQ = re.compile(rb'"seq"\s*:\s*(\d{1,16})')


@dataclass(frozen=True, slots=True)
class Captured:
    """One message as it came: topic, payload, and when (seconds since 1970 by the wall)."""

    topic: str
    payload: bytes
    received: float
    retain: bool


def is_capture(path: Path) -> bool:
    """Whether a file looks like a capture: JSON lines whose first tells so or names a topic, or none at all."""
    try:
        with _opened(path) as file:
            line = file.readline(LONGEST_LINE)
        if not line:
            return path.name.endswith((".jsonl", ".jsonl.gz"))
        told = json.loads(line)
    except (OSError, EOFError, ValueError, RecursionError):
        return False
    return isinstance(told, dict) and ("capture" in told or "topic" in told)


def read_capture(path: Path) -> Iterator[Captured]:
    """The messages of a capture. Raises `InputError` with the line that is wrong; a torn last line is left out."""
    try:
        with _opened(path) as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith("\n"):
                    return
                try:
                    told = json.loads(line)
                    if "capture" not in told:
                        yield _captured(told)
                except (ValueError, KeyError, TypeError, RecursionError):
                    raise InputError(f"{path} line {number}: expected a message with topic and payload") from None
    except (EOFError, zlib.error):
        return  # a compressed file whose writer was killed: all but the end of it was read
    except OSError as error:
        raise InputError(f"cannot read the capture {path}: {error.strerror or error}") from None


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", errors="replace")
    return path.open(encoding="utf-8", errors="replace")


def _captured(told: dict[str, Any]) -> Captured:
    payload = b64decode(told["base64"], validate=True) if "base64" in told else told["payload"].encode()
    return Captured(told["topic"], payload, float(told.get("received", "nan")), bool(told.get("retain", False)))


def audit_capture(ledger: Ledger, path: Path) -> Findings:
    """What a recorder heard of the messages of a ledger: exact, by station, session and number, with their bytes."""
    expected, digests = _messages(ledger)
    topics = {entry.address.topic: number for number, entry in enumerate(ledger.entries)}
    heard = _heard(path, ledger, expected, topics, digests)
    faults = explained(ledger.faults, expected.stations, expected.station, expected.seq, expected.time)
    return _findings(ledger, path, expected, heard, faults)


def _messages(ledger: Ledger) -> tuple[Expected, Integers]:
    """One row for each message of a ledger; the indicator is its kind of topic."""
    if not ledger.entries:
        raise InputError(f"the ledger of the run {ledger.header.run!r} is empty: there is nothing to compare")
    stations: dict[str, int] = {}
    entries = ledger.entries
    station = np.array([stations.setdefault(place_of(entry), len(stations)) for entry in entries], dtype=np.int64)
    time = np.array([parse_time(entry.first) * 1_000 for entry in entries], dtype=np.int64)
    seq = np.array([entry.seq for entry in entries], dtype=np.int64)
    at = np.array([np.nan if entry.at is None else entry.at for entry in entries])
    nothing = np.zeros(len(entries))
    digests = np.array([entry.digest for entry in entries], dtype=np.uint64).view(np.int64)
    return Expected(tuple(stations), ("message",), station, np.zeros_like(seq), time, nothing, seq, at), digests


@dataclass(frozen=True, slots=True)
class _Heard:
    """Of each heard message of the run: the expected row (-1: none), when, whether its bytes are right, its station."""

    row: Integers
    received: np.ndarray[tuple[int], np.dtype[np.float64]]
    same: np.ndarray[tuple[int], np.dtype[np.bool_]]
    station: Integers
    ignored: int


def _heard(path: Path, ledger: Ledger, expected: Expected, topics: dict[str, int], digests: Integers) -> _Heard:
    station, number, received, bytes_, ignored = [], [], [], [], 0
    spoilt: dict[tuple[str, int], int] = {}
    for row, entry in enumerate(ledger.entries):
        spoilt[entry.address.topic, entry.digest] = row
    session = ledger.header.session.encode()
    for one in read_capture(path):
        at = topics.get(one.topic)
        if at is None or one.retain:
            ignored += 1
            continue
        found, seq = _SESSION.search(one.payload), _SEQ.search(one.payload)
        mark = digest(one.payload)
        row = spoilt.get((one.topic, mark), -1)
        if row < 0 and (found is None or seq is None or found[1] != session):
            ignored += 1
            continue
        station.append(int(expected.station[at]))
        number.append(int(expected.seq[row]) if row >= 0 else int(seq[1]) if seq else -1)
        received.append(one.received)
        bytes_.append(mark)
    stations, numbers = np.array(station, dtype=np.int64), np.array(number, dtype=np.int64)
    index = Index(expected.station, expected.seq)
    rows = index.find(stations, numbers) if len(stations) else stations
    marks = np.array(bytes_, dtype=np.uint64).view(np.int64)
    same = (rows >= 0) & (digests[rows] == marks) if len(rows) else np.zeros(0, dtype=np.bool_)
    return _Heard(rows, np.array(received), same, stations, ignored)


def _findings(ledger: Ledger, path: Path, expected: Expected, heard: _Heard, faults: Any) -> Findings:
    count = expected.count
    rank = rank_in(heard.row, np.where(heard.same, 0.0, 1.0))
    first = np.flatnonzero((heard.row >= 0) & (rank == 0))
    held = np.full(count, -1, dtype=np.int64)
    held[heard.row[first]] = first
    there, rows = held >= 0, np.maximum(held, 0)
    arrived = np.full(count, np.nan)
    arrived[there] = heard.received[rows[there]]
    agree = np.zeros(count, dtype=np.bool_)
    agree[there] = heard.same[rows[there]]
    turned = np.zeros(count, dtype=np.bool_)
    turned[there] = counting.reordered(expected.station[there], expected.seq[there], rows[there])
    again = heard.row[(heard.row >= 0) & (rank > 0)]
    latency = arrived - expected.at
    judged = Judged(
        counting.state_of(there, agree, np.zeros_like(there), faults), latency, turned, np.zeros_like(there),
        np.bincount(again, minlength=count), heard.station[heard.row < 0], arrived=True, timed=False,
    )  # fmt: skip
    total, stations = counting.accounts(expected, judged, faults)
    unended = "The publisher did not end in order: its last messages may never have reached the broker."
    doubts = () if ledger.closed else (unended,)
    return Findings(
        ledger.header.run, ledger.header.session, f"capture {path}", "messages", total, stations,
        counting.timeline(expected, judged), (), counting.gaps(expected, judged.state, faults, ledger.faults),
        counting.shown_faults(faults, ledger.faults), heard.ignored, 0, doubts,
    )  # fmt: skip
