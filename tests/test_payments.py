"""Digital payments: the hours, the pay days, and counts that do not depend on the division into blocks."""

from dataclasses import replace

import numpy as np
import pytest

from simulator import parameters
from simulator.cities import cities
from simulator.flows.payments import payday
from simulator.run import Simulation
from simulator.scenario import Scenario, StationCounts

START = 1_704_042_000  # 2024-01-01 00:00 in Bangkok
DAY = 86_400


def scenario(days, gateways=1):
    counts = {"rayong": StationCounts.only(payment_gateway=gateways)}
    return Scenario("s", "s", "", START, START + days * DAY, 900, 1, ("rayong",), counts)


def counts(simulation, until):
    return simulation.advance(until)[0].groups[0].truth["digital_payments"]


def test_payday_is_the_last_of_the_month_and_fades():
    days = np.arange("2024-02-27", "2024-03-05", dtype="datetime64[D]").astype(np.int64)
    assert payday(days, (0.5, 0.3, 0.1)).tolist() == [1.0, 1.0, 1.5, 1.3, 1.1, 1.0, 1.0]


def test_more_is_paid_at_the_end_of_the_month_and_at_noon_than_at_night():
    made = parameters.economy(cities()["rayong"]).payments
    daily = counts(Simulation(scenario(91)), START + 91 * DAY).reshape(91, 96)
    days = np.arange("2024-01-01", "2024-04-01", dtype="datetime64[D]")
    weekday = np.array(made.weekday)[(days.astype(np.int64) + 3) % 7]
    sums = daily.sum(axis=1) / weekday
    usual = np.median(sums)
    assert [days[at].item().day for at in np.argsort(sums)[-3:]] == pytest.approx([30, 30, 30], abs=1)
    assert sums[30] / usual == pytest.approx(1.0 + made.payday[0], rel=0.08)
    assert sums[31] / usual == pytest.approx(1.0 + made.payday[1], rel=0.08)
    hourly = daily.sum(axis=0).reshape(24, 4).sum(axis=1) / daily.sum() * 24.0
    assert np.sqrt(np.mean((hourly - made.hourly) ** 2)) < 0.08
    assert hourly.argmax() == np.argmax(made.hourly)


def test_any_division_into_blocks_and_other_gateways_leave_the_counts_as_they_are():
    whole = counts(Simulation(scenario(10)), START + 10 * DAY)
    parts = Simulation(scenario(10, gateways=3))
    ends = (START + 900, START + 4500, START + 5 * DAY + 900, START + 10 * DAY)
    pieces = np.concatenate([counts(parts, end) for end in ends], axis=1)
    assert np.array_equal(pieces[:1], whole)
    assert not np.array_equal(pieces[1], pieces[0])


def test_what_is_observed_is_what_was_counted_wherever_the_gateway_speaks():
    group = Simulation(scenario(20)).advance(START + 20 * DAY)[0].groups[0]
    seen, true = group.observed["digital_payments"], group.truth["digital_payments"]
    heard = np.isfinite(seen)
    assert heard.any()
    assert np.array_equal(seen[heard], true[heard])


def test_nobody_pays_digitally_before_the_launch():
    early = replace(scenario(2), start=START - 20 * 365 * DAY, end=START - (20 * 365 - 2) * DAY)
    assert not counts(Simulation(early), early.end).any()
