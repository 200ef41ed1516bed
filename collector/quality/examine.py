"""A pass over the values of one indicator in one city: every detector on every station, as rows of flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.language.indicators import IndicatorKind, indicators
from collector.quality.detectors import DAY, Finding, gaps, off_the_second, spikes, stuck, usual_second
from collector.quality.drift import drifted
from collector.quality.kinds import FlagKind
from collector.quality.neighbours import moved_clock
from collector.quality.thresholds import INTERMITTENT, USUAL, Thresholds

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Series:
    """Values (n,) of one station at times (n,), seconds since 1970 and ascending; its declared cadence in seconds."""

    station: str
    times: Integers
    values: Floats
    cadence: int


def examine(indicator: str, series: Sequence[Series], limits: Thresholds = USUAL) -> Mapping[str, list[Finding]]:
    """What is odd about one indicator in one city, by station.

    Only what comes at a declared cadence is looked at. Neighbours are the stations of the city with the same cadence.
    """
    regular = [one for one in series if one.cadence > 0 and len(one.times)]
    found: dict[str, list[Finding]] = {one.station: [] for one in regular}
    for cadence in dict.fromkeys(one.cadence for one in regular):
        group = [_once(one) for one in regular if one.cadence == cadence]
        reached = sorted(_last(one) for one in group)[(len(group) - 1) // 2]  # a wrong clock does not say
        alone = [_own(_alone(indicator, one, reached, limits), one, group, limits) for one in group]
        for one, mine, more in zip(group, alone, _together(indicator, group, alone, limits), strict=True):
            found[one.station] += [*mine, *more]
    return found


def _alone(indicator: str, one: Series, last: int, limits: Thresholds) -> list[Finding]:
    entry = indicators().get(indicator)
    found = [*stuck(one.times, one.values, limits), *gaps(one.times, one.cadence, last, limits)]
    counted = entry is not None and entry.kind is not IndicatorKind.SENSOR
    return found if counted or indicator in INTERMITTENT else [*found, *spikes(one.times, one.values, limits)]


def _own(found: list[Finding], one: Series, group: Sequence[Series], limits: Thresholds) -> list[Finding]:
    """Findings without rows of one value that most neighbours say at that time too: a dry month is no fault."""
    others = [other for other in group if other is not one]

    def shared(finding: Finding) -> bool:
        value = one.values[np.searchsorted(one.times, finding.first)]
        span = finding.first, finding.last + 1
        meanwhile = (other.values[slice(*np.searchsorted(other.times, span))] for other in others)
        alike = sum(_share(values, value) > limits.flat_shared for values in meanwhile)
        return alike >= limits.drift_neighbours and 2 * alike > len(others)

    return [finding for finding in found if finding.kind is not FlagKind.STUCK or not shared(finding)]


def _share(values: Floats, value: float) -> float:
    return float((values == value).mean()) if len(values) else 0.0


def _together(
    indicator: str, group: Sequence[Series], alone: Sequence[Sequence[Finding]], limits: Thresholds
) -> list[list[Finding]]:
    """Findings for each series that need the others: the clock, and drift on the days without another fault."""
    cadence = group[0].cadence
    second = usual_second(np.concatenate([one.times for one in group]), cadence)
    found = [off_the_second(one.times, cadence, second, limits) for one in group]
    first = min(int(one.times[0]) for one in group) // DAY * DAY
    days = -(-(max(_last(one) for one in group) - first + 1) // DAY)
    if cadence <= DAY // 8:
        ticks = np.stack([_ticks(one, first, days * DAY // cadence, cadence) for one in group])
        for one, more in zip(found, moved_clock(ticks, first, cadence, limits), strict=True):
            if not one:
                one.extend(more)
    if indicator in INTERMITTENT:
        return found
    daily = np.stack([_daily(one, first, days, limits.drift_trim) for one in group])
    for row, clock, faults in zip(daily, found, alone, strict=True):
        for fault in (*clock, *(one for one in faults if one.kind is FlagKind.STUCK)):
            row[(fault.first - first) // DAY : (fault.last - first) // DAY + 1] = np.nan
    return [[*clock, *drift] for clock, drift in zip(found, drifted(daily, first, limits), strict=True)]


def _ticks(one: Series, first: int, length: int, cadence: int) -> Floats:
    row = np.full(length, np.nan)
    row[np.clip((one.times - first) // cadence, 0, length - 1)] = one.values
    return row


def _daily(one: Series, first: int, days: int, trim: float) -> Floats:
    """Means of the days of which at least half came, without a share of each day's readings at either end."""
    day = (one.times - first) // DAY
    order = np.lexsort((one.values, day))
    count = np.bincount(day, minlength=days)
    begins = np.cumsum(count) - count
    place = np.arange(len(day)) - begins[day]  # of days in their order, values ascending
    cut = (trim * count).astype(np.int64)
    kept = (place >= cut[day]) & (place < (count - cut)[day])
    sums = np.bincount(day[kept], one.values[order][kept], days)
    enough = count >= max(1, DAY // one.cadence // 2)
    return np.where(enough, sums / np.maximum(count - 2 * cut, 1), np.nan)


def _once(one: Series) -> Series:
    """Each time once, in order; of values that a clock put at the same time the lowest, in whatever order they came."""
    order = np.lexsort((one.values, one.times))
    times, places = np.unique(one.times[order], return_index=True)
    return Series(one.station, times, one.values[order][places], one.cadence)


def _last(one: Series) -> int:
    return int(one.times[-1])
