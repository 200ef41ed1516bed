"""Which factors matter: tornado, Morris' elementary effects, Sobol's indices, rank correlations, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from collector.answers.designs import Factor
from collector.answers.intervals import Floats, Interval
from collector.answers.paired import Difference, paired_difference

RESAMPLES = 1_000
LEVELS = 4
LEAST_FOR_CORRELATION = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a tornado: what the low and the high setting of a factor change, each paired with the base."""

    path: str
    low: Difference
    high: Difference

    @property
    def swing(self) -> float:
        """How far the two ends are apart."""
        return abs(self.high.difference.value - self.low.difference.value)


@dataclass(frozen=True, slots=True)
class ElementaryEffect:
    """Morris' figures of a factor: mean absolute effect of its whole range, mean effect, and its spread.

    A spread beside the mean says that the effect is not linear or depends on other factors.
    """

    path: str
    strength: Interval
    mean: float
    spread: float


@dataclass(frozen=True, slots=True)
class SobolIndex:
    """The share of the variance due to a factor: by itself (`first`), and with all its interactions (`total`)."""

    path: str
    first: Interval
    total: Interval


@dataclass(frozen=True, slots=True)
class Association:
    """How far an outcome rises (or falls, below 0) with a factor in any design: the rank correlation, -1 to 1."""

    path: str
    correlation: Interval


def tornado(paths: Sequence[str], outcomes: Floats, confidence: float = 0.95) -> list[Bar]:
    """The bars of a one-at-a-time design, the longest first, from outcomes (1 + 2 factors, replications).

    Rows are in the order of `designs.one_at_a_time`: base, then low and high of each factor.
    """
    if len(outcomes) != 1 + 2 * len(paths):
        raise ValueError(f"expected {1 + 2 * len(paths)} rows for {len(paths)} factors, came {len(outcomes)}")
    base, ends = outcomes[0], outcomes[1:]
    bars = [
        Bar(
            path,
            paired_difference(ends[2 * place], base, confidence),
            paired_difference(ends[2 * place + 1], base, confidence),
        )
        for place, path in enumerate(paths)
    ]
    return sorted(bars, key=lambda bar: -bar.swing)


def morris_design(factors: Sequence[Factor], trajectories: int, seed: int) -> Floats:
    """Rows ((factors + 1) trajectories, factors) of a design with four levels (Morris 1991, Technometrics 33:161)."""
    from SALib.sample import morris as morris_sampling  # type: ignore[import-untyped]  # slow to import, as all here

    return np.asarray(morris_sampling.sample(_problem(factors), trajectories, num_levels=LEVELS, seed=seed))


def morris(
    factors: Sequence[Factor], rows: Floats, outcomes: Floats, confidence: float = 0.95, seed: int = 0
) -> list[ElementaryEffect]:
    """The elementary effects, the strongest first, from outcomes (rows,): means over the replications.

    `strength` is mu* of Campolongo, Cariboni and Saltelli (2007, Environ. Model. Softw. 22:1509), over the whole range
    of the factor, with its bootstrap interval, by SALib.
    """
    from SALib.analyze import morris as morris_analysis  # type: ignore[import-untyped]

    found = morris_analysis.analyze(
        _problem(factors), rows, outcomes, num_resamples=RESAMPLES, conf_level=confidence, num_levels=LEVELS, seed=seed
    )
    n = len(rows) // (len(factors) + 1)
    effects = [
        ElementaryEffect(
            factor.path,
            _around(found["mu_star"][place], found["mu_star_conf"][place], n, confidence),
            float(found["mu"][place]),
            float(found["sigma"][place]),
        )
        for place, factor in enumerate(factors)
    ]
    return sorted(effects, key=lambda effect: -effect.strength.value)


def sobol_design(factors: Sequence[Factor], samples: int, seed: int) -> Floats:
    """Rows (samples (factors + 2), factors) of Saltelli's design; `samples` must be a power of two.

    Saltelli et al. 2010, Comput. Phys. Commun. 181:259, by SALib.
    """
    if samples < 1 or samples & (samples - 1):
        raise ValueError(f"expected a power of two (16, 32, 64, ...), came {samples}")
    from SALib.sample import sobol as sobol_sampling

    return np.asarray(sobol_sampling.sample(_problem(factors), samples, calc_second_order=False, seed=seed))


def sobol(factors: Sequence[Factor], outcomes: Floats, confidence: float = 0.95, seed: int = 0) -> list[SobolIndex]:
    """Sobol's indices, the largest total first, from the outcomes (rows,) of `sobol_design`.

    With bootstrap intervals, by SALib. They leave [0, 1] where the samples are too few: then the interval is wide too.
    Raises `ValueError` where the outcomes do not vary, which has no shares.
    """
    if not np.ptp(outcomes) > 0.0:
        raise ValueError("the outcomes are all the same: no factor matters, and there is no variance to share out")
    from SALib.analyze import sobol as sobol_analysis

    found = sobol_analysis.analyze(
        _problem(factors), outcomes, calc_second_order=False, num_resamples=RESAMPLES, conf_level=confidence, seed=seed
    )
    n = len(outcomes) // (len(factors) + 2)
    indices = [
        SobolIndex(
            factor.path,
            _around(found["S1"][place], found["S1_conf"][place], n, confidence),
            _around(found["ST"][place], found["ST_conf"][place], n, confidence),
        )
        for place, factor in enumerate(factors)
    ]
    return sorted(indices, key=lambda index: -index.total.value)


def associations(
    factors: Sequence[Factor], rows: Floats, outcomes: Floats, confidence: float = 0.95
) -> list[Association]:
    r"""Spearman's rank correlation of each factor with the outcomes (rows,), the strongest first.

    For designs that fill the space (grid, list, Latin hypercube, Sobol points). The interval is
    :math:`\tanh(\operatorname{artanh} r \pm z \sqrt{(1 + r^2 / 2) / (n - 3)})` (Bonett and Wright 2000, Psychometrika
    65:23-28); -1 to 1 with fewer than four rows. A factor that does not vary has none and is left out.
    """
    found = [
        Association(factor.path, _rank_correlation(rows[:, place], outcomes, confidence))
        for place, factor in enumerate(factors)
        if np.ptp(rows[:, place]) > 0.0
    ]
    return sorted(found, key=lambda one: -abs(one.correlation.value))


def _rank_correlation(setting: Floats, outcomes: Floats, confidence: float) -> Interval:
    n = len(setting)
    from scipy.stats import spearmanr

    r = float(spearmanr(setting, outcomes).statistic)
    if n < LEAST_FOR_CORRELATION:
        return Interval(r, -1.0, 1.0, n, confidence, "bonett-wright")
    half = float(special.ndtri((1.0 + confidence) / 2.0)) * np.sqrt((1.0 + r * r / 2.0) / (n - 3))
    middle = np.arctanh(np.clip(r, -1.0 + 1e-12, 1.0 - 1e-12))
    low, high = float(np.tanh(middle - half)), float(np.tanh(middle + half))
    return Interval(r, low, high, n, confidence, "bonett-wright")


def _problem(factors: Sequence[Factor]) -> dict[str, Any]:
    return {
        "num_vars": len(factors),
        "names": [factor.path for factor in factors],
        "bounds": [[factor.low, factor.high] for factor in factors],
    }


def _around(value: float, half: float, n: int, confidence: float) -> Interval:
    return Interval(float(value), float(value - half), float(value + half), n, confidence, "bootstrap")
