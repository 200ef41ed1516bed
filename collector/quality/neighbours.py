"""What is odd about the times of a series beside those of its neighbours: a clock off by whole cadences. Pure.

A matrix has a row a station and a column a tick of one clock; what is missing is NaN.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from collector.quality.detectors import DAY, Finding
from collector.quality.kinds import FlagKind
from collector.quality.thresholds import USUAL, Thresholds

Floats = NDArray[np.float64]
_FAR = 13 * 3600  # no zone is further from UTC


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
