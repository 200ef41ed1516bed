"""Heat index, reliability of travel and service level, against published tables and examples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.comparing.indices import heat_index, service_level, travel_reliability
from collector.language.errors import InputError
from tests.reference import indices as reference

CHART = [
    (80 + 2 * place, humidity, felt)
    for humidity, row in reference.HEAT_INDEX_NWS.items()
    for place, felt in enumerate(row)
]


def celsius(fahrenheit):
    return (np.asarray(fahrenheit, np.float64) - 32) / 1.8


def test_the_heat_index_is_that_of_the_chart_of_the_weather_service_within_rounding():
    warmth, humidity, felt = map(np.array, zip(*CHART, strict=True))
    damp = (humidity > 85) & (warmth <= 87)  # the chart is of the regression alone, the equation adds to it here
    adjusted = np.where(damp, (humidity - 85) / 10 * (87 - warmth) / 5, 0.0)
    found = heat_index(celsius(warmth), humidity) * 1.8 + 32 - adjusted
    assert np.abs(found - felt).max() <= 1.0
    assert (np.abs(found - felt) <= 0.51).mean() > 0.9


def test_where_the_regression_begins_the_heat_index_is_near_the_simple_formula():
    warmth = np.linspace(70, 79, 19)
    found = heat_index(celsius(warmth), 40.0) * 1.8 + 32
    assert np.allclose(found, (warmth + 0.5 * (warmth + 61 + 1.2 * (warmth - 68) + 0.094 * 40)) / 2)


def test_dry_and_damp_air_are_adjusted():
    # by a pocket calculator: 100 °F and 5 % are 94.184 by the regression, less (8 / 4) sqrt(12 / 17)
    assert heat_index(celsius(100), 5.0) * 1.8 + 32 == pytest.approx(94.1843 - 2 * np.sqrt(12 / 17), abs=1e-3)
    assert heat_index(celsius(82), 95.0) * 1.8 + 32 == pytest.approx(93 + 1, abs=0.5)


def test_a_missing_or_impossible_humidity_has_no_heat_index():
    assert np.isnan(heat_index(np.array([30.0, 30.0, np.nan]), np.array([np.nan, 101.0, 50.0]))).all()


def test_the_published_examples_of_buffer_and_planning_time():
    mean, with_buffer, buffer = reference.FHWA_BUFFER
    free, planned, planning = reference.FHWA_PLANNING
    # of 101 trips the 95th percentile is the 96th: 6 take the planned time, the others bring the mean to 20 min
    trips = np.concatenate([np.full(95, (mean * 101 - 6 * with_buffer) / 95), np.full(6, with_buffer)])
    assert travel_reliability(trips).buffer == pytest.approx(buffer)
    assert travel_reliability(np.full(9, planned), free).planning == pytest.approx(planning)


def test_travel_times_that_are_missing_do_not_count_and_none_gives_none():
    assert travel_reliability(np.array([1.0, np.nan, 2.0])).n == 2
    assert np.isnan(travel_reliability(np.array([np.nan])).buffer)


@given(st.lists(st.floats(1, 10), min_size=1), st.floats(1.1, 5))
def test_a_city_that_is_slower_by_a_factor_has_the_same_buffer_and_a_larger_planning_time(times, factor):
    one, other = travel_reliability(np.array(times)), travel_reliability(np.array(times) * factor)
    assert other.buffer == pytest.approx(one.buffer, abs=1e-9)
    assert other.planning == pytest.approx(one.planning * factor)


@pytest.mark.parametrize(("done", "of", "low", "high"), reference.WILSON_NEWCOMBE)
def test_the_interval_of_a_service_level_is_wilsons(done, of, low, high):
    found = service_level(np.concatenate([np.full(done, 1.0), np.full(of - done, 100.0)]), 24.0)
    assert (found.within, found.late) == (done, of - done)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_open_requests_count_as_late_once_they_are():
    found = service_level(np.array([5.0, 30.0, np.nan, -1.0]), 24.0, waiting=np.array([10.0, 25.0]))
    assert (found.within, found.late, found.undecided, found.share) == (1, 2, 1, pytest.approx(1 / 3))


def test_each_request_may_have_its_own_time_but_not_with_open_ones():
    assert service_level(np.array([5.0, 5.0]), np.array([4.0, 6.0])).within == 1
    with pytest.raises(InputError, match="one agreed time"):
        service_level(np.array([5.0]), np.array([4.0]), waiting=np.array([1.0]))


def test_a_service_without_requests_has_no_level():
    assert np.isnan(service_level(np.array([]), 24.0).share)
