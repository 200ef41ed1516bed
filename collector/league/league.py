"""A league of cities by a composite score: places with their parts, how sure they are and what would change them.

Pure functions of arrays; `collector.league.league_store` reads what they need.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.comparing.difference import DAYS_FOR_DAILY_MEANS
from collector.comparing.standing import block_length
from collector.league.composite import Composite, Floats, combined, drawn_weights, effective_weights, scores
from collector.league.moves import Field, Move, moves

RESAMPLES = 2_000
_TAIL = 0.025


@dataclass(frozen=True, slots=True)
class Contender:
    """A city in a run."""

    run: str
    city: str
    name: str

    @property
    def label(self) -> str:
        """The city and the run."""
        return f"{self.name}, {self.run}"


@dataclass(frozen=True, slots=True)
class Daily:
    """What is known of each day: sums and counts of buckets (days, cities, parts), 0 where there are none.

    Days follow each other without gaps. `origins` (cities, parts) says where the values come from. Parts in `published`
    are statistics: their values do not vary from day to day and are not resampled.
    """

    sums: Floats
    counts: Floats
    origins: Sequence[Sequence[str]]
    published: Sequence[bool]
    units: Sequence[str]

    @property
    def means(self) -> Floats:
        """The value of each part of each city (cities, parts), NaN where there is none."""
        return _means(self.sums.sum(axis=0), self.counts.sum(axis=0))


@dataclass(frozen=True, slots=True)
class Interval:
    """A place in 95 % of the resamples, from `low` to `high`, and the share in which it is the first."""

    low: int
    high: int
    first: float


@dataclass(frozen=True, slots=True)
class PartScore:
    """A part of a city's score: its value, what that scores, and what weight it has in it (0 where it is missing).

    `days` is how many buckets of a day are behind the value. `without` is the city's place if the part were left out.
    """

    indicator: str
    value: float | None
    unit: str
    origin: str
    days: int
    score: float | None
    weight: float
    without: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """A city's place with everything it is made of; `rank` and `score` are None where too much is missing.

    How sure the rank is: `weights` if other weights had been declared, `days` if other days had been drawn, `interval`
    both together; `low` and `high` hold the score in 95 % of the latter. None where fewer than seven days tell.
    """

    contender: Contender
    rank: int | None
    score: float | None
    low: float | None
    high: float | None
    interval: Interval | None
    weights: Interval | None
    days: Interval | None
    parts: tuple[PartScore, ...]
    moves: tuple[Move, ...]


def places(contenders: Sequence[Contender], daily: Daily, composite: Composite, seed: int = 0) -> tuple[Place, ...]:
    """The places of contenders, the best first; those without a score come last.

    Notes
    -----
    Days are drawn in blocks around a circle (Politis and Romano 1992), the same for all cities and parts; the block is
    as long as the longest memory of any (`collector.comparing.standing.block_length`). Weights are drawn around the
    declared ones (`drawn_weights`). Uncertainty of both together: Saisana, Saltelli and Tarantola 2005, J. R. Stat.
    Soc. A 168:307-323. The same seed gives the same outcome.
    """
    scored = scores(daily.means, composite)
    declared = combined(scored, composite.weights, composite)
    sureness = _sureness(daily, scored, composite, np.random.default_rng(seed))
    without = _without(scored, composite)
    spreads = np.array([_spread(column) for column in daily.means.T])
    field = Field([one.label for one in contenders], declared, daily.means, scored, spreads)
    ranks = ranked(declared)
    found = [
        Place(
            contender=one,
            rank=None if math.isnan(declared[at]) else int(ranks[at]),
            score=_known(declared[at]),
            low=sureness.low[at],
            high=sureness.high[at],
            interval=sureness.both[at],
            weights=sureness.weights[at],
            days=sureness.days[at],
            parts=_parts(at, daily, scored, without, composite),
            moves=moves(at, field, composite),
        )
        for at, one in enumerate(contenders)
    ]
    return tuple(sorted(found, key=lambda one: (one.rank is None, one.rank or 0, one.contender.label)))


@dataclass(frozen=True, slots=True)
class _Sureness:
    """Of each city: what holds its score, and its place under other weights and days, weights alone, days alone."""

    low: Sequence[float | None]
    high: Sequence[float | None]
    both: Sequence[Interval | None]
    weights: Sequence[Interval | None]
    days: Sequence[Interval | None]


def _sureness(daily: Daily, scored: Floats, composite: Composite, rng: np.random.Generator) -> _Sureness:
    many = len(scored)
    weights = drawn_weights(composite, RESAMPLES, rng)
    by_weights = combined(np.broadcast_to(scored, (RESAMPLES, *scored.shape)), weights, composite)
    resampled = _resampled(daily, composite, rng)
    by_days = both = None
    if resampled is not None:
        by_days = combined(resampled, np.broadcast_to(composite.weights, weights.shape), composite)
        both = combined(resampled, weights, composite)
    return _Sureness(*_bounds(both, many), *(_intervals(one, many) for one in (both, by_weights, by_days)))


def ranked(composites: Floats) -> NDArray[np.int64]:
    """The place of each city from scores (..., cities): 1 is the highest, ties share the better place, NaN come last.

    Scores that differ by rounding only are equal.
    """
    known = np.where(np.isfinite(composites), composites, -np.inf)
    larger = known[..., None, :] - 1e-9 * np.maximum(np.abs(np.nan_to_num(known[..., None, :], neginf=0.0)), 1.0)
    places: NDArray[np.int64] = (larger > known[..., :, None]).sum(axis=-1) + 1
    return places


def _means(sums: Floats, counts: Floats) -> Floats:
    means: Floats = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return means


def _resampled(daily: Daily, composite: Composite, rng: np.random.Generator) -> Floats | None:
    """The scores of resampled days (resamples, cities, parts), None where fewer than seven days tell."""
    varying = [part for part, published in enumerate(daily.published) if not published]
    known = np.flatnonzero(daily.counts[:, :, varying].any(axis=(1, 2)))
    if len(known) < DAYS_FOR_DAILY_MEANS:
        return None
    span = slice(int(known[0]), int(known[-1]) + 1)  # what is published may go back years
    drawn = _drawn_days(span.stop - span.start, _block(daily, varying), rng)
    values = np.broadcast_to(daily.means, (RESAMPLES, *daily.means.shape)).copy()
    for part in varying:
        sums, counts = drawn @ daily.sums[span, :, part], drawn @ daily.counts[span, :, part]
        there = counts > 0  # where no day with a value was drawn, the value of all days stays
        values[:, :, part] = np.where(there, sums / np.where(there, counts, 1.0), values[:, :, part])
    return scores(values, composite)


def _block(daily: Daily, varying: Sequence[int]) -> int:
    longest = 1
    for part in varying:
        along = _means(daily.sums[:, :, part], daily.counts[:, :, part])
        known = [column[np.isfinite(column)] for column in along.T]
        longest = max([longest, *(block_length(column) for column in known if len(column) >= DAYS_FOR_DAILY_MEANS)])
    return longest


def _drawn_days(days: int, block: int, rng: np.random.Generator) -> Floats:
    """How often each day is drawn in each resample (resamples, days)."""
    starts = rng.integers(0, days, (RESAMPLES, math.ceil(days / block)))
    drawn = ((starts[:, :, None] + np.arange(block)) % days).reshape(RESAMPLES, -1)[:, :days]
    rows = np.arange(RESAMPLES)[:, None] * days
    return np.bincount((rows + drawn).ravel(), minlength=RESAMPLES * days).reshape(RESAMPLES, days).astype(np.float64)


def _intervals(found: Floats | None, many: int) -> list[Interval | None]:
    if found is None:
        return [None] * many
    drawn = ranked(found)
    low, high = np.quantile(drawn, [_TAIL, 1 - _TAIL], axis=0, method="inverted_cdf")
    first = (drawn == 1).mean(axis=0)
    there = np.isfinite(found).sum(axis=0) > 0
    return [Interval(int(low[at]), int(high[at]), float(first[at])) if there[at] else None for at in range(many)]


def _bounds(found: Floats | None, many: int) -> tuple[list[float | None], list[float | None]]:
    """What holds the score of each city in 95 % of the resamples; None where a resample has none."""
    if found is None:
        return [None] * many, [None] * many
    low, high = np.quantile(found, [_TAIL, 1 - _TAIL], axis=0)
    return [_known(one) for one in low.tolist()], [_known(one) for one in high.tolist()]


def _without(scored: Floats, composite: Composite) -> NDArray[np.int64]:
    """The places (parts, cities) if a part were left out for all and the other weights made whole."""
    found = np.zeros((len(composite.parts), len(scored)), np.int64)
    for part in range(len(composite.parts)):
        rest = [other for other in range(len(composite.parts)) if other != part]
        weights = composite.weights[rest] / composite.weights[rest].sum()
        found[part] = ranked(combined(scored[:, rest], weights, composite))
    return found


def _parts(
    at: int, daily: Daily, scored: Floats, without: NDArray[np.int64], composite: Composite
) -> tuple[PartScore, ...]:
    means = daily.means
    weights = effective_weights(scored[at], composite)
    return tuple(
        PartScore(
            part.indicator.id,
            _known(means[at, place]),
            daily.units[place],
            daily.origins[at][place],
            int(np.count_nonzero(daily.counts[:, at, place])),
            _known(scored[at, place]),
            float(weights[place]),
            int(without[place, at]) if math.isfinite(scored[at, place]) else None,
        )
        for place, part in enumerate(composite.parts)
    )


def _spread(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.std()) if len(known) else 0.0


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
