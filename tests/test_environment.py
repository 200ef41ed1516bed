import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import environment, parameters
from simulator.cities import cities
from tests.reference import models


def array(*values):
    return np.array(values, dtype=np.float64)


def test_pm25_is_the_exponential_of_its_terms():
    found = environment.pm25(array(3.0), array(0.2), array(0.5), array(0.1))
    assert found == pytest.approx([models.PM25], rel=1e-6)


@given(st.floats(0.1, 500), st.floats(-1.0, 4.0), st.floats(-3.0, 3.0))
def test_pm10_is_never_below_pm25(fine, season, deviation):
    coarse = environment.coarse_particles(0.8, array(season), array(1.1), array(deviation))
    assert environment.pm10(array(fine), coarse)[0] >= fine


def test_coarse_particles_follow_the_season_the_hour_and_their_own_deviation():
    found = environment.coarse_particles(0.8, array(3.0), array(1.25), array(0.2))
    assert found == pytest.approx([models.COARSE_PARTICLES], rel=1e-6)


@pytest.mark.parametrize(("temperature", "dew_point", "expected"), models.RELATIVE_HUMIDITY)
def test_relative_humidity_agrees_with_vapour_pressure_tables(temperature, dew_point, expected):
    assert environment.relative_humidity(array(temperature), array(dew_point))[0] == pytest.approx(expected, abs=0.2)


def test_relative_humidity_stays_at_saturation_when_the_dew_point_exceeds_the_temperature():
    assert environment.relative_humidity(array(20.0), array(24.0)).tolist() == [100.0]


def test_air_temperature_reaches_the_daily_range_between_extremes_of_the_shape():
    low, high = environment.air_temperature(array(25.0), array(10.0), array(-1.0, 1.0), array(0.5))
    assert (low, high) == (20.5, 30.5)


def test_rain_of_an_interval_is_what_fell_in_the_interval_before_the_tick():
    times = np.array([0, 900, 1800, 2700], dtype=np.int64)
    storm = np.array([[450.0, 1350.0, 12.0]])
    assert environment.rain(times, 900, storm).tolist() == [0.0, 6.0, 6.0, 0.0]


@given(st.integers(0, 5000), st.integers(300, 9000), st.floats(0.1, 100))
def test_rain_loses_no_water(start, length, intensity):
    times = np.arange(0, 20_000, 900, dtype=np.int64)
    depth = environment.rain(times, 900, np.array([[start, start + length, intensity]])).sum() * 900 / 3600
    assert depth == pytest.approx(intensity * length / 3600)


def test_wind_has_the_mean_it_is_given_and_the_median_of_a_weibull():
    quantiles = np.random.default_rng(1).standard_normal(200_000)
    speed = environment.wind_speed(array(2.0), environment.wind_strength(quantiles))
    assert speed.mean() == pytest.approx(2.0, rel=0.01)
    assert environment.wind_strength(array(0.0))[0] / environment.WEIBULL_2_MEAN == pytest.approx(
        models.WIND_MEDIAN_OVER_MEAN, rel=1e-4
    )


def test_dilution_is_zero_on_average_and_lowers_pm25_in_strong_wind():
    strength = environment.wind_strength(np.random.default_rng(1).standard_normal(200_000))
    effect = environment.dilution(strength, 0.15)
    assert abs(effect.mean()) < 0.002
    assert effect[strength > 2].min() > 0


def test_scavenging_follows_the_power_law():
    assert environment.scavenging(array(10.0), 8.4e-5, 0.79, 1.0)[0] / 3600 == pytest.approx(
        models.WASHOUT_10_MM_PER_H, rel=1e-4
    )


@pytest.mark.parametrize(("share", "after_dry", "after_wet"), models.GENG)
def test_transitions_are_those_of_geng(share, after_dry, after_wet):
    assert environment.geng_transitions(share) == pytest.approx((after_dry, after_wet), abs=1e-6)


def test_a_chain_of_wet_days_has_the_share_of_wet_days_it_was_made_for():
    wet, days = False, 0
    for latent in np.random.default_rng(2).standard_normal(20_000):
        wet = environment.wet_day(latent, wet, *environment.geng_transitions(0.4))
        days += wet
    assert days / 20_000 == pytest.approx(0.4, abs=0.015)


@pytest.mark.parametrize("shape", [None, 0.6])
def test_rain_depth_has_the_mean_of_wet_days(shape):
    depths = [environment.rain_depth(z, 9.0, shape) for z in np.random.default_rng(3).standard_normal(20_000)]
    assert np.mean(depths) == pytest.approx(9.0, rel=0.04)
    assert min(depths) >= 0


@pytest.mark.parametrize("mean", [0.3, 4.0, 60.0, 400.0])
def test_poisson_counts_have_mean_and_variance_equal(mean):
    counts = [environment.poisson(mean, z) for z in np.random.default_rng(4).standard_normal(6000)]
    assert np.mean(counts) == pytest.approx(mean, rel=0.06)
    assert np.var(counts) == pytest.approx(mean, rel=0.12)


def test_hotspots_are_overdispersed_as_a_negative_binomial():
    luck = np.random.default_rng(5).standard_normal((20_000, 2))
    counts = np.array([environment.hotspots(50.0, a, b, 1.5) for a, b in luck])
    assert counts.mean() == pytest.approx(50.0, rel=0.05)
    assert counts.var() == pytest.approx(50.0 + 50.0**2 / 1.5, rel=0.12)


def test_a_season_of_one_harmonic_peaks_where_it_should():
    level = environment.season(np.arange(1.0, 367.0), (3.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0))
    assert level.max() == pytest.approx(3.5)
    assert level.argmin() + 1 == 183


def test_emissions_a_person_agree_with_a_pocket_calculator():
    found = environment.ghg_per_capita(array(1e6), 0.5, array(2e9), 0.00019, 200_000.0)
    assert found == pytest.approx([models.GHG_PER_CAPITA])


def test_emissions_of_every_city_have_factors_that_say_they_are_assumed():
    factors = {parameters.environment(city).greenhouse_gases for city in cities().values()}
    assert {made.origin for made in factors} == {"assumed"}
    assert all(0.1 < made.grid_factor < 1.2 and 5e-5 < made.vehicle_factor < 1e-3 for made in factors)
