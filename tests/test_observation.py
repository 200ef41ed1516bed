from dataclasses import fields
from itertools import islice
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import models

from collector.language.errors import InputError
from simulator import parameters
from simulator.drivers import calendar
from simulator.flows.activity import State
from simulator.flows.air import Air
from simulator.flows.groups import MODELS
from simulator.observation import Drift, Observation, Reader, bias, calibrations, dead, gaps, growth, phases, zeros
from simulator.run import Simulation
from simulator.scenario import Scenario, StationCounts
from simulator.stations import KINDS
from simulator.streams import QuantileNoise, Streams, once

START, HOUR, DAY = 1_772_323_200, 3600, 86_400  # 2026-03-01
NAMES = tuple(f"rayong/xx-{number:02d}" for number in range(1, 41))
MEASURED = sorted((kind, indicator) for kind in MODELS for indicator in KINDS[kind].indicators)


def ticks(days, cadence=HOUR, start=START):
    return np.arange(start, start + round(days * DAY), cadence, dtype=np.int64)


def state(times, humidity=75.0):
    """The state of a city in which nothing but the humidity matters (temperature 20 °C)."""
    pressure = np.log(humidity / 100) + 17.625 * 20 / (243.04 + 20)
    air = {entry.name: np.zeros(len(times)) for entry in fields(Air)}
    air["calendar"] = calendar(times, ZoneInfo("Asia/Bangkok"))
    air["temperature"] += 20.0
    air["dew_point"] += 243.04 * pressure / (17.625 - pressure)
    return State(times=times, air=Air(**air), traffic=np.ones(len(times)))


class Watched:
    """Stations of one kind that watch something constant."""

    def __init__(self, kind, names=NAMES, truth=50.0):
        self.indicators, self.truth = KINDS[kind].indicators, truth
        self.noise = QuantileNoise(Streams(1), names, "noise", len(self.indicators))
        luck = once(Streams(1), names, bias(self.indicators))
        self.names, self.observation = names, Observation(kind, self.indicators, names, Streams(1), luck)

    def see(self, times, humidity=75.0):
        noise = dict(zip(self.indicators, self.noise.render(len(times)), strict=True))
        truth = {name: np.full((len(self.names), len(times)), self.truth) for name in self.indicators}
        seen = self.observation.observe(truth, noise, state(times, humidity))
        assert all((values == self.truth).all() for values in truth.values())
        return seen


def read(kind, indicator, truth, names=NAMES, **around):
    """What the instruments of stations read, each with the luck and the noise of its own name."""
    luck = once(Streams(1), names, bias((indicator,)))
    noise = QuantileNoise(Streams(1), names, "noise", 1).render(truth.shape[1])
    made = parameters.instruments(kind)[indicator]
    gain = made.gain + made.gain_sd * luck[f"{indicator}/gain"]
    return Reader(made, gain, made.offset_sd * luck[f"{indicator}/offset"]).read(truth, noise[0], **around)


def usual(indicator):
    """A level within the limits of the instrument."""
    return 1.5 if indicator == "travel_time_index" else 83.2


@pytest.mark.parametrize(("kind", "indicator"), MEASURED)
def test_observations_are_rounded_to_the_resolution_and_stay_within_limits(kind, indicator):
    instrument = parameters.instruments(kind)[indicator]
    level = usual(indicator)
    seen = read(kind, indicator, np.full((40, 200), level))
    steps = seen * instrument.steps
    assert np.array_equal(np.rint(steps) / instrument.steps, seen)
    assert all(len(repr(float(value)).partition(".")[2]) <= 3 for value in seen[0])
    assert seen.mean() == pytest.approx(level * instrument.gain, rel=0.03)
    assert (np.ptp(seen) > 0) == bool(instrument.relative or instrument.absolute)
    low = read(kind, indicator, np.zeros((40, 200)))
    if instrument.least is not None:
        assert low.min() >= instrument.least
    if instrument.most is not None:
        assert read(kind, indicator, np.full((40, 200), 2 * instrument.most)).max() <= instrument.most
    assert not np.signbit(low[low == 0]).any()


def test_a_station_keeps_its_bias():
    made = parameters.instruments("air-quality")["pm25"]
    seen = read("air-quality", "pm25", np.full((40, 5000), 50.0))
    spread = (seen.mean(axis=1) - 50.0).std()
    assert spread == pytest.approx(np.hypot(made.gain_sd * 50, made.offset_sd), rel=0.35)
    again = read("air-quality", "pm25", np.full((3, 5000), 50.0), NAMES[:3])
    assert np.array_equal(again, seen[:3])


@pytest.mark.parametrize(("kind", "indicator"), [("air-quality", "pm25"), ("weather", "air_temperature")])
def test_the_spread_of_observations_is_that_of_the_instrument(kind, indicator):
    made = parameters.instruments(kind)[indicator]
    seen = read(kind, indicator, np.full((40, 5000), 50.0))
    rounding = 1 / made.steps**2 / 12
    expected = np.sqrt((made.relative * 50) ** 2 + made.absolute**2 + rounding)
    assert seen.std(axis=1).mean() == pytest.approx(expected, rel=0.01)


