"""Portals that are up or down: availability, probes, and blocks."""

from itertools import islice

import numpy as np
import pytest

from simulator import parameters
from simulator.cities import cities
from simulator.flows.portal import Probes, outages
from simulator.parameters.governance import Portal
from simulator.run import Simulation
from simulator.scenario import Scenario, StationCounts
from simulator.streams import Streams

START = 1_704_042_000  # 2024-01-01 00:00 in Bangkok
DAY = 86_400


def scenario(days, cadence=900, portals=2):
    counts = {"rayong": StationCounts.only(city_portal=portals)}
    return Scenario("s", "s", "", START, START + days * DAY, cadence, 1, ("rayong",), counts)


def uptime(simulation, until):
    return simulation.advance(until)[0].groups[0].truth["portal_uptime"]


def portal(up, down):
    return Portal(origin="assumed", source="a test", up_hours=up, down_hours=down)


def test_outages_and_the_times_between_are_exponential_with_their_means():
    found = np.array(list(islice(outages(np.random.default_rng(1), portal(20.0, 2.0), down=False), 4000))) / 3600.0
    gone, up = found[:, 1] - found[:, 0], found[1:, 0] - found[:-1, 1]
    for times, mean in ((gone, 2.0), (up, 20.0)):
        assert times.mean() == pytest.approx(mean, rel=0.05)
        assert times.std() == pytest.approx(mean, rel=0.1)
    first, _ = next(outages(np.random.default_rng(1), portal(20.0, 2.0), down=True))
    assert first == 0.0


def test_the_portal_is_available_for_its_share_of_the_time_within_the_standard_error():
    made, portals, days = parameters.governance(cities()["rayong"]).portal, 40, 120
    found = uptime(Simulation(scenario(days, 3600, portals)), START + days * DAY) / 100.0
    expected = made.up_hours / (made.up_hours + made.down_hours)
    rate = 1.0 / made.up_hours + 1.0 / made.down_hours
    variance = 2.0 * expected * (1.0 - expected) / (rate * 24.0 * days * portals)  # of a two-state Markov process
    assert abs(found.mean() - expected) < 2.6 * np.sqrt(variance)
    assert 0.0 <= found.min() < 0.5
    assert found.max() == 1.0


def test_failed_probes_are_those_at_whole_minutes_within_an_outage():
    probes = Probes(iter([(61.0, 179.0), (180.0, 185.0), (1e9, 2e9)]))  # probes 2, and 3
    after = np.arange(0, 6)
    assert probes.failed(after, after + 1).tolist() == [0, 1, 1, 0, 0, 0]


@pytest.mark.parametrize("cadence", [1, 60, 90, 900])
def test_any_division_into_blocks_and_other_portals_leave_the_share_as_it_is(cadence):
    days = 1 if cadence == 1 else 30
    whole = uptime(Simulation(scenario(days, cadence, 1)), START + days * DAY)
    parts = Simulation(scenario(days, cadence, 2))
    ends = (START + cadence, START + 41 * cadence, START + DAY // 2, START + days * DAY)
    pieces = np.concatenate([uptime(parts, end) for end in ends], axis=1)
    assert np.array_equal(pieces[:1], whole)
    assert ((whole >= 0.0) & (whole <= 100.0)).all()


def test_finer_ticks_tell_of_the_same_outages():
    coarse = uptime(Simulation(scenario(60)), START + 60 * DAY)
    fine = uptime(Simulation(scenario(60, 300)), START + 60 * DAY)
    assert fine.reshape(2, -1, 3).mean(axis=2) == pytest.approx(coarse)
    assert coarse.min() < 100.0


def test_portals_differ():
    assert not np.array_equal(*uptime(Simulation(scenario(60)), START + 60 * DAY))
    first, second = (
        next(outages(Streams(1).generator(name, "outages"), portal(1.0, 1.0), down=False)) for name in "ab"
    )
    assert first != second
