"""Reads a league from a store, whichever it is: `league(store, request)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from collector.comparing.compare import counts_events
from collector.comparing.compare_store import compare
from collector.comparing.comparison import NOT_A_FORECAST, Column, Comparison, Entry, Request, Section
from collector.comparing.difference import DAY, DAYS_FOR_DAILY_MEANS, Clock, NoInterval
from collector.comparing.scaling import Scale, scale_of
from collector.language.indicators import IndicatorKind, Origin
from collector.language.time import format_epoch
from collector.league.composite import Composite
from collector.league.league import Contender, Daily, Place, places
from collector.stores.protocol import Store

LEAST_DAYS = 0.5
"""The share of the days that the best known city has, below which a part counts as missing (assumption)."""


@dataclass(frozen=True, slots=True)
class LeagueRequest:
    """What to rank: by which composite, which cities and runs (empty: all), when.

    `start` and `end` are seconds since 1970 on each city's own clock. `mixed_origins` and `unlike_populations` lift the
    conditions of a fair ranking, and the outcome says so on its face.
    """

    composite: Composite
    cities: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None
    mixed_origins: bool = False
    unlike_populations: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class League:
    """The outcome. `places` are without rank where `refusals` say why nothing was ranked.

    [first, last) is the span of what is heard day by day, in seconds on the clock of the cities. `overrides` are
    conditions that were lifted on request (a watermark belongs on the output then), `notes` what a reader should know.
    """

    composite: Composite
    first: int
    last: int
    places: tuple[Place, ...]
    refusals: tuple[str, ...]
    overrides: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def lifted(self) -> bool:
        """Whether a condition was lifted on request."""
        return bool(self.overrides)


def league(store: Store, request: LeagueRequest) -> League:
    """The league asked for, read from a store: daily values, on the same days for all cities.

    Raises `InputError` for names that are not there, and where nothing of the composite is, with what the store has.
    """
    asked = Request(
        indicators=tuple(part.indicator.id for part in request.composite.parts),
        cities=request.cities,
        runs=request.runs,
        start=request.start,
        end=request.end,
        bucket=DAY,
        per_capita=True,
        mixed_origins=request.mixed_origins,
        unlike_populations=request.unlike_populations,
    )
    return league_of(compare(store, asked), request)


def league_of(comparison: Comparison, request: LeagueRequest) -> League:
    """The league of a comparison in buckets of a day that holds the parts of the composite."""
    columns = comparison.columns
    origins = {entry.origin for part in comparison.sections for entry in part.entries if entry.figures.n}
    refusals, overrides = _mixed(origins, request)
    daily, notes = _daily(comparison)
    contenders = [Contender(one.run, one.city, one.name) for one in columns]
    found = places(contenders, daily, request.composite, request.seed)
    if len(columns) < 2:
        refusals = (*refusals, "fewer than two cities are there")
    if refusals:
        found = tuple(_unranked(one) for one in found)
    notes = (*notes, *_unsure(found, daily, request.composite))
    if comparison.simulated:
        notes = (*notes, NOT_A_FORECAST)
    first, last = _span(comparison)
    notes = (*notes, *_earlier(comparison, first), *comparison.notes)
    return League(request.composite, first, last, found, refusals, overrides, notes)


def _span(comparison: Comparison) -> tuple[int, int]:
    """The days that are spoken of: those of what is heard day by day, for what is published may go back years."""
    clocks = [
        entry.clock
        for section in comparison.sections
        for entry in section.entries
        if section.indicator.kind is not IndicatorKind.STATISTIC and len(entry.clock)
    ]
    if not clocks:
        return comparison.first, comparison.last
    return int(min(one[0] for one in clocks)), int(max(one[-1] for one in clocks)) + DAY


def _unsure(places: Sequence[Place], daily: Daily, composite: Composite) -> list[str]:
    """Why days do not tell how sure places or scores are, and what to do."""
    ranked = [one for one in places if one.rank is not None]
    days = daily.heard.sum(axis=0)
    few = [at for at in np.flatnonzero(days).tolist() if days[at] < DAYS_FOR_DAILY_MEANS]
    if ranked and few:
        rests = ", ".join(f"{composite.parts[at].indicator.id} rests on {days[at]}" for at in few)
        wanted = f"{DAYS_FOR_DAILY_MEANS} days that all have are needed"
        what = "take a longer time, or leave out the cities with the fewest days"
        return [f"By days nothing tells how sure the places are: {rests}, and {wanted}; {what}."]
    told = [one.contender.label for one in ranked if one.low is None and one.days is not None]
    why = NoInterval.MEMORY.said(int(daily.heard.any(axis=1).sum()))
    return [f"The interval of the score of {', '.join(told)} is {why}; take a longer time."] if told else []


def _earlier(comparison: Comparison, first: int) -> list[str]:
    """What was published for a time before that."""
    told = []
    for section in comparison.sections:
        starts = [int(entry.clock[0]) for entry in section.entries if len(entry.clock)]
        if section.indicator.kind is IndicatorKind.STATISTIC and starts and min(starts) < first:
            told.append(f"{section.indicator.id}: published for times from {format_epoch(min(starts))[:10]} on.")
    return told


def _mixed(origins: set[str], request: LeagueRequest) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if len(origins) < 2 and "unknown" not in origins:
        return (), ()
    told = f"the values are of mixed or unknown origin ({' and '.join(sorted(origins))})"
    return ((), (told,)) if request.mixed_origins else ((told,), ())


def _daily(comparison: Comparison) -> tuple[Daily, tuple[str, ...]]:
    columns, sections = comparison.columns, comparison.sections
    first = comparison.first // DAY
    days = max(-(-comparison.last // DAY) - first, 1)
    sums, counts = np.zeros((2, days, len(columns), len(sections)))
    origins = [["" for _ in sections] for _ in columns]
    units, notes = [], []
    for place, section in enumerate(sections):
        entries, said = _comparable(section, columns, comparison.request)
        notes += said
        for at, entry in entries.items():
            rows = entry.clock // DAY - first
            np.add.at(sums[:, at, place], rows, entry.values)
            np.add.at(counts[:, at, place], rows, 1.0)
            origins[at][place] = entry.origin
        units.append(section.unit)
    published = [section.indicator.kind is IndicatorKind.STATISTIC for section in sections]
    return Daily(sums, counts, origins, published, units), tuple(notes)


def _comparable(section: Section, columns: Sequence[Column], request: Request) -> tuple[dict[int, Entry], list[str]]:
    """The entries of a part by the place of their column, on the days common to all; and what was left out and why."""
    name = section.indicator.id
    entries, notes = _one_each(section, columns)
    if not entries:
        return {}, [f"{name}: no data; left out for all."]
    scale, refused = scale_of(section.indicator, list(entries.values()), request)
    if section.indicator.extensive and scale is Scale.NONE and len({one.city for one in columns}) > 1:
        return {}, [f"{name}: left out for all, for it grows with the size of a city. {' '.join(refused)}"]
    if counts_events(section.indicator) and any(one.quiet is None for one in entries.values()):
        return {}, [f"{name}: left out for all, for nothing tells a day without an event from one without a report."]
    most = max(len(one.clock) for one in entries.values())
    few = [at for at, one in entries.items() if len(one.clock) < LEAST_DAYS * most]
    for at in few:
        told = f"{len(entries[at].clock)} days of {most}"
        notes.append(f"{name}: left out for {columns[at].label}, which has too little of it ({told}).")
        del entries[at]
    shared = reduce(np.intersect1d, [one.clock for one in entries.values()])
    if not len(shared):
        return {}, [*notes, f"{name}: left out for all, for the cities have no day of it in common."]
    if len(shared) < most:
        fewest = sorted(entries, key=lambda at: len(entries[at].clock))[:3]
        fewer = ", ".join(f"{columns[at].label}: {len(entries[at].clock)}" for at in fewest)
        notes.append(f"{name}: on the {len(shared)} days that all have, of {most} (fewest: {fewer}).")
    return {at: _on(one, shared) for at, one in entries.items()}, notes


def _one_each(section: Section, columns: Sequence[Column]) -> tuple[dict[int, Entry], list[str]]:
    found: dict[int, Entry] = {}
    notes = []
    for entry in section.entries:
        at = columns.index(entry.column)
        if not entry.figures.n:
            continue
        if (other := found.get(at)) is not None:
            used = max(other, entry, key=lambda one: (one.origin == Origin.MEASURED, len(one.clock)))
            notes.append(
                f"{section.indicator.id}: {entry.column.label} has values of several origins; {used.origin} used."
            )
            found[at] = used
        else:
            found[at] = entry
    return found, notes


def _on(entry: Entry, shared: Clock) -> Entry:
    there = np.isin(entry.clock, shared)
    return replace(entry, clock=entry.clock[there], values=entry.values[there])


def _unranked(place: Place) -> Place:
    parts = tuple(replace(part, without=None) for part in place.parts)
    return replace(place, parts=parts, moves=(), rank=None, interval=None, weights=None, days=None)
