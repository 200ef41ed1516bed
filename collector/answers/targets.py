"""Whether targets are met, with which probability, and which of them contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from collector.answers.intervals import Floats, Interval, wilson
from collector.answers.totals import Statistic

Met = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on one number of a year (or of whatever was simulated), to be met with a probability.

    `at_most` says on which side of `bound` it is met; `source` who set it.
    """

    indicator: str
    city: str
    statistic: Statistic
    bound: float
    at_most: bool
    probability: float
    source: str = ""
    name: str = ""

    def met(self, outcome: Floats) -> Met:
        """Whether each outcome meets it, in the shape of the outcomes; what is missing (NaN) does not."""
        return np.asarray(outcome <= self.bound if self.at_most else outcome >= self.bound)

    def __str__(self) -> str:
        side = "at most" if self.at_most else "at least"
        asked = f"{self.city} {self.indicator} {self.statistic}: {side} {self.bound:,g}"
        return f"{self.name or asked} with {self.probability:.0%}"


@dataclass(frozen=True, slots=True)
class Chance:
    """The probability that a target is met, and what that says of the probability asked for.

    `reached` by the estimate, `sure` whether the interval excludes the probability asked for.
    """

    probability: Interval
    asked: float

    @property
    def reached(self) -> bool:
        """Whether the estimate is at least what was asked for."""
        return self.probability.value >= self.asked - 1e-12

    @property
    def sure(self) -> bool:
        """Whether the interval excludes what was asked for: more replications are unlikely to turn the verdict."""
        return self.probability.excludes(self.asked)


def chance(target: Target, outcomes: Floats, confidence: float = 0.95) -> Chance:
    """The probability that a target is met by outcomes (replications,), with Wilson's interval; NaN is left out."""
    known = outcomes[~np.isnan(outcomes)]
    return Chance(wilson(int(target.met(known).sum()), len(known), confidence), target.probability)


def joint_chance(targets: Sequence[Target], outcomes: Floats, confidence: float = 0.95) -> Interval:
    """The probability that all targets are met in the same replication, from outcomes (replications, targets).

    Replications that miss an outcome (NaN) are left out.
    """
    known = outcomes[~np.isnan(outcomes).any(axis=1)]
    together: Met = np.all(met_matrix(targets, known), axis=1)
    return wilson(int(together.sum()), len(known), confidence)


def met_matrix(targets: Sequence[Target], outcomes: Floats) -> Met:
    """Whether targets are met by outcomes (..., replications, targets), in the same shape."""
    return np.stack([target.met(outcomes[..., place]) for place, target in enumerate(targets)], axis=-1)


def contradictions(reached: Met) -> list[tuple[int, int]]:
    """The pairs of targets that each variant (or setting) reaches at most one of, from (variants, targets).

    Only targets that some variant reaches count: one out of reach contradicts nobody. True of the variants that were
    looked at, and of those alone.
    """
    possible = np.flatnonzero(reached.any(axis=0)).tolist()
    return [(one, other) for one, other in combinations(possible, 2) if not (reached[:, one] & reached[:, other]).any()]
