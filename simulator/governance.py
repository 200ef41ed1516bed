"""Governance: requests, permits, emergencies, and the digital services of a city, as pure functions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaincinv, logit, ndtr

Floats = NDArray[np.float64]
DAY = 86_400


def service_requests(
    per_day: float, hour_factor: Floats, mixing: Floats | float, wetness: Floats | float, rain_effect: float
) -> Floats:
    """Get the rate of requests opened at a desk in 1/h.

    per_day / 24 * hour_factor * mixing * (1 + rain_effect * wetness): a Poisson process whose rate varies over the
    day, between days (`mixing`, gamma with mean 1: Cox process) and with rain (`wetness` from 0 to 1; assumption).
    Arrivals are thinned from a fixed majorant (Lewis and Shedler 1979): candidates are drawn without looking at the
    scenario, and the rate decides which of them come, so a request keeps its time and its work in every scenario. A
    demand above the usual adds layers of candidates with streams of their own: layer k has what lies between k and
    k + 1 times the usual rate. Permits, calls, failures, registrations and data sets come in the same way.
    """
    return per_day / 24.0 * hour_factor * mixing * (1.0 + rain_effect * wetness)


def service_backlog(
    times: NDArray[np.int64], opened: NDArray[np.int64], closed: NDArray[np.int64], before: int = 0
) -> Floats:
    """Get the number of requests open at each time: `before` + opened - closed by then, a definition.

    `times`, `opened` and `closed` in seconds, sorted.
    """
    balance = np.searchsorted(opened, times, side="right") - np.searchsorted(closed, times, side="right")
    return before + balance.astype(np.float64)


def resolution_time(opened: NDArray[np.int64], closed: NDArray[np.int64]) -> Floats:
    """Get the time from opening to closing in hours (waiting and work), from times in seconds.

    (closed - opened) / 3600, a definition: what it is emerges from the queue of the crews and their work.
    """
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


def citizen_rating(
    hours: Floats, luck: Floats, share: float, at_most: tuple[float, ...], slope: float, usual_hours: float
) -> Floats:
    """Get the stars, 1 to 5, that citizens give for requests resolved after some hours; NaN where nobody rates.

    Ordered logit: P(stars <= k) = 1 / (1 + exp(-(logit F_k + slope ln(hours / usual_hours)))), `at_most` = F_1 to F_4
    the shares of at most k stars at the usual time. With u = Φ(luck), a request is rated if u < `share`, and u / share
    is the quantile. F from 264 ratings of Traffy Fondue, Bangkok (34, 6, 19, 47, 158 of 1 to 5 stars: U-shaped); the
    slope and the share who rate are assumptions.
    """
    quantile = ndtr(luck) / share
    longer = slope * np.log(np.maximum(hours, 0.1) / usual_hours)
    stars = 1.0 + sum(quantile > expit(logit(below) + longer) for below in at_most)
    return np.where(quantile < 1.0, stars, np.nan)


def permit_wait(submitted: NDArray[np.int64], begun: NDArray[np.int64], office: tuple[int, int], days: int) -> Floats:
    """Get the office hours between the submission of applications and the begin of work on them.

    open(begun) - open(submitted), with open(t) the hours the office has been open by t: a definition.
    Times in local seconds since 1970-01-01; `office` when it opens and closes (seconds of the day), on the first
    `days` days of the week, Monday first.
    """
    return np.asarray((_open_seconds(begun, office, days) - _open_seconds(submitted, office, days)) / 3600.0)


def emergency_response(received: NDArray[np.int64], arrived: NDArray[np.int64]) -> Floats:
    """Get the minutes from calls to the arrival of the first unit, from times in seconds.

    (arrived - received) / 60, a definition: it is the wait for a unit and its way (`travel_minutes`).
    """
    return np.asarray((arrived - received) / 60.0)


def travel_minutes(median: float, sigma: float, luck: Floats, travel_time_index: Floats) -> Floats:
    """Get the minutes a unit travels: lognormal in free traffic, times the travel time index when it leaves."""
    return np.asarray(median * np.exp(sigma * luck) * travel_time_index)


def open_datasets(before: int, published: int) -> Floats:
    """Get how many data sets there are after each of some publications: before + 1, 2, 3 …, by definition."""
    return before + np.arange(1.0, published + 1.0)


def sla_compliance(closed: Floats, within: Floats) -> Floats:
    """Get the share of the closed requests that were closed within their target, in %; NaN where none was closed.

    100 * within / closed, a definition; the targets are assumptions.
    """
    closed = np.asarray(closed, dtype=np.float64)
    share = np.full(closed.shape, np.nan)
    np.divide(100.0 * within, closed, out=share, where=closed > 0)
    return share


def eservice_share(years: Floats, rate: float, luck: Floats) -> Floats:
    """Get the share of a city's services that are electronic in %, `years` after half of them are.

    A service is launched when expit(rate * years) passes its `luck` (services,), uniform from 0 to 1: one step for
    each on a logistic (an assumption).
    """
    launched = np.searchsorted(np.sort(luck), expit(rate * np.asarray(years)), side="right")
    return np.asarray(100.0 * launched / len(luck))


def eprocurement_share(years: Floats | float, ceiling: float, rate: float, deviation: Floats | float) -> Floats:
    """Get the share of procurement done electronically in %, `years` after half the ceiling (%) is reached.

    ceiling * expit(rate * years + deviation): logistic growth (Verhulst 1838), `deviation` an AR(1) of the logit.
    """
    return np.asarray(ceiling * expit(rate * np.asarray(years) + deviation))


def portal_uptime(answered: NDArray[np.int64], probes: NDArray[np.int64]) -> Floats:
    """Get the share of probes that were answered, in %: 100 * answered / probes, a definition."""
    return np.asarray(100.0 * answered / probes)


def mixing(luck: Floats, dispersion: float, most: float) -> Floats:
    """Get the factors of days on a rate: gamma with mean 1 and shape `dispersion`, at most `most`, from normals."""
    return np.asarray(np.minimum(gammaincinv(dispersion, ndtr(luck)) / dispersion, most))


def work_hours(median: Floats, sigma: Floats, luck: Floats) -> Floats:
    """Get the hours of work a request needs: lognormal, median * exp(sigma * z)."""
    return median * np.exp(sigma * luck)


def _open_seconds(time: NDArray[np.int64], office: tuple[int, int], days: int) -> NDArray[np.int64]:
    """Get the seconds an office has been open since Monday 29 December 1969 (local seconds since 1970-01-01)."""
    opens, closes = office
    week, day = np.divmod(time // DAY + 3, 7)
    today = np.where(day < days, np.clip(time % DAY - opens, 0, closes - opens), 0)
    return np.asarray((week * days + np.minimum(day, days)) * (closes - opens) + today)
