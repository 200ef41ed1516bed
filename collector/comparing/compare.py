"""Cities and runs side by side: aligned, with their units and origins, and judged only where that is fair.

Pure: Arrow and arrays in, dataclasses out. `collector.comparing.compare_store` reads what is compared from a store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from collector.comparing.comparison import (
    NOT_A_FORECAST,
    Column,
    Comparison,
    Entry,
    Key,
    Request,
    Section,
    reference_of,
)
from collector.comparing.difference import DAY, DAYS_FOR_DAILY_MEANS, Clock, Values, figures
from collector.comparing.fairness import fairness, judged, ranked, unjudged
from collector.comparing.scaling import Scale, scale_of, scaled
from collector.language.indicators import Indicator, IndicatorKind, Origin, Rollup, indicator

_SURE = "Rank from and to: the places that no clear difference from another column excludes, at 95 % for all of them."
_UNSURE = "Fewer than 7 days in common: nothing says how sure the ranks are."
_PERIODIC = frozenset({IndicatorKind.SENSOR, IndicatorKind.COUNT})
_DURATIONS = {1800: "30 min", 3600: "hour", 86_400: "day", 604_800: "week"}


Expected = tuple[str, str, str, str]
"""A run, a city, an indicator and an origin."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What else is known of the columns.

    `parameters` says where a model's parameters come from. `heard` holds the starts of buckets (UTC, seconds) in which
    the stations of an event indicator said anything at all, so that no event means none. `expected` says how many
    readings a bucket of a run, city, indicator and origin should hold; where nothing says it, what it usually holds
    is taken.
    """

    parameters: Mapping[Key, str] = field(default_factory=dict)
    expected: Mapping[Expected, float] = field(default_factory=dict)
    heard: Mapping[Key, Clock] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Held:
    """What a store has of a column: the starts of buckets (UTC, seconds), their values, and the readings in each."""

    times: Clock
    values: Values
    n: Values


def compare_table(
    request: Request, columns: Sequence[Column], table: pa.Table, evidence: Evidence | None = None
) -> Comparison:
    """The comparison of columns, the reference first, from a table of buckets.

    The table has the columns run, city, indicator, origin (text), time (UTC, start of the bucket) and value, and may
    have n, the readings behind each value: buckets with too few of them are left out (`Request.least_coverage`).
    Values that are null or not finite are missing; nothing is filled in except events that did not happen (`Evidence`).
    """
    if "n" not in table.column_names:
        table = table.append_column("n", pa.nulls(table.num_rows, pa.int64()))
    evidence = evidence or Evidence()
    held = {name: _entries(name, request, columns, table, evidence) for name in request.indicators}
    first, last = _span(request, [entry.clock for entries in held.values() for entry in entries])
    expected = (last - first) // request.bucket
    sections = (_section(indicator(name), entries, request, expected) for name, entries in held.items())
    return Comparison(request, tuple(columns), first, last, tuple(sections))


def clock_times(epochs: Clock, timezone: str) -> Clock:
    """Times on the wall clock of a zone, in seconds since 1970 by that clock, of seconds since 1970 (n,) in UTC."""
    if timezone == "UTC":
        return epochs
    zone = ZoneInfo(timezone)
    texts = (datetime.fromtimestamp(epoch, zone).replace(tzinfo=UTC) for epoch in epochs.tolist())
    return np.fromiter((int(text.timestamp()) for text in texts), np.int64, len(epochs))


def _entries(
    name: str, request: Request, columns: Sequence[Column], table: pa.Table, evidence: Evidence
) -> list[Entry]:
    held = _series(table.filter(pc.equal(table["indicator"], name)))
    nothing = _Held(np.empty(0, np.int64), np.empty(0), np.empty(0))
    return [
        _entry(column, origin, held.get((column.run, column.city, origin), nothing), indicator(name), request, evidence)
        for column in columns
        for origin in _origins(column, held)
    ]


def _origins(column: Column, held: Iterable[Key]) -> list[str]:
    return sorted(origin for run, city, origin in held if (run, city) == (column.run, column.city)) or [column.origin]


def _series(table: pa.Table) -> dict[Key, _Held]:
    keys = ["run", "city", "origin"]
    groups = table.group_by(keys).aggregate([("time", "list"), ("value", "list"), ("n", "list")])
    names = zip(*(groups[key].to_pylist() for key in keys), strict=True)
    lists = (groups[f"{name}_list"] for name in ("time", "value", "n"))
    return {
        group: _Held(_seconds(times.values), _floats(values.values), _floats(n.values))
        for group, times, values, n in zip(names, *lists, strict=True)
    }


def _floats(numbers: pa.Array) -> Values:
    floats: Values = numbers.to_numpy(zero_copy_only=False).astype(np.float64)
    return floats


def _seconds(times: pa.Array) -> Clock:
    seconds: Clock = times.to_numpy(zero_copy_only=False).astype("datetime64[s]").astype(np.int64)
    return seconds


def _entry(column: Column, origin: str, held: _Held, entry: Indicator, request: Request, evidence: Evidence) -> Entry:
    key = (column.run, column.city, entry.id)
    there = np.isfinite(held.values)
    held = _Held(held.times[there], held.values[there], held.n[there])
    quiet = (
        np.setdiff1d(evidence.heard.get(key, held.times[:0]), held.times) if counts_events(entry) else held.times[:0]
    )
    times, values = np.concatenate([held.times, quiet]), np.concatenate([held.values, np.zeros(len(quiet))])
    few = _too_few(held.n, evidence.expected.get((*key, origin)), entry, request)
    few = np.concatenate([few, np.zeros(len(quiet), np.bool_)])
    clock = _whole_buckets(clock_times(times, column.timezone), request.bucket) if request.local else times
    clock = clock + column.shift
    inside = _inside(clock, request)
    silent = int(inside[len(clock) - len(quiet) :].sum()) if key in evidence.heard or not counts_events(entry) else None
    sparse, inside = int((inside & few).sum()), inside & ~few
    clock, values = _one_per_bucket(clock[inside], values[inside])
    parameters = evidence.parameters.get(key, "") if origin == Origin.SIMULATED else ""
    told = figures(values, len(values))
    return Entry(column, origin, parameters, clock, values, told, silent, sparse=sparse)


def _too_few(n: Values, expected: float | None, entry: Indicator, request: Request) -> NDArray[np.bool_]:
    """Which buckets hold too few readings (n,); events and statistics come when they come."""
    if entry.kind not in _PERIODIC or not np.isfinite(n).any():
        return np.zeros(len(n), np.bool_)
    usual = float(np.nanmedian(n))
    return n < request.least_coverage * (expected or usual)


def counts_events(entry: Indicator) -> bool:
    """Whether an indicator counts events one by one, so that a bucket without any has no value of its own."""
    return entry.kind is IndicatorKind.EVENT and entry.rollup is Rollup.SUM


def _whole_buckets(clock: Clock, bucket: int) -> Clock:
    """The nearest start of a bucket: a store keeps one offset, and summer time moves long buckets by an hour."""
    whole = DAY if bucket % DAY == 0 else bucket
    return clock if bucket <= 3600 or DAY % whole else (clock + whole // 2) // whole * whole


def _inside(clock: Clock, request: Request) -> NDArray[np.bool_]:
    inside = np.ones(len(clock), np.bool_)
    if request.start is not None:
        inside &= clock >= request.start
    if request.end is not None:
        inside &= clock + request.bucket <= request.end
    return inside


def _one_per_bucket(clock: Clock, values: Values) -> tuple[Clock, Values]:
    """Sorted times once each: an hour that a clock shows twice, when summer time ends, is the mean of both."""
    once, places = np.unique(clock, return_inverse=True)
    return once, np.bincount(places, weights=values, minlength=len(once)) / np.bincount(places, minlength=len(once))


def _span(request: Request, clocks: Iterable[Clock]) -> tuple[int, int]:
    held = [clock for clock in clocks if len(clock)]
    first = request.start if request.start is not None else min((int(clock[0]) for clock in held), default=0)
    end = max((int(clock[-1]) + request.bucket for clock in held), default=first)
    return first, request.end if request.end is not None else end


def _section(entry: Indicator, entries: list[Entry], request: Request, expected: int) -> Section:
    scale, refusals = scale_of(entry, entries, request)
    entries = [scaled(one, scale) for one in entries]
    entries = [replace(one, figures=figures(one.values, expected)) for one in entries]
    entries = [judged(one, reference_of(one, entries), entry, scale, request) for one in entries]
    refusals += unjudged(entry, entries, scale, request)
    if request.rank:
        entries, refused = ranked(entry, entries, scale, request)
        refusals += refused
    overrides = fairness(entry, entries, scale, request).overrides
    notes = tuple(_notes(entry, entries, request))
    unit = _unit(entry, request.bucket, scale)
    return Section(entry, unit, tuple(entries), tuple(refusals), overrides, notes, tuple(_rank_notes(entries)))


def _rank_notes(entries: Sequence[Entry]) -> Iterable[str]:
    if any(one.rank for one in entries):
        yield "Ranks follow the means on the buckets common to all; neighbours need not differ clearly."
        yield _SURE if any(one.standing for one in entries) else _UNSURE


def _without_interval(entries: Sequence[Entry]) -> Iterable[str]:
    """The ratios without an interval; a difference without one is not judged, and says so there."""
    for one in entries:
        if one.difference and one.difference.why and not np.isnan(one.difference.low):
            yield f"{one.column.label}: the interval of its ratio is {one.difference.why.said(one.difference.days)}."


def _notes_on_counting(entries: Sequence[Entry], request: Request) -> Iterable[str]:
    if any(one.sparse for one in entries):
        least = f"{100 * request.least_coverage:g} %"
        yield f"Buckets with less than {least} of their readings are left out; “too few” says how many."
    if any(one.quiet for one in entries):
        yield "Buckets in which the station was heard and nothing happened count as 0; “quiet” says how many."
    if unheard := [one.column.label for one in entries if one.figures.n and one.quiet is None]:
        yield f"{'; '.join(unheard)}: only buckets with an event are counted, for nothing tells quiet from silent."


def _unit(entry: Indicator, bucket: int, scale: Scale) -> str:
    unit = "no unit" if entry.unit == "1" else entry.unit
    if entry.rollup is Rollup.SUM:
        unit += f" per {_duration(bucket)}"
    return f"{unit} {scale}".strip()


def _duration(bucket: int) -> str:
    for seconds, plural in ((86_400, "days"), (3600, "hours"), (60, "min")):
        if bucket % seconds == 0:
            return _DURATIONS.get(bucket, f"{bucket // seconds} {plural}")
    return f"{bucket} s"


def _notes(entry: Indicator, entries: Sequence[Entry], request: Request) -> Iterable[str]:
    yield from _notes_on_counting(entries, request)
    if entry.kind is IndicatorKind.STATISTIC:
        yield "A statistic is published rarely: coverage counts the buckets in which a period of it begins."
    if entry.across is Rollup.SUM and entry.rollup is not Rollup.SUM:
        yield "A city's value is the sum of its stations' values: too low in a bucket in which one was silent."
    if entry.rollup is Rollup.ENERGETIC_MEAN:
        yield "Sound levels are averaged by energy within a bucket; the figures are of the buckets' levels."
    if empty := [one.column.label for one in entries if not one.figures.n]:
        yield f"No data: {'; '.join(empty)}."
    yield from _without_interval(entries)
    if any(one.difference and one.difference.days < DAYS_FOR_DAILY_MEANS for one in entries):
        yield "Fewer than 7 days in common: an interval speaks of these hours, not of the season."
    if any(one.origin == Origin.SIMULATED for one in entries):
        yield NOT_A_FORECAST
