"""When there are enough replications: the half-width of an interval is small enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.answers.intervals import Floats, Interval, mean_interval

LEAST = 20
GROWTH = 1.5
NARROW = "the interval is narrow enough"


@dataclass(frozen=True, slots=True)
class StoppingRule:
    """Stop when half the interval of a mean is at most `half_width`, or at most `relative` of the mean.

    Either, or both (then the first that holds stops). Never before `least` replications, never after `most`.
    """

    half_width: float | None = None
    relative: float | None = None
    confidence: float = 0.95
    least: int = LEAST
    most: int = 200

    def __post_init__(self) -> None:
        if self.half_width is None and self.relative is None:
            raise ValueError("expected half_width, relative or both, came neither")
        if any(bound is not None and not bound > 0.0 for bound in (self.half_width, self.relative)):
            raise ValueError("expected a half-width above 0")
        if not 2 <= self.least <= self.most:
            raise ValueError(f"expected 2 <= least <= most, came {self.least} and {self.most}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to stop, why, the interval as it stands, and how many replications to have before looking again."""

    stop: bool
    why: str
    interval: Interval
    next: int


def look(rule: StoppingRule, values: Floats) -> Verdict:
    r"""Whether the values of the replications so far (n,) are enough, and how many to have before the next look.

    The sequential procedure of Chow and Robbins (1965, Ann. Math. Stat. 36:457-462; Law 2015, Simulation Modeling and
    Analysis, 9.4.1). The next look is at :math:`n (h / h^*)^2`, at most 1.5 n. Looking again and again stops early
    where the sample happens to spread little, which costs coverage. Measured for a nominal 95 %: from 20 replications
    on 94 to 95 % on normal values, at least 90 % on exponential ones; from 5 on, 92 and 84 %. So 20 is the least unless
    another is asked for.
    """
    found = mean_interval(values, rule.confidence)
    n, wanted = len(values), _wanted(rule, found)
    if n < rule.least:
        return Verdict(stop=False, why=f"fewer than {rule.least} replications", interval=found, next=rule.least)
    if found.half_width <= wanted:
        return Verdict(stop=True, why=NARROW, interval=found, next=n)
    if n >= rule.most:
        why = f"{rule.most} replications are the most asked for; the interval is still wider than wanted"
        return Verdict(stop=True, why=why, interval=found, next=n)
    return Verdict(stop=False, why="the interval is too wide", interval=found, next=_next(rule, n, found, wanted))


def _wanted(rule: StoppingRule, found: Interval) -> float:
    absolute = rule.half_width or 0.0
    relative = 0.0 if rule.relative is None else rule.relative * abs(found.value)
    return max(absolute, relative)


def _next(rule: StoppingRule, n: int, found: Interval, wanted: float) -> int:
    ratio = (found.half_width / wanted) ** 2 if wanted > 0.0 and np.isfinite(found.half_width) else GROWTH
    return min(rule.most, max(n + 1, int(np.ceil(n * min(ratio, GROWTH)))))
