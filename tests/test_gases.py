import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import environment, parameters
from simulator.cities import cities
from simulator.flows import gases
from simulator.flows.air_quality import AirQuality
from tests import states
from tests.reference import models

CITIES = ("chiang-mai", "rayong", "chon-buri", "theppharat", "bangkok")


def array(*values):
    return np.array(values, dtype=np.float64)


def average(city, days=90, seeds=6):
    """Get NO2 and ozone of a city over winters with other luck, and the state they were made in."""
    found = states.state(city, states.ticks(days))
    drawn = [states.Stations(AirQuality, city, 6, seed).truth(found) for seed in range(seeds)]
    return found, {gas: np.concatenate([truth[gas] for truth in drawn]) for gas in ("no2", "o3")}


@pytest.fixture(scope="module")
def winters():
    return {city: average(city) for city in CITIES}


def test_no2_is_the_exponential_of_its_terms():
    assert environment.no2(array(2.0), array(0.3)) == pytest.approx([models.NO2], rel=1e-6)


@pytest.mark.parametrize(("oxidant", "no2", "titration", "ozone"), models.O3)
def test_ozone_is_what_nitrogen_dioxide_leaves_of_the_oxidant(oxidant, no2, titration, ozone):
    assert environment.o3(array(oxidant), array(no2), titration) == pytest.approx([ozone])


@given(st.floats(0, 200), st.floats(0, 500))
def test_ozone_and_nitrogen_dioxide_together_are_the_oxidant_unless_none_is_left(oxidant, no2):
    ozone = environment.o3(array(oxidant), array(no2), 1.0)[0]
    assert ozone >= 0
    assert ozone + no2 == pytest.approx(max(oxidant, no2))


def test_oxidant_emission_and_clouds_agree_with_a_pocket_calculator():
    assert environment.oxidant(array(20.0), array(30.0), array(0.5), array(0.2)) == pytest.approx([models.OXIDANT])
    assert environment.traffic_emission(array(1.5), 0.7) == pytest.approx([models.EMISSION])
    assert environment.clearness(array(5.0), 0.3) == pytest.approx([models.CLEARNESS])


@given(st.floats(0.05, 12.0), st.floats(0.5, 5.0))
def test_clipping_at_zero_gives_the_mean_that_was_asked_for(mean, sd):
    center = gases.before_clipping(array(mean), array(sd))[0]
    quantiles = np.linspace(-8.0, 8.0, 16_001)
    density = np.exp(-0.5 * quantiles**2) / np.sqrt(2.0 * np.pi) * 0.001
    clipped = float(np.sum(np.maximum(center + sd * quantiles, 0.0) * density))
    assert clipped == pytest.approx(mean, abs=0.01 * sd)


@pytest.mark.parametrize(("gas", "reference"), [("no2", models.NO2_CHIANG_MAI), ("o3", models.O3_CHIANG_MAI)])
def test_the_day_of_chiang_mai_is_that_of_the_measurements(winters, gas, reference):
    mean, factors, peak = reference
    found, truth = winters["chiang-mai"]
    day = states.by_local_hour(found, truth[gas])
    difference = [day[hour] - factor for hour, factor in factors.items()]
    assert np.sqrt(np.mean(np.square(difference))) < 0.08
    assert abs(int(day.argmax()) - peak) <= 1
    assert truth[gas].mean() == pytest.approx(mean, rel=0.12)


@pytest.mark.parametrize("city", CITIES)
@pytest.mark.parametrize(("gas", "name"), [("no2", "nitrogen_dioxide"), ("o3", "ozone")])
def test_the_day_of_a_city_is_that_of_its_parameters(winters, city, gas, name):
    found, truth = winters[city]
    expected = np.array(getattr(parameters.climate(cities()[city]), name).hourly)
    day = states.by_local_hour(found, truth[gas])
    assert np.sqrt(np.mean((day - expected) ** 2)) < 0.08


