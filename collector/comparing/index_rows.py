"""What is asked of an index of cities, and the rows of its table: pure functions of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.comparing.comparison import LEAST_COVERAGE, NOT_A_FORECAST, Column, Comparison, Entry
from collector.comparing.difference import DAY, Clock, Values
from collector.comparing.guidelines import Scheme
from collector.language.checking import suggestion
from collector.language.errors import InputError

OVERALL = "overall"
"""The part of an air quality index that is the whole of it."""

Cells = Mapping[str, object]
When = tuple[pa.Array, pa.Array]


class IndexName(StrEnum):
    """The indices of a city that are computed from its values."""

    AQI_US_EPA = f"aqi-{Scheme.US_EPA}"
    AQI_THAI_PCD = f"aqi-{Scheme.THAI_PCD}"
    NOWCAST = "nowcast"
    HEAT_INDEX = "heat-index"
    TRAVEL_RELIABILITY = "travel-reliability"
    SERVICE_LEVEL = "service-level"


@dataclass(frozen=True, slots=True)
class IndexRequest:
    """Which index of which cities and runs (empty: all).

    `start` and `end` are seconds since 1970 on each city's own clock. An hour or a day with less than a share
    `least_coverage` of its values does not count; values that carry a flag of the kinds in `without` are left out.
    `agreed` is the time in hours that a service promised: of the service level only, and needed there.
    """

    name: IndexName
    cities: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None
    least_coverage: float = LEAST_COVERAGE
    without: tuple[str, ...] = ()
    agreed: float | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A city in a run, and what is known of it from values of one origin: an entry for each indicator.

    `steps` (n,) are the starts of the hours or days that the index is told of, on its clock, `step` seconds long each;
    `when` has their starts and ends as texts.
    """

    column: Column
    origin: str
    entries: Mapping[str, Entry]
    steps: Clock
    step: int
    when: When

    def values(self, indicator: str, before: int = 0) -> Values:
        """The values of an indicator at each step (n,), and at so many before the first; NaN where there is none."""
        found = np.full(before + len(self.steps), np.nan)
        if entry := self.entries.get(indicator):
            self.put(found, entry.clock, entry.values, before)
        return found

    def put(self, row: Values, clock: Clock, values: Values, before: int = 0) -> None:
        """Write values at times of a clock (m,) into a row of steps, those outside of it nowhere."""
        at = (clock - self.steps[0]) // self.step + before
        inside = (at >= 0) & (at < len(row))
        row[at[inside]] = values[inside]


def index_name(text: str) -> IndexName:
    """The index of that name. Raises `InputError` with a suggestion where there is none."""
    if text not in set(IndexName):
        known = ", ".join(IndexName)
        raise InputError(f"no index is called {text[:40]!r}: expected one of {known}; {suggestion(text, IndexName, '')}"
                         .rstrip("; "))  # fmt: skip
    return IndexName(text)


def places(comparison: Comparison, request: IndexRequest, step: int) -> list[Place]:
    """The cities of a comparison with the steps of their run, once for each origin: those of unlike origin are apart.

    Raises `InputError` where there is no step of any.
    """
    heard: dict[tuple[str, str], dict[str, dict[str, Entry]]] = {}
    spans: dict[str, list[int]] = {}
    for part in comparison.sections:
        for entry in part.entries:
            of_city = heard.setdefault((entry.column.run, entry.column.city), {})
            if len(entry.clock):
                of_city.setdefault(entry.origin, {})[part.indicator.id] = entry
                spans.setdefault(entry.column.run, []).extend((int(entry.clock[0]), int(entry.clock[-1])))
    steps = {run: _steps(min(span), max(span), request, step) for run, span in spans.items()}
    when = {run: clock_texts(starts, starts + step) for run, starts in steps.items()}
    found = [
        Place(column, origin, entries, steps[column.run], step, when[column.run])
        for column in comparison.columns
        for origin, entries in sorted((heard[column.run, column.city] or {column.origin: {}}).items())
        if len(steps.get(column.run, ()))
    ]
    if not found:
        names = ", ".join(comparison.request.indicators)
        raise InputError(f"nothing to tell of {request.name}: no values of {names} in that time")
    return found


def _steps(first: int, last: int, request: IndexRequest, step: int) -> Clock:
    """The starts of steps from the first time to the last, those whole within what was asked."""
    steps: Clock = np.arange(first // step * step, last + 1, step, dtype=np.int64)
    steps = steps if request.start is None else steps[steps >= request.start]
    return steps if request.end is None else steps[steps + step <= request.end]


def block(name: IndexName, place: Place, cells: Cells, when: When | None = None) -> pa.Table:
    """Rows of one part: what they are of, from when until when on the city's clock, and the cells that are given.

    A row for each step of the place, or for each of `when`. A cell is an array (n,) or a list of texts, or one text,
    number or None for all rows.
    """
    column, when = place.column, when or place.when
    parameters = {word for one in place.entries.values() for word in one.parameters.split(" and ") if word}
    told: dict[str, object] = {
        "index": str(name), "city": column.city, "city_name": column.name, "run": column.run,
        "scenario": column.scenario, "origin": place.origin, "parameters": " and ".join(sorted(parameters)),
        "timezone": column.timezone, "time": when[0], "until": when[1],
    }  # fmt: skip
    return pa.table({key: _column(cell, len(when[0])) for key, cell in {**told, **cells}.items()})


def in_turn(blocks: Sequence[pa.Table]) -> pa.Table:
    """Blocks of equally many rows, a row of each in turn."""
    rows = np.arange(sum(one.num_rows for one in blocks)).reshape(len(blocks), -1).T.ravel()
    return pa.concat_tables(blocks).take(pa.array(rows))


def clock_texts(starts: Clock, ends: Clock) -> When:
    """From when until when: days, or times to the minute; without an offset, for the city's time zone tells it."""
    form = "%Y-%m-%d %H:%M" if (np.concatenate([starts, ends]) % DAY).any() else "%Y-%m-%d"
    first, last = (pc.strftime(pa.array(times, pa.timestamp("s")), format=form) for times in (starts, ends))
    return first, last


def shared_notices(comparison: Comparison) -> list[str]:
    """What the reader of any index should know: gaps, what was left out, where the values come from."""
    every = [(part.indicator.id, entry) for part in comparison.sections for entry in part.entries]
    lacking: dict[str, list[str]] = {}
    for name, entry in every:
        if not len(entry.clock):
            lacking.setdefault(entry.column.label, []).append(name)
    told = [f"{label}: no values of {', '.join(names)}." for label, names in lacking.items()]
    least = f"{100 * comparison.request.least_coverage:g} %"
    told += [
        f"{entry.column.label}: {entry.sparse} buckets of {name} have less than {least} of their readings and do not "
        "count."
        for name, entry in every
        if entry.sparse
    ]
    told.append("An index is derived here, and has the origin of the values that it is derived from.")
    told += [NOT_A_FORECAST] if comparison.simulated else []
    return [*told, *comparison.notes]


def _column(cell: object, n: int) -> pa.Array:
    if isinstance(cell, pa.Array):
        return cell
    if isinstance(cell, np.ndarray):
        return pa.array(cell, from_pandas=True)
    if isinstance(cell, list):
        return pa.array(cell, pa.string())
    kind = pa.float64() if isinstance(cell, float) else pa.int64() if isinstance(cell, int) else pa.string()
    return pa.repeat(pa.scalar(cell, kind), n)
