"""A league of cities by a composite score: places with their parts, how sure they are and what would change them.

Pure functions of arrays; `collector.league.league_store` reads what they need.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.comparing.difference import DAYS_FOR_DAILY_MEANS, half_width
from collector.comparing.standing import standings
from collector.league.composite import (
    FULL,
    Composite,
    Floats,
    Normalisation,
    combined,
    drawn_weights,
    effective_weights,
    scores,
)
from collector.league.moves import Field, Move, moves

DRAWS = 2_000
"""How many other weights are drawn to tell places by weights."""
TRIED = 100
"""How many of these are tried together with the days."""
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
    are statistics: their values do not vary from day to day.
    """

    sums: Floats
    counts: Floats
    origins: Sequence[Sequence[str]]
    published: Sequence[bool]
    units: Sequence[str]

    @property
    def heard(self) -> NDArray[np.bool_]:
        """Which days hold what varies from day to day, of each part (days, parts)."""
        return np.asarray(self.counts.any(axis=1) & ~np.asarray(self.published, np.bool_))

    @property
    def means(self) -> Floats:
        """The value of each part of each city (cities, parts), NaN where there is none."""
        return _means(self.sums.sum(axis=0), self.counts.sum(axis=0))


@dataclass(frozen=True, slots=True)
class Interval:
    """The places that cannot be excluded, from `low` to `high`; how likely it is the first (None: nothing tells)."""

    low: int
    high: int
    first: float | None


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

    How sure the rank is: `weights` in 95 % of other weights that could have been declared, `days` by what the days tell
    under the declared weights, `interval` by both; `low` and `high` are the 95 % interval of the score by both. None
    where a part rests on fewer than seven days, of the score also where the days remember too long.
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
    What the days tell is told as for a single indicator (`collector.comparing.standing.standings`): from the daily
    differences of each pair of cities, with the memory of the days. The score of a day is the score of all days, moved
    by what that day moves it to first order (the delta method: Oehlert 1992, Am. Stat. 46:27), over a step as long as
    the standard error of each part, so that what is cut off at the goalposts counts by half. Weights are drawn around
    the declared ones (`drawn_weights`); both together are what the days tell under 95 % of the weights (uncertainty of
    both: Saisana, Saltelli and Tarantola 2005, J. R. Stat. Soc. A 168:307-323). The same seed gives the same outcome.
    """
    scored = scores(daily.means, composite)
    declared = combined(scored, composite.weights, composite)
    sureness = _sureness(daily, scored, composite, seed)
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


def _sureness(daily: Daily, scored: Floats, composite: Composite, seed: int) -> _Sureness:
    many = len(scored)
    weights = drawn_weights(composite, DRAWS, np.random.default_rng(seed))
    by_weights = _by_weights(combined(np.broadcast_to(scored, (DRAWS, *scored.shape)), weights, composite))
    moved = _moved(daily)
    if moved is None:
        nothing = [None] * many
        return _Sureness(nothing, nothing, nothing, by_weights, nothing)
    low, high, both = _by_days(moved, daily.means, weights[:TRIED], composite)
    _, _, days = _by_days(moved, daily.means, composite.weights[None], composite)
    return _Sureness(low, high, both, by_weights, days)


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


def _moved(daily: Daily) -> Floats | None:
    """How far each day moves the value of each part (days, cities, parts); None where a part rests on too few days."""
    heard = daily.heard
    varying, known = heard.any(axis=0), heard.any(axis=1)
    if not varying.any() or heard.sum(axis=0)[varying].min() < DAYS_FOR_DAILY_MEANS:
        return None
    counts = daily.counts[known] * varying
    away = daily.sums[known] * varying - np.nan_to_num(daily.means) * counts
    total = counts.sum(axis=0)
    moved: Floats = np.divide(away * len(counts), total, out=np.zeros_like(away), where=total > 0)
    return moved


def _by_days(
    moved: Floats, means: Floats, weights: Floats, composite: Composite
) -> tuple[list[float | None], list[float | None], list[Interval | None]]:
    """The interval of each score and of each place by what the days tell, under weights (draws, parts)."""
    steps = moved.std(axis=0) / math.sqrt(len(moved))
    nudges = np.eye(means.size).reshape(*means.shape, *means.shape) * steps
    above, below, scored = (scores(means + nudge, composite) for nudge in (nudges, -nudges, 0.0))
    told = np.full((5, len(weights), len(means)), np.nan)  # of places low, high and first, of scores low and high
    for at, one in enumerate(weights):
        rise = combined(above, one, composite) - combined(below, one, composite)
        slopes = np.divide(rise, 2 * steps[..., None], out=np.zeros_like(rise), where=steps[..., None] > 0)
        level = combined(scored, one, composite)
        there = np.flatnonzero(np.isfinite(level))
        series = level[there] + np.einsum("dcp,cpo->do", moved, slopes[..., there])
        half = np.array([half_width(column) for column in series.T])
        places = standings(series, np.ones_like(series), higher_is_better=True) if len(there) else []
        told[:3, at, there] = np.array([(place.low, place.high, place.best) for place in places or ()]).reshape(-1, 3).T
        told[3:, at, there] = level[there] - half, level[there] + half
    low, high = _quantile(told[3], _TAIL), _quantile(told[4], 1 - _TAIL)
    if all(part.normalisation is not Normalisation.Z_SCORE for part in composite.parts):
        low, high = low.clip(0.0, FULL), high.clip(0.0, FULL)
    return [_known(one) for one in low], [_known(one) for one in high], _intervals(told)


def _by_weights(found: Floats) -> list[Interval | None]:
    """The places of cities by scores under other weights (draws, cities)."""
    drawn = np.where(np.isfinite(found), ranked(found), np.nan)
    return _intervals(np.stack([drawn, drawn, np.where(np.isfinite(drawn), drawn == 1, np.nan)]))


def _intervals(told: Floats) -> list[Interval | None]:
    """The places in 95 % of the draws, from lowest, highest and likeliness of the first (3 or more, draws, cities)."""
    low, high = _quantile(told[0], _TAIL), _quantile(told[1], 1 - _TAIL)
    return [
        Interval(int(low[at]), int(high[at]), _known(float(told[2, np.isfinite(told[0, :, at]), at].mean())))
        if math.isfinite(low[at])
        else None
        for at in range(len(low))
    ]


def _quantile(told: Floats, share: float) -> Floats:
    """The quantile of each column (draws, columns) of what is known; NaN where nothing is."""
    found = np.full(told.shape[1], np.nan)
    known = np.isfinite(told)
    for at in np.flatnonzero(known.any(axis=0)):
        found[at] = np.quantile(told[known[:, at], at], share, method="inverted_cdf")
    return found


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
