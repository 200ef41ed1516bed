"""Dates and years as an office writes them: Gregorian or Buddhist era, calendar or Thai fiscal years."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from nakhon.reporting.manner import Era, Years
from nakhon.reporting.words import Words

BUDDHIST_LEAD = 543
"""Years by which the Buddhist era of Thailand is ahead (the years since 1941, which begin on 1 January)."""
FISCAL_MONTH = 10
"""The Thai fiscal year begins on 1 October and has the name of the year in which it ends."""
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Calendar:
    """How dates are written and which years are told apart."""

    era: Era
    years: Years
    words: Words

    def number(self, year: int) -> int:
        """Get the number of a Gregorian year in the era."""
        return year + (BUDDHIST_LEAD if self.era is Era.BUDDHIST else 0)

    def year_of(self, day: date) -> int:
        """Get the (Gregorian) year that a day belongs to: the one in which its fiscal year ends, where those count."""
        return day.year + (self.years is Years.FISCAL and day.month >= FISCAL_MONTH)

    def years_of(self, days: NDArray[np.int64]) -> NDArray[np.int64]:
        """Get `year_of` of days since 1970-01-01, (days,)."""
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        late = 12 - FISCAL_MONTH + 1 if self.years is Years.FISCAL else 0
        return np.asarray((months + late) // 12 + 1970)

    def first_day(self, year: int) -> date:
        """Get the first day of a year."""
        return date(year - 1, FISCAL_MONTH, 1) if self.years is Years.FISCAL else date(year, 1, 1)

    def year_name(self, year: int) -> str:
        """Get the name of a year, such as "fiscal year 2569 BE"."""
        return self.words.say(f"year_{self.years}", year=self._year(year))

    def day_name(self, day: date) -> str:
        """Get a date in full, such as "1 March 2026" or "1 มีนาคม พ.ศ. 2569"."""
        return f"{day.day} {self.words.month(day.month)} {self._year(day.year)}"

    def tick_name(self, day: date, *, with_year: bool) -> str:
        """Get a date in short, for an axis: "1 Mar", with the year on a second line."""
        short = f"{day.day} {self.words.month(day.month, short=True)}" if day.day != 1 else ""
        short = short or self.words.month(day.month, short=True)
        return f"{short}<br>{self._year(day.year)}" if with_year else short

    def span(self, first: date, last: date) -> str:
        """Get a span of days, both included."""
        return self.words.say("span", first=self.day_name(first), last=self.day_name(last))

    def _year(self, year: int) -> str:
        return self.words.say(f"era_{self.era}", year=self.number(year))


def day_of(seconds: int) -> date:
    """Get the day (UTC) of seconds since 1970-01-01."""
    return date.fromordinal(seconds // DAY + date(1970, 1, 1).toordinal())
