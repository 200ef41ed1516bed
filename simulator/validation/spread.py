"""How much a statistic of a record varies from year to year: the yardstick of a simulated band.

Two ways to see it in the record itself, both as a standard deviation: between its years, and between rearrangements
of its blocks that keep the season (a block bootstrap).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from simulator.validation.families import Record
from simulator.validation.series import Floats, Integers, Times
from simulator.validation.statistics import Figures

DRAWS = 200
SEED = 2023
BLOCK_DAYS, BLOCK_MONTHS = 15, 12
NEAR_DAYS = 20
WEEK = 7
COMPLETE = 0.75
HALF_DAY = 12.0
Measure = Callable[[Record], Figures]


def unwrapped(observed: float, values: Floats, *, circular: bool) -> Floats:
    """Get values as they are; hours of the day within 12 hours of the observed one, so that -1 may stand for 23."""
    if not circular:
        return values
    return np.asarray(observed + (values - observed + HALF_DAY) % 24.0 - HALF_DAY)


def complete_years(record: Record) -> list[slice]:
    """Get the rows of each year that is complete enough.

    It must hold at least 75 % of the values of the year's span in the record: of the days (or months) of the year
    that the record has in any year.
    """
    calendar, present = record.calendar, record.present
    year = calendar.astype("datetime64[Y]")
    position = (calendar - year.astype(calendar.dtype)).astype(np.int64)
    span = len(np.unique(position[present > 0.0]))
    rows = [np.flatnonzero(year == one) for one in np.unique(year)]
    full = (row for row in rows if present[row].sum() >= COMPLETE * span)
    return [slice(int(row[0]), int(row[-1]) + 1) for row in full]


def yearly(record: Record, measure: Measure) -> list[Figures]:
    """Get the figures of each year that is complete enough."""
    return [measure(record.part(year.start, year.stop)) for year in complete_years(record)]


def rearranged(record: Record, measure: Measure, draws: int = DRAWS, *, weekly: bool = False) -> list[Figures]:
    """Get the figures of rearrangements of the record, each block replaced by one of about the same calendar position.

    Blocks of 15 days from within 20 days of the position in any year (`weekly`: whole weeks away, so that weekdays stay
    in place); of monthly records, blocks of 12 months from the same month on. Draws have a fixed seed.
    """
    plan = _sources(record, WEEK if weekly else 1)
    if not plan or max(len(sources) for _, sources in plan) < 2:
        return []
    random = np.random.default_rng(SEED)
    found = []
    for _ in range(draws):
        rows = np.arange(len(record.calendar))
        for block, sources in plan:
            source = sources[random.integers(len(sources))]
            rows[block.start : block.stop] = np.arange(source, source + block.stop - block.start)
        found.append(measure(record.take(rows)))
    return found


def sd(name: str, observed: float, found: Iterable[Mapping[str, float]], *, circular: bool) -> float | None:
    """Get the standard deviation (n - 1) of a figure; None if fewer than two have it."""
    values = np.array([figures[name] for figures in found if name in figures])
    if len(values) < 2:
        return None
    return float(unwrapped(observed, values, circular=circular).std(ddof=1))


def _sources(record: Record, step: int) -> list[tuple[slice, Integers]]:
    """Get each block of the record that has values, with the rows from which it may be replaced."""
    calendar, present = record.calendar, record.present
    monthly = np.datetime_data(calendar.dtype)[0] == "M"
    length = BLOCK_MONTHS if monthly else BLOCK_DAYS
    total = np.concatenate(([0.0], np.cumsum(present)))
    plan = []
    for first in range(0, len(calendar), length):
        end = min(first + length, len(calendar))
        starts = np.arange(len(calendar) - (end - first) + 1)
        held = total[starts + end - first] - total[starts]
        good = held >= 0.5 * (end - first)
        if held[first] > 0.0:
            near = (starts - first) % BLOCK_MONTHS == 0 if monthly else _near(calendar, starts, first, step)
            plan.append((slice(first, end), np.union1d(starts[good & near], [first]).astype(np.int64)))
    return plan


def _near(calendar: Times, starts: Integers, first: int, step: int) -> NDArray[np.bool_]:
    day = (calendar - calendar.astype("datetime64[Y]").astype(calendar.dtype)).astype(np.int64)
    apart = np.abs((day[starts] - day[first] + 182) % 365 - 182)
    return np.asarray((apart <= NEAR_DAYS) & ((starts - first) % step == 0))