def test_the_gains_of_low_cost_sensors_spread_by_a_tenth():
    names = tuple(f"city/an-{number}" for number in range(1000))
    seen = read("air-quality-node", "pm25", np.full((1000, 400), 200.0), names).mean(axis=1) / 200.0
    assert seen.mean() == pytest.approx(1.0, abs=0.01)
    assert seen.std() == pytest.approx(0.1, rel=0.08)


def test_low_cost_sensors_are_whole_numbers_and_never_negative():
    seen = read("air-quality-node", "pm25", np.full((40, 2000), 1.0))
    assert set(np.unique(seen)) <= {0.0, 1.0, 2.0}
    assert seen.min() >= 0.0


def test_particles_grow_in_humid_air_by_kappa_koehler_theory():
    for humidity, kappa, expected in models.GROWTH:
        assert growth(np.array([humidity]), kappa)[0] == pytest.approx(expected, rel=1e-5)
    dry = growth(np.array([5.0, 40.0, 70.0]), 0.22)
    assert dry == pytest.approx(1.0)
    assert np.diff(growth(np.linspace(70, 95, 50), 0.22)).min() > 0
    assert growth(np.array([100.0]), 0.22) == growth(np.array([95.0]), 0.22)


def test_nodes_read_more_than_the_masts_the_more_humid_the_air_is():
    counts = StationCounts.only(air_quality=6, air_quality_node=12, weather=4)
    start = START + 122 * DAY  # July: no haze, humid nights
    made = Scenario("s", "s", "", start, start + 60 * DAY, HOUR, 1, ("chiang-mai",), {"chiang-mai": counts})
    groups = {group.stations[0].kind: group for group in Simulation(made).advance(made.end)[0].groups}
    masts, nodes = (np.nanmean(groups[kind].observed["pm25"], axis=0) for kind in ("air-quality", "air-quality-node"))
    humidity = groups["weather"].truth["relative_humidity"].mean(axis=0)
    ratio = nodes / masts
    dry, medium, humid = (ratio[(humidity >= low) & (humidity < low + 10)].mean() for low in (60.0, 75.0, 88.0))
    assert dry < medium < humid
    assert humid > 1.4 * dry
    slope = np.linalg.lstsq(np.stack([masts, humidity, np.ones_like(masts)], axis=1), nodes, rcond=None)[0][1]
    assert slope > 0.05
    truths = [np.log(groups[kind].truth["pm25"]).mean(axis=0) for kind in ("air-quality", "air-quality-node")]
    assert np.corrcoef(*truths)[0, 1] > 0.95


def test_drift_is_a_random_walk():
    names = tuple(f"city/an-{number}" for number in range(1500))
    walk = Drift(Streams(1), names).follow(calendar(ticks(125, DAY, START - 7 * HOUR), ZoneInfo("Asia/Bangkok")))
    assert not walk[:, 0].any()
    month = 365.25 / 12
    for days in (7, 30, 60, 120):
        assert walk[:, days].std() == pytest.approx(np.sqrt(days / month), rel=0.06)
    steps = np.diff(walk, axis=1)
    assert abs(np.corrcoef(steps[:, 10], steps[:, 11])[0, 1]) < 0.1


def test_drift_is_linear_between_midnights():
    walk = Drift(Streams(1), NAMES).follow(calendar(ticks(2, HOUR, START - 7 * HOUR), ZoneInfo("Asia/Bangkok")))
    assert np.abs(np.diff(walk[:, :25], n=2, axis=1)).max() < 1e-12
    assert np.abs(np.diff(walk, n=2, axis=1)[:, 23]).min() > 0


def test_a_node_drifts_and_a_reference_analyser_does_not():
    names, times = tuple(f"city/an-{number}" for number in range(300)), ticks(365, 6 * HOUR)
    for kind, drifts in (("air-quality-node", True), ("air-quality", False)):
        seen = np.log(Watched(kind, names, truth=500.0).see(times)["pm25"])
        moved = seen[:, -120:].mean(axis=1) - seen[:, :120].mean(axis=1)
        assert (moved.std() > 0.04) == drifts


def test_a_counter_misses_more_in_dense_traffic():
    made = parameters.instruments("traffic")["traffic_flow"]
    seen = [
        read("traffic", "traffic_flow", np.full((40, 4000), flow)).mean() / flow for flow in (200.0, 1500.0, 3000.0)
    ]
    assert 0.99 > seen[0] > seen[1] > seen[2] > 0.93
    for flow, dead_time, expected in models.COUNTED:
        reader = Reader(made.model_copy(update={"dead_time": dead_time, "steps": 1}), np.ones((1, 1)), np.zeros((1, 1)))
        assert reader.sensitivity(np.array([[flow]]), None, None)[0, 0] == pytest.approx(expected, rel=1e-6)