def test_the_memory_of_no2_is_that_of_thai_stations(winters):
    truth = winters["bangkok"][1]
    logs = np.log(truth["no2"].reshape(len(truth["no2"]), -1, 4).mean(axis=2))
    logs = (logs.reshape(len(logs), -1, 24) - logs.reshape(len(logs), -1, 24).mean(axis=1)[:, np.newaxis]).reshape(
        len(logs), -1
    )
    lags = [np.mean([np.corrcoef(row[lag:], row[:-lag])[0, 1] for row in logs]) for lag in (1, 6, 24)]
    assert np.abs(np.array(lags) - (0.80, 0.30, 0.30)).max() < 0.15


def test_gases_stay_within_the_bounds_of_the_catalogue(winters):
    for _, truth in winters.values():
        assert truth["no2"].min() > 0 and truth["no2"].max() < 500
        assert truth["o3"].min() >= 0 and truth["o3"].max() < 300


def test_more_traffic_makes_more_no2_and_less_ozone():
    times = states.ticks(7)
    usual, busy = (
        states.Stations(AirQuality, "bangkok").truth(states.state("bangkok", times, np.full(len(times), factor)))
        for factor in (1.0, 1.5)
    )
    assert (busy["no2"] > usual["no2"]).all()
    assert (busy["o3"] <= usual["o3"]).all()
    assert busy["o3"].mean() < usual["o3"].mean()
    assert busy["pm25"] == pytest.approx(usual["pm25"])


def test_weekends_have_less_no2_in_the_morning_and_more_ozone():
    found, truth = average("bangkok", days=28, seeds=2)
    hour, weekend = found.local.hour.astype(int), found.local.spread(found.local.weekday >= 5)
    morning = hour == 8
    assert truth["no2"][:, morning & weekend].mean() < 0.9 * truth["no2"][:, morning & ~weekend].mean()
    assert truth["o3"][:, morning & weekend].mean() > truth["o3"][:, morning & ~weekend].mean()


def test_wind_dilutes_no2_and_haze_comes_with_it():
    times = states.ticks(3)
    usual = states.state("bangkok", times)
    windy = states.state("bangkok", times, wind=2.0 * usual.air.wind)
    hazy = states.state("bangkok", times, haze=np.full(len(times), 0.5))
    levels = [states.Stations(AirQuality, "bangkok").truth(found)["no2"] for found in (usual, windy, hazy)]
    made = parameters.climate(cities()["bangkok"]).nitrogen_dioxide
    assert levels[1] / levels[0] == pytest.approx(2.0**-made.wind_exponent)
    assert (levels[2] > levels[0]).all()


def test_rain_takes_ozone_by_day_and_none_by_night():
    times = states.ticks(2)
    dry = states.state("rayong", times)
    wet = states.state("rayong", times, rain=np.full(len(times), 5.0))
    sunny, cloudy = (states.Stations(AirQuality, "rayong").truth(found)["o3"] for found in (dry, wet))
    hour = dry.local.hour
    assert cloudy[:, hour == 14].mean() < 0.7 * sunny[:, hour == 14].mean()
    assert cloudy[:, hour == 6.5] == pytest.approx(sunny[:, hour == 6.5], abs=1.0)


def test_blocks_do_not_change_the_gases():
    times = states.ticks(5)
    rain = np.where(np.arange(len(times)) % 97 < 9, 7.0, 0.0)
    found = states.state("chiang-mai", times, rain=rain)
    whole = states.Stations(AirQuality, "chiang-mai").truth(found)
    pieces = states.Stations(AirQuality, "chiang-mai")
    cut = [pieces.truth(part) for part in states.parts(found, 1, 100, 333)]
    for indicator, values in whole.items():
        assert np.array_equal(values, np.concatenate([part[indicator] for part in cut], axis=1)), indicator


def test_more_masts_leave_the_others_as_they_were():
    found = states.state("chiang-mai", states.ticks(1))
    few, many = (states.Stations(AirQuality, "chiang-mai", number).truth(found) for number in (2, 5))
    for indicator, values in few.items():
        assert np.array_equal(values, many[indicator][:2]), indicator
