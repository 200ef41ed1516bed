"""Policies in order of what they achieve, and how sure their places are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collector.answers.intervals import Floats, Interval, mean_interval

RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a policy, 1 the best.

    `low` and `high` hold its place in the middle `confidence` of the resamples, `best` is the share in which it is
    first, `tied` names the policies after it that the paired differences do not tell from it.
    """

    name: str
    place: int
    mean: Interval
    low: int
    high: int
    best: float
    tied: tuple[str, ...]


def ranking(
    names: Sequence[str],
    outcomes: Floats,
    *,
    higher_is_better: bool,
    confidence: float = 0.95,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> list[Place]:
    """Policies by the mean of their outcomes (replications, policies), the best first.

    Whole replications are drawn with replacement, so that the pairing of the policies is kept (Efron and Tibshirani
    1993, An Introduction to the Bootstrap, ch. 13; for ranks: Goldstein and Spiegelhalter 1996, J. R. Stat. Soc. A
    159:385-443). Replications that miss a policy are left out. Each resample's ties share the better place. Of two
    policies with equal means the first named is first.
    """
    known = outcomes[np.isfinite(outcomes).all(axis=1)]
    if len(known) < 2:
        raise ValueError(f"expected at least 2 replications that have all policies, came {len(known)}")
    signed = -known if higher_is_better else known
    order = np.argsort(signed.mean(axis=0), kind="stable").tolist()
    places = _places(_resampled(signed, seed, resamples))
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(places, [tail, 1.0 - tail], axis=0, method="inverted_cdf").astype(np.int64)
    return [
        Place(
            names[one],
            rank,
            mean_interval(known[:, one], confidence),
            int(low[one]),
            int(high[one]),
            float((places[:, one] == 1).mean()),
            tuple(
                names[other]
                for other in order[rank:]
                if not mean_interval(known[:, one] - known[:, other], confidence).clear
            ),
        )
        for rank, one in enumerate(order, start=1)
    ]


def _resampled(values: Floats, seed: int, resamples: int) -> Floats:
    """The means of resampled replications, (resamples, policies)."""
    n = len(values)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), size=resamples)
    return np.asarray(weights @ values / n)


def _places(means: Floats) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """The place of each policy in each resample: one more than the policies that are better."""
    scale = 1e-12 * np.maximum(np.abs(means).max(axis=1), 1e-300)[:, None, None]
    better = means[:, :, None] - means[:, None, :] > scale
    return np.asarray(better.sum(axis=2) + 1)
