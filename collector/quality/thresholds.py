"""The parameters of the detectors: each with its source, or labelled as an assumption of this project."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is odd.

    `flat_least` values in a row at least, and so many that chance explains such a row less than `flat_chance` times
    in a series (the flat line test of QARTOD counts a fixed number; a number from chance is this project's), unless
    most neighbours, two at least, say the same value in over `flat_shared` of their readings meanwhile (an assumption).
    `spike_size` times the usual step up and down again (the spike test of QARTOD leaves the size to the operator), and
    `spike_tail` times what one value in 100 does (an assumption: some series jump by nature).
    `gap_cadences` of silence are a gap (the gap test of QARTOD; how many is an assumption).
    `drift_limit` is how many standard errors a ramp of `drift_shortest` days or more is from none, the largest of all
    that are tried (chosen looking at simulated faults: an assumption), of at least `drift_days` days beside at least
    `drift_neighbours` others; a ramp that ends less than `drift_least` away (a share, or in units where values are not
    positive) is let pass as what instruments do (an assumption). A day's value is the mean without a share
    `drift_trim` of its readings at either end, so that spikes do not count (an assumption).
    Times off the usual second of the cadence are a wrong clock; `clock_gain` is by how much a
    moved series must correlate better with its neighbours, over `clock_days` days, and `clock_least` how well at all,
    `clock_windows` times in a row by the same lag (assumptions).
    """

    flat_least: int = 6
    flat_chance: float = 0.01
    flat_shared: float = 0.9
    spike_size: float = 8.0
    spike_tail: float = 2.0
    gap_cadences: float = 1.5
    drift_days: int = 14
    drift_neighbours: int = 2
    drift_shortest: int = 5
    drift_limit: float = 4.0
    drift_least: float = 0.1
    drift_trim: float = 0.1
    clock_gain: float = 0.15
    clock_least: float = 0.7
    clock_days: int = 2
    clock_windows: int = 2


USUAL = Thresholds()

INTERMITTENT = frozenset({"rain", "travel_time_index"})
"""What jumps by nature (a shower or a jam may last a tick): not looked at for spikes and drift. An assumption."""
