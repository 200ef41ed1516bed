"""Wire version 1: messages to JSON and back.

`encode` then `decode` is the identity. `decode` raises `WireError` and nothing else, whatever the bytes, in
time and memory bounded by `MAXIMUM_PAYLOAD`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NoReturn

import numpy as np

from collector.language.errors import PayloadError
from collector.language.messages import Event, Field, Message, Readings, Statistic, Values
from collector.language.time import format_epoch, format_times, parse_moment, parse_period, parse_time, parse_times
from collector.language.topics import Address, Kind

MAXIMUM_PAYLOAD = 1 << 20
MAXIMUM_SEQ = (1 << 53) - 1
MAXIMUM_TEXT = 4096
MAXIMUM_INDICATORS = 1000

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_EVENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", re.ASCII)
_EVENT_TYPE = re.compile(r"[a-z][a-z0-9_]{0,62}(?:\.[a-z][a-z0-9_]{0,62})+", re.ASCII)
_NUMBERS = frozenset({int, float})
_CELLS = frozenset({int, float, type(None)})


def digest(payload: bytes) -> int:
    """A stable 64-bit digest of a payload; it tells two messages of one number apart."""
    return int.from_bytes(blake2b(payload, digest_size=8).digest(), "big")


def hex_digest(payload: bytes) -> str:
    """The same in sixteen hexadecimal digits, in less than half the time that writing the number takes."""
    return blake2b(payload, digest_size=8).hexdigest()


def encode(message: Message) -> bytes:
    """The payload of a message (UTF-8 JSON); its topic is `message.address.topic`."""
    head: dict[str, Any] = {}
    if message.session is not None:
        head["session"] = message.session
    if message.seq is not None:
        head["seq"] = message.seq
    match message.body:
        case Readings():
            return dump(head | _readings_fields(message.body))
        case Event(time, identity, kind, fields):
            return dump(
                head | {"time": format_epoch(int(time.astype(np.int64))), "id": identity, "type": kind} | fields
            )
        case Statistic(indicator, period, published, revision, value):
            stamp = format_epoch(int(published.astype(np.int64)))
            told = {
                "indicator": indicator,
                "period": period,
                "published": stamp,
                "revision": revision,
                "value": value,
            }
            return dump(head | told)


def decode(address: Address, payload: bytes) -> Message:
    """The message behind the payload that came on a station's topic (not its status). Raises `PayloadError`."""
    told = load(payload)
    session = _matching(told.pop("session", None), _SESSION, "session")
    seq = _whole(told.pop("seq", None), "seq")
    if (session is None) != (seq is None):
        raise PayloadError("session and seq go together: expected both or neither")
    return Message(address, session, seq, _BODIES[address.kind](told))


def dump(told: dict[str, Any]) -> bytes:
    """Compact UTF-8 JSON."""
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def load(payload: bytes) -> dict[str, Any]:
    """The JSON object in a payload: UTF-8, no repeated key, no NaN, bounded in size. Raises `PayloadError`."""
    if len(payload) > MAXIMUM_PAYLOAD:
        raise PayloadError(f"expected at most {MAXIMUM_PAYLOAD} bytes, came {len(payload)}")
    try:
        told = _JSON.decode(payload.decode())
    except UnicodeDecodeError as error:
        raise PayloadError(f"expected UTF-8, byte {error.start} is not") from None
    except RecursionError:
        raise PayloadError("expected a flat JSON object, came one nested too deeply") from None
    except ValueError as error:
        raise PayloadError(f"expected JSON: {error}"[:200]) from None
    if not isinstance(told, dict):
        raise PayloadError(f"expected a JSON object, came {type(told).__name__}")
    return told


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) != len(pairs):
        raise PayloadError("expected every key once")
    return told


def _no_constant(text: str) -> NoReturn:
    raise PayloadError(f"expected a finite number, came {text}")


_JSON = json.JSONDecoder(object_pairs_hook=_distinct, parse_constant=_no_constant)


