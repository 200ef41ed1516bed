"""Crews: queueing theory is the oracle, and nothing that comes is lost."""

from math import factorial
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from simulator.crews import NEVER as GONE
from simulator.crews import Crews, changed, duties_of
from simulator.drivers import midnight
from simulator.parameters.services import Shift
from tests.reference import models

BANGKOK = ZoneInfo("Asia/Bangkok")
MONDAY = 19723  # 2024-01-01
HOUR = 3600
MONDAY_8 = midnight(MONDAY, BANGKOK) + 8 * HOUR
NEVER = 2**60
ALWAYS = duties_of([Shift(crews=1)], BANGKOK)


def desk_with(crews, opened, work):
    clock = simpy.Environment()
    cases = [(int(time), int(length), 0) for time, length in zip(opened, work, strict=True)]
    return clock, crews_for(clock, ALWAYS * crews, cases)


def crews_for(clock, duties, cases):
    columns = tuple(map(list, zip(*cases, strict=True)))
    return Crews(clock, duties, iter([(0, lambda: columns), (NEVER, tuple)]))


def done(desk, until):
    """Rows of number, begin and end of the cases closed before a time, in the order of their end."""
    return desk.take(until)[1].tolist()


def in_order_of_number(desk, until):
    return np.array(sorted(done(desk, until))).T


def waits(crews, load, replication, customers, warm_up, mean_work=100_000):
    """Mean wait in units of the mean work, share that waits, from one run of M/M/c after its warm-up."""
    generator = np.random.default_rng((17, crews, replication))
    opened = np.cumsum(generator.exponential(mean_work / load, customers)).round()
    work = np.maximum(generator.exponential(mean_work, customers), 1).round()
    clock, desk = desk_with(crews, opened, work)
    until = int(opened[-1]) + 100 * mean_work
    clock.run(until=until)
    number, started, _ = in_order_of_number(desk, until)
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
    closed = desk.take(until)[1]
    assert desk.opened == len(closed) == 3000
    number, _, ended = closed.T
    spent = (ended - opened[number]).sum()
    moments = np.arange(0, until, 50)
    inside = np.searchsorted(opened, moments, "right") - np.searchsorted(ended, moments, "right")
    assert inside.mean() == pytest.approx(spent / until, rel=0.01)  # L = lambda W


def test_requests_are_served_in_the_order_they_came_and_crews_work_on_one_at_a_time():
    opened = [10, 10, 20, 30, 500]
    clock, desk = desk_with(2, opened, [100, 50, 10, 10, 5])
    clock.run(until=10_000)
    started = {number: started for number, started, _ in done(desk, 10_000)}
    assert started == {0: 10, 1: 10, 2: 60, 3: 70, 4: 500}


def test_an_open_request_is_neither_closed_nor_lost():
    clock, desk = desk_with(1, [10, 20, 30], [15, 1000, 10])
    clock.run(until=500)
    begun, closed = desk.take(500)
    assert closed.tolist() == [[0, 10, 25]]
    assert begun.tolist() == [[0, 10, 25], [1, 25, 1025]]
    assert desk.opened == len(begun) + len(desk.waiting) == 3
    assert [rows.tolist() for rows in desk.take(600)] == [[], []]


def test_quantiles_of_the_wait_agree_with_theory():
    """M/M/c: P(W > t) = C exp(-(c mu - lambda) t); here 3 servers, load 2, in units of the mean work."""
    generator, customers, mean_work = np.random.default_rng(5), 60_000, 10_000
    opened = np.cumsum(generator.exponential(mean_work / 2.0, customers)).round()
    clock, desk = desk_with(3, opened, np.maximum(generator.exponential(mean_work, customers), 1).round())
    until = int(opened[-1]) + 100 * mean_work
    clock.run(until=until)
    number, started, _ = in_order_of_number(desk, until)
    waited = (started - opened[number])[2000:] / mean_work
    for time in (0.5, 1.0, 2.0):
        assert (waited > time).mean() == pytest.approx(erlang_c(3, 2.0) * np.exp(-time), abs=0.02)


