"""A capture: MQTT messages as they came, one JSON object a line, to be audited, looked at or said again.

    {"capture": 1, "broker": "mqtt://localhost:1883", "topics": ["#"], ...}
    {"received": 1772352000.123456, "elapsed": 1.25, "topic": "a/b", "qos": 1, "retain": false, "dup": false,
     "properties": {"ContentType": "text/plain"}, "payload": "text"}

`nakhon listen` and `nakhon record` write it. `payload` is text where the bytes are UTF-8, else `base64`
stands in its place; MQTT 5 `properties` have their names in the standard. A file that ends in `.gz` is compressed.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Annotated, Any, Self

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from collector.language.errors import InputError
from collector.sinks.capture import VERSION
from nakhon import __version__

LONGEST_LINE = 1 << 29
LONGEST_TOPIC = 65_535
GATHERED = 1 << 20  # bytes at which lines are handed to the system without being asked
PROPERTIES = {
    "content_type": "ContentType",
    "payload_format": "PayloadFormatIndicator",
    "expiry": "MessageExpiryInterval",
    "response_topic": "ResponseTopic",
    "correlation": "CorrelationData",
    "user": "UserProperty",
}


@dataclass(frozen=True, slots=True)
class MessageProperties:
    """The MQTT 5 properties that a publisher gives a message; all empty for MQTT 3.1.1. `expiry` is in seconds."""

    content_type: str | None = None
    payload_format: int | None = None
    expiry: int | None = None
    response_topic: str | None = None
    correlation: bytes | None = None
    user: tuple[tuple[str, str], ...] = ()


NONE = MessageProperties()


@dataclass(frozen=True, slots=True)
class Captured:
    """A message as it came: when by the wall (`received`, seconds since 1970) and since the capture began (`elapsed`).

    `elapsed`, in seconds, is monotonic: it keeps the spacing of messages when somebody sets the clock. Captures of
    other recorders may lack it: None.
    """

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    dup: bool = False
    received: float = 0.0
    elapsed: float | None = None
    properties: MessageProperties = NONE

    @property
    def at(self) -> float:
        """Seconds, to space messages by: `elapsed`, or `received` where that is not known."""
        return self.received if self.elapsed is None else self.elapsed


class CaptureWriter:
    """Writes captured messages into a new file, behind `facts` about them in its first line.

    Raises `InputError` if it exists or cannot be written. While it is open, nobody can say its messages again (see
    `CaptureReader`).
    """

    def __init__(self, path: Path, **facts: Any) -> None:
        self.messages = self.size = self._gathered = 0
        self._waiting: list[bytes] = []
        try:
            self._file = path.open("xb", buffering=0)
        except FileExistsError:
            raise InputError(f"{path} exists; a capture is never overwritten: choose another name") from None
        except OSError as error:
            raise InputError(f"cannot write {path}: {error.strerror}") from None
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._packed = gzip.GzipFile(fileobj=self._file, mode="wb") if _compressed(path) else None
        self._add(_json({"capture": VERSION, "nakhon": __version__} | facts))
        self.flush()

    def write(self, captured: Captured) -> None:
        """Add a message; it is with the system after `flush`. Raises `OSError` if there is no space left."""
        self._add(encode_captured(captured))
        self.messages += 1

    def _add(self, line: bytes) -> None:
        self._waiting.append(line + b"\n")
        self.size += len(line) + 1
        self._gathered += len(line) + 1
        if self._gathered > GATHERED:
            self.flush()

    def flush(self) -> None:
        """Hand what was written to the system, so that it outlives this process. Raises `OSError` without space."""
        left, self._waiting, self._gathered = b"".join(self._waiting), [], 0
        if self._packed is not None:
            self._packed.write(left)
            self._packed.flush()
            return
        while left:  # a disk that fills up takes a part of a line, and refuses the rest
            left = left[self._file.write(left) or 0 :]

    def close(self) -> None:
        """End the file. Raises `OSError` where there is no space for the rest."""
        try:
            self.flush()
            if self._packed is not None:
                self._packed.close()
        finally:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(slots=True)
class CaptureReader:
    """The messages of a capture, in the order they came: iterate over it.

    A last line that was cut off when its writer was killed is left out, and `torn` says so.

    Raises
    ------
    InputError
        If there is no such file, a line is not a captured message, or the file is still being written.
    """

    path: Path
    torn: bool = False
    messages: int = field(default=0)

    def __iter__(self) -> Iterator[Captured]:
        try:
            with self.path.open("rb") as file:
                self._refuse_while_written(file)
                yield from self._captured(gzip.GzipFile(fileobj=file) if _compressed(self.path) else file)
        except OSError as error:
            raise InputError(f"cannot read {self.path}: {error.strerror or error}") from None

    def _refuse_while_written(self, file: IO[bytes]) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{self.path} is being recorded: what is said again would be recorded again, without end; "
                "end the recording first"
            ) from None

    def _captured(self, lines: Any) -> Iterator[Captured]:
        number = 0
        while line := self._next(lines):
            number += 1
            if number == 1 and line.startswith(b'{"capture":'):
                continue
            if len(line) > LONGEST_LINE:
                raise InputError(f"{self.path}:{number}: expected at most {LONGEST_LINE:,} bytes in a line")
            try:
                captured = decode_captured(line)
            except InputError as error:
                if not line.endswith(b"\n"):
                    self.torn = True
                    return
                raise InputError(f"{self.path}:{number}: {error}") from None
            self.messages += 1
            yield captured

    def _next(self, lines: Any) -> bytes:
        try:
            return bytes(lines.readline(LONGEST_LINE + 1))
        except (EOFError, zlib.error):
            self.torn = True
            return b""


def encode_captured(captured: Captured) -> bytes:
    """The line of a message, without its end."""
    told: dict[str, Any] = {
        "received": round(captured.received, 6),
        "elapsed": None if captured.elapsed is None else round(captured.elapsed, 6),
        "topic": captured.topic,
        "qos": captured.qos,
        "retain": captured.retain,
        "dup": captured.dup,
    }
    if captured.properties != NONE:
        told["properties"] = _properties(captured.properties)
    return _json({name: value for name, value in told.items() if value is not None} | _payload(captured.payload))


def decode_captured(line: bytes) -> Captured:
    """The message of a line; only `topic` and `payload` (or `base64`) are needed. Raises `InputError`."""
    try:
        told = _LINE.validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"expected a captured message; {where + ': ' if where else ''}{first['msg']}"[:300]) from None
    if (told.payload is None) == (told.base64 is None):
        raise InputError("expected either payload or base64")
    if set(told.topic) & {"+", "#", "\0"}:
        raise InputError(f"expected a topic without + and #, came {told.topic[:80]!r}")
    payload = told.payload.encode() if told.payload is not None else _bytes(told.base64 or "")
    properties = _read_properties(told.properties) if told.properties else NONE
    return Captured(
        told.topic, payload, told.qos, told.retain, told.dup, told.received, told.elapsed, properties
    )  # fmt: skip


def _json(told: dict[str, Any]) -> bytes:
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()


def _payload(payload: bytes) -> dict[str, str]:
    try:
        return {"payload": payload.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(payload).decode()}


def _properties(given: MessageProperties) -> dict[str, Any]:
    told = {theirs: getattr(given, ours) for ours, theirs in PROPERTIES.items()}
    if given.correlation is not None:
        told["CorrelationData"] = given.correlation.hex()
    return {name: value for name, value in told.items() if value not in (None, ())}


Name = Annotated[str, Field(max_length=LONGEST_TOPIC)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@checked_dataclass(frozen=True, slots=True, config={"extra": "ignore"})
class _PropertiesLine:
    ContentType: Name | None = None
    PayloadFormatIndicator: Annotated[int, Field(ge=0, le=1)] | None = None
    MessageExpiryInterval: Annotated[int, Field(ge=0, le=0xFFFFFFFF)] | None = None
    ResponseTopic: Name | None = None
    CorrelationData: Annotated[str, Field(max_length=2 * LONGEST_TOPIC)] | None = None
    UserProperty: tuple[tuple[Name, Name], ...] = ()


@checked_dataclass(frozen=True, slots=True, config={"extra": "ignore"})
class _Line:
    topic: Annotated[str, Field(min_length=1, max_length=LONGEST_TOPIC)]
    payload: str | None = None
    base64: str | None = None
    qos: Annotated[int, Field(ge=0, le=2)] = 0
    retain: bool = False
    dup: bool = False
    received: Seconds = 0.0
    elapsed: Seconds | None = None
    properties: _PropertiesLine | None = None


_LINE = TypeAdapter(_Line)


def _read_properties(told: _PropertiesLine) -> MessageProperties:
    found = {ours: getattr(told, theirs) for ours, theirs in PROPERTIES.items()}
    if told.CorrelationData is not None:
        try:
            found["correlation"] = bytes.fromhex(told.CorrelationData)
        except ValueError as error:
            raise InputError(f"expected CorrelationData in hexadecimal: {error}") from None
    return MessageProperties(**found)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise InputError(f"expected base64: {error}") from None


def _compressed(path: Path) -> bool:
    return path.suffix == ".gz"
