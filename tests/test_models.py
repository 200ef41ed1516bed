"""The catalogue walked both ways: every indicator has a function, a reference and a station that tells of it."""

import inspect
import re
from collections import Counter
from datetime import UTC, datetime
from math import factorial
from types import SimpleNamespace

import numpy as np
import pytest

from collector.language.indicators import indicators
from simulator import economy, environment, governance
from simulator.run import Simulation
from simulator.scenario import KINDS as STATION_KINDS
from simulator.scenario import Scenario, StationCounts
from simulator.stations import KINDS
from simulator.streams import Memory, Streams
from tests.reference import models

MODULES = {"environment": environment, "economy": economy, "governance": governance}
DAY = 86_400
START = int(datetime(2023, 12, 5, 12, tzinfo=UTC).timestamp())
CITIES = ("chiang-mai", "yangon")
QUEUES = {
    "request": ("service_request.opened", "service_request.closed"),
    "permit": ("permit.submitted", "permit.decided"),
    "call": ("emergency_call.received", "emergency_call.answered"),
    "outage": ("power_outage.started", "power_outage.ended"),
}
ALSO_TOLD = {"category", "registration", "dataset", "minutes", *QUEUES}
"""Fields of events that are no indicators: names of cases, their category, how long an outage took."""
UNITS = {
    "ghg_per_capita": "t CO2e per person and year",
    "traffic_flow": "1/h",
    "power_outages": "minutes",
    "visitor_arrivals": "visitors who arrive on days",
    "business_registrations": "1/h",
    "digital_payments": "digital payments counted in intervals",
    "gpp_per_capita": "per person in the currency",
    "resolution_time": "hours",
    "permit_wait": "office hours",
    "emergency_response": "minutes",
}
"""Units as a docstring says them, where the function gives another form of the indicator or its word is longer."""


def public(module):
    """The functions that a module defines and does not hide."""
    found = inspect.getmembers(module, inspect.isfunction)
    return {name: made for name, made in found if made.__module__ == module.__name__ and not name.startswith("_")}


def argument(given):
    return np.array(given) if isinstance(given, list) else given


# ---- functions and references ----------------------------------------------------------------------------


@pytest.mark.parametrize("indicator", indicators())
def test_every_indicator_has_one_function_of_its_name_in_the_module_of_its_pillar(indicator):
    homes = [pillar for pillar, module in MODULES.items() if indicator in public(module)]
    assert homes == [indicators()[indicator].pillar]


@pytest.mark.parametrize("indicator", indicators())
def test_the_docstring_of_an_indicator_gives_its_unit_its_equation_and_its_source(indicator):
    told = " ".join(inspect.getdoc(getattr(MODULES[indicators()[indicator].pillar], indicator)).split())
    assert told.startswith("Get ")
    assert UNITS.get(indicator, indicators()[indicator].unit) in told
    assert re.search(r"[=+*/]| - |exp\(|log10", told), "no equation"
    assert re.search(r"\b(18|19|20)\d\d\b|Department|Traffy Fondue|assumption|definition", told), "no source"


def test_what_is_no_indicator_is_a_documented_part_of_one():
    for module in MODULES.values():
        for name, made in public(module).items():
            told = inspect.getdoc(made)
            assert told and told.startswith(("Get ", "Tell ")), f"{module.__name__}.{name}"
            assert name in indicators() or name not in models.REFERENCES


def test_references_and_indicators_are_the_same():
    assert list(models.REFERENCES) == list(indicators())


@pytest.mark.parametrize(
    ("indicator", "reference"),
    [pytest.param(name, one, id=f"{name}-{at}") for name, found in models.REFERENCES.items()
     for at, one in enumerate(found)],
)  # fmt: skip
def test_every_indicator_has_its_independent_value(indicator, reference):
    function = getattr(MODULES[indicators()[indicator].pillar], indicator)
    found = np.asarray(function(*map(argument, reference.arguments)), dtype=np.float64)
    assert reference.source
    assert found.shape == np.shape(reference.expected)
    assert found == pytest.approx(np.asarray(reference.expected), abs=reference.within, nan_ok=True)


# ---- what a simulation tells ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run():
    """Two cities with every kind of station for 40 days, across the end of a month and of a year."""
    counts = StationCounts(**dict.fromkeys(STATION_KINDS, 1))
    made = Scenario("s", "s", "", START, START + 40 * DAY, 900, 5, CITIES, dict.fromkeys(CITIES, counts))
    return Simulation(made).advance(made.end)


def told(blocks):
    """Every value of an indicator: its name, the station, and how it came."""
    for block in blocks:
        for group in block.groups:
            for name, values in group.observed.items():
                for at, station in enumerate(group.stations):
                    yield name, station, "reading", values[at][np.isfinite(values[at])]
        for station, event in block.events:
            for name, value in event.fields.items():
                if name not in ALSO_TOLD:
                    yield name, station, event.type, np.array([value], dtype=np.float64)
        for station, statistic in block.statistics:
            yield statistic.indicator, station, "statistic", np.array([statistic.value])


@pytest.mark.parametrize("city", CITIES)
def test_a_simulation_tells_of_every_indicator_and_of_nothing_else(run, city):
    found = {name for name, station, _, values in told(run) if station.city == city and len(values)}
    assert found == set(indicators())


def test_every_value_lies_within_the_bounds_of_the_catalogue(run):
    for name, station, how, values in told(run):
        made = indicators()[name]
        if len(values):
            assert values.min() >= made.minimum, (name, station.id, how)
            assert values.max() <= made.maximum, (name, station.id, how)


