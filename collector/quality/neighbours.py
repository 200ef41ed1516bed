"""What is odd about a series beside those of its neighbours: drift, and a clock that is off by whole cadences. Pure.

A matrix has a row a station and a column a tick of one clock; what is missing is NaN.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from collector.quality.detectors import DAY, Finding
from collector.quality.kinds import FlagKind
from collector.quality.thresholds import USUAL, Thresholds

Floats = NDArray[np.float64]
_MAD = 1.4826
_FAR = 13 * 3600  # no zone is further from UTC


def drifted(days: Floats, first_day: int, limits: Thresholds = USUAL) -> list[list[Finding]]:
    """For each station the span since which its distance to the median of the others has moved away.

    Parameters
    ----------
    days
        Daily means (stations, days), the first of `first_day` (seconds since 1970).
    first_day
        The start of the first day.
    limits
        `drift_*`.

    Notes
    -----
    d is the distance to the median of the others (its logarithm's, where all values are positive), z = (d - median) /
    (1.4826 MAD) with median and MAD of the first `drift_days` days, and a floor of the median MAD of all stations.
    A two-sided CUSUM (Page 1954), S+ = max(0, S+ + z - k) and S- likewise, is odd above h; the drift began when the
    sum was last 0 and lasts until two days in a row are no longer away. A distance of less than `drift_least` is not
    odd. The median of the others stands for the truth, so a station that is one of two is never
    judged, and where most drift together nobody is.
    """
    stations, length = days.shape
    nothing: list[list[Finding]] = [[] for _ in range(stations)]
    if stations <= limits.drift_neighbours or length <= limits.drift_days:
        return nothing
    positive = bool(np.nanmin(days) > 0) if np.isfinite(days).any() else False
    distance = _distances(np.log(days) if positive else days)
    learned = distance[:, : limits.drift_days]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a station without any value
        centre = np.nanmedian(learned, axis=1, keepdims=True)
        spread = _MAD * np.nanmedian(np.abs(learned - centre), axis=1, keepdims=True)
        floor = float(np.nanmedian(spread))
    if not floor > 0:
        return nothing
    z = (distance - centre) / np.maximum(spread, floor)
    moved = distance - centre
    return [_cusum(one, far, first_day, limits) for one, far in zip(z, moved, strict=True)]


def _distances(values: Floats) -> Floats:
    """Each row less the median of the other rows; NaN where fewer than two of them are there."""
    distance = np.full(values.shape, np.nan)
    for row in range(len(values)):
        others = np.delete(values, row, axis=0)
        enough = np.isfinite(others).sum(axis=0) >= USUAL.drift_neighbours
        if enough.any():
            distance[row, enough] = values[row, enough] - np.nanmedian(others[:, enough], axis=0)
    return distance


def _cusum(z: Floats, moved: Floats, first_day: int, limits: Thresholds) -> list[Finding]:
    found = []
    for sign, word in ((1.0, "above"), (-1.0, "below")):
        for since, end, worst in _away(np.nan_to_num(sign * z).tolist(), limits):
            far = float(np.nanmax(sign * moved[since:end], initial=0.0))
            if worst > limits.drift_limit and far >= limits.drift_least:
                said = (
                    f"up to {far:.3g} {word} where it was beside its neighbours (sum {worst:.0f} of daily deviations)"
                )
                span = first_day + since * DAY, first_day + end * DAY - 1
                found.append(Finding(FlagKind.DRIFT, *span, worst, limits.drift_limit, said))
    return found


def _away(z: list[float], limits: Thresholds) -> Iterator[tuple[int, int, float]]:
    """Spans of days [first, end) in which the sum is above 0, each with the largest it came to."""
    total, since, worst, quiet = 0.0, 0, 0.0, 0
    for day, one in enumerate([*z, 0.0, 0.0]):
        before = total
        total = max(0.0, total + min(one, limits.drift_limit) - limits.drift_allowance)
        quiet = quiet + 1 if one <= limits.drift_allowance else 0
        if before == 0.0 < total:
            since, worst = day, 0.0
        worst = max(worst, total)
        if before > 0.0 and (total == 0.0 or quiet == 2):
            yield since, min(day + 1 - quiet, len(z)), worst
            total = 0.0


def moved_clock(ticks: Floats, first: int, cadence: int, limits: Thresholds = USUAL) -> list[list[Finding]]:
    """For each station the spans in which it fits its neighbours only when its times are moved by whole cadences.

    In windows of `clock_days` days: the correlation r(l) of the station, moved by l ticks of up to 13 h, with the
    median of the others. Odd where the best r is at least `clock_least` and `clock_gain` above r(0). `ticks` are
    (stations, ticks), the first at `first`. The rule is an assumption of this project.
    """
    stations, length = ticks.shape
    found: list[list[Finding]] = [[] for _ in range(stations)]
    window, reach = limits.clock_days * DAY // cadence, _FAR // cadence
    if stations <= limits.drift_neighbours or reach < 1 or length < window + 2 * reach:
        return found
    for row in range(stations):
        others = np.delete(ticks, row, axis=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            truth = np.nanmedian(others, axis=0)
        for start in range(reach, length - window - reach + 1, window):
            lag, gain, best = _lag(ticks[row, start : start + window], truth, start, reach)
            if lag and gain > limits.clock_gain and best >= limits.clock_least:
                span = first + start * cadence, first + (start + window) * cadence - 1
                said = (
                    f"fits its neighbours when moved by {-lag * cadence:+d} s (r = {best:.2f}, else {best - gain:.2f})"
                )
                found[row].append(Finding(FlagKind.CLOCK, *span, float(lag * cadence), 0.0, said))
    least = limits.clock_windows * window * cadence
    return [[joint for joint in _joined(one, cadence) if joint.last + 1 - joint.first >= least] for one in found]


def _lag(part: Floats, truth: Floats, start: int, reach: int) -> tuple[int, float, float]:
    """By how many ticks a part is late, how much better it fits so, and how well."""
    here = _fit(part, truth[start : start + len(part)])
    if not here < 1.0 - USUAL.clock_gain:  # no lag can be better by as much; or too little is known
        return 0, 0.0, 0.0
    fits = np.array([_fit(part, truth[start - lag : start - lag + len(part)]) for lag in range(-reach, reach + 1)])
    at = int(np.nanargmax(fits))
    return at - reach, float(fits[at] - here), float(fits[at])


def _fit(one: Floats, other: Floats) -> float:
    """The correlation where both are known; NaN where that is less than half."""
    both = np.isfinite(one) & np.isfinite(other)
    if both.sum() <= len(one) // 2:
        return float("nan")
    left, right = one[both] - one[both].mean(), other[both] - other[both].mean()
    spread = float(np.sqrt((left @ left) * (right @ right)))
    return float(left @ right) / spread if spread > 0 else 0.0


def _joined(found: list[Finding], cadence: int) -> list[Finding]:
    """Findings of the same lag (give or take a tick) that follow each other as one."""
    joined: list[Finding] = []
    for one in found:
        if joined and joined[-1].last + 1 == one.first and abs(joined[-1].value - one.value) <= cadence:
            joined[-1] = Finding(one.kind, joined[-1].first, one.last, one.value, one.threshold, one.detail)
        else:
            joined.append(one)
    return joined
