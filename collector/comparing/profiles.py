"""Profiles: what an indicator is like by the hour, the weekday, the month or the season."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from collector.comparing.comparison import Cell, Comparison, Entry, Section
from collector.comparing.days import by_day
from collector.comparing.difference import DAY, Clock, NoInterval, Values, half_width, no_interval
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
    "no_interval": "No interval",
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


@dataclass(frozen=True, slots=True)
class PartOfCycle:
    """One part of a cycle: how many buckets and days it has, its mean, and half the 95 % interval of that.

    The interval is that of the means of its days, with their memory (`half_width`); NaN where `why` says why.
    """

    n: int = 0
    days: int = 0
    mean: float = np.nan
    half: float = np.nan
    why: NoInterval | None = NoInterval.FEW


def profile(clock: Clock, values: Values, number: int, parts: Clock, *, bucket: int) -> PartOfCycle:
    """What the part of that number of a cycle is like, of values at sorted times (n,) whose parts are known (n,)."""
    here = parts == number
    if not here.any():
        return PartOfCycle()
    days = by_day(clock[here], values[here], bucket).means
    mean = float(values[here].mean())
    return PartOfCycle(int(here.sum()), len(days), mean, half_width(days), no_interval(days))


def profiles(comparison: Comparison, by: By | str) -> Sheet:
    """The profile of every column of a comparison, on its clock. Raises `InputError` where buckets are too long."""
    by = _known(by)
    bucket = comparison.request.bucket
    if bucket > _LONGEST[by]:
        most = "1h" if by is By.HOUR else "1d"
        raise InputError(
            f"a profile by {by} needs buckets of at most {most}, came {bucket / HOUR:g} h; give a shorter one"
        )
    told, notices = [], []
    for part in comparison.sections:
        for entry in part.entries:
            found = _found(comparison, entry, by)
            told += [_row(comparison, part, entry, name, one) for name, one in found]
            notices += _without_interval(part, entry, found)
        notices += part.notes
    notices.append(f"By {by}, {comparison.clock}; the interval is of the means of the days that a part has.")
    return sheet_of("profile", f"Profile by {by}", FOUND, told, notices)


def _known(by: By | str) -> By:
    try:
        return By(by)
    except ValueError:
        raise InputError(f"expected a profile by {', '.join(By)}, came {str(by)[:40]!r}") from None


Found = list[tuple[str, PartOfCycle]]


def _found(comparison: Comparison, entry: Entry, by: By) -> Found:
    parts, bucket = part_of(entry.clock - entry.column.shift, by), comparison.request.bucket
    return [
        (name, profile(entry.clock, entry.values, number, parts, bucket=bucket))
        for number, name in enumerate(_PARTS[by])
    ]


def _row(comparison: Comparison, part: Section, entry: Entry, name: str, one: PartOfCycle) -> dict[str, Cell]:
    return about(comparison, part, entry) | {
        "part": name, "n": one.n, "days": one.days, "mean": one.mean, "unit": part.unit,
        "mean_low": one.mean - one.half, "mean_high": one.mean + one.half,
        "no_interval": str(one.why) if one.why else None,
    }  # fmt: skip


def _without_interval(part: Section, entry: Entry, found: Found) -> list[str]:
    """Which parts have no interval because their days remember too long."""
    names = [name for name, one in found if one.why is NoInterval.MEMORY]
    if not names:
        return []
    days = max(one.days for _, one in found)
    said = "all parts" if len(names) == len(found) else ", ".join(names)
    return [f"{entry.label}, {part.indicator.name}: interval of {said} {NoInterval.MEMORY.said(days)}."]
