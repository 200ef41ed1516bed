"""Paths into JSON: `uplink_message.rx_metadata[0].rssi`, and `PMS5003["PM2.5"]` where a key holds a dot.

JSONPath libraries find sets of values by queries; here a path names one value, and an error must name the path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from collector.language.codec import load
from collector.language.errors import InputError, PayloadError

Path = tuple[str | int, ...]
Form = tuple[str | None, ...]  # a path with None for any place in a list

LEAVES = 1_000
_STEP = re.compile(r"""(?:^|\.)([^.\[\]"']+)|\[(\d{1,6})\]|\[(?:"([^"]+)"|'([^']+)')\]""")
_PLAIN = re.compile(r"""[^.\[\]"']+""")


class Absent(Enum):
    """There is nothing at a path (null is something)."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


def parse_path(text: str) -> Path:
    """The steps of a path. Raises `InputError`."""
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            break
        key, place, double, single = found.groups()
        steps.append(int(place) if place is not None else key or double or single)
        at = found.end()
    if not steps or at < len(text):
        raise InputError(
            f'expected a path such as AM2301.Temperature, list[0].value or PMS5003["PM2.5"], came {text!r}'
        )
    return tuple(steps)


def written(path: Path | Form) -> str:
    """A path as text."""
    text = ""
    for step in path:
        if isinstance(step, str) and _PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += "[]" if step is None else f"[{step!r}]" if isinstance(step, int) else _quoted(step)
    return text


def _quoted(key: str) -> str:
    return f"['{key}']" if '"' in key else f'["{key}"]'


def form(path: Path) -> Form:
    """A path with places in lists left open."""
    return tuple(step if isinstance(step, str) else None for step in path)


def look_up(document: object, path: Path) -> object:
    """What is at a path, `ABSENT` if nothing is."""
    for step in path:
        if isinstance(step, str):
            if not isinstance(document, dict) or step not in document:
                return ABSENT
            document = document[step]
        else:
            if not isinstance(document, list) or step >= len(document):
                return ABSENT
            document = document[step]
    return document


def leaves(document: object, known: frozenset[Form] = frozenset()) -> Iterator[Form]:
    """The paths of all values that are not objects or lists, each form once, at most `LEAVES`, none under `known`."""
    seen: set[Form] = set()
    waiting: list[tuple[Form, object]] = [((), document)]
    while waiting and len(seen) < LEAVES:
        path, found = waiting.pop()
        if path in known:
            continue
        if isinstance(found, dict):
            waiting += [((*path, key), value) for key, value in reversed(found.items())]
        elif isinstance(found, list):
            waiting += [((*path, None), value) for value in reversed(found[:LEAVES])]
        elif path not in seen:
            seen.add(path)
            yield path


def document(payload: bytes) -> dict[str, object]:
    """The JSON object in a payload; a list, a number or a text alone is taken for `{"value": ...}`.

    Raises `PayloadError`.
    """
    start = payload[:64].lstrip()[:1]
    if start == b"{" or not start:
        return load(payload)
    told = load(b'{"value":' + payload + b"}")
    if len(told) != 1:
        raise PayloadError("expected JSON, came several values")
    return told
