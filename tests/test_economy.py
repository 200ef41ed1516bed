import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import economy
from tests.reference import models


def array(*values):
    return np.array(values, dtype=np.float64)


@pytest.mark.parametrize(("load", "expected"), models.TRAVEL_TIME_INDEX)
def test_travel_time_index_is_that_of_the_bureau_of_public_roads(load, expected):
    assert economy.travel_time_index(array(load * 1800), array(1800.0))[0] == pytest.approx(expected)


def test_travel_time_index_is_bounded():
    assert economy.travel_time_index(array(1e9), array(1800.0))[0] == pytest.approx(1 + 0.15 * 16)


@pytest.mark.parametrize("flow", [40.0, 400.0, 2000.0])
def test_traffic_flow_is_counted_with_poisson_noise(flow):
    counting = np.random.default_rng(1).standard_normal((1, 40_000))
    counts = economy.traffic_flow(np.full((1, 40_000), flow), array(1e4), counting, 0.25) * 0.25
    assert counts.mean() == pytest.approx(flow * 0.25, rel=0.02)
    assert counts.var() == pytest.approx(flow * 0.25, rel=0.05)
    assert np.array_equal(counts, np.rint(counts))


@given(st.floats(0, 1e5), st.floats(-8, 8))
def test_traffic_flow_is_never_negative(demand, luck):
    assert economy.traffic_flow(array(demand), array(5000.0), array(luck), 0.25)[0] >= 0


def test_traffic_flow_does_not_exceed_what_the_road_carries():
    assert economy.traffic_flow(array(1e6), array(4000.0), array(0.0), 0.25)[0] <= 4000


def test_traffic_demand_scales_the_profile():
    assert economy.traffic_demand(array(1000.0), array(0.5), array(0.0)).tolist() == [500.0]


def test_electricity_demand_rises_with_heat_above_the_threshold_only():
    demand = economy.electricity_demand(array(20.0), array(1.1), array(10.0, 24.0, 34.0), 24.0, 0.02, array(0.0))
    assert demand.tolist() == pytest.approx([22.0, 22.0, models.ELECTRICITY_DEMAND])


def test_visitor_arrivals_are_negative_binomial():
    luck = np.random.default_rng(2).standard_normal((2, 20_000))
    counts = economy.visitor_arrivals(2000.0, 1.2, *luck, 40.0)
    assert counts.mean() == pytest.approx(2400, rel=0.01)
    assert counts.var() == pytest.approx(2400 + 2400**2 / 40, rel=0.05)