def test_general_work_waits_as_the_formula_of_pollaczek_and_khinchine_says():
    """M/G/1: W = load / (1 - load) * (1 + CV^2) / 2, in units of the mean work; lognormal work, sigma .8, load .7."""
    generator, customers, mean_work, sigma = np.random.default_rng(8), 150_000, 10_000, 0.8
    opened = np.cumsum(generator.exponential(mean_work / 0.7, customers)).round()
    work = generator.lognormal(np.log(mean_work) - sigma**2 / 2, sigma, customers).round() + 1
    clock, desk = desk_with(1, opened, work)
    until = int(opened[-1]) + 1000 * mean_work
    clock.run(until=until)
    number, started, _ = in_order_of_number(desk, until)
    expected = 0.7 / 0.3 * np.exp(sigma**2) / 2
    assert (started - opened[number]).mean() / mean_work == pytest.approx(expected, rel=0.08)


def test_the_most_urgent_is_served_first_and_nobody_is_interrupted():
    clock = simpy.Environment()
    cases = [(0, 100, 2), (10, 5, 2), (20, 5, 0), (30, 5, 1), (40, 5, 0)]
    desk = crews_for(clock, ALWAYS, cases)
    clock.run(until=1000)
    begun, closed = desk.take(1000)
    assert closed.tolist() == [[0, 0, 100], [2, 100, 105], [4, 105, 110], [3, 110, 115], [1, 115, 120]]
    assert begun.tolist() == closed.tolist()


def test_of_those_that_come_at_once_an_idle_crew_takes_the_most_urgent():
    clock = simpy.Environment()
    desk = crews_for(clock, ALWAYS, [(10, 100, 2), (10, 5, 0), (500, 5, 0)])
    clock.run(until=1000)
    assert desk.take(1000)[0].tolist() == [[1, 10, 15], [0, 15, 115], [2, 500, 505]]


def test_a_case_is_not_told_of_before_it_comes_though_an_idle_crew_awaits_it():
    clock, desk = desk_with(2, [10, 200, 300, 400], [5, 5, 5, 5])
    told = []
    for until in (100, 200, 201, 350):
        clock.run(until=until)
        told.append((*(rows.tolist() for rows in desk.take(until)), desk.opened))
    assert told == [
        ([[0, 10, 15]], [[0, 10, 15]], 1),
        ([], [], 1),
        ([[1, 200, 205]], [], 2),
        ([[2, 300, 305]], [[1, 200, 205], [2, 300, 305]], 3),
    ]


@given(st.integers(1, 3), st.lists(st.integers(1, 4000), max_size=12), st.integers(0, 2**32 - 1))
def test_each_case_is_told_of_once_however_often_one_asks(crews, asked, seed):
    generator = np.random.default_rng(seed)
    cases = np.sort(generator.integers(0, 4000, 30)), generator.integers(1, 400, 30)
    (at_once, once), (clock, desk) = (desk_with(crews, *cases) for _ in range(2))
    at_once.run(until=20_000)
    told = []
    for until in sorted({*asked, 20_000}):
        clock.run(until=until)
        told.append(desk.take(until))
        assert all((rows[:, column] < until).all() for column, rows in enumerate(told[-1], start=1))
    assert [np.concatenate(rows).tolist() for rows in zip(*told, strict=True)] == [
        rows.tolist() for rows in once.take(20_000)
    ]


def test_a_crew_works_in_its_shift_and_finishes_what_it_has_begun():
    start = midnight(MONDAY + 4, BANGKOK)  # Friday
    clock = simpy.Environment(initial_time=start)
    hour = 3600
    office = duties_of([Shift(crews=1, begins=8, ends=16, days=5)], BANGKOK)
    cases = [(start + 15 * hour, 3 * hour, 0), (start + 15 * hour, hour, 0), (start + 30 * hour, hour, 0)]
    desk = crews_for(clock, office, cases)
    clock.run(until=start + 5 * 24 * hour)
    monday = start + (3 * 24 + 8) * hour
    assert [(begun - start, ended - start) for _, begun, ended in done(desk, start + 5 * 24 * hour)] == [
        (15 * hour, 18 * hour),
        (monday - start, monday + hour - start),
        (monday + hour - start, monday + 2 * hour - start),
    ]


