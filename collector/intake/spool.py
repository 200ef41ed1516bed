"""Messages kept on disk while the store cannot take them: in order, each with a checksum, until the store has them.

A spool is a directory of segments. A segment is a file of records; its name carries its place, the number of its
first record, and a random mark that begins each of its records, so that the next whole record is found behind any
damage:

    mark (8 bytes) | length of the body | CRC-32 of length and body |
    number, received, published, retained, length of the topic, topic, payload
"""

from __future__ import annotations

import fcntl
import logging
import math
import os
import re
import secrets
import struct
import threading
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Self

from collector.intake.delivery import Delivery
from collector.language.errors import InputError, StoreError

LIMIT = 10 << 30
SEGMENT = 16 << 20
_NAME = re.compile(r"(\d{10})-(\d{20})-([0-9a-f]{16})\.spool")
_LENGTH = struct.Struct("<I")
_BODY = struct.Struct("<Qdd?H")
_HEAD = 16

log = logging.getLogger("nakhon.collector")


class SpoolError(StoreError):
    """A spool that cannot take messages: full, or its disk refuses."""


@dataclass(frozen=True, slots=True)
class Record:
    """A whole record: its number, what it holds, and the bytes it spans [start, end)."""

    number: int
    delivery: Delivery
    start: int
    end: int


@dataclass(slots=True, eq=False)
class _Segment:
    """A file of records numbered `first` to `last`, of which `size` bytes are durable."""

    path: Path
    mark: bytes
    first: int
    last: int
    size: int
    damaged: bool = False


