from itertools import islice

import numpy as np
import pytest

from simulator import parameters
from simulator.cities import cities
from simulator.scenario import StationCounts
from simulator.stations import KINDS, Instruments, bias, gaps, origins_of, stations_of
from simulator.streams import QuantileNoise, Streams, once

NAMES = tuple(f"rayong/aq-{number:02d}" for number in range(1, 41))


def test_a_city_has_the_stations_it_was_given_with_unique_ids():
    found = stations_of(cities()["rayong"], StationCounts(air_quality=3, weather=2), 900, Streams(1))
    ids = [station.id for station in found]
    assert ids == ["aq-01", "aq-02", "aq-03", "wx-01", "wx-02", "tr-01", "tr-02", "fd-01", "sd-01", "so-01"]
    assert all(station.indicators == KINDS[station.kind].indicators for station in found)
    assert all(abs(station.latitude - 12.68) < 0.2 for station in found)


def test_every_indicator_says_where_its_parameters_come_from():
    for city in cities().values():
        origins = origins_of(city)
        assert set(origins.values()) <= {"measured", "derived", "assumed"}
        assert set().union(*(kind.indicators for kind in KINDS.values())) == set(origins)
    assert origins_of(cities()["chiang-mai"])["pm25"] == "measured"
    assert origins_of(cities()["luang-prabang"])["pm25"] == "derived"
    assert origins_of(cities()["chiang-mai"])["eservice_adoption"] == "assumed"


def observe(indicator, truth, names=NAMES):
    """What the instruments of stations read, each with the luck and the noise of its own name."""
    luck = once(Streams(1), names, bias((indicator,)))
    noise = QuantileNoise(Streams(1), names, "noise", 1).render(truth.shape[1])
    instruments = Instruments({indicator: parameters.instruments()[indicator]}, luck)
    return instruments.observe({indicator: truth}, {indicator: noise[0]})[indicator]


@pytest.mark.parametrize("indicator", sorted(parameters.instruments()))
def test_observations_are_rounded_to_the_resolution_and_stay_within_limits(indicator):
    instrument = parameters.instruments()[indicator]
    truth = np.full((40, 200), 83.2)
    seen = observe(indicator, truth)
    steps = seen * instrument.steps
    assert np.array_equal(np.rint(steps) / instrument.steps, seen)
    assert all(len(repr(float(value)).partition(".")[2]) <= 3 for value in seen[0])
    assert seen.mean() == pytest.approx(83.2 * instrument.gain, rel=0.03)
    assert seen.std() > 0
    low = observe(indicator, np.zeros((40, 200)))
    if instrument.least is not None:
        assert low.min() >= instrument.least
    assert not np.signbit(low[low == 0]).any()


def test_a_station_keeps_its_bias():
    made = parameters.instruments()["pm25"]
    seen = observe("pm25", np.full((40, 5000), 50.0))
    spread = (seen.mean(axis=1) - 50.0).std()
    assert spread == pytest.approx(np.hypot(made.gain_sd * 50, made.offset_sd), rel=0.35)
    again = observe("pm25", np.full((3, 5000), 50.0), NAMES[:3])
    assert np.array_equal(again, seen[:3])


@pytest.mark.parametrize("indicator", ["pm25", "air_temperature"])
def test_the_spread_of_observations_is_that_of_the_instrument(indicator):
    made = parameters.instruments()[indicator]
    seen = observe(indicator, np.full((40, 5000), 50.0))
    rounding = 1 / made.steps**2 / 12
    expected = np.sqrt((made.relative * 50) ** 2 + made.absolute**2 + rounding)
    assert seen.std(axis=1).mean() == pytest.approx(expected, rel=0.01)


def test_gaps_are_heavy_tailed_and_availability_is_that_of_the_pollution_control_department():
    reliability = parameters.processes().stations
    silent, shares = [], []
    for number in range(300):
        spans = list(islice(gaps(Streams(1), f"city/aq-{number}", reliability), 400))
        lengths = np.array(spans, dtype=float)
        silent += lengths[:, 1].tolist()
        shares.append(1 - lengths[:, 1].sum() / lengths.sum())
    hours = np.array(silent) / 3600
    assert np.median(hours) == pytest.approx(6, rel=0.05)
    assert np.percentile(hours, 90) == pytest.approx(56, rel=0.08)
    assert hours.max() <= 169
    assert np.mean(shares) == pytest.approx(0.956, abs=0.015)
    assert np.median(shares) == pytest.approx(0.991, abs=0.004)
