"""What a scenario file may hold: the values it expects, and a table that gathers everything that is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Generic, TypeVar

from collector.language.topics import is_segment
from simulator.cities import UnknownNameError, city, describe_unknown, network
from simulator.scenario_merge import merge

Value = TypeVar("Value")

MANY = 1_000
DAY = 86_400
_LENGTH = "([1-9][0-9]{0,8})(s|min|h|d|w)"
SECONDS = {"s": 1, "min": 60, "h": 3_600, "d": DAY, "w": 7 * DAY}


@dataclass(frozen=True, slots=True)
class Expected(Generic[Value]):
    """A kind of value: how an error calls it, and how to read it (`TypeError` or `ValueError` for all else).

    `schema` is what JSON Schema says of it.
    """

    phrase: str
    read: Callable[[object], Value]
    schema: Mapping[str, object] = field(default_factory=dict, hash=False)


class Table:
    """A table of the file; it notes what is wrong, each with its path, and goes on with a stand-in."""

    __slots__ = ("_entries", "_parent", "_place", "_wrong", "errors")

    def __init__(self, entries: Mapping[str, object], parent: Table | None = None, place: str = "") -> None:
        self._entries, self._parent, self._place = entries, parent, place
        self._wrong: list[str] = []
        self.errors: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    @property
    def entries(self) -> Mapping[str, object]:
        """Get what the table holds, unread."""
        return self._entries

    def filled(self, below: Mapping[str, object]) -> Table:
        """Get this table with what it leaves out taken from another; what is wrong is noted here."""
        return Table(merge(below, self._entries, "", {}, "entry"), self, "")

    def take(self, key: str, expected: Expected[Value], stand_in: Value, *, required: bool = False) -> Value:
        """Get the value of a key; the stand-in where it is missing or wrong (which is noted)."""
        if key in self._entries:
            return self._read(key, self._entries[key], expected, stand_in)
        if required:
            self.note(key, f"missing; expected {expected.phrase}")
        return stand_in

    def take_each(self, key: str, expected: Expected[Value], stand_in: Value) -> list[Value]:
        """Get the good values of a list; each wrong one is noted with its position."""
        read = (self._read(place, item, expected, stand_in) for place, item in self._items(key))
        return [value for value in read if value != stand_in]

    def table(self, key: str) -> Table:
        """Get a table inside this one, empty where it is missing."""
        return self._table(key, self._entries.get(key, {})) or Table({}, self, key)

    def tables(self, key: str) -> list[Table]:
        """Get the tables of a list of tables."""
        found = (self._table(place, item) for place, item in self._items(key))
        return [table for table in found if table is not None]

    def others(self, known: Iterable[str]) -> list[tuple[str, object]]:
        """Get the keys that are not known, with their values (at most `MANY`)."""
        names = set(known)
        return [(key, value) for key, value in self._entries.items() if key not in names][:MANY]

    def allow(self, *known: str) -> None:
        """Note every key that is not known, with the nearest known one."""
        for key, _ in self.others(known):
            self.note(key, describe_unknown("key", key, known))

    def note(self, key: str, message: str) -> None:
        """Note an error at a key."""
        self._wrong.append(key)
        if self._parent is None:
            self.errors.append(f"{key}: {message}")
        else:
            self._parent.note(f"{self._place}.{key}" if self._place else key, message)

    def fine(self, *keys: str) -> bool:
        """Say whether nothing is wrong at or below these keys so far."""
        below = tuple(f"{key}{mark}" for key in keys for mark in ".[")
        return not any(wrong in keys or wrong.startswith(below) for wrong in self._wrong)

    def _read(self, place: str, given: object, expected: Expected[Value], stand_in: Value) -> Value:
        try:
            return expected.read(given)
        except UnknownNameError as error:
            self.note(place, str(error))
        except (TypeError, ValueError):
            self.note(place, f"expected {expected.phrase}, came {shown(given)}")
        return stand_in

    def _table(self, place: str, given: object) -> Table | None:
        if isinstance(given, dict):
            return Table(given, self, place)
        self.note(place, f"expected a table, came {shown(given)}")
        return None

    def _items(self, key: str) -> Iterator[tuple[str, object]]:
        given = self._entries.get(key, [])
        if isinstance(given, list) and len(given) > MANY:
            self.note(key, f"expected at most {MANY} entries, came {len(given)}")
        elif isinstance(given, list):
            yield from ((f"{key}[{index}]", item) for index, item in enumerate(given))
        else:
            self.note(key, f"expected a list, came {shown(given)}")


def shown(given: object) -> str:
    """Get a value as an error shows it: short, and as the file writes it."""
    if isinstance(given, dict):
        return "a table"
    if isinstance(given, list):
        return "a list"
    if isinstance(given, date | time):
        return given.isoformat()
    if isinstance(given, int) and given.bit_length() > 128:
        return "a huge number"
    text = json.dumps(given, ensure_ascii=False) if isinstance(given, str | bool) else str(given)
    return text if len(text) <= 60 else f"{text[:57]}..."


def whole(low: int, high: int) -> Expected[int]:
    """Get the kind of a whole number in a range, both ends included."""

    def read(given: object) -> int:
        if type(given) is not int or not low <= given <= high:
            raise ValueError
        return given

    schema = {"type": "integer", "minimum": low, "maximum": high}
    return Expected(f"a whole number from {low} to {high}", read, schema)


def number(low: float, high: float) -> Expected[float]:
    """Get the kind of a number in a range, both ends included."""

    def read(given: object) -> float:
        if isinstance(given, bool) or not isinstance(given, int | float) or not low <= given <= high:
            raise ValueError
        return float(given)

    schema = {"type": "number", "minimum": low, "maximum": high}
    return Expected(f"a number from {low:g} to {high:g}", read, schema)


def _name(given: object) -> str:
    text = _text(given)
    if not is_segment(text):
        raise ValueError
    return text


def _text(given: object) -> str:
    if not isinstance(given, str):
        raise TypeError
    return given


def _moment(given: object) -> int:
    if not isinstance(given, date) or not 1970 <= given.year <= 2199:
        raise ValueError
    moment = given if isinstance(given, datetime) else datetime.combine(given, time())
    if moment.microsecond:
        raise ValueError
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _day(given: object) -> date:
    if not isinstance(given, date) or isinstance(given, datetime):
        raise TypeError
    return given


def _duration(given: object) -> int:
    parts = re.fullmatch(_LENGTH, _text(given))
    if parts is None:
        raise ValueError
    return int(parts[1]) * SECONDS[parts[2]]


def _cadence(given: object) -> int:
    seconds = _duration(given)
    if DAY % seconds:
        raise ValueError
    return seconds


_WORDS = {"type": "string"}

NAME = Expected(
    "a name of at most 63 characters a-z, 0-9 and -, not beginning with - and not reserved (like status)",
    _name,
    {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"},
)
TEXT = Expected("a text", _text, _WORDS)
MOMENT = Expected("a day or a UTC time in whole seconds, like 2026-03-01 or 2026-03-01T08:00:00Z", _moment, _WORDS)
ON = Expected("a day, like 2023-12-31", _day, _WORDS)
DURATION = Expected('a duration, like "30d", "12h" or "15min"', _duration, _WORDS | {"pattern": f"^{_LENGTH}$"})
CADENCE = Expected(
    'a duration from "1s" to "1d" that divides a day, like "15min"', _cadence, _WORDS | {"pattern": f"^{_LENGTH}$"}
)
SEED = whole(0, 2**63 - 1)
CITY = Expected("the id of a city", lambda given: city(_text(given)).id, _WORDS)
NETWORK = Expected("the id of a network", lambda given: network(_text(given)).id, _WORDS)
