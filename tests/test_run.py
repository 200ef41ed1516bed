from dataclasses import asdict, replace
from datetime import UTC, datetime

import numpy as np
import pytest

from simulator.run import Simulation
from simulator.scenario import Assumptions, Policies, Scenario, StationCounts

DAY = 86_400
START = int(datetime(2024, 3, 10, 15, tzinfo=UTC).timestamp())
COUNTS = StationCounts(air_quality=3, weather=2, traffic=2, feeder=1, service_desk=2, air_quality_node=1)
MORE = StationCounts(**{kind: count + 1 for kind, count in asdict(COUNTS).items()})


def scenario(*names, days=9, counts=COUNTS, start=START, **changes):
    made = Scenario("s", "s", "", start, start + days * DAY, 900, 11, names, dict.fromkeys(names, counts))
    return replace(made, **changes)


class Collected:
    def __init__(self, made, step=None, replication=0):
        simulation = Simulation(made, replication)
        parts, self.events, self.statistics = {}, [], []
        while simulation.now < made.end:
            length = step(simulation.now - made.start) if callable(step) else step or made.end - made.start
            for block in simulation.advance(min(made.end, simulation.now + length)):
                for group in block.groups:
                    for column, values in (("truth", group.truth), ("observed", group.observed)):
                        for indicator, found in values.items():
                            for row, station in enumerate(group.stations):
                                parts.setdefault((block.city, station.id, indicator, column), []).append(found[row])
                self.events += [(block.city, station.id, event) for station, event in block.events]
                self.statistics += [(block.city, station.id, told) for station, told in block.statistics]
        self.series = {key: np.concatenate(found) for key, found in parts.items()}

    def of(self, kind):
        return {(city, station, e.id): e for city, station, e in self.events if e.type == f"service_request.{kind}"}

    def shares(self, other):
        common = self.series.keys() & other.series.keys()
        return bool(common) and all(
            np.array_equal(self.series[key], other.series[key], equal_nan=True) for key in common
        )


def by_city(told):
    return sorted(told, key=lambda entry: entry[0])  # stable: the order within a city is kept


@pytest.fixture(scope="module")
def whole():
    return Collected(scenario("chiang-mai", "yangon", "jakarta"))


def live_at_both_ends(passed):
    """A tick at a time on the first day, and on the last, when statistics are revised; a week at once between."""
    return 7 * DAY if passed == DAY else 900


@pytest.mark.parametrize("step", [live_at_both_ends, 37 * 900, DAY, 5 * DAY + 900])
def test_live_and_batch_say_exactly_the_same(whole, step):
    parts = Collected(scenario("chiang-mai", "yangon", "jakarta"), step)
    assert parts.series.keys() == whole.series.keys()
    assert parts.shares(whole)
    assert by_city(parts.events) == by_city(whole.events)
    assert by_city(parts.statistics) == by_city(whole.statistics)
    assert len(whole.events) > 500
    assert len(whole.statistics) > 40


def test_adding_a_city_changes_nothing_in_the_others(whole):
    more = Collected(scenario("bangkok", "chiang-mai", "lampang", "yangon", "jakarta"))
    assert more.shares(whole)
    assert [e for e in more.events if e[0] == "jakarta"] == [e for e in whole.events if e[0] == "jakarta"]
    assert [s for s in more.statistics if s[0] == "yangon"] == [s for s in whole.statistics if s[0] == "yangon"]


def test_adding_stations_changes_nothing_in_the_others(whole):
    more = Collected(scenario("chiang-mai", "yangon", "jakarta", counts=MORE))
    assert more.shares(whole)
    assert len(more.series) > len(whole.series)
    assert set(map(str, whole.events)) <= set(map(str, more.events))


def test_extra_crews_change_waits_but_neither_requests_nor_their_work_nor_the_weather(whole):
    helped = Collected(scenario("chiang-mai", "yangon", "jakarta", policies=Policies(crews=4)))
    assert helped.of("opened") == whole.of("opened")
    before, after = whole.of("closed"), helped.of("closed")
    waits = [after[key].fields["resolution_time"] - before[key].fields["resolution_time"] for key in before]
    assert max(waits) <= 0
    assert min(waits) < -1
    for key, values in whole.series.items():
        if key[2] != "service_backlog":
            assert np.array_equal(values, helped.series[key], equal_nan=True)


def test_more_burning_raises_pm25_in_the_north_and_changes_nothing_else(whole):
    severe = Collected(scenario("chiang-mai", "yangon", "jakarta", assumptions=Assumptions(burning_severity=2.0)))
    for key, values in whole.series.items():
        city, _, indicator, column = key
        burning = city == "chiang-mai" and indicator in ("pm25", "pm10")
        if burning and column == "truth":
            assert (severe.series[key] > values).all()
        elif not burning:
            assert np.array_equal(values, severe.series[key], equal_nan=True)


def test_more_rain_keeps_the_luck_of_the_instruments(whole):
    wetter = Collected(scenario("chiang-mai", "yangon", "jakarta", assumptions=Assumptions(rainfall=1.5)))
    for key, values in whole.series.items():
        if key[2] in ("air_temperature", "wind_speed", "traffic_flow", "electricity_demand"):
            assert np.array_equal(values, wetter.series[key], equal_nan=True)
        if key[2:] == ("rain", "truth"):
            assert (wetter.series[key] >= values - 1e-9).all()


