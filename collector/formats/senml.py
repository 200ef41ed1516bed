"""SenML in JSON (RFC 8428): records with base values, each a measurement of something at a time.

On a station's topic of wire version 1 the last part of a record's name (after `:` or `/`) is the indicator, and a unit
that is not the catalogue's is converted. The fields `session` and `seq` of the first record number a message.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from collector.intake.decoder import Heard
from collector.language.codec import MAXIMUM_INDICATORS, MAXIMUM_SEQ, load
from collector.language.errors import InputError, PayloadError
from collector.language.indicators import indicators
from collector.language.messages import Message, Readings
from collector.language.time import EARLIEST, LATEST
from collector.language.topics import ROOT, Address, Kind, parse_topic
from collector.mapping.units import conversion

RECORDS = 20_000
RELATIVE = 1 << 28  # a smaller time is relative to now (RFC 8428, 4.5.3)
VERSION = 10
VERSIONS = (26,)  # with the secondary units of RFC 8798, as RFC 9100 announces them

# Units of RFC 8428 and RFC 8798 that UCUM writes differently.
UCUM = {
    "%RH": "%", "/": "1", "/100": "%", "/1000": "[ppth]", "ppm": "[ppm]", "dB": "dB[SPL]", "l": "L", "kg/m3": "kg/m3",
    "count": "1", "m3/s": "m3/s",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]*", re.ASCII)
_INDICATOR = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_KNOWN = frozenset({"bn", "bt", "bu", "bv", "bs", "bver", "n", "u", "v", "vs", "vb", "vd", "s", "t", "ut"})


@dataclass(frozen=True, slots=True)
class Record:
    """A resolved record: who and what, in which unit (UCUM), when (seconds since 1970), how much."""

    device: str
    measure: str
    unit: str | None
    time: float
    value: float


class SenML:
    """Reads SenML packs on the topics of wire version 1."""

    topics: Sequence[str] = ()

    def run(self, topic: str) -> str:
        """The run in a topic of wire version 1."""
        return topic.split("/")[2] if topic.startswith(f"{ROOT}/") else ""

    def decode(self, topic: str, payload: bytes, received: float | None) -> Heard | None:
        """What a pack says, None for another topic or a payload that is no list. Raises `PayloadError`."""
        if not topic.startswith(f"{ROOT}/") or payload[:64].lstrip()[:1] != b"[":
            return None
        address = parse_topic(topic)
        if not isinstance(address, Address) or address.kind is not Kind.READINGS:
            return None
        told = records(payload)
        resolved = resolve(told, received)
        devices = {record.device for record in resolved}
        if len(devices) > 1:
            raise PayloadError(f"expected the records of one station, came those of {len(devices)}")
        session, seq = _numbered(told[0])
        return Heard(address.run, (Message(address, session, seq, _readings(resolved)),))


def records(payload: bytes) -> list[dict[str, Any]]:
    """The records of a pack as they came. Raises `PayloadError`."""
    told = load(b'{"pack":' + payload + b"}")
    pack = told["pack"]
    if len(told) > 1 or not isinstance(pack, list) or not pack or not all(isinstance(one, dict) for one in pack):
        raise PayloadError("expected a SenML pack: a list of records")
    if len(pack) > RECORDS:
        raise PayloadError(f"expected at most {RECORDS} records, came {len(pack)}")
    return pack


def resolve(pack: Sequence[dict[str, Any]], received: float | None) -> list[Record]:
    """The measurements of a pack, base values applied (RFC 8428, 4.6); records that only set base values are none.

    Raises `PayloadError` for what is no SenML, for values that are not numbers, and for a time relative to a receipt
    that nobody knows.
    """
    base: dict[str, Any] = {}
    resolved = []
    for place, record in enumerate(pack):
        unknown = next((name for name in record if name.endswith("_") and name not in _KNOWN), None)
        if unknown is not None:
            raise PayloadError(f"record {place}: must be understood, and is not: {unknown[:40]!a}")
        base |= {name: record[name] for name in ("bn", "bt", "bu", "bv", "bver") if name in record}
        if (version := _number(place, base, "bver")) > VERSION and version not in VERSIONS:
            raise PayloadError(f"record {place}: expected SenML of version {VERSION} at most, or {VERSIONS}")
        if {"v", "vs", "vb", "vd", "s"} & record.keys() or ("n" in record and "bv" in base):
            resolved.append(_resolve(place, record, base, received))
    if not resolved:
        raise PayloadError("expected at least one record with a value")
    return resolved


def _resolve(place: int, record: dict[str, Any], base: dict[str, Any], received: float | None) -> Record:
    name, unit = _text(place, base, "bn") + _text(place, record, "n"), record.get("u", base.get("bu"))
    if not _NAME.fullmatch(name) or len(name) > 200:
        raise PayloadError(f"record {place}: expected a name of letters, digits and : . / _ -, came {name[:60]!a}")
    if "v" not in record and not ("bv" in base and not {"vs", "vb", "vd", "s"} & record.keys()):
        kind = next(kind for kind in ("vs", "vb", "vd", "s") if kind in record)
        raise PayloadError(f"record {place}: expected a number (v) for {name}, came {kind}")
    if unit is not None and not isinstance(unit, str):
        raise PayloadError(f"record {place}: expected a unit as text")
    time = _number(place, base, "bt") + _number(place, record, "t")
    if time < RELATIVE:
        if received is None:
            raise PayloadError(f"record {place}: expected a time since 1970 in a retained message, came a relative one")
        time += received
    if not EARLIEST <= time < LATEST:
        raise PayloadError(f"record {place}: expected a time from 1900 to 2199")
    end = max(name.rfind(":"), name.rfind("/"))
    value = _number(place, base, "bv") + _number(place, record, "v")
    return Record(name[: max(end, 0)], name[end + 1 :], UCUM.get(unit, unit) if unit else None, time, value)


def _text(place: int, record: dict[str, Any], field: str) -> str:
    found = record.get(field, "")
    if not isinstance(found, str):
        raise PayloadError(f"record {place}: expected text as {field}")
    return found


def _number(place: int, record: dict[str, Any], field: str) -> float:
    found = record.get(field, 0)
    if isinstance(found, bool) or not isinstance(found, int | float) or abs(found) > 1e300:
        raise PayloadError(f"record {place}: expected a number as {field}")
    return float(found)


def _readings(resolved: Sequence[Record]) -> Readings:
    values: dict[tuple[str, int], float] = {}
    for record in resolved:
        if not _INDICATOR.fullmatch(record.measure):
            raise PayloadError(f"expected the id of an indicator such as pm25, came {record.measure[:80]!a}")
        key, value = (record.measure, math.floor(record.time)), _converted(record)
        if values.setdefault(key, value) != value:
            raise PayloadError(f"two values of {record.measure} in one second: times are kept to the second")
    names = tuple(dict.fromkeys(name for name, _ in values))
    if len(names) > MAXIMUM_INDICATORS:
        raise PayloadError(f"expected at most {MAXIMUM_INDICATORS} indicators, came {len(names)}")
    epochs = sorted({epoch for _, epoch in values})
    columns = {name: np.array([values.get((name, epoch), np.nan) for epoch in epochs]) for name in names}
    return Readings(np.array(epochs, dtype=np.int64).view("datetime64[s]"), columns)


def _converted(record: Record) -> float:
    entry = indicators().get(record.measure)
    if entry is None or record.unit is None or record.unit == entry.unit:
        return record.value
    try:
        return conversion(record.unit, entry.ucum)(record.value)
    except InputError as error:
        raise PayloadError(f"{record.measure}: {error}") from None


def _numbered(first: dict[str, Any]) -> tuple[str | None, int | None]:
    session, seq = first.get("session"), first.get("seq")
    if session is None and seq is None:
        return None, None
    if not isinstance(session, str) or not SESSION.fullmatch(session):
        raise PayloadError(f"expected session as {SESSION.pattern} beside seq")
    if type(seq) is not int or not 0 <= seq <= MAXIMUM_SEQ:
        raise PayloadError("expected a whole number from 0 for seq beside session")
    return session, seq
