"""Profiles: what an indicator is like by the hour, the weekday, the month or the season."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from collector.comparing.comparison import Cell, Comparison, Entry, Section
from collector.comparing.days import by_day
from collector.comparing.difference import DAY, Clock, Values, half_width
from collector.comparing.sheet import Sheet, about, sheet_of
from collector.language.errors import InputError

HOUR = 3600
FOUND = {
    "part": "Part",
    "n": "n",
    "days": "Days",
    "mean": "Mean",
    "mean_low": "95 % low",
    "mean_high": "95 % high",
    "unit": "Unit",
}


class By(StrEnum):
    """The cycles that a profile may follow."""

    HOUR = "hour"
    WEEKDAY = "weekday"
    MONTH = "month"
    SEASON = "season"


_PARTS = {
    By.HOUR: tuple(f"{hour:02d}:00" for hour in range(24)),
    By.WEEKDAY: ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    By.MONTH: (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    By.SEASON: ("December to February", "March to May", "June to August", "September to November"),
}
_LONGEST = {By.HOUR: HOUR, By.WEEKDAY: DAY, By.MONTH: DAY, By.SEASON: DAY}


def part_of(clock: Clock, by: By) -> Clock:
    """The number of the part of its cycle, from 0, of each time (n,) on its own clock; Monday and January are 0."""
    if by is By.HOUR:
        return clock % DAY // HOUR
    days = clock // DAY
    if by is By.WEEKDAY:
        return (days + 3) % 7  # 1970 began on a Thursday
    months: Clock = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    return months if by is By.MONTH else (months + 1) % 12 // 3


def profile(clock: Clock, values: Values, number: int, parts: Clock, *, bucket: int) -> tuple[int, int, float, float]:
    """Of one part of a cycle: how many buckets and days it has, its mean, and half the 95 % interval of that.

    The interval is that of the means of its days, with their memory (`half_width`); NaN below three.
    """
    here = parts == number
    if not here.any():
        return 0, 0, np.nan, np.nan
    days = by_day(clock[here], values[here], bucket)
    return int(here.sum()), len(days.days), float(values[here].mean()), half_width(days.means)


def profiles(comparison: Comparison, by: By | str) -> Sheet:
    """The profile of every column of a comparison, on its clock. Raises `InputError` where buckets are too long."""
    by = _known(by)
    bucket = comparison.request.bucket
    if bucket > _LONGEST[by]:
        most = "1h" if by is By.HOUR else "1d"
        raise InputError(
            f"a profile by {by} needs buckets of at most {most}, came {bucket / HOUR:g} h; give a shorter one"
        )
    told = [row for part in comparison.sections for entry in part.entries for row in _rows(comparison, part, entry, by)]
    notices = [notice for part in comparison.sections for notice in part.notes]
    notices.append(f"By {by}, {comparison.clock}; the interval is of the means of the days that a part has.")
    return sheet_of("profile", f"Profile by {by}", FOUND, told, notices)


def _known(by: By | str) -> By:
    try:
        return By(by)
    except ValueError:
        raise InputError(f"expected a profile by {', '.join(By)}, came {str(by)[:40]!r}") from None


def _rows(comparison: Comparison, part: Section, entry: Entry, by: By) -> list[dict[str, Cell]]:
    parts = part_of(entry.clock - entry.column.shift, by)
    told = []
    for number, name in enumerate(_PARTS[by]):
        n, days, mean, half = profile(entry.clock, entry.values, number, parts, bucket=comparison.request.bucket)
        found: dict[str, Cell] = {"part": name, "n": n, "days": days, "mean": mean, "unit": part.unit}
        told.append(about(comparison, part, entry) | found | {"mean_low": mean - half, "mean_high": mean + half})
    return told