def test_gas_analysers_lose_one_hourly_sample_every_23_hours_and_nothing_else_does():
    seen = Watched("air-quality").see(ticks(60))
    for gas in ("no2", "o3"):
        for values in seen[gas]:
            lost = np.flatnonzero(np.isnan(values))
            assert len(lost) in (62, 63)
            assert set(np.diff(lost)) == {23}
    assert not np.isnan([seen["pm25"], seen["pm10"]]).any()
    assert not (np.isnan(seen["no2"]) & np.isnan(seen["o3"])).any()
    first = np.isnan(seen["o3"]).argmax(axis=1)
    assert len(set(first.tolist())) > 10
    for kind in set(MODELS) - {"air-quality"}:
        assert not np.isnan(list(Watched(kind, NAMES[:4], truth=1.5).see(ticks(30)).values())).any()


@pytest.mark.parametrize(("cadence", "samples"), [(300, {12}), (900, {4}), (HOUR, {1}), (3 * HOUR, {0, 1})])
def test_a_calibration_takes_an_hour_and_of_a_coarser_cadence_at_most_a_sample(cadence, samples):
    times, luck = ticks(90, cadence), phases(Streams(1), NAMES)
    station, begin, end = calibrations(times, luck, 0)
    whole = (begin >= times[0]) & (end <= times[-1])
    counts = np.searchsorted(times, end) - np.searchsorted(times, begin)
    assert set(counts[whole].tolist()) == samples
    assert set(np.diff(begin[station == 0]).tolist()) == {23 * HOUR}


def test_broken_sensors_of_the_weather_say_zero():
    names, truth = tuple(f"city/wx-{number}" for number in range(400)), 20.0
    seen = Watched("weather", names, truth).see(ticks(120))
    assert not np.isnan(list(seen.values())).any()
    assert (seen["rain"] > 0).all()
    zero = {name: seen[name] == 0 for name in ("air_temperature", "relative_humidity", "wind_speed")}
    always = {name: values.mean(axis=1) > 0.5 for name, values in zero.items()}
    assert np.mean(list(always.values())) == pytest.approx(parameters.lapses().dead.share, abs=0.012)
    alive = ~np.any(list(always.values()), axis=0)
    together = np.all(list(zero.values()), axis=0)[alive]
    begins = (np.diff(together.astype(int), axis=1, prepend=0) == 1).sum()
    assert begins / together.size == pytest.approx(10 / 19_344, rel=0.25)
    assert together.sum() / begins < 4


def test_nothing_else_says_zero():
    for kind in set(MODELS) - {"weather"}:
        seen = Watched(kind, NAMES[:10], truth=40.0).see(ticks(100))
        assert min(np.nanmin(values) for values in seen.values()) > 0


def test_dead_sensors_are_the_share_they_should_be_at_any_time():
    made = parameters.lapses().dead.model_copy(update={"share": 0.2})
    moments = DAY * np.array([1, 400, 3000])
    state_at = np.zeros(3)
    for number in range(2000):
        ends = np.cumsum(list(islice(dead(Streams(1), f"city/wx-{number}", "wind_speed", made), 30)))
        state_at += np.searchsorted(ends, moments, side="right") % 2
    assert state_at / 2000 == pytest.approx([0.2] * 3, abs=0.03)
    never = parameters.lapses().dead.model_copy(update={"share": 0.0})
    assert next(dead(Streams(1), "city/wx-1", "wind_speed", never))[0] > 100 * 365 * DAY


def test_spells_of_zeros_are_short_with_a_heavy_tail():
    made = parameters.lapses().zeros
    hours = np.array(list(islice(zeros(Streams(1), "city/wx-01", made), 5000)))[:, 1] / HOUR
    assert np.median(hours) == pytest.approx(0.8, rel=0.06)
    assert np.percentile(hours, 99) == pytest.approx(0.8 * np.exp(2.326 * made.sd), rel=0.2)
    assert hours.max() <= made.most


@pytest.mark.parametrize("kind", ["air-quality", "air-quality-node", "weather", "traffic"])
@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(1, 399), max_size=5, unique=True))
def test_any_division_into_blocks_gives_the_same_observations(kind, cuts):
    times = ticks(400 / 24)
    whole = Watched(kind, NAMES[:6]).see(times)
    parts, watched = [], Watched(kind, NAMES[:6])
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), 400], strict=True):
        parts.append(watched.see(times[begin:end]))
    for name, values in whole.items():
        assert np.array_equal(np.concatenate([part[name] for part in parts], axis=1), values, equal_nan=True)


def test_another_station_changes_nothing():
    for kind in ("air-quality", "air-quality-node", "weather"):
        fewer, more = (Watched(kind, NAMES[:count]).see(ticks(40)) for count in (3, 5))
        assert all(np.array_equal(values, more[name][:3], equal_nan=True) for name, values in fewer.items())


def test_a_kind_without_a_class_of_instruments_is_named():
    with pytest.raises(InputError, match=r"expected one of the classes counter, .* in kinds\.balloon"):
        parameters.instruments("balloon")


def test_every_station_that_reads_has_an_instrument_for_each_of_its_indicators():
    for kind, indicator in MEASURED:
        made = parameters.instruments(kind)[indicator]
        assert not (made.relative and made.absolute)


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
