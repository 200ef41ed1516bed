"""Which stations move away from their neighbours, day by day: pure functions of arrays.

A matrix has a row a station and a column a day; what is missing is NaN.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.quality.detectors import DAY, Finding
from collector.quality.kinds import FlagKind
from collector.quality.thresholds import USUAL, Thresholds

Floats = NDArray[np.float64]
_MAD = 1.4826
_GROWTH = 1.3  # from one length of ramps to the next
_SHARE = 5  # starts of ramps are a fifth of their length apart
_STIFFEST = 0.9  # the longest memory that is taken out
_POSITIVE = 0.95  # of the days: the few that are not are faults, and their logarithms are left out
_QUIETEST = 0.7  # of the usual noise: no station is taken to have less


@dataclass(frozen=True, slots=True)
class _Ramp:
    """A station that moves away by `slope` a day on days [since, until), `score` standard errors from not doing so."""

    row: int
    since: int
    until: int
    slope: float
    score: float


def drifted(days: Floats, first_day: int, limits: Thresholds = USUAL) -> list[list[Finding]]:
    r"""For each station the spans in which it moves away from the median of the others, a little more every day.

    Parameters
    ----------
    days
        A value of each day (stations, days), the first of `first_day` (seconds since 1970).
    first_day
        The start of the first day.
    limits
        `drift_*`.

    Notes
    -----
    d is a station's value (its logarithm, where all are positive) less its own median, and less the median of the same
    of the others. The alternative to :math:`d_t = c + e_t` is a ramp :math:`d_t = c + b (t - s + 1/2)` from day s to
    day u, with noise that remembers, :math:`e_t = \phi e_{t-1} + u_t`. The score is that of the generalised likelihood
    ratio (Willsky and Jones 1976, IEEE Trans. Autom. Control 21:108; Basseville and Nikiforov 1993, Detection of
    Abrupt Changes, 2.4.3), the largest :math:`|b| / se(b)` over ramps of many lengths, after the memory is taken out
    (Prais and Winsten 1954, Cowles Commission Discussion Paper 383). The memory is the median of those of the stations,
    and no station is taken to be less noisy than 0.7 of the usual one. The worst station is told first and its days
    are taken out, so that it does not make others look odd.

    The median of the others stands for the truth, so a station that is one of two is never judged, and where most
    drift together nobody is.
    """
    stations, length = days.shape
    found: list[list[Finding]] = [[] for _ in range(stations)]
    if stations <= limits.drift_neighbours or length < limits.drift_days or not np.isfinite(days).any():
        return found
    alive = (np.nan_to_num(_centred(days)) != 0).any(axis=1)
    days = np.where(alive[:, None], days, np.nan)  # who always says the same tells nothing
    positive = bool((days > 0).sum() > _POSITIVE * np.isfinite(days).sum())
    levels = _centred(np.log(np.where(days > 0, days, np.nan)) if positive else days)
    for _ in range(2 * stations):
        worst = _worst(levels, limits)
        if worst is None:
            break
        span = first_day + worst.since * DAY, first_day + worst.until * DAY - 1
        told = _said(worst, positive=positive)
        found[worst.row].append(Finding(FlagKind.DRIFT, *span, abs(worst.score), limits.drift_limit, told))
        levels[worst.row, worst.since : worst.until] = np.nan
    return [sorted(one, key=lambda finding: finding.first) for one in found]


def _said(ramp: _Ramp, *, positive: bool) -> str:
    days, word = ramp.until - ramp.since, "up" if ramp.slope > 0 else "down"
    rate = f"{100 * (np.exp(abs(ramp.slope)) - 1):.2g} %" if positive else f"{abs(ramp.slope):.2g}"
    return f"moves {word} from its neighbours by {rate} a day for {days} days ({abs(ramp.score):.1f} standard errors)"


def _worst(levels: Floats, limits: Thresholds) -> _Ramp | None:
    """The ramp with the highest score of all stations, if it is odd."""
    distances = _distances(levels, limits.drift_neighbours)
    memory = _memory(distances)
    noise = _MAD * _row_medians(np.abs(_centred(_whitened(distances, np.isfinite(distances), memory))))
    if not np.isfinite(noise).any() or not np.nanmedian(noise) > 0:
        return None
    floor = _QUIETEST * float(np.nanmedian(noise))
    tried = _ramps(levels.shape[1], limits.drift_shortest)
    told = [_steepest(row, one, tried, (memory, floor), limits) for row, one in enumerate(distances)]
    worst = max((one for one in told if one is not None), key=lambda one: abs(one.score), default=None)
    return worst if worst is not None and abs(worst.score) > limits.drift_limit else None


def _steepest(
    row: int, distance: Floats, tried: tuple[NDArray[np.int64], Floats], noise: tuple[float, float], limits: Thresholds
) -> _Ramp | None:
    """The ramp that explains the distance of a station best, of those that end far enough away."""
    there = np.isfinite(distance)
    memory, floor = noise
    if there.sum() < limits.drift_days - 2:
        return None
    spans, ramps = tried
    level, away, seen = (_whitened(one, there, memory)[..., there] for one in (np.ones(len(there)), distance, ramps))
    away = away - (away @ level) / (level @ level) * level
    seen = seen - (seen @ level / (level @ level))[:, None] * level
    weight = np.maximum((seen**2).sum(axis=1), 1e-12)
    slopes = seen @ away / weight
    left = np.maximum((away @ away - slopes**2 * weight) / (there.sum() - 3), floor**2)
    far = np.abs(slopes) * (spans[:, 1] - spans[:, 0]) >= limits.drift_least
    known = (ramps[:, there] > 0).sum(axis=1) >= 0.5 * (spans[:, 1] - spans[:, 0])
    scores = np.where(far & known, slopes * np.sqrt(weight / left), 0.0)
    at = int(np.abs(scores).argmax())
    return _Ramp(row, int(spans[at, 0]), int(spans[at, 1]), float(slopes[at]), float(scores[at]))


def _whitened(rows: Floats, there: NDArray[np.bool_], memory: float) -> Floats:
    """Rows without their memory of the day before, (..., days); after a gap as Prais and Winsten (1954) begin."""
    before = np.zeros(rows.shape)
    before[..., 1:] = np.nan_to_num(rows[..., :-1])
    follows = np.zeros(there.shape, np.bool_)
    follows[..., 1:] = there[..., :-1]
    whitened: Floats = np.where(follows, rows - memory * before, np.sqrt(1 - memory**2) * rows)
    return whitened


def _ramps(days: int, shortest: int) -> tuple[NDArray[np.int64], Floats]:
    """Ramps of many lengths at many places, (ramps, days), and their days [since, until), (ramps, 2)."""
    spans, length = [], float(shortest)
    while length <= 0.75 * days:
        size = round(length)
        spans += [(since, since + size) for since in range(0, days - size + 1, max(1, size // _SHARE))]
        length *= _GROWTH
    told = np.array(spans, np.int64).reshape(-1, 2)
    day = np.arange(days)
    inside = (day >= told[:, :1]) & (day < told[:, 1:])
    return told, np.where(inside, day - told[:, :1] + 0.5, 0.0)


def _distances(levels: Floats, least: int) -> Floats:
    """Each row less the median of the other rows; NaN where fewer than `least` of them are there."""
    distance = np.full(levels.shape, np.nan)
    for row in range(len(levels)):
        others = np.delete(levels, row, axis=0)
        enough = np.isfinite(others).sum(axis=0) >= least
        if enough.any():
            distance[row, enough] = levels[row, enough] - np.nanmedian(others[:, enough], axis=0)
    return distance


def _memory(distances: Floats) -> float:
    """The median of the lag-1 autocorrelations of the rows, corrected for the bias of short series."""
    away = np.nan_to_num(_centred(distances))
    power = (away**2).sum(axis=1)
    if not (power > 0).any():
        return 0.0
    lag1 = float(np.median((away[:, 1:] * away[:, :-1]).sum(axis=1)[power > 0] / power[power > 0]))
    return float(np.clip(lag1 + (1 + 3 * lag1) / distances.shape[1], 0.0, _STIFFEST))


def _centred(rows: Floats) -> Floats:
    return rows - _row_medians(rows)[:, None]


def _row_medians(rows: Floats) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a station without any value
        medians: Floats = np.nanmedian(rows, axis=1)
    return medians
