"""The numbers that a report is made of: one for each run, of every indicator in every city."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from collector.answers.intervals import Floats
from collector.comparing.compare import clock_times
from nakhon.experimenting.reading import Results, Values, VariantResult
from nakhon.reporting.measures import Outcome, statistics_of

Times = NDArray[np.int64]
Numbers = Mapping[Outcome, Floats]
"""Of each outcome a number for each run, (variants, replications)."""
MOST_TOLD = 12
"""Variants beyond the baseline that are told one by one; of a larger design only what its factors do."""
ASKED_WITHOUT_TARGETS = 4


def told_variants(found: Results) -> list[VariantResult]:
    """Get the variants beside the baseline that are told one by one: those of no design, if there are any."""
    others = list(found.variants[1:])
    designed = set(found.design.variants) if found.design else set()
    named = [one for one in others if one.name not in designed]
    return named[:MOST_TOLD] or (others if len(others) <= MOST_TOLD else [])


def asked_outcomes(found: Results) -> list[Outcome]:
    """Get the outcomes that the experiment itself asks for: of its targets and of its stopping rules."""
    asked = [Outcome(one.city, one.indicator, one.statistic, found.bucket) for one in found.targets]
    asked += [Outcome(one.city, one.indicator, one.statistic, found.bucket) for one in found.stop]
    return list(dict.fromkeys(asked))


def numbers_of(found: Results, tell: Callable[[int, int], None] = lambda *_: None) -> dict[Outcome, Floats]:
    """Get all outcomes, city by city; `tell` is called with how many of how many indicators are done.

    Outcomes without a finite number in any run are left out.
    """
    asked = asked_outcomes(found)
    made: dict[Outcome, Floats] = {}
    total = len(found.cities) * len(found.indicators)
    for done, (city, identity) in enumerate(_pairs(found), start=1):
        made |= _of_table(found.table(identity, city), [one for one in asked if one.city == city], found.bucket)
        tell(done, total)
    return made


def clock_of(found: Results, table: Values) -> Times:
    """Get the starts of the buckets on the clock of the city, (buckets,), in seconds since 1970 by it."""
    zone = next(one["timezone"] for one in found.plan["cities"] if one["id"] == table.city)
    return np.asarray(clock_times(table.times.astype(np.int64), ZoneInfo(zone).key))


def _pairs(found: Results) -> Iterator[tuple[str, str]]:
    return ((city, identity) for city in found.cities for identity in found.indicators)


def _of_table(table: Values, asked: list[Outcome], bucket: int) -> Iterator[tuple[Outcome, Floats]]:
    if not np.isfinite(table.values).any():
        return
    usual = [Outcome(table.city, table.indicator, one, bucket) for one in statistics_of(table.indicator, bucket)]
    for outcome in dict.fromkeys([*(one for one in asked if one.indicator == table.indicator), *usual]):
        yield outcome, np.array([outcome.statistic.of(table.indicator, rows, float(bucket)) for rows in table.values])
