"""Interventions are pure functions of time; a run takes them up where the driver is computed, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.language.indicators import indicators
from simulator.crews import added
from simulator.interventions import DRIVERS, STATIONS, UNDISTURBED, Effect, Influences, Intervention
from simulator.run import Simulation
from simulator.scenario import Policies, Scenario, StationCounts
from simulator.stations import KINDS

DAY = 86_400
START = 1_710_082_800  # 2024-03-10 15:00 UTC
CITIES = ("chiang-mai", "lampang", "rayong")
NORTH = {"chiang-mai", "lampang"}


def made(driver: str, size: float, **changes: object) -> Intervention:
    return replace(Intervention("one", "One", (Effect(driver, size),), START + 3 * DAY), **changes)  # type: ignore[arg-type]


def times(*days: float) -> np.ndarray:
    return START + np.array([round(day * DAY) for day in days], dtype=np.int64)


class Told:
    """What a run of a week says: series of truth, events and statistics, by city."""

    def __init__(self, *interventions: Intervention, step: int | Callable[[int], int] = 8 * DAY, days: int = 8) -> None:
        counts = dict.fromkeys(CITIES, StationCounts(air_quality=1, traffic=1))
        scenario = Scenario(
            "s", "s", "", START, START + days * DAY, 3600, 11, CITIES, counts, interventions=interventions
        )
        simulation = Simulation(scenario)
        parts: dict[tuple[str, str], list[np.ndarray]] = {}
        self.said: dict[tuple[str, str], list[str]] = {}
        while simulation.now < scenario.end:
            length = step(simulation.now - START) if callable(step) else step
            for block in simulation.advance(min(scenario.end, simulation.now + length)):
                for group in block.groups:
                    for name, values in group.truth.items():
                        parts.setdefault((block.city, name), []).append(values)
                for _, event in block.events:
                    self.said.setdefault((block.city, event.type), []).append(str(event))
                for _, told in block.statistics:
                    self.said.setdefault((block.city, told.indicator), []).append(str(told))
        self.series = {key: np.concatenate(found, axis=1) for key, found in parts.items()}

    def changed(self, other: Told) -> dict[str, set[str]]:
        """What another run says otherwise, by city."""
        found: dict[str, set[str]] = {city: set() for city in CITIES}
        for (city, name), values in self.series.items():
            if not np.array_equal(values, other.series[city, name], equal_nan=True):
                found[city].add(name)
        for city, name in self.said.keys() | other.said.keys():
            if self.said.get((city, name)) != other.said.get((city, name)):
                found[city].add(name)
        return found


@pytest.fixture(scope="module")
def plain() -> Told:
    return Told()


def test_a_ramp_rises_in_a_straight_line_and_falls_before_the_end() -> None:
    one = made("traffic", 0.5, start=START, end=START + 10 * DAY, ramp=2 * DAY, strength=0.8)
    assert one.weight(times(-1, 0, 1, 2, 5, 9, 9.5, 10, 11)) == pytest.approx([0, 0, 0.4, 0.8, 0.8, 0.4, 0.2, 0, 0])


@given(
    start=st.integers(0, 20),
    length=st.integers(1, 20),
    ramp=st.integers(0, 15),
    strength=st.floats(0, 3),
    size=st.floats(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_outside_its_window_an_intervention_leaves_exactly_what_is_there(
    start: int, length: int, ramp: int, strength: float, size: float
) -> None:
    one = made("traffic", size, start=START + start * DAY, end=START + (start + length) * DAY, ramp=ramp * DAY)
    influence = Influences([replace(one, strength=strength)]).on("traffic")
    moments = times(*range(-5, 50))
    outside = (moments < one.start) | (moments >= START + (start + length) * DAY)
    assert (influence.at(moments)[outside] == 1.0).all()
    values = np.linspace(-3.0, 3.0, len(moments))
    assert np.array_equal(influence.act(values, moments)[outside], values[outside])
    assert (influence.at(moments) <= influence.most + 1e-9).all()


def test_factors_multiply_and_shifts_add() -> None:
    both = Influences([made("traffic", 0.5), made("traffic", 0.8, start=START + 5 * DAY)])
    assert both.on("traffic").at(times(2, 4, 6)) == pytest.approx([1.0, 0.5, 0.4])
    both = Influences([made("air_temperature", 2.0), made("air_temperature", -0.5, start=START + 5 * DAY)])
    assert both.on("air_temperature").at(times(2, 4, 6)) == pytest.approx([0.0, 2.0, 1.5])


def test_nothing_acts_where_nothing_is_meant() -> None:
    here = made("traffic", 0.5, cities=("rayong",))
    assert not UNDISTURBED.on("traffic")
    assert not Influences([here], ["lampang"]).on("traffic")
    assert not Influences([here], ["rayong"]).on("haze")
    assert Influences([here], ["rayong"]).on("traffic")
    values = np.ones(3)
    assert Influences([here], ["lampang"]).act("traffic", values, times(1, 4, 9)) is values


def test_crews_come_one_by_one_over_the_ramp_and_go_likewise() -> None:
    one = made("requests_crews", 2.0, start=START, end=START + 10 * DAY, ramp=2 * DAY)
    steps = list(Influences([one]).on("requests_crews").steps())
    assert steps == [(1, START + DAY, START + 9 * DAY), (1, START + 2 * DAY, START + 8 * DAY)]
    halved = Influences([replace(one, strength=0.5)]).on("requests_crews")
    assert len(list(halved.steps())) == 1


def test_the_indicators_that_a_driver_enters_are_in_the_catalogue() -> None:
    assert {name for driver in DRIVERS.values() for name in driver.enters} <= set(indicators())
    assert all(driver.low < driver.high for driver in DRIVERS.values())


MOVED = {
    "fires": (0.5, {"pm25", "pm10"}),
    "haze": (2.0, {"pm25", "pm10"}),
    "wet_days": (0.9, {"rain", "pm25", "pm10", "o3", "noise_laeq", "water_level", "dissolved_oxygen"}),
    "air_temperature": (2.0, {"air_temperature", "relative_humidity", "electricity_demand", "dissolved_oxygen"}),
    "wind": (1.5, {"wind_speed", "pm25", "pm10", "no2", "o3"}),
    "traffic": (0.7, {"traffic_flow", "travel_time_index", "no2", "o3", "noise_laeq", "emergency_call.answered"}),
    "traffic_emissions": (0.5, {"no2", "o3"}),
    "road_noise": (-1.0, {"noise_laeq"}),
    "electricity_demand": (0.9, {"electricity_demand"}),
    "requests": (0.5, {"service_request.opened", "service_request.closed", "service_backlog"}),
    "requests_crews": (2.0, {"service_request.closed"}),
    "requests_work": (1.5, {"service_request.closed"}),
    "permits": (2.5, {"permit.submitted", "permit.decided"}),
    "emergencies": (1.5, {"emergency_call.received", "emergency_call.answered"}),
    "registrations": (0.4, {"business.registered"}),
    "visitors": (1.5, {"visitor_arrivals"}),
    "digital_payments": (1.2, {"digital_payments"}),
    "eservice_innovation": (3.0, {"eservice_adoption"}),
}
DOWNSTREAM = {
    "visitor_arrivals", "service_backlog", "service_request.opened", "service_request.closed", "service_request.rated",
    "sla_compliance", "emergency_call.received", "emergency_call.answered", "power_outage.started",
    "power_outage.ended",
}  # fmt: skip


@pytest.mark.parametrize(("driver", "size", "moves"), [(name, *what) for name, what in MOVED.items()])
def test_a_driver_moves_what_follows_from_it_in_its_cities_and_nothing_else(
    plain: Told, driver: str, size: float, moves: set[str]
) -> None:
    found = plain.changed(Told(made(driver, size, cities=("chiang-mai",))))
    assert moves <= found["chiang-mai"]
    assert found["chiang-mai"] - moves <= DOWNSTREAM
    assert found["rayong"] == set()  # bit for bit
    if driver == "fires":  # they are of the basin: the smoke is in Lampang too
        assert {"pm25", "pm10"} <= found["lampang"]
    else:
        assert found["lampang"] == set()


def test_before_it_begins_and_after_it_ends_the_weather_is_the_same_bit_for_bit(plain: Told) -> None:
    hot = Told(made("air_temperature", 3.0, end=START + 5 * DAY))
    before, after = plain.series["rayong", "air_temperature"], hot.series["rayong", "air_temperature"]
    assert np.array_equal(before[:, :72], after[:, :72])
    assert after[:, 72:120] == pytest.approx(before[:, 72:120] + 3.0)
    assert np.array_equal(before[:, 120:], after[:, 120:])


def live_while_it_begins(passed: int) -> int:
    """A tick at a time from the evening before they begin until they act in full."""
    return 60 * 3600 if passed == 0 else 3600 if passed < 4 * DAY + 6 * 3600 else DAY


@pytest.mark.parametrize("step", [live_while_it_begins, 17 * 3600])
def test_live_and_batch_say_the_same_under_interventions(step: int | Callable[[int], int]) -> None:
    live = callable(step)
    acting = [made(name, size, ramp=2 * DAY, end=START + 5 * DAY) for name, (size, _) in MOVED.items() if not live]
    acting = acting or [made("requests", 2.5, ramp=DAY), made("wet_days", 0.9), made("requests_crews", -3.0, ramp=DAY)]
    whole, parts = Told(*acting, days=6), Told(*acting, days=6, step=step)
    assert whole.changed(parts) == {city: set() for city in CITIES}


def test_more_cases_leave_every_case_that_comes_anyway_as_it_is(plain: Told) -> None:
    opened = ("rayong", "service_request.opened")
    some, many = (Told(made("requests", size)) for size in (1.5, 2.2))
    assert set(plain.said[opened]) < set(some.said[opened]) < set(many.said[opened])
    added = len(many.said[opened]) - len(plain.said[opened])
    assert added == pytest.approx(1.2 * 5 / 8 * len(plain.said[opened]), rel=0.3)
    fewer = Told(made("requests", 0.5))
    assert set(fewer.said[opened]) < set(plain.said[opened])


def test_absent_crews_let_requests_pile_up_until_they_are_back(plain: Told) -> None:
    strike = Told(made("requests_crews", -50.0, end=START + 5 * DAY))
    usual, piled = (told.series["rayong", "service_backlog"][0] for told in (plain, strike))
    assert np.array_equal(usual[:72], piled[:72])
    assert piled[119] > usual[119] + 20
    closed = [len(told.said["rayong", "service_request.closed"]) for told in (plain, strike)]
    assert closed[0] > closed[1] > 0


def test_a_longer_run_publishes_statistics_that_interventions_moved() -> None:
    names = ("rayong",)
    counts = dict.fromkeys(names, StationCounts.only(statistics_office=1))
    drivers = {
        "visitors": (1.5, "hotel_occupancy"), "unemployment": (1.5, "unemployment"),
        "internet_access": (2.0, "internet_access"), "electronic_services": (1.0, "eservice_share"),
        "electronic_procurement": (1.0, "eprocurement_share"),
        "gpp_per_capita": (1.1, "gpp_per_capita"), "traffic_emissions": (0.5, "ghg_per_capita"),
    }  # fmt: skip
    start = 1_672_506_000  # 2023-01-01 in Thailand
    scenario = Scenario("s", "s", "", start, start + 800 * DAY, DAY, 5, names, counts)

    def newest(made_of: Scenario) -> dict[str, float]:
        simulation = Simulation(made_of)
        found: dict[str, float] = {}
        for block in simulation.advance(made_of.end):
            for _, told in block.statistics:
                if not told.revision:
                    found[told.indicator] = told.value
        return found

    before = newest(scenario)
    for driver, (size, indicator) in drivers.items():
        one = Intervention("x", "x", (Effect(driver, size),), start)
        after = newest(replace(scenario, interventions=(one,)))
        assert {name for name in before if before[name] != after[name]} - {"visitor_arrivals"} == {indicator}
        assert (after[indicator] > before[indicator]) == (size > 1 or DRIVERS[driver].way == "shift")


def test_rain_and_runoff_are_scaled_where_it_rains() -> None:
    wet = made("wet_days", 0.9, start=START)
    rained = Told(wet, days=6)
    more, held = Told(wet, made("rainfall", 2.0), days=6), Told(wet, made("runoff", 0.5), days=6)
    dry = Told(wet, made("rainfall", 0.0), days=6)
    rain = [told.series["rayong", "rain"][0] for told in (rained, more, dry)]
    assert rain[1][96:].sum() > 1.5 * rain[0][96:].sum() > 0
    assert not rain[2][96:].any()
    levels = [told.series["rayong", "water_level"][0] for told in (rained, held)]
    assert (levels[1] <= levels[0]).all()
    assert (levels[1] < levels[0]).any()
    assert rained.changed(held)["rayong"] == {"water_level", "dissolved_oxygen"}


TWO = StationCounts(**dict.fromkeys(STATIONS, 2), air_quality=1)
AT_STATIONS = {
    "air_temperature": (-2.0, {"air_temperature", "relative_humidity"}),
    "wind": (0.5, {"wind_speed"}),
    "traffic": (0.5, {"traffic_flow", "travel_time_index"}),
    "electricity_demand": (0.5, {"electricity_demand"}),
    "road_noise": (-5.0, {"noise_laeq"}),
    "water_level": (1.0, {"water_level"}),
    "digital_payments": (2.0, {"digital_payments"}),
    "portals": (0.0, {"portal_uptime"}),
}


def rows_of(*interventions: Intervention, days: int = 3) -> tuple[dict[str, np.ndarray], dict[str, set[str]]]:
    """What two stations of each kind in a city say: their true series by indicator, and their events by station."""
    counts = {"rayong": TWO}
    made = Scenario("s", "s", "", START, START + days * DAY, 3600, 11, ("rayong",), counts, interventions=interventions)
    (block,) = Simulation(made).advance(made.end)
    series = {name: values for group in block.groups for name, values in group.truth.items()}
    said: dict[str, set[str]] = {}
    for station, event in block.events:
        said.setdefault(station.id, set()).add(str(event))
    return series, said


@pytest.fixture(scope="module")
def two() -> tuple[dict[str, np.ndarray], dict[str, set[str]]]:
    return rows_of()


def test_the_kinds_that_can_be_targeted_are_those_of_the_drivers_and_have_the_prefixes_of_stations() -> None:
    assert {driver.station for driver in DRIVERS.values()} - {""} == set(STATIONS)
    assert {kind: KINDS[kind.replace("_", "-")].prefix for kind in STATIONS} == STATIONS


@pytest.mark.parametrize(("driver", "size", "moves"), [(name, *what) for name, what in AT_STATIONS.items()])
def test_at_one_station_its_own_value_changes_and_nothing_else_in_the_city(
    two: tuple[dict[str, np.ndarray], dict[str, set[str]]], driver: str, size: float, moves: set[str]
) -> None:
    station = f"{STATIONS[DRIVERS[driver].station]}-02"
    series, said = rows_of(made(driver, size, start=START, stations=(station,)))
    assert {name for name in series if not np.array_equal(series[name], two[0][name])} == moves
    for name in moves:
        assert np.array_equal(series[name][0], two[0][name][0])
        assert not np.array_equal(series[name][1], two[0][name][1])
    assert said == two[1]


def test_all_stations_of_a_kind_change_alike_and_by_as_much_as_a_city_that_is_changed(
    two: tuple[dict[str, np.ndarray], dict[str, set[str]]],
) -> None:
    kind, _ = rows_of(made("air_temperature", -2.0, start=START, stations=("weather",)))
    city, _ = rows_of(made("air_temperature", -2.0, start=START))
    assert kind["air_temperature"] == pytest.approx(two[0]["air_temperature"] - 2.0)
    assert kind["air_temperature"] == pytest.approx(city["air_temperature"])
    assert np.array_equal(kind["electricity_demand"], two[0]["electricity_demand"])  # the load follows the whole city
    assert not np.array_equal(city["electricity_demand"], two[0]["electricity_demand"])


@pytest.mark.parametrize(
    ("driver", "size", "station"),
    [
        ("requests_crews", -50.0, "sd-01"),
        ("requests_work", 2.0, "sd-01"),
        ("requests", 0.5, "sd-02"),
        ("permits", 3.0, "po-02"),
        ("emergencies_crews", -1.0, "dc-01"),
        ("registrations", 0.2, "br-01"),
    ],
)
def test_at_one_desk_its_own_queue_changes_and_no_other(
    two: tuple[dict[str, np.ndarray], dict[str, set[str]]], driver: str, size: float, station: str
) -> None:
    _, said = rows_of(made(driver, size, start=START, stations=(station,)))
    assert {name for name in said if said[name] != two[1][name]} == {station}


def test_live_and_batch_say_the_same_where_stations_are_targeted() -> None:
    acting = [
        made(name, size, stations=(DRIVERS[name].station,), ramp=DAY, end=START + 5 * DAY)
        for name, (size, _) in AT_STATIONS.items()
    ]
    whole, parts = Told(*acting, days=6), Told(*acting, days=6, step=17 * 3600)
    assert whole.changed(parts) == {city: set() for city in CITIES}


def test_a_shift_works_in_its_hours_and_only_while_it_is_there() -> None:
    shift = made("permits_crews", 2.0, start=START - DAY, end=START + 7 * DAY, hours=(17, 20))
    acting = Influences([made("permits_crews", -1.0), shift]).on("permits_crews")
    assert {step for step, _, _ in acting.steps()} == {-1}
    first, second = added(acting.shifts(), ZoneInfo("Asia/Bangkok"))
    for duty in (first, second):
        assert duty is not None
        assert duty(START - 5 * 3600) == 0  # 17 h in Thailand
        assert duty(START - 2 * 3600) == 21 * 3600  # 20 h: until the next day at 17 h
        assert duty(START + 7 * DAY) > 1_000 * DAY


def test_a_shift_decides_what_the_usual_hours_leave_waiting() -> None:
    away = made("permits_crews", -50.0, start=START - DAY)
    late = made("permits_crews", 2.0, start=START - DAY, hours=(17, 20))
    usual, evening, nobody = (Told(*acting, days=12) for acting in ((), (away, late), (away,)))
    decided = ("rayong", "permit.decided")
    assert decided not in nobody.said
    assert 0 < len(evening.said[decided]) < len(usual.said[decided])


def test_ambassadors_of_a_policy_are_short_for_an_intervention_bit_for_bit() -> None:
    counts = {"rayong": StationCounts.only(statistics_office=1)}
    base = Scenario("s", "s", "", START, START + 200 * DAY, DAY, 5, ("rayong",), counts)
    effect = Effect("eservice_innovation", 1.0 + 0.5 * 4_000 / 10_000.0)
    policy = replace(base, policies=Policies(ambassadors=4_000))
    written = replace(base, interventions=(Intervention("a", "A", (effect,), START),))

    def told(scenario: Scenario) -> list[str]:
        return [str(one) for block in Simulation(scenario).advance(scenario.end) for _, one in block.statistics]

    assert told(policy) == told(written) != told(base)


def test_what_came_later_does_not_change_the_digest_of_what_has_none() -> None:
    one = made("traffic", 0.5)
    assert not {"stations", "hours"} & one.described().keys()
    assert {"stations", "hours"} <= replace(one, stations=("tr-01",), hours=(8, 16)).described().keys()