def test_an_indicator_comes_as_its_kind_says_and_from_a_station_that_announced_it(run):
    how = {"sensor": "reading", "count": "reading", "statistic": "statistic"}
    for name, station, came, _ in told(run):
        made = indicators()[name]
        assert came == (made.event or how[made.kind]), name
        assert name in station.indicators == KINDS[station.kind].indicators
        assert name in station.origins


def test_a_station_announces_what_the_catalogue_knows_and_belongs_to_its_pillar():
    announced = Counter(name for kind in KINDS.values() for name in kind.indicators)
    assert set(announced) == set(indicators())
    assert {name for name, count in announced.items() if count > 1} == {"pm25", "pm10"}  # masts and low-cost nodes
    for kind in KINDS.values():
        assert {indicators()[name].pillar for name in kind.indicators} & {kind.pillar}


# ---- theory: queues ---------------------------------------------------------------------------------------


def cases(blocks, case, city):
    """When each case of a queue was opened and closed: arrays by its name (NaT is not yet)."""
    opened, closed = QUEUES[case]
    moments = {kind: {} for kind in (opened, closed)}
    for block in blocks:
        for station, event in block.events:
            if station.city == city and event.type in moments:
                names = moments[event.type]
                assert (station.id, event.fields[case]) not in names, "told twice"
                names[station.id, event.fields[case]] = event.time
    assert set(moments[closed]) <= set(moments[opened]), "closed but never opened"
    never = np.datetime64("NaT", "s")
    began = np.array(list(moments[opened].values()), dtype="datetime64[s]")
    ended = np.array([moments[closed].get(name, never) for name in moments[opened]], dtype="datetime64[s]")
    return SimpleNamespace(opened=began, closed=ended)


@pytest.mark.parametrize("city", CITIES)
@pytest.mark.parametrize("case", QUEUES)
def test_what_is_opened_is_closed_or_open_and_nothing_is_lost(run, case, city):
    found = cases(run, case, city)
    done = ~np.isnat(found.closed)
    assert len(found.opened) > 5
    assert (found.closed[done] > found.opened[done]).all()
    long_ago = found.opened < np.datetime64(START + 15 * DAY, "s")
    assert done[long_ago].mean() > 0.97  # and what is open has not waited for ever


@pytest.mark.parametrize("city", CITIES)
def test_the_backlog_is_at_every_tick_what_was_opened_less_what_was_closed(run, city):
    found = cases(run, "request", city)
    block = next(block for block in run if block.city == city)
    group = next(group for group in block.groups if "service_backlog" in group.observed)
    closed = np.sort(found.closed[~np.isnat(found.closed)])
    still = np.searchsorted(found.opened, group.times, "right") - np.searchsorted(closed, group.times, "right")
    assert group.observed["service_backlog"][0].tolist() == still.tolist()


def test_littles_law_holds_between_the_backlog_and_the_times_to_resolution_of_a_run():
    """L = λ W: the mean of one reading of the desks, against the number and the mean of their events."""
    counts = StationCounts.only(service_desk=6)
    made = Scenario("s", "s", "", START, START + 200 * DAY, 3600, 5, ("rayong",), {"rayong": counts})
    block = Simulation(made).advance(made.end)[0]
    hours = [event.fields["resolution_time"] for _, event in block.events if "resolution_time" in event.fields]
    backlog = block.groups[0].observed["service_backlog"].sum(axis=0).mean()
    assert len(hours) > 10_000
    assert backlog == pytest.approx(len(hours) / (200 * 24.0) * np.mean(hours), rel=0.03)


@pytest.mark.parametrize(("servers", "load", "to_wait", "mean_wait"), models.ERLANG_C)
def test_the_table_of_erlang_c_is_that_of_its_formula(servers, load, to_wait, mean_wait):
    last = load**servers / factorial(servers) * servers / (servers - load)
    found = last / (sum(load**k / factorial(k) for k in range(servers)) + last)
    assert (found, found / (servers - load)) == pytest.approx((to_wait, mean_wait), abs=1e-6)


# ---- theory: noise ----------------------------------------------------------------------------------------


def terms(fast_share, fast_hours, slow_hours, cycle_share, cycle_hours):
    return SimpleNamespace(
        fast_share=fast_share, fast_hours=fast_hours, slow_share=1.0 - fast_share - cycle_share, slow_hours=slow_hours,
        cycle_share=cycle_share, cycle_hours=cycle_hours,
    )  # fmt: skip


@pytest.mark.parametrize("made", [terms(0.5, 4.0, 80.0, 0.0, 24.0), terms(0.4, 3.0, 60.0, 0.3, 100.0)])
def test_a_memory_has_variance_one_and_the_autocorrelation_of_its_terms(made):
    """Fast and slow decay as exp(-h / tau); the cycle as exp(-h / tau) cos(2π h / 24), so that it returns at 24 h."""
    times = np.arange(START, START + 12_000 * 3600, 3600)
    values = np.stack([Memory(Streams(2, at), "a", "b", made, 3600).render(times) for at in range(16)])
    assert abs(values.mean()) < 0.05
    assert values.var() == pytest.approx(1.0, abs=0.03)
    for hours in (1, 6, 12, 24):
        expected = made.fast_share * np.exp(-hours / made.fast_hours) + made.slow_share * np.exp(
            -hours / made.slow_hours
        )
        expected += made.cycle_share * np.exp(-hours / made.cycle_hours) * np.cos(2.0 * np.pi * hours / 24.0)
        assert np.mean(values[:, hours:] * values[:, :-hours]) == pytest.approx(expected, abs=0.03), hours
