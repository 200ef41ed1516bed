"""The rows of a validation, as JSON holds them, put in order: by record, and those that make a line together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.validation.judgement import NOT_KNOWN
from simulator.validation.statistics import MONTHS

Row = Mapping[str, Any]
"""A row as JSON holds it: name, unit, observed, low, median, high, inside, width, spread, spread_from, why.

A bound that was fixed beforehand has no median, a row that too few replications have no band at all.
"""

LEAST_POINTS = 3
_CURVE = re.compile(rf"(?P<what>.+) of (?:(?P<month>{'|'.join(MONTHS)})|(?P<hour>\d\d) h)|quantile (?P<percent>\d+) %")


@dataclass(frozen=True, slots=True)
class Record:
    """A measured series (or pair of series): its rows, and its source and licence where they are known."""

    name: str
    anchor: str
    rows: tuple[Row, ...]
    source: str = ""
    licence: str = ""

    @property
    def inside(self) -> int:
        """Get the number of rows inside."""
        return sum(bool(row["inside"]) for row in self.rows)

    @property
    def unjudged(self) -> int:
        """Get the number of rows inside the width of whose band was not judged: nobody knows their spread."""
        unknown = [row for row in self.rows if row["spread"] is None and row.get("spread_from", NOT_KNOWN) == NOT_KNOWN]
        return sum(bool(row["inside"]) for row in unknown)


@dataclass(frozen=True, slots=True)
class Curve:
    """Rows that make one line: over the months, the hours of the day, or the quantiles."""

    title: str
    unit: str
    places: tuple[str, ...]
    rows: tuple[Row, ...]


def records_of(told: Mapping[str, Any]) -> list[Record]:
    """Get the records in the order of their first rows; a row is named `record: statistic`."""
    about: Mapping[str, Mapping[str, str]] = told.get("sources", {})
    found: dict[str, list[Row]] = {}
    for row in told["rows"]:
        found.setdefault(row["name"].split(": ", 1)[0], []).append(row)
    return [
        Record(
            name,
            f"series-{number}",
            tuple(rows),
            about.get(name, {}).get("source", ""),
            about.get(name, {}).get("licence", ""),
        )
        for number, (name, rows) in enumerate(found.items(), start=1)
    ]


def curves_of(rows: Sequence[Row]) -> list[Curve]:
    """Get the lines that rows with a band make, of at least three points each."""
    found: dict[tuple[str, str], list[tuple[str, Row]]] = {}
    for row in rows:
        parts = _CURVE.fullmatch(statistic_of(row))
        if parts is None or row["median"] is None:
            continue
        if parts["percent"]:
            kind, place = "quantile", f"{parts['percent']} %"
        else:
            kind, place = (
                ("by month", parts["month"][:3]) if parts["month"] else ("by hour of the day", f"{parts['hour']} h")
            )
        found.setdefault((parts["what"] or "", kind), []).append((place, row))
    return [
        Curve(f"{what} {kind}".strip(), str(points[0][1]["unit"]), *map(tuple, zip(*points, strict=True)))
        for (what, kind), points in found.items()
        if len(points) >= LEAST_POINTS
    ]


def statistic_of(row: Row) -> str:
    """Get the name of a row without that of its record."""
    return str(row["name"]).split(": ", 1)[-1]


def fault_of(row: Row) -> str:
    """Get in a word what is wrong with a row: below, above, too wide, no band; empty if it is inside."""
    if row["inside"]:
        return ""
    if row["low"] is None:
        return "no band"
    if row["observed"] < row["low"]:
        return "below"
    return "above" if row["observed"] > row["high"] else "too wide"
