from dataclasses import replace
from math import factorial
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import simpy

from simulator import parameters
from simulator.cities import cities
from simulator.city import Figures, ServiceDesk
from simulator.drivers import Storm, date_of, midnight
from simulator.requests import RequestDays, Requests, request_events
from simulator.scenario import Policies, Scenario, StationCounts
from simulator.stations import stations_of
from simulator.streams import Streams
from tests.reference import models

BANGKOK = ZoneInfo("Asia/Bangkok")
FIRST = 19723  # 2024-01-01
START = midnight(FIRST, BANGKOK)


def desk_with(crews, opened, work):
    """A clock and a desk to which requests come at times (s), each with its work (s)."""
    clock = simpy.Environment()
    return clock, ServiceDesk(clock, crews, [(0, zip(map(int, opened), map(int, work), strict=True))])


def closed(desk):
    """Number, begin and end (closed,) of the requests that are done, in the order they came."""
    return np.array(sorted(desk.closed)).T


def waits(crews, load, replication, customers=6000, mean_work=100_000):
    """Mean wait in units of the mean work, share that waits, from one run of M/M/c after its warm-up."""
    generator = np.random.default_rng((17, crews, replication))
    opened = np.cumsum(generator.exponential(mean_work / load, customers)).round()
    work = np.maximum(generator.exponential(mean_work, customers), 1).round()
    clock, desk = desk_with(crews, opened, work)
    clock.run(until=int(opened[-1]) + 100 * mean_work)
    _, started, _ = closed(desk)
    waited = (started - opened)[500:]
    return waited.mean() / mean_work, (waited > 0).mean()


def erlang_c(servers, load):
    last = load**servers / factorial(servers) * servers / (servers - load)
    return last / (sum(load**k / factorial(k) for k in range(servers)) + last)


@pytest.mark.parametrize(("crews", "load", "to_wait", "mean_wait"), models.ERLANG_C[1:3])
def test_a_desk_agrees_with_erlang_c(crews, load, to_wait, mean_wait):
    assert erlang_c(crews, load) == pytest.approx(to_wait, abs=1e-6)
    runs = np.array([waits(crews, load, replication, customers=2500) for replication in range(30)])
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
    _, _, ended = closed(desk)
    moments = np.arange(0, until, 50)
    inside = np.searchsorted(opened, moments, "right") - np.searchsorted(np.sort(ended), moments, "right")
    assert inside.mean() == pytest.approx((ended - opened).sum() / until, rel=0.01)  # L = lambda W


def test_requests_are_served_in_the_order_they_came_and_crews_work_on_one_at_a_time():
    opened = [10, 10, 20, 30, 500]
    clock, desk = desk_with(2, opened, [100, 50, 10, 10, 5])
    clock.run(until=10_000)
    number, started, _ = closed(desk)
    assert number.tolist() == [0, 1, 2, 3, 4]
    assert started.tolist() == [10, 10, 60, 70, 500]


def test_an_open_request_is_neither_closed_nor_lost():
    clock, desk = desk_with(1, [10, 20, 30], [15, 1000, 10])
    clock.run(until=500)
    assert [number for number, _, _ in desk.closed] == [0]
    assert desk.opened == len(desk.closed) + 1 + len(desk.waiting)


def requests_of_year(storms=(), seed=1):
    return RequestDays(Streams(seed), "rayong/sd-01", FIRST).draw(range(FIRST, FIRST + 365), BANGKOK, storms)


