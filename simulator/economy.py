"""Economy: traffic, electricity, visitors, work and payments as pure functions of calendar, weather and noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaincinv, logit, ndtr

Floats = NDArray[np.float64]


def traffic_flow(demand: Floats, most: Floats, counting: Floats, interval: float) -> Floats:
    """Get the flow of vehicles in 1/h, counted over an interval (h).

    With the expected count m = min(demand, most) * interval, the count is (sqrt(m) + z/2)² - 1/4, whole and at least
    0: a Poisson count by its variance-stabilising transform (Anscombe 1948), with exactly one standard normal z
    (`counting`) per tick. `most` is what the road can carry (1/h).
    """
    count = np.minimum(demand, most)
    count *= interval
    count = _counted(count, counting)
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
    holiday, T in °C, `slope` per K. Form fitted to the load of Tetouan (UCI Machine Learning Repository, 2017).
    """
    cooling = profile * (1.0 + slope * np.maximum(temperature - threshold, 0.0))
    return mean * cooling * np.exp(deviation)


def power_outages(started: NDArray[np.int64], ended: NDArray[np.int64]) -> Floats:
    """Get the minutes of interruptions of supply, waiting for a crew and repair, from times in seconds.

    (ended - started) / 60, a definition: how many interruptions there are, and how long they wait, emerges.
    Frequency and time a customer (SAIFI, SAIDI; IEEE 1366) follow from count and minutes.
    """
    return np.asarray((ended - started) / 60.0)


def visitor_arrivals(
    mean: float,
    month_factor: Floats | float,
    mixing: Floats,
    luck: Floats,
    dispersion: float,
    attraction: Floats | float = 1.0,
) -> Floats:
    """Get the visitors who arrive on days, negative binomial, from two standard normals a day.

    A Poisson count (normal approximation, for means of hundreds) with a gamma rate of shape `dispersion`:
    variance = m + m² / dispersion, m = mean * month_factor * attraction (`smoke_effect`). The mixture is an
    assumption, the month factors are those of the Bank of Thailand, 2017 to 2019.
    """
    rate = mean * month_factor * attraction * gammaincinv(dispersion, ndtr(mixing)) / dispersion
    return np.maximum(np.rint(rate + np.sqrt(rate) * luck), 0.0)


def smoke_share(pm25: Floats, threshold: float) -> Floats:
    """Get the share of the PM2.5 of days (daily means in µg/m³) that lies above a threshold, 0 to 1."""
    return np.asarray(np.maximum(pm25 - threshold, 0.0) / np.maximum(pm25, threshold))


def smoke_effect(share: Floats, usual: Floats | float, effect: float) -> Floats:
    """Get what remains of the visitors (or of the occupied rooms) of days, relative to a usual day of the month.

    (1 - effect * share) / (1 - effect * usual), share as `smoke_share`. An assumption: occupancy in northern Thailand
    falls by 6 to 15 points from February to March, with the haze; that the haze is the cause has not been shown.
    """
    return np.asarray((1.0 - effect * share) / (1.0 - effect * np.asarray(usual)))


def hotel_occupancy(
    mean: float, month_factor: Floats | float, deviation: Floats | float, attraction: Floats | float = 1.0
) -> Floats:
    """Get the share of rooms occupied in months in %.

    100 expit(logit(min(mean * month_factor, 97) / 100) + deviation) * attraction, at most 100; `mean` in %,
    `deviation` an AR(1) of the logit, `attraction` the mean of the `smoke_effect` of the days of the month. The form
    is an assumption, the month factors are those of the Bank of Thailand, 2017 to 2019.
    """
    usual = np.minimum(mean * np.asarray(month_factor), 97.0) / 100.0
    return np.asarray(np.minimum(100.0 * expit(logit(usual) + deviation) * attraction, 100.0))


def unemployment(mean: float, deviation: Floats | float) -> Floats:
    """Get the unemployed share of the labour force in %.

    100 expit(logit(mean / 100) + deviation): around a mean in %, `deviation` an AR(1) of the logit (an assumption;
    the logit keeps the rate between 0 and 100).
    """
    return np.asarray(100.0 * expit(logit(mean / 100.0) + deviation))


def internet_access(years: Floats | float, share: float, ceiling: float, rate: float) -> Floats:
    """Get the households with internet access in %, `years` after (or before) they were `share` %.

    ceiling * expit(logit(share / ceiling) + rate * years): logistic growth (Verhulst 1838) to saturation at
    `ceiling` %.
    """
    return np.asarray(ceiling * expit(logit(share / ceiling) + rate * np.asarray(years)))


def gpp_per_capita(anchor: float, years: Floats | float, growth: float, shocks: Floats | float) -> Floats:
    """Get the gross provincial product per person in the currency of the anchor, `years` after it was `anchor`.

    anchor * exp(growth * years + shocks): a geometric random walk with drift (an assumption), `shocks` the sum of
    those since the anchor (0 there).
    """
    return np.asarray(anchor * np.exp(growth * np.asarray(years) + shocks))


def business_registrations(per_day: float, hour_factor: Floats, mixing: Floats | float) -> Floats:
    """Get the rate of new business registrations in 1/h.

    per_day / 24 * hour_factor * mixing: a Poisson process whose rate varies over the day and the week (`hour_factor`,
    0 while the office is closed) and between days (`mixing`, gamma with mean 1: Cox process). Rain has no effect on it.
    The process is an assumption, no series of registrations being at hand.
    """
    return per_day / 24.0 * hour_factor * mixing


def digital_payments(
    people: Floats, adoption: Floats, per_day: float, activity: Floats, counting: Floats, interval: float
) -> Floats:
    """Get the digital payments counted in intervals (h).

    A Poisson count around people * adoption / 100 * per_day * activity * interval / 24, drawn as in `traffic_flow`
    from one standard normal (`counting`) per tick. `adoption` in % (Bass 1969), `activity` by hour, weekday and pay
    day. That payments grow with those who use digital services is an assumption.
    """
    counts = _counted(people * (adoption * activity * (per_day * interval / 2400.0)), counting)
    counts *= adoption > 0.0
    return counts


def _counted(expected: Floats, counting: Floats) -> Floats:
    """Get Poisson counts in the place of what is expected, from standard normals (Anscombe 1948)."""
    np.sqrt(expected, out=expected)
    expected += 0.5 * counting
    np.maximum(expected, 0.0, out=expected)
    expected *= expected
    expected -= 0.25
    np.rint(expected, out=expected)
    np.maximum(expected, 0.0, out=expected)
    return expected