def _readings_fields(readings: Readings) -> dict[str, Any]:
    times = format_times(readings.times)
    cells = {name: [None if v != v else v for v in column.tolist()] for name, column in readings.columns.items()}
    if len(times) == 1:
        return {"time": times[0]} | {name: column[0] for name, column in cells.items()}
    return {"time": times} | cells


def _readings(told: dict[str, Any]) -> Readings:
    time = told.pop("time", None)
    pack = isinstance(time, list)
    times = parse_times(time) if pack else parse_moment(time)
    if not len(times) or not told:
        raise PayloadError("expected at least one time and one indicator")
    if len(told) > MAXIMUM_INDICATORS:
        raise PayloadError(f"expected at most {MAXIMUM_INDICATORS} indicators, came {len(told)}")
    if len(times) > 1 and not (np.diff(times.view(np.int64)) > 0).all():
        raise PayloadError("expected the times of a pack in ascending order, each once")
    columns = {}
    for name, cells in told.items():
        if not _NAME.fullmatch(name):
            raise PayloadError(f"expected the id of an indicator such as pm25, came {name[:80]!a}")
        columns[name] = _column(name, cells if pack else [cells], len(times))
    return Readings(times, columns)


def _column(name: str, cells: object, length: int) -> Values:
    if not isinstance(cells, list) or len(cells) != length:
        raise PayloadError(f"expected {length} values of {name}, one for each time")
    if not _CELLS.issuperset(map(type, cells)):
        raise PayloadError(f"expected numbers or null for {name}")
    try:
        column = np.array(cells, dtype=np.float64)  # None becomes NaN
    except OverflowError:
        raise PayloadError(f"expected finite numbers for {name}") from None
    if math.inf in cells or -math.inf in cells:
        raise PayloadError(f"expected finite numbers for {name}")
    return column


def _event(told: dict[str, Any]) -> Event:
    time = np.datetime64(parse_time(told.pop("time", None)), "s")
    identity = _required(told.pop("id", None), _EVENT_ID, "id")
    kind = _required(told.pop("type", None), _EVENT_TYPE, "type")
    return Event(time, identity, kind, {name: _field(name, value) for name, value in told.items()})


def _field(name: str, value: object) -> Field:
    if not _NAME.fullmatch(name):
        raise PayloadError(f"expected the name of a field such as resolution_time, came {name[:80]!a}")
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        if len(value) > MAXIMUM_TEXT or not _is_text(value):
            raise PayloadError(f"expected at most {MAXIMUM_TEXT} characters of text for {name}")
        return value
    return _number(value, name)


def _statistic(told: dict[str, Any]) -> Statistic:
    indicator = _required(told.pop("indicator", None), _NAME, "indicator")
    period = parse_period(told.pop("period", None))
    published = np.datetime64(parse_time(told.pop("published", None)), "s")
    revision = _whole(told.pop("revision", 0), "revision")
    value = _number(told.pop("value", None), "value")
    if told:
        raise PayloadError(f"expected nothing beside a statistic, came {next(iter(told))[:80]!a}")
    return Statistic(indicator, period, published, revision or 0, float(value))


def _number(value: object, name: str) -> float | int:
    if type(value) not in _NUMBERS:
        raise PayloadError(f"expected a number for {name}")
    assert isinstance(value, int | float)  # noqa: S101 - for the type checker
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite or (isinstance(value, int) and abs(value) > MAXIMUM_SEQ):
        raise PayloadError(f"expected a finite number for {name}")
    return value


def _whole(value: object, name: str) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= MAXIMUM_SEQ:
        raise PayloadError(f"expected a whole number from 0 for {name}")
    return value


def _required(value: object, pattern: re.Pattern[str], name: str) -> str:
    text = _matching(value, pattern, name)
    if text is None:
        raise PayloadError(f"expected {name}")
    return text


def _matching(value: object, pattern: re.Pattern[str], name: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise PayloadError(f"expected {name} as {pattern.pattern}")
    return value


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


_BODIES: dict[Kind, Callable[[dict[str, Any]], Readings | Event | Statistic]] = {
    Kind.READINGS: _readings,
    Kind.EVENTS: _event,
    Kind.STATISTICS: _statistic,
}
