"""What would move a city up a place: which part, and by how much. Pure functions of arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collector.league.composite import (
    FULL,
    Aggregation,
    Composite,
    Floats,
    Normalisation,
    effective_weights,
    value_for,
)

_STEP = 1e-6  # of the scale: to pass, not to draw level


@dataclass(frozen=True, slots=True)
class Move:
    """A change of one part alone that lifts a city above the next better one (`above`).

    The value must come from `value` to `to` (in the unit of the part), its score from `score` to `score_to`. All else,
    the other city too, stays as it is; z-scores are told with mean and spread of the cities held fixed.
    """

    indicator: str
    above: str
    value: float
    to: float
    score: float
    score_to: float


@dataclass(frozen=True, slots=True)
class Field:
    """All who take part: labels and scores (cities,), values and scores of parts (cities, parts), spreads (parts,)."""

    labels: Sequence[str]
    composites: Floats
    means: Floats
    scored: Floats
    spreads: Floats


def moves(at: int, field: Field, composite: Composite) -> tuple[Move, ...]:
    """The single changes that would lift city `at` above the next better one, the smallest change of score first.

    Empty for the first, for a city without a score, and where no part alone suffices.
    """
    mine = field.composites[at]
    if not math.isfinite(mine):
        return ()
    better = np.flatnonzero(field.composites > mine + 1e-9 * max(abs(mine), 1.0))
    if not len(better):
        return ()
    above = int(better[np.argmin(field.composites[better])])
    tried = (_move(place, at, above, field, composite) for place in range(len(composite.parts)))
    return tuple(sorted((move for move in tried if move is not None), key=lambda one: one.score_to - one.score))


def _move(place: int, at: int, above: int, field: Field, of: Composite) -> Move | None:
    weight = float(effective_weights(field.scored[at], of)[place])
    if not weight:
        return None
    part, score, value = of.parts[place], float(field.scored[at, place]), float(field.means[at, place])
    wanted = _wanted(score, field.composites[at], field.composites[above], weight, of)
    z_score = part.normalisation is Normalisation.Z_SCORE
    to = value_for(wanted - score if z_score else wanted, value, part, float(field.spreads[place]))
    possible = part.indicator.extensive or part.indicator.minimum <= to <= part.indicator.maximum
    if not math.isfinite(to) or not possible:
        return None
    return Move(part.indicator.id, field.labels[above], value, to, score, wanted)


def _wanted(score: float, mine: float, theirs: float, weight: float, of: Composite) -> float:
    """The score that a part needs for the whole to pass `theirs`; the other parts stay."""
    if of.aggregation is Aggregation.ARITHMETIC:
        return score + (theirs - mine) / weight + _STEP * FULL
    lift = math.log(theirs / mine) / weight
    return math.exp(min(math.log(max(score, of.floor)) + lift, 700.0)) + _STEP * FULL