def test_a_replication_has_other_luck(whole):
    other = Collected(scenario("chiang-mai", "yangon", "jakarta"), replication=1)
    for key, values in whole.series.items():
        if key[2] == "pm25":
            assert not np.array_equal(values, other.series[key], equal_nan=True)


def test_backlog_is_what_was_opened_and_not_closed(whole):
    for city in ("chiang-mai", "yangon", "jakarta"):
        for desk in ("sd-01", "sd-02"):
            kinds = [e.type for c, s, e in whole.events if (c, s) == (city, desk)]
            still = kinds.count("service_request.opened") - kinds.count("service_request.closed")
            last = whole.series[city, desk, "service_backlog", "observed"][-1]
            assert abs(last - still) <= 3  # what happened between the last tick and the end
            assert last >= 0


def test_events_come_in_the_order_of_time_within_the_run(whole):
    for city in ("chiang-mai", "yangon", "jakarta"):
        times = [event.time for name, _, event in whole.events if name == city]
        assert times == sorted(times)
        assert times[0] >= np.datetime64(START, "s")
        assert times[-1] < np.datetime64(START + 9 * DAY, "s")


def test_statistics_appear_the_next_local_morning_and_are_revised_a_week_later(whole):
    told = [s for city, _, s in whole.statistics if city == "yangon" and s.indicator == "visitor_arrivals"]
    first = {s.period: s for s in told if s.revision == 0}
    revised = {s.period: s for s in told if s.revision == 1}
    assert min(first) == "2024-03-11"
    assert first["2024-03-11"].published == np.datetime64("2024-03-11T23:30:00", "s")  # 06:00 in Yangon
    assert revised["2024-03-11"].published == np.datetime64("2024-03-18T23:30:00", "s")


def test_values_are_plausible_and_physical(whole):
    bounds = {
        "pm25": (0, 500), "pm10": (0, 900), "no2": (0, 500), "o3": (0, 200), "noise_laeq": (30, 100),
        "air_temperature": (8, 46), "relative_humidity": (5, 100), "rain": (0, 200), "wind_speed": (0, 15),
        "water_level": (-2, 10), "dissolved_oxygen": (0, 15), "traffic_flow": (0, 12_000),
        "travel_time_index": (1, 4), "electricity_demand": (1, 80), "digital_payments": (0, 100_000),
        "service_backlog": (0, 500), "portal_uptime": (0, 100),
    }  # fmt: skip
    for (city, station, indicator, column), values in whole.series.items():
        low, high = bounds[indicator]
        assert np.nanmax(values) <= high, (city, station, indicator)
        if column == "truth":
            assert values.min() >= low, (city, station, indicator)
        if indicator == "pm10" and column == "truth":
            assert (values >= whole.series[city, station, "pm25", "truth"]).all()


def test_a_silent_station_is_missing_in_all_its_columns_and_true_values_are_kept():
    made = scenario("rayong", days=60, counts=StationCounts.only(air_quality=20))
    found = Collected(made).series
    silent = 0
    for number in range(1, 21):
        fine, coarse = (np.isnan(found["rayong", f"aq-{number:02d}", name, "observed"]) for name in ("pm25", "pm10"))
        assert np.array_equal(fine, coarse)
        assert not np.isnan(found["rayong", f"aq-{number:02d}", "pm25", "truth"]).any()
        silent += fine.sum()
    assert 0 < silent < 0.2 * 20 * 60 * 96


def yearly_profile(city, indicator, counts, start):
    made = scenario(city, days=365, counts=counts, start=start)
    found = Collected(made).series
    name = next(key for key in found if key[2:] == (indicator, "truth"))
    return found[name].reshape(365, 96)


def test_the_day_follows_local_time_in_a_half_hour_zone():
    midnight = int(datetime(2024, 1, 1, 17, 30, tzinfo=UTC).timestamp())  # 00:00 in Yangon
    warm = yearly_profile("yangon", "air_temperature", StationCounts.only(weather=1), midnight).mean(axis=0)
    assert 13.0 <= warm.argmax() / 4 <= 15.5
    assert 5.0 <= warm.argmin() / 4 <= 7.0


def test_seasons_are_reversed_south_of_the_equator():
    start = int(datetime(2024, 1, 1, 16, tzinfo=UTC).timestamp())
    counts = StationCounts.only(weather=1)
    south = yearly_profile("makassar", "rain", counts, start).mean(axis=1)
    north = yearly_profile("bangkok", "rain", counts, start).mean(axis=1)
    assert south[:90].mean() > 2 * south[180:270].mean()
    assert north[180:270].mean() > 2 * north[:90].mean()


def test_an_advance_that_is_not_whole_ticks_is_refused():
    simulation = Simulation(scenario("rayong"))
    with pytest.raises(ValueError, match="whole ticks of 900 s"):
        simulation.advance(START + 901)
    with pytest.raises(ValueError, match="whole ticks"):
        simulation.advance(START)
