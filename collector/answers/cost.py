"""What an improvement costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.answers.intervals import Interval


@dataclass(frozen=True, slots=True)
class CostPerUnit:
    """The cost of one unit of improvement; `defined` is false, and `why` says so, where no such number exists."""

    interval: Interval
    defined: bool
    why: str = ""


def cost_per_unit(cost: float, improvement: Interval) -> CostPerUnit:
    r"""A declared cost per unit of an improvement (positive is better), with its interval.

    The cost is known, so the bounds are :math:`c / \Delta_{high}` and :math:`c / \Delta_{low}`: the exact (Fieller)
    interval, since only the denominator is uncertain (E. C. Fieller 1954, J. R. Stat. Soc. B 16:175-185). It exists
    only where the interval of the improvement lies above 0: near no improvement the ratio grows without bound and
    changes its sign. A negative cost is a saving per unit.
    """
    if improvement.low > 0.0:
        bounds = sorted((cost / improvement.low, cost / improvement.high))
        return CostPerUnit(_like(improvement, cost / improvement.value, *bounds), defined=True)
    if improvement.high < 0.0:
        why = "it makes things worse"
    elif np.isnan(improvement.low):
        why = "too few replications for an interval"
    else:
        why = "the improvement cannot be told from none, so its cost per unit has no bound"
    return CostPerUnit(_like(improvement, np.nan, np.nan, np.nan), defined=False, why=why)


def _like(improvement: Interval, value: float, low: float, high: float) -> Interval:
    return Interval(value, low, high, improvement.n, improvement.confidence, "fieller")
