"""What an experiment runs: variants times replications, and what is asked of the results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collector.answers.designs import Factor
from collector.answers.stopping import StoppingRule
from collector.answers.targets import Target
from collector.answers.totals import Statistic
from simulator.scenario import Scenario

LONGEST_NAME = 58
"""Of a variant: with a hyphen and four digits it is the name of a run."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One setting of the scenario: what was set at which path, and the scenario in effect."""

    name: str
    title: str
    description: str
    scenario: Scenario
    settings: Mapping[str, object] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class DesignPlan:
    """Settings of factors that were made by a rule; `variants` names them in the order of the design's `rows`."""

    kind: str
    factors: tuple[Factor, ...]
    rows: tuple[tuple[float, ...], ...]
    variants: tuple[str, ...]
    percent: float | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """When one number has enough replications: the interval of its difference from the baseline is narrow enough."""

    rule: StoppingRule
    indicator: str
    city: str
    statistic: Statistic


@dataclass(frozen=True, slots=True)
class Cost:
    """What a variant costs, or a unit of a factor beyond its value in the baseline: `quantity` times `amount`.

    `per` says of what the amount is, `source` who said so; without one it is an `assumption`.
    """

    variant: str | None
    factor: str | None
    amount: float
    quantity: float
    per: str
    currency: str
    source: str | None
    assumption: str | None


@dataclass(frozen=True, slots=True)
class Experiment:
    """What to run and what is asked. `bucket` and `warm_up` in seconds; no `indicators` means all.

    The first variant is the baseline, from which differences are taken. There are enough replications when every rule
    of `stop` says so.
    """

    name: str
    title: str
    question: str
    description: str
    base: str
    replications: int
    bucket: int
    warm_up: int
    indicators: tuple[str, ...]
    variants: tuple[Variant, ...]
    design: DesignPlan | None = None
    stop: tuple[Stop, ...] = ()
    targets: tuple[Target, ...] = ()
    costs: tuple[Cost, ...] = ()

    @property
    def baseline(self) -> Variant:
        """The variant that others are compared with."""
        return self.variants[0]

    @property
    def most(self) -> int:
        """The most replications of a variant that there can be."""
        return max(self.replications, *(one.rule.most for one in self.stop)) if self.stop else self.replications


def run_name(variant: str, replication: int) -> str:
    """The name of a run, in files and in the store: `half-burning-0003`."""
    return f"{variant}-{replication:04d}"
