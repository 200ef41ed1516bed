"""Which numbers of a run a report tells, for each indicator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collector.answers.totals import Kind, Statistic, weight
from collector.language.indicators import Better, indicator

DAY = 86_400
LIMITS: Mapping[str, tuple[float, str]] = {
    "pm25": (37.5, "24 h standard of Thailand since June 2023, and the third interim target of WHO (2021)"),
    "pm10": (75.0, "24 h, third interim target of WHO (2021)"),
}
"""The limit beyond which days are counted, in the unit of the indicator, and whose it is."""
WAITS = ("resolution_time", "permit_wait", "emergency_response")
"""Indicators whose distribution is skewed: their median is told."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A number of each replication: a statistic of an indicator in a city over the buckets of a run."""

    city: str
    indicator: str
    statistic: Statistic
    bucket: int = DAY

    @property
    def unit(self) -> str:
        """Get its unit."""
        return self.statistic.unit(self.indicator, float(self.bucket))

    @property
    def better(self) -> Better:
        """Get which way is better: of days beyond a limit, fewer; of any other number, as of the indicator."""
        if self.statistic.kind is Kind.COUNT_OVER:
            return Better.LOWER if indicator(self.indicator).better is Better.LOWER else Better.TARGET
        if self.statistic.kind is Kind.COUNT_UNDER:
            return Better.LOWER if indicator(self.indicator).better is Better.HIGHER else Better.TARGET
        return indicator(self.indicator).better


def statistics_of(identity: str, bucket: int = DAY) -> tuple[Statistic, ...]:
    """Get the statistics that are told of an indicator from buckets of some length; limits are of daily means."""
    if identity in WAITS:
        return (Statistic(Kind.MEDIAN),)
    if identity in LIMITS and bucket == DAY:
        return Statistic(Kind.MEAN), Statistic(Kind.COUNT_OVER, LIMITS[identity][0])
    return (Statistic(Kind.TOTAL if _adds_up(identity) else Kind.MEAN),)


def _adds_up(identity: str) -> bool:
    if indicator(identity).unit.endswith("/h"):
        return indicator(identity).unit == "mm/h"  # of rain the sum is told, of traffic the flow
    try:
        weight(identity, float(DAY))
    except ValueError:
        return False
    return True
