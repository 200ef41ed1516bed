"""Which settings of the factors to run: a list, a grid, a Latin hypercube, Sobol points, one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from collector.answers.intervals import Floats

MOST_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Factor:
    """A path of the scenario that is varied: from `low` to `high`, or over `values`; `base` is its usual value."""

    path: str
    low: float = np.nan
    high: float = np.nan
    values: tuple[float, ...] = ()
    base: float = np.nan
    whole: bool = False

    def at(self, shares: Floats) -> Floats:
        """The settings at shares (n,) of the way from low to high (or through the values), whole where it must be."""
        if self.values:
            places = np.minimum((shares * len(self.values)).astype(np.int64), len(self.values) - 1)
            return np.asarray(self.values, dtype=np.float64)[places]
        if self.whole:  # every whole number has an equal share
            return np.minimum(self.low + np.floor(shares * (self.high - self.low + 1.0)), self.high)
        return self.low + shares * (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Design:
    """Rows (runs, factors) in a fixed order, and a name for each."""

    factors: tuple[Factor, ...]
    rows: Floats
    names: tuple[str, ...]


def grid(factors: Sequence[Factor], levels: int = 3) -> Design:
    """Every combination of the values of the factors (`levels` evenly spaced ones where only low and high are known).

    The last factor varies fastest.
    """
    columns = [
        factor.values or tuple(dict.fromkeys(_rounded(factor, np.linspace(factor.low, factor.high, levels)).tolist()))
        for factor in factors
    ]
    if (rows := int(np.prod([len(column) for column in columns]))) > MOST_ROWS:
        raise ValueError(f"expected at most {MOST_ROWS:,} combinations, came {rows:,}")
    return _design(factors, np.array(list(product(*columns)), dtype=np.float64), "grid")


def latin_hypercube(factors: Sequence[Factor], samples: int, seed: int) -> Design:
    """`samples` rows of which each factor has one in each of as many equal shares of its range.

    McKay, Beckman and Conover 1979, Technometrics 21:239-245, by `scipy.stats.qmc`.
    """
    from scipy.stats import qmc  # slow to import, rarely needed

    shares = qmc.LatinHypercube(len(factors), rng=np.random.default_rng(seed)).random(samples)
    return _design(factors, _scaled(factors, shares), "latin-hypercube")


def sobol_points(factors: Sequence[Factor], samples: int, seed: int) -> Design:
    """At least `samples` rows of a scrambled Sobol sequence: the next power of two, which its balance needs.

    Sobol 1967, scrambled after Owen 1998, by `scipy.stats.qmc`.
    """
    from scipy.stats import qmc

    power = max(int(np.ceil(np.log2(max(samples, 1)))), 0)
    shares = qmc.Sobol(len(factors), rng=np.random.default_rng(seed)).random_base2(power)
    return _design(factors, _scaled(factors, shares), "sobol")


def one_at_a_time(factors: Sequence[Factor], percent: float | None = None) -> Design:
    """The base, then each factor low and high with all others at their base: 1 + 2 factors rows.

    `percent` sets low and high that far below and above the base. Raises `ValueError` for a factor without base.
    """
    if missing := [factor.path for factor in factors if not np.isfinite(factor.base)]:
        raise ValueError(f"one at a time needs the usual value of each factor; it is missing of {', '.join(missing)}")
    base = np.array([factor.base for factor in factors])
    rows, names = [base], ["base"]
    for place, factor in enumerate(factors):
        step = abs(factor.base) * (percent or 0.0) / 100.0
        ends = (factor.low, factor.high) if percent is None else (factor.base - step, factor.base + step)
        for side, value in zip(("low", "high"), _rounded(factor, np.array(ends)).tolist(), strict=True):
            row = base.copy()
            row[place] = value
            rows.append(row)
            names.append(f"{factor.path} {side}")
    return Design(tuple(factors), np.array(rows), tuple(names))


def _design(factors: Sequence[Factor], rows: Floats, name: str) -> Design:
    width = len(str(max(len(rows) - 1, 0)))
    return Design(tuple(factors), rows, tuple(f"{name}-{number:0{width}d}" for number in range(len(rows))))


def _scaled(factors: Sequence[Factor], shares: Floats) -> Floats:
    return np.column_stack([factor.at(shares[:, place]) for place, factor in enumerate(factors)])


def _rounded(factor: Factor, values: Floats) -> Floats:
    return np.round(values) if factor.whole else values
