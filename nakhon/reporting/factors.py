"""What the factors of a design do to the outcomes that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collector.answers.intervals import Floats
from collector.answers.sensitivity import (
    Association,
    Bar,
    ElementaryEffect,
    SobolIndex,
    associations,
    morris,
    sobol,
    tornado,
)
from nakhon.experimenting.plan import DesignPlan
from nakhon.experimenting.reading import Results
from nakhon.reporting.material import Numbers
from nakhon.reporting.measures import Outcome

NOTHING = "the outcomes are all the same, or some are missing: no factor can be told apart"


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What the factors do to an outcome: one of the four, as the kind of design allows, or `why` there is none."""

    outcome: Outcome
    bars: tuple[Bar, ...] = ()
    elementary: tuple[ElementaryEffect, ...] = ()
    indices: tuple[SobolIndex, ...] = ()
    associations: tuple[Association, ...] = ()
    why: str = ""


def sensitivities(
    found: Results, numbers: Numbers, asked: Sequence[Outcome], confidence: float
) -> tuple[Sensitivity, ...]:
    """Get what the factors of the design do to each outcome; nothing without a design."""
    if found.design is None:
        return ()
    rows = [found.position(name) for name in found.design.variants]
    return tuple(_of(found.design, outcome, numbers[outcome][rows], confidence) for outcome in asked)


def _of(design: DesignPlan, outcome: Outcome, outcomes: Floats, confidence: float) -> Sensitivity:
    """Get it from outcomes (design rows, replications)."""
    paths = [factor.path for factor in design.factors]
    if design.kind == "one-at-a-time":
        return Sensitivity(outcome, bars=tuple(tornado(paths, outcomes, confidence)))
    means, settings = np.nanmean(outcomes, axis=1), np.array(design.rows)
    if not np.isfinite(means).all() or not np.ptp(means) > 0.0:
        return Sensitivity(outcome, why=NOTHING)
    if design.kind == "morris":
        return Sensitivity(outcome, elementary=tuple(morris(design.factors, settings, means, confidence)))
    if design.kind == "sobol-indices":
        return Sensitivity(outcome, indices=tuple(sobol(design.factors, means, confidence)))
    return Sensitivity(outcome, associations=tuple(associations(design.factors, settings, means, confidence)))
