"""Text with fields in braces, filled in from what is said: a strict substitution, nothing is evaluated.

`{name}` is a field; any other brace is text, so that JSON can be written as it is.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from collector.language.errors import InputError

Value = str | float | int | None
_FIELD = re.compile(r"\{([^\s{}\"]+)\}")

STATION_FIELDS: Mapping[str, str] = {
    "run": "name of the run",
    "session": "session of the publisher",
    "city": "id of the city",
    "pillar": "environment, economy or governance",
    "station": "id of the station",
    "station_kind": "kind of the station, such as air-quality",
    "message": "readings, events or statistics",
}
"""Fields of a topic."""
VALUE_FIELDS: Mapping[str, str] = {
    "indicator": "id of the indicator; `events` for an event",
}
"""Fields of a topic where a message holds one value."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Text and fields by turns: `pieces` has text at even and names of fields at odd places."""

    pieces: tuple[str, ...]

    @property
    def fields(self) -> frozenset[str]:
        """The names of its fields."""
        return frozenset(self.pieces[1::2])

    @property
    def text(self) -> str:
        """The pattern as it was written."""
        return "".join(piece if at % 2 == 0 else f"{{{piece}}}" for at, piece in enumerate(self.pieces))

    def fill(self, values: Mapping[str, Value]) -> str:
        """The text with its fields as they are."""
        return "".join(piece if at % 2 == 0 else str(values[piece]) for at, piece in enumerate(self.pieces))

    def fill_json(self, values: Mapping[str, Value]) -> str:
        """The text with numbers and null as JSON has them, and texts escaped as within a JSON string."""
        return "".join(piece if at % 2 == 0 else _escaped(values[piece]) for at, piece in enumerate(self.pieces))


class Raw(str):
    """JSON that is filled in as it is."""

    __slots__ = ()


def parse_pattern(text: str, known: Iterable[str], option: str) -> tuple[Pattern, list[str]]:
    """The pattern in a text, and what is wrong with its fields, each with what was meant or what there is."""
    pattern = Pattern(tuple(_FIELD.split(text)))
    names = sorted(known)
    wrong = [f"{option}: no field {{{name}}}{_hint(name, names)}" for name in sorted(pattern.fields - set(names))]
    return pattern, wrong


def topic_pattern(text: str, known: Iterable[str]) -> tuple[Pattern, list[str]]:
    """The pattern of a topic, and everything that is wrong with it."""
    pattern, wrong = parse_pattern(text, known, "--topic")
    if not text:
        wrong.append("--topic: expected at least one character")
    if found := sorted(set(text) & set("+#\0")):
        wrong.append(f"--topic: a topic to publish to has no {' or '.join(map(repr, found))}")
    if text.startswith("$"):
        wrong.append("--topic: topics that begin with $ belong to the broker")
    if len(text.encode()) > 1000:
        wrong.append(f"--topic: expected at most 1,000 bytes, came {len(text.encode())}")
    return pattern, wrong


def refuse(wrong: list[str]) -> None:
    """Raise `InputError` with everything that is wrong, if anything is."""
    if wrong:
        raise InputError("; ".join(wrong))


def _hint(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {{{near[0]}}}?" if near else f"; there are {', '.join(known)}"


def _escaped(value: Value) -> str:
    if isinstance(value, Raw):
        return value
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)[1:-1]
    return json.dumps(value, allow_nan=False)
