"""One reading in a message, on a station's topic.

    {"indicator": "pm25", "time": "2026-03-01T08:00:00Z", "value": 83.2}

`unit` (a UCUM code) may say what the value is in; `session` and `seq` number the message as in wire version 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from collector.intake.decoder import Heard
from collector.language.codec import decode, dump, load
from collector.language.errors import InputError, PayloadError
from collector.language.indicators import indicators
from collector.language.topics import ROOT, Address, Kind, parse_topic
from collector.mapping.units import conversion

_FIELDS = frozenset({"session", "seq", "indicator", "time", "value", "unit"})


class SingleReading:
    """Reads messages of one reading on the topics of wire version 1."""

    topics: Sequence[str] = ()

    def run(self, topic: str) -> str:
        """The run in a topic of wire version 1."""
        return topic.split("/")[2] if topic.startswith(f"{ROOT}/") else ""

    def decode(self, topic: str, payload: bytes, received: float | None) -> Heard | None:  # noqa: ARG002
        """What the message says, None for another topic or a payload of another form. Raises `PayloadError`."""
        if not topic.startswith(f"{ROOT}/") or b'"indicator"' not in payload or b'"value"' not in payload:
            return None
        address = parse_topic(topic)
        if not isinstance(address, Address) or address.kind is not Kind.READINGS:
            return None
        told = load(payload)
        if not {"indicator", "time", "value"} <= told.keys():
            return None
        strange = next((name for name in told if name not in _FIELDS), None)
        name, unit = told.pop("indicator"), told.pop("unit", None)
        if strange is not None or not isinstance(name, str) or name in _FIELDS:
            raise PayloadError("expected indicator, time and value (and unit, session, seq) of one reading")
        value = _converted(name, unit, told.pop("value"))
        try:
            tick = dump(told | {name: value})
        except ValueError:  # JSON can hold halves of characters, and numbers beyond all bounds
            raise PayloadError(f"expected a finite number for {name[:80]!a} and plain text beside it") from None
        return Heard(address.run, (decode(address, tick),))


def _converted(name: str, unit: object, value: object) -> object:
    entry = indicators().get(name)
    if value is None or unit is None or entry is None or unit in (entry.ucum, entry.unit):
        return value
    if not isinstance(unit, str) or isinstance(value, bool) or not isinstance(value, int | float):
        raise PayloadError(f"expected a number for {name} with its unit as text")
    try:
        return conversion(unit, entry.ucum)(float(value))
    except OverflowError:
        raise PayloadError(f"{name}: the value is too large") from None
    except InputError as error:
        raise PayloadError(f"{name}: {error}") from None