def test_a_call_that_meets_a_crew_off_duty_is_passed_on():
    start = midnight(MONDAY, BANGKOK)
    clock = simpy.Environment(initial_time=start)
    duties = duties_of([Shift(crews=1, begins=8, ends=16), Shift(crews=1)], BANGKOK)
    cases = [(start + 10 * 3600, 60, 0), (start + 10 * 3600, 60, 0), (start + 20 * 3600, 60, 0)]
    desk = crews_for(clock, duties, cases)
    clock.run(until=start + 86_400)
    closed = done(desk, start + 86_400)
    assert [begun - opened for (_, begun, _), (opened, _, _) in zip(closed, cases, strict=True)] == [0, 0, 0]


@given(st.integers(1, 4), st.integers(0, 23), st.integers(1, 12), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_what_came_is_waiting_begun_or_closed(crews, begins, length, days, seed):
    start = midnight(MONDAY, BANGKOK)
    clock, generator = simpy.Environment(initial_time=start), np.random.default_rng(seed)
    shift = Shift(crews=crews, begins=begins, ends=min(begins + length, 24), days=days)
    opened = start + np.sort(generator.integers(0, 10 * 86_400, 60))
    cases = list(zip(opened.tolist(), generator.integers(60, 30_000, 60).tolist(), (opened % 3).tolist(), strict=True))
    desk = crews_for(clock, duties_of([shift], BANGKOK), cases)
    clock.run(until=start + 11 * 86_400)
    begun, closed = (rows.tolist() for rows in desk.take(start + 11 * 86_400))
    assert desk.opened == 60 == len(desk.waiting) + len(begun)
    assert {case for case, _, _ in closed} <= {case for case, _, _ in begun}
    on_duty = duties_of([shift], BANGKOK)[0] or (lambda _: 0)
    assert all(on_duty(began) == 0 for _, began, _ in begun)
    moments = [began for _, began, _ in begun] + [ended for _, _, ended in closed]
    busy = max(sum(b <= moment < e for _, b, e in closed) for moment in moments) if moments else 0
    assert busy <= crews


def test_without_crews_cases_are_only_counted_and_batches_are_drawn_when_their_time_has_come():
    drawn = []

    def batch(day):
        return day * 100, lambda: drawn.append(day) or ([day * 100 + 5, day * 100 + 50], [1, 1], [0, 0])

    counted = Crews(simpy.Environment(), [], (batch(day) for day in range(10**6)))
    seen = []
    for until in (1, 6, 51, 100, 101, 200):
        counted.count(until)
        seen.append((counted.opened, len(drawn)))
    assert seen == [(0, 1), (1, 1), (2, 1), (2, 1), (2, 2), (4, 2)]
    assert not counted.waiting


def test_an_added_crew_is_there_only_from_its_begin_to_its_end_in_the_hours_of_the_first() -> None:
    office = duties_of([Shift(crews=1, begins=8, ends=16, days=5)], BANGKOK)
    begins, ends = MONDAY_8 + 2 * HOUR, MONDAY_8 + 26 * HOUR
    _, added = changed(office, [(1, begins, ends)])
    assert added is not None
    assert [added(MONDAY_8), added(begins), added(MONDAY_8 + 9 * HOUR)] == [2 * HOUR, 0, 15 * HOUR]
    assert added(ends - 1) == 0
    assert added(ends) == GONE
    (_, endless) = changed(ALWAYS, [(1, begins, None)])
    assert endless is not None
    assert [endless(begins - 5), endless(begins + 10**8)] == [5, 0]


def test_an_absent_crew_comes_back_in_its_hours() -> None:
    office = duties_of([Shift(crews=2, begins=8, ends=16, days=5)], BANGKOK)
    stays, gone = changed(office, [(-1, MONDAY_8 + HOUR, MONDAY_8 + 10 * HOUR)])
    assert stays is office[0]
    assert gone is not None
    assert [gone(MONDAY_8), gone(MONDAY_8 + HOUR)] == [0, 23 * HOUR]  # it is evening when it could come back
    assert len(changed(office, [(-1, 0, None)] * 5)) == 2
    assert all(duty is not None and duty(MONDAY_8) == GONE for duty in changed(office, [(-1, 0, None)] * 5))
    assert changed([], [(1, 0, None)]) == []
