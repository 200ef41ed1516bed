"""At which size of an assumed effect a conclusion turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from collector.answers.intervals import Floats, Interval, mean_interval, wilson
from collector.answers.targets import Target

FINE = 400
"""Steps into which the range of simulated sizes is divided."""
LEAST = 2
Met = NDArray[np.bool_]


class Why(StrEnum):
    """Why there is no break-even."""

    FOUND = ""
    SINGLE = "single"
    """Fewer than two sizes, or fewer than two replications, were simulated."""
    SAME = "same"
    """The conclusion is the same at every size between those that were simulated."""
    SEVERAL = "several"
    """The conclusion turns more than once."""


@dataclass(frozen=True, slots=True)
class BreakEven:
    """The size at which a conclusion turns, with the sizes at which it is not sure.

    A bound is infinite where the conclusion is still unsure at the end of the simulated range. `sizes` is how many
    sizes were simulated: between them outcomes are taken to lie on straight lines, replication by replication.
    """

    interval: Interval
    sizes: int
    why: Why = Why.FOUND

    @property
    def found(self) -> bool:
        """Whether there is one."""
        return self.why is Why.FOUND


@dataclass(frozen=True, slots=True)
class _Judged:
    """For each size whether the conclusion holds, and whether its interval says so as well."""

    holds: Met
    sure: Met


def break_even_of_mean(sizes: Floats, outcomes: Floats, level: float = 0.0, confidence: float = 0.95) -> BreakEven:
    r"""The size at which the mean of outcomes (replications, sizes) crosses a level.

    The sizes at which the interval of the mean holds the level are the confidence set of the crossing: the inversion
    of the test at each size (E. C. Fieller 1954, J. R. Stat. Soc. B 16:175-185, is the case of two sizes).
    """

    def judged(along: Floats) -> _Judged:
        found = [mean_interval(column - level, confidence) for column in along.T]
        above = np.array([one.value > 0.0 for one in found])
        return _Judged(above, np.array([one.clear for one in found]))

    return _turning(sizes, outcomes, judged, confidence, "inverted t")


def break_even_of_chance(sizes: Floats, outcomes: Floats, target: Target, confidence: float = 0.95) -> BreakEven:
    """The size at which the probability that outcomes (replications, sizes) meet a target crosses what it asks for.

    The sizes at which Wilson's interval of the probability holds what is asked for are its confidence set.
    """

    def judged(along: Floats) -> _Judged:
        counts = target.met(along).sum(axis=0)
        found = {count: wilson(count, len(along), confidence) for count in set(counts.tolist())}
        holds = np.array([found[count].value >= target.probability - 1e-12 for count in counts.tolist()])
        return _Judged(holds, np.array([found[count].excludes(target.probability) for count in counts.tolist()]))

    return _turning(sizes, outcomes, judged, confidence, "inverted wilson")


def _turning(
    sizes: Floats, outcomes: Floats, judge: Callable[[Floats], _Judged], confidence: float, method: str
) -> BreakEven:
    known = outcomes[np.isfinite(outcomes).all(axis=1)]
    order = np.argsort(sizes)
    sizes, known = sizes[order], known[:, order]
    nothing = Interval(np.nan, np.nan, np.nan, len(known), confidence, method)
    if len(np.unique(sizes)) < LEAST or len(known) < LEAST:
        return BreakEven(nothing, len(sizes), Why.SINGLE)
    fine = np.union1d(np.linspace(sizes[0], sizes[-1], FINE + 1), sizes)
    judged = judge(_between(sizes, known, fine))
    turns = np.flatnonzero(judged.holds[1:] != judged.holds[:-1])
    if len(turns) != 1:
        return BreakEven(nothing, len(sizes), Why.SEVERAL if len(turns) else Why.SAME)
    at = int(turns[0])
    low, high = _unsure(judged.sure, fine, at)
    return BreakEven(
        Interval(float(fine[at] + fine[at + 1]) / 2.0, low, high, len(known), confidence, method), len(sizes)
    )


def _between(sizes: Floats, outcomes: Floats, fine: Floats) -> Floats:
    """The outcomes (replications, fine) on the straight lines between those at the sizes."""
    right = np.clip(np.searchsorted(sizes, fine), 1, len(sizes) - 1)
    share = (fine - sizes[right - 1]) / (sizes[right] - sizes[right - 1])
    return np.asarray(outcomes[:, right - 1] * (1.0 - share) + outcomes[:, right] * share)


def _unsure(sure: Met, fine: Floats, at: int) -> tuple[float, float]:
    """The sizes next to a turn (between places `at` and the next) from which on the conclusion is sure."""
    below, above = np.flatnonzero(sure[: at + 1]), np.flatnonzero(sure[at + 1 :])
    low = float(fine[below[-1]]) if len(below) else -np.inf
    high = float(fine[at + 1 + above[0]]) if len(above) else np.inf
    return low, high
