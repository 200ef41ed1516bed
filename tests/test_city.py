from dataclasses import replace
from math import factorial
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import simpy

from simulator.cities import cities
from simulator.city import Figures, ServiceDesk
from simulator.drivers import date_of, midnight
from simulator.scenario import Policies, Scenario, StationCounts
from simulator.streams import Streams
from tests.reference import models

BANGKOK = ZoneInfo("Asia/Bangkok")
FIRST = 19723  # 2024-01-01
START = midnight(FIRST, BANGKOK)


def desk_with(crews, opened, work):
    clock = simpy.Environment()
    requests = ((int(time), int(length)) for time, length in zip(opened, work, strict=True))
    return clock, ServiceDesk(clock, crews, [(0, requests)])


def waits(crews, load, replication, customers, warm_up, mean_work=100_000):
    """Mean wait in units of the mean work, share that waits, from one run of M/M/c after its warm-up."""
    generator = np.random.default_rng((17, crews, replication))
    opened = np.cumsum(generator.exponential(mean_work / load, customers)).round()
    work = np.maximum(generator.exponential(mean_work, customers), 1).round()
    clock, desk = desk_with(crews, opened, work)
    clock.run(until=int(opened[-1]) + 100 * mean_work)
    number, started, _ = np.array(sorted(desk.closed)).T
    assert number.tolist() == list(range(customers))
    waited = (started - opened)[warm_up:]
    return waited.mean() / mean_work, (waited > 0).mean()


def erlang_c(servers, load):
    last = load**servers / factorial(servers) * servers / (servers - load)
    return last / (sum(load**k / factorial(k) for k in range(servers)) + last)


@pytest.mark.parametrize(("crews", "load", "to_wait", "mean_wait"), models.ERLANG_C)
def test_a_desk_agrees_with_erlang_c(crews, load, to_wait, mean_wait):
    assert erlang_c(crews, load) == pytest.approx(to_wait, abs=1e-6)
    runs = np.array([waits(crews, load, replication, customers=2500, warm_up=500) for replication in range(30)])
    half = 2.045 * runs.std(axis=0, ddof=1) / np.sqrt(len(runs))  # Student t, 29 degrees of freedom, 95 %
    assert abs(runs.mean(axis=0)[0] - mean_wait) < half[0]
    assert abs(runs.mean(axis=0)[1] - to_wait) < half[1]


def test_littles_law_holds_and_no_request_is_lost():
    generator = np.random.default_rng(3)
    opened = np.cumsum(generator.exponential(1000, 3000)).round()
    clock, desk = desk_with(3, opened, generator.lognormal(7.3, 1.0, 3000).round() + 1)
    until = int(opened[-1]) + 1_000_000
    clock.run(until=until)
    assert desk.opened == len(desk.closed) == 3000
    number, _, ended = np.array(desk.closed).T
    spent = (ended - opened[number]).sum()
    moments = np.arange(0, until, 50)
    inside = np.searchsorted(opened, moments, "right") - np.searchsorted(ended, moments, "right")
    assert inside.mean() == pytest.approx(spent / until, rel=0.01)  # L = lambda W


def test_requests_are_served_in_the_order_they_came_and_crews_work_on_one_at_a_time():
    opened = [10, 10, 20, 30, 500]
    clock, desk = desk_with(2, opened, [100, 50, 10, 10, 5])
    clock.run(until=10_000)
    started = {number: started for number, started, _ in desk.closed}
    assert started == {0: 10, 1: 10, 2: 60, 3: 70, 4: 500}


def test_an_open_request_is_neither_closed_nor_lost():
    clock, desk = desk_with(1, [10, 20, 30], [15, 1000, 10])
    clock.run(until=500)
    assert desk.closed == [(0, 10, 25)]
    assert desk.opened == len(desk.closed) + 1 + len(desk.waiting) == 3


def scenario(**changes):
    made = Scenario("s", "s", "", START, START + 365 * 86_400, 900, 1, ("rayong",), {"rayong": StationCounts()})
    return replace(made, **changes)


def test_first_figures_are_near_the_revised_ones_which_follow_a_week_later():
    figures = Figures(cities()["rayong"], scenario(), Streams(1), FIRST)
    days = range(FIRST + 7, FIRST + 307)
    told = [statistic for _, found in figures.published(days, FIRST + 7) for statistic in found]
    first = {s.period: s.value for s in told if s.indicator == "visitor_arrivals" and s.revision == 0}
    revised = {s.period: s.value for s in told if s.revision == 1}
    assert list(first) == [date_of(day).isoformat() for day in days]
    assert list(revised) == list(first)[:-7]
    ratio = [first[period] / value for period, value in revised.items()]
    assert np.mean(ratio) == pytest.approx(0.99, abs=0.01)
    assert np.std(ratio) == pytest.approx(0.03, rel=0.2)
    assert list(revised.values()) == figures.visitors(days)[:-7].tolist()


def test_figures_do_not_depend_on_how_many_days_are_asked_for_at_once():
    whole, parts = (Figures(cities()["rayong"], scenario(), Streams(1), FIRST) for _ in range(2))
    pieces = (range(FIRST + 20, FIRST + 21), range(FIRST + 21, FIRST + 90))
    told = [entry for piece in pieces for entry in parts.published(piece, FIRST)]
    assert told == list(whole.published(range(FIRST + 20, FIRST + 90), FIRST))


def test_ambassadors_raise_adoption_from_the_start_of_the_scenario():
    city, days = cities()["rayong"], range(FIRST + 5, FIRST + 300)
    without = Figures(city, scenario(), Streams(1), FIRST)
    helped = Figures(city, scenario(policies=Policies(ambassadors=10_000)), Streams(1), FIRST)
    before = range(FIRST - 1, FIRST)
    assert helped.adoption(before) == pytest.approx(without.adoption(before))
    assert helped.adoption(days)[-1] > without.adoption(days)[-1]
    assert np.array_equal(helped.visitors(days), without.visitors(days))
