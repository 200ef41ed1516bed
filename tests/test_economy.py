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


def test_smoke_keeps_visitors_away_relative_to_what_is_usual():
    levels, shares, effects = np.array(models.SMOKE).T
    found = economy.smoke_share(levels, 37.5)
    assert found == pytest.approx(shares)
    assert economy.smoke_effect(found, 0.4, 0.3) == pytest.approx(effects, abs=1e-6)
    assert economy.smoke_effect(array(0.4), 0.4, 0.3).tolist() == [1.0]
    visitors = [economy.visitor_arrivals(2000.0, 1.0, array(0.3), array(0.1), 40.0, share)[0] for share in (1.0, 0.8)]
    assert visitors[1] == pytest.approx(0.8 * visitors[0], rel=0.01)


def test_hotel_occupancy_is_logistic_around_the_months_and_at_most_all_rooms():
    assert economy.hotel_occupancy(60.0, 1.2, 0.1, 0.9) == pytest.approx(models.HOTEL_OCCUPANCY, abs=1e-3)
    assert economy.hotel_occupancy(60.0, 1.0, 0.0) == pytest.approx(60.0)
    assert economy.hotel_occupancy(90.0, 1.5, 9.0, 1.3) == 100.0


def test_unemployment_is_logistic_around_its_mean():
    assert economy.unemployment(1.0, np.log(2.0)) == pytest.approx(models.UNEMPLOYMENT)
    assert economy.unemployment(0.8, array(0.0)).tolist() == pytest.approx([0.8])


def test_internet_access_grows_to_its_ceiling_from_the_anchor():
    years = array(-10.0, 0.0, 10.0, 1000.0)
    expected = [100.0 - models.INTERNET_ACCESS, 50.0, models.INTERNET_ACCESS, 100.0]
    assert economy.internet_access(years, 50.0, 100.0, 0.15) == pytest.approx(expected)
    assert economy.internet_access(0.0, 79.0, 99.0, 0.15) == pytest.approx(79.0)


def test_gpp_is_a_geometric_walk_with_drift_from_its_anchor():
    assert economy.gpp_per_capita(1e5, 5.0, 0.03, 0.05) == pytest.approx(models.GPP_PER_CAPITA)
    assert economy.gpp_per_capita(1e5, 0.0, 0.03, 0.0) == 1e5


def test_digital_payments_are_poisson_counts_and_none_before_the_launch():
    counting = np.random.default_rng(3).standard_normal((1, 40_000))
    adoption, activity = np.full(40_000, 45.0), np.full(40_000, 1.6)
    counts = economy.digital_payments(array(20_000.0)[:, np.newaxis], adoption, 1.5, activity, counting, 0.5)
    assert counts.mean() == pytest.approx(models.DIGITAL_PAYMENTS / 2, rel=0.005)
    assert counts.var() == pytest.approx(models.DIGITAL_PAYMENTS / 2, rel=0.05)
    assert np.array_equal(counts, np.rint(counts))
    assert not economy.digital_payments(array(2e4), array(0.0), 1.5, array(1.0), array(4.0), 1.0).any()
