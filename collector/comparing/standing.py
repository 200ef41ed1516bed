"""How sure the places of a ranking are: pure functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from collector.comparing.difference import DAYS_FOR_DAILY_MEANS, LEAST_EFFECTIVE, Values, effective_sizes

DRAWS = 10_000
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Standing:
    """How sure a place is: from `low` to `high` are those that no clear difference excludes.

    `best` is how likely it is the first, NaN where a pair of columns has no interval.
    """

    low: int
    high: int
    best: float


def standings(sums: Values, counts: Values, *, higher_is_better: bool, seed: int = 0) -> list[Standing] | None:
    """How sure the places of columns are that are ranked by their means; None below seven days.

    Parameters
    ----------
    sums, counts
        Of each day (rows, in their order) and column: the sum of its buckets and their number.
    higher_is_better
        Which end comes first.
    seed
        Of the draws for `best`: the same input gives the same outcome.

    Notes
    -----
    The uncertainty is that of the differences (`collector.comparing.difference.difference`): of each pair that of the
    daily means of what lies between them, so that the weather that they share is none. A place is excluded by columns
    that are clearly better or worse, where all differences of a column share 5 % (Holm 1979, Scand. J. Stat. 6:65):
    a confidence set of its rank (Mogstad, Romano, Shaikh and Wilhelm 2024, Rev. Econ. Stud. 91:476-518). Of two
    columns places are sure just where their interval excludes 0. `best` is the share of draws of all means in which a
    column is the first (Goldstein and Spiegelhalter 1996, J. R. Stat. Soc. A 159:385-443), no pair being surer in them
    than its interval.
    """
    if len(sums) < DAYS_FOR_DAILY_MEANS:
        return None
    pairs = _pairs(sums, counts, -1.0 if higher_is_better else 1.0)
    best = _first(pairs, np.random.default_rng(seed))
    better, worse = _clear(pairs)
    return [Standing(int(1 + better[at]), int(len(best) - worse[at]), float(best[at])) for at in range(len(best))]


@dataclass(frozen=True, slots=True)
class _Pairs:
    """What is known of each pair of columns (columns, columns); NaN where no interval can be given.

    `gaps`: how far the row's mean is above the column's, `halves`: half its 95 % interval, `p`: two-sided. `levels` are
    the means (columns,), the best the lowest.
    """

    levels: Values
    gaps: Values
    halves: Values
    p: Values


def _pairs(sums: Values, counts: Values, sign: float) -> _Pairs:
    daily, levels = sign * sums / counts, sign * sums.sum(axis=0) / counts.sum(axis=0)
    told = [_against(daily - daily[:, [at]], levels - levels[at]) for at in range(len(levels))]
    halves, p = (np.stack([one[which] for one in told], axis=1) for which in (0, 1))
    return _Pairs(levels, levels[:, None] - levels[None, :], halves, p)


def _against(steps: Values, gaps: Values) -> tuple[Values, Values]:
    """Half the 95 % interval of each gap (columns,) and its p, from daily steps (days, columns)."""
    effective = effective_sizes(steps)
    freedom = np.maximum(effective, LEAST_EFFECTIVE) - 1
    spread = steps.std(axis=0, ddof=1) / np.sqrt(effective)
    nothing = 1e-12 * np.maximum(np.abs(steps).max(axis=0), np.abs(gaps))
    score = np.where(np.abs(gaps) <= nothing, 0.0, np.abs(gaps) / np.maximum(spread, 1e-300))
    known = effective >= LEAST_EFFECTIVE
    half = spread * special.stdtrit(freedom, 1 - LEVEL / 2)
    return np.where(known, half, np.nan), np.where(known, 2 * special.stdtr(freedom, -score), np.nan)


def _clear(pairs: _Pairs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many columns are clearly better and clearly worse than each."""
    many = len(pairs.levels)
    better, worse = np.zeros(many, np.int64), np.zeros(many, np.int64)
    for at in range(many):
        others = np.delete(np.arange(many), at)
        told = np.nan_to_num(pairs.p[at, others], nan=1.0)
        order = np.argsort(told, kind="stable")
        passed = np.logical_and.accumulate(told[order] <= LEVEL / (many - 1 - np.arange(many - 1)))
        clear = others[order[passed]]
        better[at], worse[at] = (pairs.gaps[at, clear] > 0).sum(), (pairs.gaps[at, clear] < 0).sum()
    return better, worse


def _first(pairs: _Pairs, rng: np.random.Generator) -> Values:
    """The share of draws in which each column is the lowest.

    Means are drawn with the covariance whose pairwise variances are those of the intervals (double centring, Torgerson
    1952, Psychometrika 17:401); where there is none such, with the nearest that makes no pair surer.
    """
    many = len(pairs.levels)
    if np.isnan(pairs.halves).any():
        return np.full(many, np.nan)
    centring = np.eye(many) - 1 / many
    squares, vectors = np.linalg.eigh(-0.5 * centring @ (pairs.halves / special.ndtri(1 - LEVEL / 2)) ** 2 @ centring)
    drawn = pairs.levels + rng.normal(size=(DRAWS, many)) @ (vectors * np.sqrt(np.maximum(squares, 0.0))).T
    return np.bincount(drawn.argmin(axis=1), minlength=many) / DRAWS
