"""What is odd about one series by itself: stuck, spike, gap, and a clock off the second. Pure functions of arrays.

Times are seconds since 1970, ascending and each once; values are finite. Every function returns findings, whose
`first` and `last` are times that are included. The tests are those of QARTOD (U.S. IOOS, Manual for Real-Time Quality
Control, 2020) where it has them; where this project departs from it, the docstring says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.quality.kinds import FlagKind
from collector.quality.thresholds import USUAL, Thresholds

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
DAY = 86_400
_WINDOW = 48  # steps on each side that say what is usual there
_MAD = 1.4826  # from the median of distances to a standard deviation, of normal values


@dataclass(frozen=True, slots=True)
class Finding:
    """A span [first, last] that is odd: the figure that was found, what is allowed, and a sentence."""

    kind: FlagKind
    first: int
    last: int
    value: float
    threshold: float
    detail: str


def stuck(times: Integers, values: Floats, limits: Thresholds = USUAL) -> list[Finding]:
    """Rows of one value that chance does not explain: the flat line test of QARTOD with a length from the data.

    With p the share of values v that are followed by v again, counted outside the row (with one more value that
    repeats as often as any), a row of n values comes about N p^(n-1) times among N. It is odd where that is less than
    `flat_chance` and n is at least `flat_least`. So dry hours of a rain gauge, a portal that is always up and counts
    that hardly move are not odd, and the same row of a thermometer is.
    """
    if len(values) < limits.flat_least:
        return []
    starts = np.r_[0, np.flatnonzero(np.diff(values) != 0.0) + 1]
    lengths = np.diff(np.r_[starts, len(values)]).astype(np.int64)
    alike, place = np.unique(values[starts], return_inverse=True)
    count = np.bincount(place, lengths, len(alike)).astype(np.int64)
    rows = np.bincount(place, minlength=len(alike)).astype(np.int64)
    odd: set[int] = set()
    for _ in range(3):  # the rows that are odd do not say how often values repeat
        usual = np.array([at not in odd for at in range(len(starts))])
        overall = 1.0 - usual.sum() / max(1, lengths[usual].sum())
        again = _repeats(lengths, count[place], rows[place], overall)
        longest = _longest(again, len(values), limits)
        found = set(np.flatnonzero((lengths >= limits.flat_least) & (lengths > longest)).tolist())
        if found == odd:
            break
        odd = found
    return [
        Finding(
            FlagKind.STUCK,
            int(times[starts[at]]),
            int(times[starts[at] + lengths[at] - 1]),
            float(lengths[at]),
            float(longest[at]),
            f"{lengths[at]} times {values[starts[at]]:g}; by chance at most {math.floor(longest[at])} in a row",
        )
        for at in sorted(odd)
    ]


def _repeats(lengths: Integers, count: Integers, rows: Integers, overall: float) -> Floats:
    """How often the value of each row is followed by itself, outside that row."""
    others, breaks = count - lengths, rows - 1
    return np.clip((others - breaks + overall) / (others + 1.0), 0.0, 1.0 - 1e-9)


def _longest(again: Floats, values: int, limits: Thresholds) -> Floats:
    p = np.maximum(again, 1e-3)
    return np.asarray(np.maximum(limits.flat_least - 1, 1.0 + math.log(limits.flat_chance / values) / np.log(p)))


def spikes(times: Integers, values: Floats, limits: Thresholds = USUAL) -> list[Finding]:
    """Single values that jump away and back: the spike test of QARTOD in its differential form.

    The spike is min(|x(t) - x(t-1)|, |x(t) - x(t+1)|) where both steps have the same sign, else 0. It is odd above
    `spike_size` times the usual step: 1.4826 times the median of |x(t) - x(t-1)|, over the series and over the 48 steps
    on each side, the larger of the two (a step that is usual at noon is not odd at noon). Nor is it odd below
    `spike_tail` times the 99th percentile of the spike itself.
    """
    if len(values) < 2 * _WINDOW // 4:
        return []
    steps = np.diff(values)
    before, after = steps[:-1], -steps[1:]
    size = np.where(before * after > 0, np.minimum(np.abs(before), np.abs(after)), 0.0)
    allowed = np.maximum(limits.spike_size * _usual_step(np.abs(steps)), limits.spike_tail * np.quantile(size, 0.99))
    odd = np.flatnonzero((size > allowed) & (allowed > 0)) + 1
    return [
        Finding(
            FlagKind.SPIKE,
            int(times[at]),
            int(times[at]),
            float(size[at - 1]),
            float(allowed[at - 1]),
            f"{values[at]:g} between {values[at - 1]:g} and {values[at + 1]:g}: "
            f"{size[at - 1]:.3g} away, usual steps allow {allowed[at - 1]:.3g}",
        )
        for at in odd.tolist()
    ]


def _usual_step(steps: Floats) -> Floats:
    """The usual step around each value that has two neighbours."""
    moving = steps[steps > 0]
    overall = float(np.median(moving)) if len(moving) else 0.0
    width = min(2 * _WINDOW, len(steps))
    windows = np.lib.stride_tricks.sliding_window_view(steps, width)[:: max(1, _WINDOW // 4)]
    coarse = np.median(windows, axis=1)
    centres = np.arange(len(coarse)) * max(1, _WINDOW // 4) + width / 2
    local = np.interp(np.arange(1, len(steps)), centres, coarse)
    return _MAD * np.maximum(overall, local)


def gaps(times: Integers, cadence: int, last: int, limits: Thresholds = USUAL) -> list[Finding]:
    """Silence of over `gap_cadences` cadences between two values, or after the newest until `last`.

    The gap test of QARTOD. A gap is from the first time that was missed to the last; the figure is how many were.
    """
    if not len(times) or cadence <= 0:
        return []
    ends = np.r_[times[1:], max(last + cadence, int(times[-1]))]
    silent = np.flatnonzero(ends - times > limits.gap_cadences * cadence)
    found = []
    for at in silent.tolist():
        missed = max(1, round((int(ends[at]) - int(times[at])) / cadence) - 1)
        first = int(times[at]) + cadence
        end = max(first, int(ends[at]) - cadence)
        said = f"{missed} values of one every {cadence} s did not come"
        found.append(Finding(FlagKind.GAP, first, end, float(missed), 0.0, said))
    return found


def off_the_second(times: Integers, cadence: int, usual: int, limits: Thresholds = USUAL) -> list[Finding]:
    """Days on which the times are not at the usual second of the cadence, `usual` (in [0, cadence)).

    The figure is the median offset in seconds, from -cadence/2 to cadence/2: an offset of whole cadences is not seen
    here (`neighbours.moved_clock` looks for those). The rule is an assumption of this project.
    """
    if not len(times) or cadence <= 1:
        return []
    offset = (times - usual + cadence // 2) % cadence - cadence // 2
    wrong = offset != 0
    cuts = np.flatnonzero(np.diff(wrong.astype(np.int8)) != 0) + 1
    bounds = np.r_[0, cuts, len(times)]
    found = []
    for first, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        if wrong[first] and end - first >= limits.flat_least:
            median = float(np.median(offset[first:end]))
            said = f"{end - first} values {median:+g} s from the second at which the others are"
            found.append(Finding(FlagKind.CLOCK, int(times[first]), int(times[end - 1]), median, 0.0, said))
    return found


def usual_second(times: Integers, cadence: int) -> int:
    """The second of the cadence at which most of many stations' times are."""
    seconds, counts = np.unique(times % cadence, return_counts=True)
    return int(seconds[counts.argmax()])
