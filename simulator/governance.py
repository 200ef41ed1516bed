"""Governance: requests, their backlog and resolution, and the adoption of digital services, as pure functions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, ndtr

Floats = NDArray[np.float64]


def service_requests(
    per_day: float, hour_factor: Floats, mixing: Floats | float, wetness: Floats | float, rain_effect: float
) -> Floats:
    """Get the rate of requests opened at a desk in 1/h.

    per_day / 24 * hour_factor * mixing * (1 + rain_effect * wetness): a Poisson process whose rate varies over the
    day, between days (`mixing`, gamma with mean 1: Cox process) and with rain (`wetness` from 0 to 1; assumption).
    """
    return per_day / 24.0 * hour_factor * mixing * (1.0 + rain_effect * wetness)


def service_backlog(
    times: NDArray[np.int64], opened: NDArray[np.int64], closed: NDArray[np.int64], before: int = 0
) -> Floats:
    """Get the number of requests open at each time: `before` plus those opened minus those closed by then.

    `times`, `opened` and `closed` in seconds, sorted.
    """
    balance = np.searchsorted(opened, times, side="right") - np.searchsorted(closed, times, side="right")
    return before + balance.astype(np.float64)


def resolution_time(opened: NDArray[np.int64], closed: NDArray[np.int64]) -> Floats:
    """Get the time from opening to closing in hours (waiting and work), from times in seconds."""
    return np.asarray((closed - opened) / 3600.0)


def eservice_adoption(
    years: Floats | float, innovation: float, imitation: float, ceiling: float, before: float = 0.0
) -> Floats:
    """Get the share of the population that uses the digital services in %, `years` after a share of `before`.

    Bass 1969: F = (1 - g) / (1 + q/p g), g = e^{-(p+q) t} (1 - F0) / (1 + q/p F0), times `ceiling`;
    `before` and `ceiling` in %. Before its launch (years < 0) the share is `before`.
    """
    ratio = imitation / innovation
    share = before / ceiling
    years = np.maximum(np.asarray(years, dtype=np.float64), 0.0)
    rest = np.exp(-(innovation + imitation) * years) * (1.0 - share) / (1.0 + ratio * share)
    return np.asarray(ceiling * (1.0 - rest) / (1.0 + ratio * rest))


def mixing(luck: Floats, dispersion: float, most: float) -> Floats:
    """Get the factors of days on a rate: gamma with mean 1 and shape `dispersion`, at most `most`, from normals."""
    return np.asarray(np.minimum(gammaincinv(dispersion, ndtr(luck)) / dispersion, most))


def work_hours(median: Floats, sigma: Floats, luck: Floats) -> Floats:
    """Get the hours of work a request needs: lognormal, median * exp(sigma * z)."""
    return median * np.exp(sigma * luck)
