"""Economy: traffic, electricity and visitors as pure functions of the calendar, the weather and given noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, ndtr

Floats = NDArray[np.float64]


def traffic_flow(demand: Floats, most: Floats, counting: Floats, interval: float) -> Floats:
    """Get the flow of vehicles in 1/h, counted over an interval (h).

    With the expected count m = min(demand, most) * interval, the count is (sqrt(m) + z/2)² - 1/4, whole and at least
    0: a Poisson count by its variance-stabilising transform (Anscombe 1948), with exactly one standard normal z
    (`counting`) per tick. `most` is what the road can carry (1/h).
    """
    count = np.minimum(demand, most)
    count *= interval
    np.sqrt(count, out=count)
    count += 0.5 * counting
    np.maximum(count, 0.0, out=count)
    count *= count
    count -= 0.25
    np.rint(count, out=count)
    np.maximum(count, 0.0, out=count)
    count /= interval
    return count


def travel_time_index(demand: Floats, capacity: Floats) -> Floats:
    """Get the travel time relative to free flow, at least 1, for a demand and a practical capacity in 1/h.

    1 + 0.15 (v/c)^4 (Bureau of Public Roads 1964), v/c at most 2 (an assumption: beyond it drivers stay away).
    """
    index = demand / capacity
    np.minimum(index, 2.0, out=index)
    index *= index
    index *= index
    index *= 0.15
    index += 1.0
    return index


def traffic_demand(mean: Floats, profile: Floats, deviation: Floats) -> Floats:
    """Get how many vehicles want to pass in 1/h: mean * profile * exp(deviation)."""
    demand = np.exp(deviation)
    demand *= profile
    demand *= mean
    return demand


def electricity_demand(
    mean: Floats, profile: Floats, temperature: Floats, threshold: float, slope: float, deviation: Floats
) -> Floats:
    """Get the electricity demand in MW.

    mean * profile * (1 + slope * max(0, T - threshold)) * exp(deviation); `profile` is hour times weekday times
    holiday, T in °C, `slope` per K.
    """
    cooling = profile * (1.0 + slope * np.maximum(temperature - threshold, 0.0))
    return mean * cooling * np.exp(deviation)


def power_outages(started: NDArray[np.int64], ended: NDArray[np.int64]) -> Floats:
    """Get the minutes of interruptions of supply, waiting for a crew and repair, from times in seconds.

    Frequency and time a customer (SAIFI, SAIDI; IEEE 1366) follow from count and minutes.
    """
    return np.asarray((ended - started) / 60.0)


def visitor_arrivals(
    mean: float, month_factor: Floats | float, mixing: Floats, luck: Floats, dispersion: float
) -> Floats:
    """Get the visitors who arrive on days, negative binomial, from two standard normals a day.

    A Poisson count (normal approximation, for means of hundreds) with a gamma rate of shape `dispersion`:
    variance = m + m² / dispersion.
    """
    rate = mean * month_factor * gammaincinv(dispersion, ndtr(mixing)) / dispersion
    return np.maximum(np.rint(rate + np.sqrt(rate) * luck), 0.0)
