"""The verdict on each statistic: whether what was measured is inside a simulated band that is narrow enough.

A row is inside if the observed value lies in the band (2.5 to 97.5 % of the replications) and the band is at most 1.5
times as wide as the spread of the statistic from year to year, which is written as 2 x 1.96 standard deviations. The
standard deviation is the largest of three: between the years of the record, between rearrangements of its blocks,
and the one the mapping declares. A record of less than two complete years shows none of its own; where none is
declared either, the band alone judges, and the row says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simulator.validation.spread import sd, unwrapped

WIDEST = 1.5
TWO_SIDED = 2.0 * 1.96
BAND = (0.025, 0.5, 0.975)
LEAST_SHARE = 0.5
NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Declared:
    """A spread from year to year known from elsewhere: `sd` of the value, or of its logarithm (`relative`)."""

    sd: float
    relative: bool
    source: str


@dataclass(frozen=True, slots=True)
class Spread:
    """The standard deviation of a statistic from year to year, and where it comes from; None if nobody knows."""

    sd: float | None
    source: str


@dataclass(frozen=True, slots=True)
class Row:
    """One statistic: observed, simulated (median and 95 % band), the spread beside the width, and the verdict.

    Hours of the day are unwrapped around the observed one: -1 is 23 h of the day before. None where there is nothing.
    """

    name: str
    unit: str
    observed: float
    low: float | None
    median: float | None
    high: float | None
    spread: float | None
    spread_from: str
    width: float | None
    inside: bool
    why: str

    @property
    def unjudged(self) -> bool:
        """Tell whether it is inside, but with a width nobody can judge."""
        return self.inside and self.spread_from == NOT_KNOWN


def spread_of(
    name: str,
    observed: float,
    years: Sequence[Mapping[str, float]],
    draws: Sequence[Mapping[str, float]],
    declared: Declared | None,
    *,
    circular: bool = False,
) -> Spread:
    """Get the largest of the three spreads of a statistic: of years, of rearranged blocks, as declared."""
    known = {
        f"{len(years)} years of the record": sd(name, observed, years, circular=circular),
        "block bootstrap of the record": sd(name, observed, draws, circular=circular),
    }
    if declared is not None:
        known[declared.source] = declared.sd * (abs(observed) if declared.relative else 1.0)
    found = {source: value for source, value in known.items() if value is not None}
    if not found:
        return Spread(None, NOT_KNOWN)
    source = max(found, key=found.__getitem__)
    return Spread(found[source], source)


def judge(
    name: str, unit: str, observed: float, simulated: Sequence[float], asked: int, spread: Spread, *, circular: bool
) -> Row:
    """Get the row of a statistic from the values of those of the `asked` replications that have it."""
    width_known = None if spread.sd is None else TWO_SIDED * spread.sd
    if len(simulated) < max(2.0, LEAST_SHARE * asked):
        why = f"only {len(simulated)} of {asked} replications have it"
        return Row(name, unit, observed, None, None, None, width_known, spread.source, None, inside=False, why=why)
    values = unwrapped(observed, np.array(simulated), circular=circular)
    low, median, high = (float(value) for value in np.quantile(values, BAND))
    why = _fault(observed, low, high, width_known)
    inside, why = not why, why or _fine(spread)
    return Row(name, unit, observed, low, median, high, width_known, spread.source, high - low, inside, why)


def _fault(observed: float, low: float, high: float, spread: float | None) -> str:
    faults = []
    if observed < low:
        faults.append("observed below the band")
    elif observed > high:
        faults.append("observed above the band")
    if spread is not None and high - low > WIDEST * spread:
        times = f"{(high - low) / spread:.2f} times the spread" if spread > 0.0 else "the spread is 0"
        faults.append(f"band too wide ({times})")
    return "; ".join(faults)


def _fine(spread: Spread) -> str:
    return "in the band" if spread.sd is not None else "in the band; spread not known"
