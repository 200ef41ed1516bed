"""When statistics appear: periods (days, months, years), numbered since 1970, and what falls due when."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from simulator.drivers import date_of, local_day, midnight
from simulator.parameters.governance import Publication

HOUR = 3600


def period_of(kind: str, day: int) -> int:
    """Get the period a local day (since 1970-01-01) lies in: its own number, that of its month, or its year."""
    if kind == "day":
        return day
    when = date_of(day)
    return when.year if kind == "year" else 12 * (when.year - 1970) + when.month - 1


def first_day(kind: str, period: int) -> int:
    """Get the first local day (since 1970-01-01) of a period."""
    if kind == "day":
        return period
    year, month = (period, 0) if kind == "year" else (1970 + period // 12, period % 12)
    return (date(year, month + 1, 1) - date_of(0)).days


def names_of(kind: str, periods: range) -> list[str]:
    """Get the ISO 8601 names of periods: 2026-02-14, 2026-02 or 2026."""
    numbers = np.array(periods, dtype=np.int64) - (1970 if kind == "year" else 0)
    names: list[str] = np.datetime_as_string(numbers.astype(f"datetime64[{kind[0].upper()}]")).tolist()
    return names


def days_of(kind: str, period: int) -> range:
    """Get the local days of a period."""
    return range(first_day(kind, period), first_day(kind, period + 1))


class Schedule:
    """When one revision of a statistic appears, from period to period.

    `next` is the next period whose figure appears at `start` (epoch seconds) or later, and `at` when it does.
    """

    def __init__(self, made: Publication, revision: int, zone: ZoneInfo, start: int) -> None:
        self._made, self._lag, self._zone = made, made.days[revision], zone
        self.next = period_of(made.period, local_day(start, zone) - self._lag) - 2
        self.at = self.time(self.next)
        self.take(start)

    def time(self, period: int) -> int:
        """Get when the figure of a period appears (epoch seconds)."""
        day = first_day(self._made.period, period + 1) + self._lag
        return midnight(day, self._zone) + HOUR * self._made.hour

    def take(self, until: int) -> dict[int, int]:
        """Get the periods whose figures appear from the last call to before `until`, and when they do."""
        due = {}
        while self.at < until:
            due[self.next] = self.at
            self.next += 1
            self.at = self.time(self.next)
        return due


def years_since(when: date, days: float) -> float:
    """Get the years (of 365.25 days) from a date to a time in days since 1970-01-01."""
    return (days - (when - date_of(0)).days) / 365.25
