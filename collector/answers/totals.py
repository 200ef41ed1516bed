"""One number for each replication from its buckets: days over a limit, total, mean, median, 95th percentile."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from collector.answers.intervals import Floats
from collector.language.indicators import Rollup, indicator

HOUR = 3_600.0
ENERGY = {"MW": "MWh", "kW": "kWh", "W": "Wh"}
"""What a power adds up to over hours."""


class Kind(StrEnum):
    """How the buckets of a replication become one number."""

    COUNT_OVER = "count_over"
    COUNT_UNDER = "count_under"
    TOTAL = "total"
    MEAN = "mean"
    MEDIAN = "median"
    P95 = "p95"


COUNTS = (Kind.COUNT_OVER, Kind.COUNT_UNDER)


@dataclass(frozen=True, slots=True)
class Statistic:
    """A kind, and the limit (in the unit of the indicator) of the kinds that count buckets beyond it."""

    kind: Kind
    limit: float = np.nan

    def __str__(self) -> str:
        return f"{self.kind.value.replace('_', ' ')} {self.limit:g}" if self.kind in COUNTS else self.kind.value

    def of(self, identity: str, values: Floats, bucket: float = 86_400.0) -> Floats:
        """The statistic of each replication, (replications,), from buckets (replications, buckets) of `bucket` s.

        A missing bucket (NaN) counts as the ones that are there do: counts and totals are divided by the share of
        buckets that are there. NaN where there are none. A total is by the rollup of the indicator: a sum of amounts,
        a power times its hours, any other mean per hour times its hours. Raises `ValueError` for a total of what
        cannot be added up.
        """
        there = np.isfinite(values)
        known = there.sum(axis=1)
        share = np.where(known > 0, known / max(values.shape[1], 1), np.nan)
        if self.kind is Kind.COUNT_OVER:
            return np.asarray((there & (values > self.limit)).sum(axis=1) / share)
        if self.kind is Kind.COUNT_UNDER:
            return np.asarray((there & (values < self.limit)).sum(axis=1) / share)
        if self.kind is Kind.TOTAL:
            return np.asarray(np.where(there, values, 0.0).sum(axis=1) / share * weight(identity, bucket))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of rows without a value: NaN, as said
            if self.kind is Kind.MEAN:
                return np.asarray(np.nanmean(values, axis=1))
            return np.asarray(np.nanpercentile(values, 50.0 if self.kind is Kind.MEDIAN else 95.0, axis=1))

    def unit(self, identity: str, bucket: float = 86_400.0) -> str:
        """The unit of the statistic."""
        if self.kind in COUNTS:
            return {86_400.0: "days", HOUR: "hours"}.get(bucket, f"buckets of {bucket:g} s")
        unit = indicator(identity).unit
        if self.kind is not Kind.TOTAL or indicator(identity).rollup is Rollup.SUM:
            return unit
        return ENERGY.get(unit, unit.removesuffix("/h"))


def weight(identity: str, bucket: float) -> float:
    """What a bucket's value is multiplied with before it is added up."""
    entry = indicator(identity)
    if entry.rollup is Rollup.SUM:
        return 1.0
    if entry.rollup is Rollup.MEAN and (entry.unit in ENERGY or entry.unit.endswith("/h")):
        return bucket / HOUR
    raise ValueError(f"a total of {identity} ({entry.unit}) means nothing; ask for mean, median, p95 or count_over")
