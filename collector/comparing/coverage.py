"""Who reported what, how old it is, and what is missing: cities x indicators. Pure functions of tables.

What is expected is what the stations declare: with a cadence of c, every bucket of c in the window holds a value.
A station that speaks only when something happens promises nothing, so nothing of it is expected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collector.language.indicators import IndicatorKind, indicators
from collector.language.profile import StationProfile
from collector.language.time import format_epoch

HALF_HOUR = 1800
DAY = 86_400
MONTH = 28 * DAY
STALE_CADENCES = 3  # an assumption: the newest value is stale when three more should have come
STALE_LEAST = DAY
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cell:
    """What is there of one indicator in one city. Times are seconds since 1970; None where nothing is known.

    `origin` is that of its values ("mixed" where there are several, "" where there is none), `cadence` the shortest
    its stations declare (s, None for none), `expected` and `present` how many buckets of it the window has and how many
    of these hold a value, `gap` the longest hole (first and last second). `age` is from the newest value to `as_of`.
    """

    city: str
    indicator: str
    pillar: str
    origin: str = ""
    runs: tuple[str, ...] = ()
    stations: int = 0
    readings: int = 0
    first: int | None = None
    last: int | None = None
    age: int | None = None
    cadence: int | None = None
    expected: int | None = None
    present: int | None = None
    gap: tuple[int, int] | None = None

    @property
    def share(self) -> float | None:
        """Which share of what is expected is there; None where nothing is expected."""
        return None if not self.expected or self.present is None else min(1.0, self.present / self.expected)

    @property
    def state(self) -> str:
        """missing, stale (nothing for long), partial, complete, or unscheduled (there, but nothing was promised)."""
        if self.last is None:
            return "missing"
        if self.cadence and self.age is not None and self.age > max(STALE_LEAST, STALE_CADENCES * self.cadence):
            return "stale"
        if self.share is None:
            return "unscheduled"
        return "complete" if self.share >= 1.0 else "partial"


@dataclass(frozen=True, slots=True)
class Coverage:
    """All cells of some cities and indicators in the window [start, end), seen at `as_of` (seconds since 1970)."""

    cities: tuple[str, ...]
    indicators: tuple[str, ...]
    start: int
    end: int
    as_of: int
    cells: Mapping[tuple[str, str], Cell] = field(default_factory=dict)

    def cell(self, city: str, indicator: str) -> Cell:
        """What is there of an indicator in a city."""
        return self.cells[city, indicator]

    def rows(self) -> list[dict[str, Any]]:
        """A row for each cell, with times as ISO 8601, for JSON and tables."""
        return [_row(self.cells[city, indicator]) for city in self.cities for indicator in self.indicators]

    def counts(self, city: str) -> tuple[int, int]:
        """How many of the indicators a city has, and of how many."""
        there = sum(self.cells[city, name].last is not None for name in self.indicators)
        return there, len(self.indicators)


def _row(cell: Cell) -> dict[str, Any]:
    return {
        "city": cell.city,
        "pillar": cell.pillar,
        "indicator": cell.indicator,
        "state": cell.state,
        "origin": cell.origin,
        "runs": list(cell.runs),
        "stations": cell.stations,
        "readings": cell.readings,
        "first": None if cell.first is None else format_epoch(cell.first),
        "last": None if cell.last is None else format_epoch(cell.last),
        "age_s": cell.age,
        "cadence_s": cell.cadence,
        "expected": cell.expected,
        "present": cell.present,
        "share": cell.share,
        "gap": None if cell.gap is None else [format_epoch(time) for time in cell.gap],
    }


def bucket_of(cadence: int) -> int:
    """The bucket in which a value is expected: the cadence, as whole half hours."""
    return max(1, -(-cadence // HALF_HOUR)) * HALF_HOUR


def cadences(stations: Iterable[StationProfile]) -> dict[tuple[str, str], int]:
    """The shortest cadence declared for each city and indicator; those that promise none are left out.

    Events come when they happen, whatever the cadence of the station that tells of them.
    """
    found: dict[tuple[str, str], int] = {}
    for one in stations:
        for name in one.indicators if one.cadence else ():
            if name not in indicators() or indicators()[name].kind is not IndicatorKind.EVENT:
                found[one.city, name] = min(one.cadence, found.get((one.city, name), one.cadence))
    return found


def filled(cell_times: Integers, cadence: int, start: int, end: int) -> tuple[int, int, tuple[int, int] | None]:
    """How many buckets a window has, how many hold one of the times, and the longest hole between or beside these.

    Times are those of buckets or of values. A cadence of 28 days or more counts calendar months, whose lengths differ,
    by their number: a value a month.
    """
    inside = np.unique(cell_times[(cell_times >= start) & (cell_times < end)])
    if cadence >= MONTH:
        months = max(1, round(cadence / (30.44 * DAY)))
        have = np.unique(_months(inside) // months)
        expected = max(1, _months(np.array([end - 1]))[0] // months - _months(np.array([start]))[0] // months + 1)
        return int(expected), len(have), _hole(inside, 2 * cadence, start, end)
    bucket = bucket_of(cadence)
    expected = max(1, -(-(end - start) // bucket))
    present = len(np.unique((inside - start) // bucket))
    return expected, present, _hole(inside, 2 * bucket, start, end)


def _months(times: Integers) -> Integers:
    return times.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)


def _hole(times: Integers, least: int, start: int, end: int) -> tuple[int, int] | None:
    edges = np.r_[start, times, end]
    lengths = np.diff(edges)
    at = int(lengths.argmax())
    return (int(edges[at]), int(edges[at + 1]) - 1) if lengths[at] >= least else None


def blank(cities: Sequence[str], names: Sequence[str]) -> dict[tuple[str, str], Cell]:
    """A cell with nothing for each city and indicator."""
    known = indicators()
    return {
        (city, name): Cell(city, name, known[name].pillar.value if name in known else "")
        for city in cities
        for name in names
    }