def test_a_desk_is_as_busy_as_one_in_bangkok_and_overdispersed():
    years = [requests_of_year(seed=seed) for seed in range(4)]
    counts = np.concatenate([np.bincount(year.day - FIRST, minlength=365) for year in years])
    made = parameters.governance().requests
    assert counts.mean() == pytest.approx(made.per_day, rel=0.03)
    assert counts.var() / counts.mean() == pytest.approx(1 + made.per_day / made.dispersion, rel=0.15)
    opened = np.concatenate([year.opened for year in years])
    hours = np.bincount((opened - START) // 3600 % 24, minlength=24)
    factors = hours / hours.mean()
    assert np.abs(factors - np.array(made.hourly)).max() < 0.15
    assert all((np.diff(year.opened) >= 0).all() for year in years)


def test_days_drawn_some_at_a_time_are_those_drawn_at_once():
    days = RequestDays(Streams(1), "rayong/sd-01", FIRST)
    parts = [days.draw(range(FIRST + day, FIRST + day + 73), BANGKOK, ()) for day in range(0, 365, 73)]
    for whole, *told in zip(requests_of_year().columns(), *(part.columns() for part in parts), strict=True):
        assert np.array_equal(whole, np.concatenate(told))


def test_rain_adds_requests_and_changes_none():
    storms = tuple(Storm(START + d * 86400 + 43_200, START + d * 86400 + 50_400, 20.0) for d in range(365))
    dry, wet = requests_of_year(), requests_of_year(storms)
    before = set(zip(*(column.tolist() for column in dry.columns()), strict=True))
    after = set(zip(*(column.tolist() for column in wet.columns()), strict=True))
    assert before <= after
    assert len(after) > 1.2 * len(before)


def test_work_has_the_median_of_its_category():
    made = parameters.governance().work
    years = [requests_of_year(seed=seed) for seed in range(3)]
    kinds, work = (np.concatenate([getattr(year, name) for year in years]) for name in ("kind", "work"))
    for kind, (share, median) in enumerate(zip(made.shares, made.median_hours, strict=True)):
        hours = work[kinds == kind] / 3600
        assert len(hours) / len(work) == pytest.approx(share, abs=0.02)
        assert np.median(hours) == pytest.approx(median, rel=0.08)


def test_both_events_of_a_request_name_it_and_have_ids_of_their_own():
    city = cities()["rayong"]
    desk = next(s for s in stations_of(city, StationCounts(), 900, Streams(1)) if s.kind == "service-desk")
    request = Requests(*(np.array([value]) for value in (FIRST, 7, 100, 0, 60)))
    (_, opened), (_, done) = request_events([(desk, request, request, np.array([5500]))])
    category = parameters.governance().work.categories[0]
    assert opened.fields == {"request": "2024-01-01-007", "service_requests": 1, "category": category}
    assert done.fields == {"request": "2024-01-01-007", "resolution_time": 1.5, "category": category}
    assert (opened.type, done.type) == ("service_request.opened", "service_request.closed")
    assert opened.id != done.id
    assert done.time - opened.time == np.timedelta64(5400, "s")


def scenario(**changes):
    made = Scenario("s", "s", "", START, START + 365 * 86_400, 900, 1, ("rayong",), {"rayong": StationCounts()})
    return replace(made, **changes)


def test_first_figures_are_near_the_revised_ones():
    figures = Figures(cities()["rayong"], scenario(), Streams(1), FIRST - 30)  # the run's own figures begin earlier
    told = [one for _, statistics in figures.published(range(FIRST, FIRST + 300), FIRST) for one in statistics]
    visitors = [one for one in told if one.indicator == "visitor_arrivals"]
    first, revised = ({one.period: one for one in visitors if one.revision == at} for at in (0, 1))
    ratio = [first[period].value / one.value for period, one in revised.items()]
    assert np.mean(ratio) == pytest.approx(0.99, abs=0.01)
    assert np.std(ratio) == pytest.approx(0.03, rel=0.2)
    assert min(first) == date_of(FIRST).isoformat()
    assert all(one.published > first[period].published for period, one in revised.items())


def test_ambassadors_raise_adoption_from_the_start_of_the_scenario():
    city = cities()["rayong"]
    days = range(FIRST - 1, FIRST + 301)
    without = Figures(city, scenario(), Streams(1), days.start)
    helped = Figures(city, scenario(policies=Policies(ambassadors=10_000)), Streams(1), days.start)
    assert helped.adoption(days)[0] == pytest.approx(without.adoption(days)[0])
    assert (helped.adoption(days)[10:] > without.adoption(days)[10:]).all()
    assert np.array_equal(helped.visitors(days), without.visitors(days))
