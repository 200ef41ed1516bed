"""How often a limit was exceeded, of the days that are known: pure functions of arrays and a comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from collector.comparing.comparison import Cell, Comparison, Entry, Section
from collector.comparing.days import by_day, on_grid
from collector.comparing.difference import DAY, Clock, NoInterval, Values, effective_sizes, no_interval
from collector.comparing.limits import Averaging, Limit, limits
from collector.comparing.sheet import Sheet, about, sheet_of
from collector.language.indicators import Rollup

HOUR = 3600
LEAST = 0.75
FOUND = {
    "limit": "Limit",
    "averaging": "Mean of",
    "level": "Level",
    "level_unit": "Level unit",
    "over": "Over",
    "known": "Known",
    "possible": "In the span",
    "coverage": "Coverage",
    "share": "Share over",
    "share_low": "Share low",
    "share_high": "Share high",
    "no_interval": "No interval",
    "highest": "Highest mean",
    "source": "Source of the limit",
}
_LONGEST = {Averaging.HOUR: HOUR, Averaging.EIGHT_HOURS: HOUR, Averaging.DAY: DAY, Averaging.YEAR: DAY}
_WHOLE = {Averaging.HOUR: HOUR, Averaging.EIGHT_HOURS: DAY, Averaging.DAY: DAY}


@dataclass(frozen=True, slots=True)
class Exceeded:
    """How many means were over their level: `over` of the `known` of those `possible`, and the highest mean there was.

    `low` and `high` hold the share in 95 %, with the memory from one to the next; NaN where `why` says why.
    """

    over: int
    known: int
    possible: int
    low: float
    high: float
    highest: float
    why: NoInterval | None = None


def exceeded(means: Values, levels: Values, possible: int) -> Exceeded:
    """How often finite means (n,) were above their levels (n,): the level itself is not above."""
    if not len(means):
        return Exceeded(0, 0, possible, np.nan, np.nan, np.nan, NoInterval.FEW)
    above = (means > levels).astype(np.float64)
    over, n = int(above.sum()), len(means)
    steps = above if 0 < over < n else means  # all on one side tell nothing of their memory, the means do
    why = no_interval(steps)
    low, high = (np.nan, np.nan) if why else _of_share(over / n, n, float(effective_sizes(steps[:, None])[0]))
    return Exceeded(over, n, max(possible, n), low, high, float(means.max()), why)


def _of_share(share: float, n: int, effective: float) -> tuple[float, float]:
    """The 95 % interval of a share of `n` steps worth `effective` independent ones: of none, it is not nothing.

    Clopper and Pearson's (1934, Biometrika 26:404) of the effective steps, fewer by the ratio of Student's quantiles
    (Korn and Graubard 1998, Survey Methodology 24:193-201).
    """
    t = special.stdtrit(np.array([n, effective]) - 1, 0.975)
    worth = min(effective * float(t[0] / t[1]) ** 2, n)
    over = share * worth
    low = float(special.betaincinv(over, worth - over + 1, 0.025)) if over > 0 else 0.0
    high = float(special.betaincinv(over + 1, worth - over, 0.975)) if over < worth else 1.0
    return low, high


def averaged(
    clock: Clock, values: Values, bucket: int, averaging: Averaging, least: float = LEAST
) -> tuple[Clock, Values]:
    """The means that a limit is of, and when they begin; those with less than a share `least` of their hours are not.

    Of 8 hours: the highest of those that begin in a day (18 of 24 are needed), of a year: the mean of its days.
    """
    if averaging is Averaging.HOUR:
        hours, means, counts = _grouped(clock, values, HOUR)
        full = counts * bucket >= least * HOUR
        return hours[full], means[full]
    if averaging is Averaging.EIGHT_HOURS:
        return _highest_of_eight(*averaged(clock, values, bucket, Averaging.HOUR, least), least)
    days = by_day(clock, values, bucket, least)
    if averaging is Averaging.DAY:
        return days.days * DAY, days.means
    return _years(days.days, days.means, least)


def exceedances(comparison: Comparison, told: tuple[str, ...]) -> Sheet:
    """How often every column of a comparison exceeded limits, by their texts (`collector.comparing.limits.limits`)."""
    rows: list[dict[str, Cell]] = []
    notices = [_HOW.format(least=100 * comparison.request.least_coverage)]
    for part in comparison.sections:
        for text in told:
            versions = limits(text, part.indicator)
            if not versions:
                notices.append(f"{part.indicator.name}: {text} has no limit that can be counted here.")
            for limit in versions:
                said = _refusal(comparison, part, limit[-1])
                notices += said or _unchecked(limit)
                rows += [] if said else [_row(comparison, part, entry, limit) for entry in part.entries]
        notices += part.notes
    return sheet_of("exceedance", "Over the limit", FOUND, rows, notices)


_HOW = (
    "A mean counts as known with at least {least:g} % of its hours; where not all are known, “over” is a lower bound. "
    "The level itself is not over it."
)


def _refusal(comparison: Comparison, part: Section, limit: Limit) -> list[str]:
    bucket, name = comparison.request.bucket, f"{part.indicator.name}, {limit.name} ({limit.averaging})"
    if bucket > _LONGEST[limit.averaging]:
        return [f"{name}: not counted, for it needs buckets of at most {_LONGEST[limit.averaging] // HOUR} h."]
    averages = part.indicator.rollup in {Rollup.MEAN, Rollup.SHARE}
    if not averages and bucket != _LONGEST[limit.averaging]:
        return [f"{name}: not counted, for a {part.indicator.rollup} is no mean of shorter ones; take that bucket."]
    if comparison.request.per_capita or comparison.request.per_area:
        return [f"{name}: not counted, for a limit is not per inhabitant or area."]
    return []


def _unchecked(versions: tuple[Limit, ...]) -> list[str]:
    doubtful = [one for one in versions if not one.checked]
    return [f"{one.name} {one.level:g} {one.unit}: not checked in the authority's text." for one in doubtful]


def _row(comparison: Comparison, part: Section, entry: Entry, versions: tuple[Limit, ...]) -> dict[str, Cell]:
    request, newest = comparison.request, versions[-1]
    clock, means = averaged(entry.clock, entry.values, request.bucket, newest.averaging, request.least_coverage)
    levels, in_force = _levels(clock - entry.column.shift, versions)
    found = exceeded(means[in_force] * newest.factor, levels[in_force], _possible(comparison, newest.averaging))
    shown = sorted(set(levels[in_force].tolist())) or [newest.level]
    return about(comparison, part, entry) | {
        "limit": newest.name,
        "averaging": str(newest.averaging),
        "level": shown[0] if len(shown) == 1 else " to ".join(f"{level:g}" for level in shown[::-1]),
        "level_unit": newest.unit,
        "over": found.over,
        "known": found.known,
        "possible": found.possible,
        "coverage": found.known / found.possible if found.possible else 0.0,
        "share": found.over / found.known if found.known else None,
        "share_low": found.low,
        "share_high": found.high,
        "no_interval": str(found.why) if found.why else None,
        "highest": found.highest,
        "source": newest.source,
    }


def _levels(clock: Clock, versions: tuple[Limit, ...]) -> tuple[Values, NDArray[np.bool_]]:
    """The level in force at each time (n,), and where one is."""
    starts = np.array([one.valid_from for one in versions], "datetime64[D]").astype(np.int64) * DAY
    places = np.searchsorted(starts, clock, side="right") - 1
    return np.array([one.level for one in versions])[np.maximum(places, 0)], places >= 0


def _possible(comparison: Comparison, averaging: Averaging) -> int:
    span = comparison.last - comparison.first
    if averaging is not Averaging.YEAR:
        return max(span // _WHOLE[averaging], 0)
    first, last = (np.datetime64(time, "s").astype("datetime64[Y]") for time in (comparison.first, comparison.last - 1))
    return int((last - first).astype(np.int64)) + 1


def _grouped(clock: Clock, values: Values, step: int) -> tuple[Clock, Values, Values]:
    starts, places = np.unique(clock // step * step, return_inverse=True)
    counts = np.bincount(places, minlength=len(starts)).astype(np.float64)
    return starts, np.bincount(places, weights=values, minlength=len(starts)) / counts, counts


def _highest_of_eight(hours: Clock, means: Values, least: float) -> tuple[Clock, Values]:
    if not len(hours):
        return hours, means
    along = np.concatenate([on_grid(hours, means, HOUR), np.full(7, np.nan)])
    windows = np.lib.stride_tricks.sliding_window_view(along, 8)
    counts = np.isfinite(windows).sum(axis=1)
    begins = hours[0] + HOUR * np.arange(len(windows))
    enough = counts >= least * 8
    running = np.nansum(windows[enough], axis=1) / counts[enough]
    days, places = np.unique(begins[enough] // DAY, return_inverse=True)
    highest = np.full(len(days), -np.inf)
    np.maximum.at(highest, places, running)
    full = np.bincount(places, minlength=len(days)) >= least * 24
    return days[full] * DAY, highest[full]


def _years(days: Clock, means: Values, least: float) -> tuple[Clock, Values]:
    years, places = np.unique(days.astype("datetime64[D]").astype("datetime64[Y]"), return_inverse=True)
    counts = np.bincount(places, minlength=len(years))
    lengths = ((years + 1).astype("datetime64[D]") - years.astype("datetime64[D]")).astype(np.int64)
    full = counts >= least * lengths
    sums = np.bincount(places, weights=means, minlength=len(years))
    return years.astype("datetime64[s]").astype(np.int64)[full], (sums / np.maximum(counts, 1))[full]
