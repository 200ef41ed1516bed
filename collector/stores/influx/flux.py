"""Flux in text: InfluxDB takes no parameters, so every name goes in as a literal, and nothing else does."""

from __future__ import annotations

import re
from collections.abc import Iterable

from collector.language.time import EARLIEST, LATEST, format_epoch
from collector.stores.influx.lines import plain, tag_text

PLACE = ("run", "city", "pillar", "station")
ACCOUNTS_END = "1970-04-20T00:00:00Z"  # numbers are below 2^53: as nanoseconds, 104 days and 6 hours
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SPECIAL = re.compile(r'[\\"$\x00-\x1f\x7f]')


def literal(text: str) -> str:
    """A text as a Flux string literal, quotes included; nothing in it is interpolated."""
    return f'"{_SPECIAL.sub(_escaped, plain(text))}"'


def tagged(name: str, values: Iterable[str]) -> str:
    """A condition: the tag has one of the values, or there are none."""
    terms = [f"r.{name} == {literal(tag_text(value))}" for value in values]
    return f"({' or '.join(terms)})" if terms else "true"


def points(
    bucket: str, measurement: str, conditions: Iterable[str] = (), *, start: int | None = None, end: int | None = None
) -> str:
    """The points of a measurement from `start` to before `end` (seconds since 1970) that meet all conditions.

    Times outside those of the wire are drawn in, and a span without a second becomes one: Flux refuses it.
    """
    start = EARLIEST if start is None else min(max(start, EARLIEST), LATEST)
    end = LATEST if end is None else min(max(end, start + 1), LATEST + 1)
    terms = [f"r._measurement == {literal(measurement)}", *(term for term in conditions if term != "true")]
    return (
        f"from(bucket: {literal(bucket)}) |> range(start: {format_epoch(start)}, stop: {format_epoch(end)})"
        f" |> filter(fn: (r) => {' and '.join(terms)})"
    )


def keep(names: Iterable[str]) -> str:
    """The end of a query: these columns only, so that all tables look alike."""
    return f" |> keep(columns: [{', '.join(literal(name) for name in names)}])"


def _escaped(found: re.Match[str]) -> str:
    """A dollar sign is written as a byte: it would begin an expression, and Flux stumbles over one before an escape."""
    return _ESCAPES.get(found[0], f"\\x{ord(found[0]):02x}")
