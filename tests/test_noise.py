import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import environment
from simulator.flows.noise import NoiseMeters
from tests import states
from tests.reference import models


def array(*values):
    return np.array(values, dtype=np.float64)


def levels(found, seed=1, number=4):
    return states.Stations(NoiseMeters, "bangkok", number, seed).truth(found)["noise_laeq"]


@pytest.mark.parametrize(("flow", "speed", "heavy", "level"), models.ROAD_NOISE)
def test_road_noise_agrees_with_the_formula_worked_by_hand(flow, speed, heavy, level):
    assert environment.road_noise(array(flow), speed, heavy) == pytest.approx([level], abs=1e-3)


@pytest.mark.parametrize(("road", "background", "level"), models.NOISE_LAEQ)
def test_levels_add_by_energy(road, background, level):
    assert environment.noise_laeq(array(road), array(background), array(0.0)) == pytest.approx([level], abs=1e-3)


@given(st.floats(0, 100), st.floats(30, 60), st.floats(-6, 6))
def test_noise_is_never_below_the_louder_of_road_and_background(road, background, deviation):
    level = environment.noise_laeq(array(road), array(background), array(deviation))[0]
    louder = max(road + deviation, background)
    assert louder - 1e-9 <= level <= louder + 3.0104


def test_half_as_much_traffic_again_adds_what_its_logarithm_says():
    times = states.ticks(1)
    usual, busy = (states.state("bangkok", times, np.full(len(times), factor)) for factor in (1.0, 1.5))
    more = levels(busy) - levels(usual)
    assert more.min() > 0
    assert more[:, usual.local.hour == 11] == pytest.approx(10.0 * np.log10(1.5), abs=0.2)


def test_nights_are_quieter_and_as_loud_as_a_street_by_day():
    found = states.state("bangkok", states.ticks(14))
    level, hour = levels(found, number=30), found.local.hour
    day, night = level[:, (hour >= 8) & (hour < 18)].mean(), level[:, (hour >= 1) & (hour < 4)].mean()
    assert 62 < day < 75
    assert 6 < day - night < 15
    assert level.min() > 30 and level.max() < 110


def test_a_meter_varies_by_one_to_three_decibels_at_the_same_hour():
    found = states.state("bangkok", states.ticks(14))
    noon = levels(found)[:, (found.local.hour == 12) & found.local.spread(found.local.weekday < 5)]
    assert 0.8 < noon.std(axis=1).mean() < 3.0


def test_a_wet_road_is_a_little_louder():
    times = states.ticks(1)
    dry, wet = (levels(states.state("bangkok", times, rain=np.full(len(times), rain))) for rain in (0.0, 8.0))
    assert (wet - dry).min() > 0.0
    assert (wet - dry).max() < 2.01


def test_blocks_do_not_change_the_noise():
    found = states.state("bangkok", states.ticks(3))
    pieces = states.Stations(NoiseMeters, "bangkok")
    cut = [pieces.truth(part)["noise_laeq"] for part in states.parts(found, 1, 50, 200)]
    assert np.array_equal(levels(found), np.concatenate(cut, axis=1))