class Spool:
    """A queue of deliveries on disk, bounded by `limit` bytes; one thread appends, one takes.

    What was appended survives the end of the process and of the machine. What was taken but not said to be done
    comes again after a restart. Raises `InputError` if the directory cannot be used, or another process uses it.
    """

    def __init__(self, directory: Path, limit: int = LIMIT) -> None:
        self.directory = directory
        self.limit = limit
        self.lost = 0
        self._lock = threading.Lock()
        self._claimed = _claim(directory)
        try:
            self._segments = deque(_find(directory))
        except OSError as error:
            os.close(self._claimed)
            raise InputError(f"cannot read the spool {directory}: {error.strerror}") from None
        self._writing: int | None = None
        self._ordinal = int(self._segments[-1].path.name[:10]) + 1 if self._segments else 0
        self._last = self._segments[-1].last if self._segments else 0
        self._read = self._done = self._segments[0].first - 1 if self._segments else 0
        self._at: _Segment | None = None
        self._offset = 0
        self._records: Iterator[Record] = iter(())

    @property
    def pending(self) -> int:
        """How many messages are kept and not done."""
        return self._last - self._done

    @property
    def unread(self) -> bool:
        """Whether there is something to take."""
        return self._read < self._last

    @property
    def size(self) -> int:
        """The bytes on disk."""
        with self._lock:
            return sum(segment.size for segment in self._segments)

    def append(self, deliveries: Sequence[Delivery]) -> int:
        """Return the number of the last delivery when all are durable. Raises `SpoolError` and keeps none of them."""
        segment, file = self._segment_to_write()
        numbered = enumerate(deliveries, start=self._last + 1)
        data = b"".join(encode_record(segment.mark, number, delivery) for number, delivery in numbered)
        if self.size + len(data) > self.limit:
            raise SpoolError(f"the spool {self.directory} is full ({self.limit:,} bytes)")
        try:
            _write(file, data)
        except OSError as error:
            self._abandon(segment)
            raise SpoolError(f"the spool {self.directory} cannot be written: {error.strerror}") from error
        with self._lock:
            segment.size += len(data)
            self._last += len(deliveries)
            segment.last = self._last
        return self._last

    def take(self, messages: int, size: int) -> tuple[list[Delivery], int]:
        """The next deliveries, at most so many and about so many bytes, and the number of the last of them."""
        taken: list[Delivery] = []
        while len(taken) < messages and size > 0 and self.unread:
            record = next(self._records, None)
            if record is None:
                self._go_on()
                continue
            if self._pass(record):
                taken.append(record.delivery)
                size -= record.end - record.start
        return taken, self._read

    def skip(self, number: int) -> None:
        """Take everything up to a number without reading it; nothing before it may be unread."""
        with self._lock:
            self._read = number
            self._at = self._segments[-1]
            self._offset = self._at.size
            self._records = iter(())

    def done(self, number: int) -> None:
        """Everything up to a number is in the store: segments that hold nothing else are removed."""
        with self._lock:
            self._done = max(self._done, number)
            finished = [one for one in self._segments if one.last <= self._done and one.first <= one.last]
            if not finished:
                return
            if finished[-1] is self._segments[-1]:
                self._end_writing()
            for segment in finished:
                self._segments.remove(segment)
                _remove(segment)
            _sync_directory(self.directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the directory; what is pending stays."""
        with self._lock:
            self._end_writing()
        os.close(self._claimed)

    def _segment_to_write(self) -> tuple[_Segment, int]:
        with self._lock:
            if self._writing is not None and self._segments[-1].size < SEGMENT:
                return self._segments[-1], self._writing
            self._end_writing()
            mark = secrets.token_bytes(8)
            path = self.directory / f"{self._ordinal:010d}-{self._last + 1:020d}-{mark.hex()}.spool"
            try:
                self._writing = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
                _sync_directory(self.directory)
            except OSError as error:
                self._end_writing()
                raise SpoolError(f"the spool {self.directory} cannot be written: {error.strerror}") from error
            self._ordinal += 1
            self._segments.append(_Segment(path, mark, self._last + 1, self._last, 0))
            return self._segments[-1], self._writing

    def _abandon(self, segment: _Segment) -> None:
        """Write no more to a segment whose disk refused: what it holds beyond its durable size does not count."""
        with self._lock:
            self._end_writing()
            try:
                os.truncate(segment.path, segment.size)
                if not segment.size:
                    segment.path.unlink()
            except OSError as error:
                log.warning("%s keeps the remains of a failed write: %s", segment.path, error.strerror)
            if not segment.size:
                self._segments.remove(segment)

    def _end_writing(self) -> None:
        if self._writing is not None:
            os.close(self._writing)
            self._writing = None

    def _go_on(self) -> None:
        """Read what the segment has beyond what was read, or the next segment."""
        with self._lock:
            if self._at is None or self._at not in self._segments:
                self._at, self._offset = next(one for one in self._segments if one.last > self._read), 0
            elif self._offset >= self._at.size:
                self._lose(self._at.last - self._read, self._at)
                after = list(self._segments).index(self._at) + 1
                if after == len(self._segments):
                    return
                self._at, self._offset = self._segments[after], 0
            segment, offset = self._at, self._offset
            size = segment.size
        data = _bytes(segment.path, offset, size)
        self._offset = size
        self._records = whole_records(data, segment.mark)

    def _pass(self, record: Record) -> bool:
        """Whether a record counts; what a failed write left was never acknowledged, and does not."""
        segment = self._at
        if segment is None or not segment.first <= record.number <= segment.last:
            return False
        with self._lock:
            self._lose(record.number - self._read - 1, segment)
            self._read = record.number
        return True

    def _lose(self, messages: int, segment: _Segment) -> None:
        if messages <= 0:
            return
        self.lost += messages
        self._read += messages
        segment.damaged = True
        log.error("%s is damaged: %d messages that it held are lost; it is kept as .damaged", segment.path, messages)


def encode_record(mark: bytes, number: int, delivery: Delivery) -> bytes:
    """The bytes of a record in a segment with that mark."""
    topic = delivery.topic.encode("utf-8", "surrogatepass")
    published = math.nan if delivery.published is None else delivery.published
    head = _BODY.pack(number, delivery.received, published, delivery.retained, len(topic))
    body = head + topic + delivery.payload
    length = _LENGTH.pack(len(body))
    return b"".join((mark, length, _LENGTH.pack(zlib.crc32(body, zlib.crc32(length))), body))


def whole_records(data: bytes, mark: bytes) -> Iterator[Record]:
    """Every whole record in the bytes of a segment; what is torn or damaged is passed over."""
    at = 0
    while (start := data.find(mark, at)) >= 0:
        record = _record(data, start)
        if record is not None:
            yield record
        at = start + 1 if record is None else record.end


def _record(data: bytes, start: int) -> Record | None:
    body = start + _HEAD
    if body > len(data):
        return None
    length, checksum = _LENGTH.unpack_from(data, body - 8)[0], _LENGTH.unpack_from(data, body - 4)[0]
    end = body + length
    if length < _BODY.size or end > len(data):
        return None
    told = memoryview(data)[body:end]
    if zlib.crc32(told, zlib.crc32(data[body - 8 : body - 4])) != checksum:
        return None
    number, received, published, retained, topic = _BODY.unpack_from(told)
    text = bytes(told[_BODY.size : _BODY.size + topic]).decode("utf-8", "surrogatepass")
    payload = bytes(told[_BODY.size + topic :])
    delivery = Delivery(text, payload, received, None if math.isnan(published) else published, retained)
    return Record(number, delivery, start, end)


def _find(directory: Path) -> list[_Segment]:
    """The segments in a directory, in order; the torn tail of the last is cut."""
    found = [(match, path) for path in sorted(directory.iterdir()) if (match := _NAME.fullmatch(path.name))]
    segments = []
    for match, path in found:
        first = int(match[2])
        segments.append(_Segment(path, bytes.fromhex(match[3]), first, first - 1, path.stat().st_size))
    for one, following in pairwise(segments):
        one.last = following.first - 1
    if segments:
        _cut(segments[-1])
    for empty in [one for one in segments if one.last < one.first]:
        segments.remove(empty)
        _remove(empty)
    return segments


def _cut(segment: _Segment) -> None:
    end = 0
    for record in whole_records(segment.path.read_bytes(), segment.mark):
        end, segment.last = record.end, max(segment.last, record.number)
    if end < segment.size:
        log.warning(
            "%s: %d bytes at its end are not whole and are cut; if they are of a write that was interrupted, the "
            "broker delivers those messages again", segment.path, segment.size - end,
        )  # fmt: skip
        os.truncate(segment.path, end)
        segment.size = end


def _claim(directory: Path) -> int:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        claimed = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise InputError(f"cannot use the spool {directory}: {error.strerror}; name a directory we may write") from None
    try:
        fcntl.flock(claimed, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(claimed)
        raise InputError(f"another collector uses the spool {directory}: give each its own") from None
    return claimed


def _write(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]
    os.fdatasync(file)


def _bytes(path: Path, start: int, end: int) -> bytes:
    """Bytes of a file; what cannot be read is left out."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)
    except OSError as error:
        log.error("%s cannot be read: %s", path, error.strerror)
        return b""


def _remove(segment: _Segment) -> None:
    if segment.damaged:
        segment.path.replace(segment.path.with_suffix(".damaged"))
    else:
        segment.path.unlink()


def _sync_directory(directory: Path) -> None:
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
