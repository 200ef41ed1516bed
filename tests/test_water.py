import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import environment, parameters
from simulator.cities import cities
from simulator.flows.water import Reservoir, RiverGauges, base_levels
from tests import states
from tests.reference import models


def array(*values):
    return np.array(values, dtype=np.float64)


def weather(days=10, warmth=27.0, rain=None):
    times = states.ticks(days)
    fallen = np.zeros(len(times)) if rain is None else rain(np.arange(len(times)))
    return states.state("bangkok", times, temperature=np.full(len(times), warmth), rain=fallen)


def storm(ticks):
    return np.where((ticks >= 192) & (ticks < 200), 30.0, 0.0)


def measured(found):
    return states.Stations(RiverGauges, "bangkok").truth(found)


@pytest.mark.parametrize(("temperature", "oxygen"), models.OXYGEN_SATURATION)
def test_oxygen_saturates_as_published(temperature, oxygen):
    assert environment.oxygen_saturation(array(temperature)) == pytest.approx([oxygen], abs=0.01)


def test_level_and_oxygen_are_the_sum_of_their_terms():
    assert environment.water_level(array(1.0), array(20.0), 0.03, array(0.05)) == pytest.approx([models.WATER_LEVEL])
    found = environment.dissolved_oxygen(array(25.0), array(2.5), 1.2, array(0.1))
    assert found == pytest.approx([models.DISSOLVED_OXYGEN], abs=0.01)
    assert environment.dissolved_oxygen(array(25.0), array(20.0), 1.0, array(0.1)).tolist() == [0.0]


def test_a_step_of_a_reservoir_is_that_of_the_equation():
    assert environment.linear_reservoir(10.0, 1.0) == pytest.approx(models.RESERVOIR, rel=1e-5)


@given(st.floats(1, 100), st.integers(1, 24), st.floats(0.1, 50))
def test_two_half_steps_of_a_reservoir_are_one_whole(hours, step, inflow):
    kept, gained = environment.linear_reservoir(hours, step)
    half, half_gained = environment.linear_reservoir(hours, step / 2)
    assert half * half == pytest.approx(kept)
    assert inflow * half_gained * (1.0 + half) == pytest.approx(inflow * gained)


def test_streeter_and_phelps_after_a_day_and_at_the_worst():
    load, deficit, per_load = environment.streeter_phelps(0.35 / 24, 0.9 / 24, 24.0)
    assert 10.0 * per_load + deficit == pytest.approx(models.STREETER_PHELPS, rel=1e-6)
    assert load == pytest.approx(np.exp(-0.35))
    hours = np.arange(1.0, 97.0, 0.25)
    sag = [environment.streeter_phelps(0.35 / 24, 0.9 / 24, step)[2] for step in hours]
    assert hours[int(np.argmax(sag))] == pytest.approx(models.CRITICAL_HOURS, abs=0.25)


def test_rain_raises_the_level_which_recedes_exponentially():
    made = parameters.environment(cities()["bangkok"]).river
    extra = measured(weather(rain=storm))["water_level"] - measured(weather())["water_level"]
    assert abs(extra[:, :192]).max() == 0.0
    peak = extra.argmax(axis=1)
    assert (peak == 199).all()
    later = 199 + round(made.hours * 3600 / states.CADENCE)
    assert extra[:, later] / extra[:, 199] == pytest.approx(np.exp(-1.0), rel=1e-6)
    assert extra[:, 199].min() > 0.1


def test_the_reservoir_loses_no_water():
    inflow = np.random.default_rng(1).gamma(0.1, 5.0, 4000)
    reservoir = Reservoir(20.0, 0.25)
    storage = reservoir.follow(inflow)
    drained = np.cumsum(inflow) * 0.25 - storage
    assert np.diff(drained).min() > 0  # what flows out never comes back
    ending = reservoir.follow(np.zeros(8000))
    assert ending[-1] < 1e-9


def test_oxygen_falls_with_the_temperature_of_the_water():
    cool, warm = (measured(weather(warmth=warmth))["dissolved_oxygen"] for warmth in (20.0, 32.0))
    saturation = environment.oxygen_saturation(array(20.0, 32.0))
    assert (cool - warm) == pytest.approx(np.full(cool.shape, saturation[0] - saturation[1]))


def test_water_does_not_get_colder_than_ice():
    frost, thaw = (measured(weather(warmth=warmth))["dissolved_oxygen"] for warmth in (-20.0, 0.0))
    assert np.array_equal(frost, thaw)


def test_a_storm_takes_oxygen_for_days():
    less = measured(weather(rain=storm))["dissolved_oxygen"] - measured(weather())["dissolved_oxygen"]
    assert abs(less[:, :192]).max() == 0.0
    worst = less[:, 193:].argmin(axis=1)
    assert (worst > 96).all() and (worst < 288).all()  # a day or two later
    assert less.min() < -0.3


def test_oxygen_has_a_daily_cycle_with_its_maximum_in_the_afternoon():
    found = weather(days=20)
    day = states.by_local_hour(found, measured(found)["dissolved_oxygen"])
    assert 14 <= int(day.argmax()) <= 19
    assert 3 <= int(day.argmin()) <= 8


def test_levels_without_storms_follow_the_rains_of_the_place():
    river = parameters.environment(cities()["bangkok"]).river
    monthly = {city: base_levels(river, parameters.climate(cities()[city]).rain) for city in ("bangkok", "jakarta")}
    assert int(np.argmax(monthly["bangkok"])) in (8, 9)
    assert int(np.argmax(monthly["jakarta"])) in (0, 1, 11)
    assert river.alert_level < river.danger_level


def test_level_and_oxygen_stay_within_the_bounds_of_the_catalogue():
    found = weather(days=60, rain=lambda ticks: np.where(ticks % 300 < 8, 40.0, 0.0))
    truth = measured(found)
    assert truth["water_level"].min() > -2 and truth["water_level"].max() < 10
    assert truth["dissolved_oxygen"].min() >= 0 and truth["dissolved_oxygen"].max() < 20


def test_blocks_do_not_change_the_water():
    found = weather(rain=storm)
    whole, pieces = measured(found), states.Stations(RiverGauges, "bangkok")
    cut = [pieces.truth(part) for part in states.parts(found, 1, 150, 196, 700)]
    for indicator, values in whole.items():
        assert np.array_equal(values, np.concatenate([part[indicator] for part in cut], axis=1)), indicator
