"""What many comparisons at once allow to be said."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from collector.answers.intervals import Floats


def chance_of_none(differences: Floats) -> float:
    r"""The probability of a mean at least as far from 0 if there were no difference: the two-sided paired t test.

    :math:`2 P(T_{n-1} \geq |\bar d| \sqrt n / s)` of differences (replications,); NaN without two of them, and 1 where
    all are 0, 0 where all are the same other value.
    """
    known = differences[np.isfinite(differences)]
    if len(known) < 2:
        return np.nan
    error = float(known.std(ddof=1)) / np.sqrt(len(known))
    if error <= 1e-12 * abs(float(known.mean())):
        return 0.0 if known.any() else 1.0
    return float(2.0 * special.stdtr(len(known) - 1, -abs(float(known.mean())) / error))


def holm(chances: Floats, confidence: float = 0.95) -> NDArray[np.bool_]:
    """Which of many differences (n,) can be told from none all together, from `chance_of_none` of each.

    With at least this confidence not one of them is wrong (S. Holm 1979, Scand. J. Statistics 6:65-70). NaN never can.
    """
    told = np.zeros(len(chances), dtype=np.bool_)
    known = np.flatnonzero(np.isfinite(chances))
    order = known[np.argsort(chances[known], kind="stable")]
    for place, one in enumerate(order.tolist()):
        if chances[one] > (1.0 - confidence) / (len(order) - place):
            break
        told[one] = True
    return told
