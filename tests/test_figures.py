"""The statistics office: what it publishes, late, and revises."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from simulator.cities import cities
from simulator.drivers import date_of, midnight
from simulator.figures import Figures
from simulator.scenario import Policies, Scenario, StationCounts
from simulator.streams import Streams

BANGKOK = ZoneInfo("Asia/Bangkok")
FIRST = 19723  # 2024-01-01
START = midnight(FIRST, BANGKOK)


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
