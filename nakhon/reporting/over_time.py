"""What the variants do over time and in each year, for the outcomes that a report draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collector.answers.intervals import Floats
from collector.answers.paired import Bands, Difference, bands, differences_over_time, paired_difference
from nakhon.experimenting.reading import Results
from nakhon.reporting.calendars import DAY, Calendar
from nakhon.reporting.material import Times, clock_of, told_variants
from nakhon.reporting.measures import Outcome

MOST_POINTS = 400
DAYS_OF_A_YEAR = 365


@dataclass(frozen=True, slots=True)
class Course:
    """An indicator of a city over time: `times` on its clock, the bands of each variant and of its difference.

    The baseline comes first. `step` (s) is how long a point is: a bucket, or some whole days.
    """

    city: str
    indicator: str
    times: Times
    step: int
    levels: dict[str, Bands]
    changes: dict[str, Bands]


@dataclass(frozen=True, slots=True)
class YearRow:
    """An outcome in one year: of how many days, and the difference of each variant from the baseline."""

    outcome: Outcome
    year: int
    days: int
    differences: dict[str, Difference]

    @property
    def whole(self) -> bool:
        """Get whether all days of the year were simulated."""
        return self.days >= DAYS_OF_A_YEAR


def course_of(found: Results, city: str, indicator: str, names: Sequence[str], confidence: float) -> Course:
    """Get the course of an indicator for the baseline and some variants."""
    table = found.table(indicator, city)
    rows = {name: table.values[found.position(name)] for name in (found.baseline.name, *names)}
    there = np.logical_or.reduce([np.isfinite(one).any(axis=0) for one in rows.values()])
    clock = clock_of(found, table)[there]
    starts, step, places = _points(clock, found.bucket)
    rows = {name: _together(one[:, there], places, len(starts)) for name, one in rows.items()}
    first = rows[found.baseline.name]
    return Course(
        city,
        indicator,
        starts,
        step,
        {name: bands(one, confidence) for name, one in rows.items()},
        {name: differences_over_time(rows[name], first, confidence) for name in names},
    )


def years_of(found: Results, outcome: Outcome, calendar: Calendar, confidence: float) -> list[YearRow]:
    """Get an outcome year by year."""
    table = found.table(outcome.indicator, outcome.city)
    days = clock_of(found, table) // DAY
    years = calendar.years_of(days)
    made = []
    for year in np.unique(years).tolist():
        inside = years == year
        rows = [outcome.statistic.of(outcome.indicator, one[:, inside], float(outcome.bucket)) for one in table.values]
        differences = {
            one.name: paired_difference(rows[found.position(one.name)], rows[0], confidence)
            for one in told_variants(found)
        }
        made.append(YearRow(outcome, year, len(np.unique(days[inside])), differences))
    return made


def _points(clock: Times, bucket: int) -> tuple[Times, int, Times]:
    """Get the starts of the points to draw, how long they are (s), and the point of each bucket."""
    if len(clock) <= MOST_POINTS:
        return clock, bucket, np.arange(len(clock))
    days = -(-int(clock[-1] - clock[0]) // (MOST_POINTS * DAY))
    step = max(days, 1) * DAY
    starts, places = np.unique((clock - clock[0] // DAY * DAY) // step, return_inverse=True)
    return starts * step + clock[0] // DAY * DAY, step, np.asarray(places)


def _together(values: Floats, places: Times, points: int) -> Floats:
    """Get the mean of the values (replications, buckets) of each point, NaN without any."""
    if points == values.shape[1]:
        return values
    made = np.full((len(values), points), np.nan)
    for place, row in enumerate(values):
        known = np.isfinite(row)
        counts = np.bincount(places[known], minlength=points)
        total = np.bincount(places[known], row[known], points)
        made[place, counts > 0] = total[counts > 0] / counts[counts > 0]
    return made
