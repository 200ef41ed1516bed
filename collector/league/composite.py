"""Composite scores: parts made comparable, weighed and put together. Pure functions of arrays.

Terms and steps: OECD and JRC 2008, Handbook on Constructing Composite Indicators (normalisation, step 5; weighting
and aggregation, step 6; uncertainty and sensitivity, step 7).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from collector.language.indicators import Better, Indicator, Pillar

Floats = NDArray[np.float64]

FULL = 100.0
"""The best score of a part that is measured against goalposts or a target; the worst is 0."""


class Normalisation(StrEnum):
    """How the values of a part become scores.

    `goalposts`: min-max between a declared worst and best, cut off at both. `target`: the distance to a target, as a
    ratio where one way is better and within a tolerance where neither is. `z-score`: the distance from the mean of the
    cities in their standard deviations (of the population), better upwards.
    """

    GOALPOSTS = "goalposts"
    Z_SCORE = "z-score"
    TARGET = "target"


class Aggregation(StrEnum):
    """How scores are put together: a geometric mean lets a good part make up less for a bad one."""

    ARITHMETIC = "arithmetic"
    GEOMETRIC = "geometric"


class Missing(StrEnum):
    """What a city without a part gets: no score, or the mean of its other parts with their weights made whole."""

    REFUSE = "refuse"
    REWEIGH = "reweigh"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a composite, on the scale of its indicator.

    `worst` and `best` are the goalposts; `target` is what is to be reached, `tolerance` how far from it the score is
    0 (where neither way is better). `assumption` says that nobody has published these levels as such.
    """

    indicator: Indicator
    weight: float
    normalisation: Normalisation
    worst: float = math.nan
    best: float = math.nan
    target: float = math.nan
    tolerance: float = math.nan
    source: str = ""
    assumption: bool = False


@dataclass(frozen=True, slots=True)
class Composite:
    """What a score is made of. The weights of `parts` add up to 1.

    `least_weight` is the share of the weight that must be there where parts may be missing. `floor` is the lowest
    score that a geometric mean takes, so that one 0 does not erase all else. `concentration` says how far other
    weights may lie from the declared ones (`drawn_weights`). `source` tells where parts and weights come from;
    `assumption` that they are nobody's but ours.
    """

    name: str
    title: str
    pillar: Pillar
    parts: tuple[Part, ...]
    aggregation: Aggregation
    missing: Missing
    least_weight: float
    floor: float
    concentration: float
    source: str
    assumption: bool

    @property
    def weights(self) -> Floats:
        """The declared weights (parts,), which add up to 1."""
        return np.array([part.weight for part in self.parts])


def scores(values: Floats, composite: Composite) -> Floats:
    """The score of each part from its values (..., cities, parts); NaN where the value is NaN.

    0 to 100, or z-scores. A z-score is 0 where all cities are alike.
    """
    found = np.full(values.shape, np.nan)
    for place, part in enumerate(composite.parts):
        found[..., place] = _score(values[..., place], part)
    return found


def combined(scored: Floats, weights: Floats, composite: Composite) -> Floats:
    """The composite score of each city from scores (..., cities, parts) and weights (..., parts).

    NaN where parts are missing that may not be.
    """
    there = np.isfinite(scored)
    weighed = np.where(there, weights[..., None, :], 0.0)
    total = weighed.sum(axis=-1)
    needed = 1.0 if composite.missing is Missing.REFUSE else composite.least_weight
    enough = (total >= needed - 1e-9) & (total > 0)
    shares = weighed / np.where(total > 0, total, 1.0)[..., None]
    known = np.where(there, scored, composite.floor)
    if composite.aggregation is Aggregation.GEOMETRIC:
        mean = np.exp((shares * np.log(np.maximum(known, composite.floor))).sum(axis=-1))
    else:
        mean = (shares * known).sum(axis=-1)
    return np.where(enough, mean, np.nan)


def effective_weights(scored: Floats, composite: Composite) -> Floats:
    """The weights of a city's parts (parts,) from its scores: 0 for what is missing, the others made whole."""
    weighed = np.where(np.isfinite(scored), composite.weights, 0.0)
    total = float(weighed.sum())
    return weighed / total if total else weighed


def drawn_weights(composite: Composite, draws: int, rng: np.random.Generator) -> Floats:
    """Other weights that could have been declared (draws, parts), each adding up to 1.

    Dirichlet with parameters `concentration` times the declared weights: their mean is what is declared, the standard
    deviation of a weight w is √(w (1 - w) / (concentration + 1)).
    """
    return rng.dirichlet(composite.concentration * composite.weights, draws)


def value_for(score: float, value: float, part: Part, spread: float) -> float:
    """The value of a part at which its score is `score`; NaN if it cannot be.

    `value` is what it is now; `spread` the standard deviation of the cities, held fixed, for a z-score, of which
    `score` is then the change.
    """
    if part.normalisation is Normalisation.Z_SCORE:
        return value + score * spread * (1 if part.indicator.better is Better.HIGHER else -1)
    if not 0.0 <= score <= FULL:
        return math.nan
    share = score / FULL
    if part.normalisation is Normalisation.GOALPOSTS:
        return part.worst + share * (part.best - part.worst)
    if part.indicator.better is Better.HIGHER:
        return part.target * share
    if part.indicator.better is Better.LOWER:
        return part.target / share if share else math.nan
    return part.target + math.copysign(part.tolerance * (1 - share), value - part.target)


def _score(values: Floats, part: Part) -> Floats:
    if part.normalisation is Normalisation.Z_SCORE:
        return _z_score(values, part.indicator.better)
    if part.normalisation is Normalisation.GOALPOSTS:
        share = (values - part.worst) / (part.best - part.worst)
    elif part.indicator.better is Better.HIGHER:
        share = values / part.target
    elif part.indicator.better is Better.LOWER:
        share = np.divide(part.target, values, out=np.ones_like(values), where=~(values <= part.target))
    else:
        share = 1.0 - np.abs(values - part.target) / part.tolerance
    return np.asarray(FULL * np.clip(share, 0.0, 1.0))


def _z_score(values: Floats, better: Better) -> Floats:
    known = np.isfinite(values)
    many = np.maximum(known.sum(axis=-1, keepdims=True), 1)
    mean = np.where(known, values, 0.0).sum(axis=-1, keepdims=True) / many
    away = np.where(known, values - mean, np.nan)
    spread = np.sqrt(np.where(known, away**2, 0.0).sum(axis=-1, keepdims=True) / many)
    unlike = spread > 1e-12 * np.maximum(np.abs(mean), 1e-300)
    scored: Floats = np.divide(away, spread, out=np.where(known, 0.0, np.nan), where=unlike & known)
    return scored if better is Better.HIGHER else -scored
