"""Interventions are read with every error at once; the catalogue says of each size where it comes from."""

from __future__ import annotations

import pytest

from simulator.interventions import DRIVERS, Effect
from simulator.scenario import Scenario, ScenarioError, parse_scenario
from simulator.scenario_interventions import catalogue, effects_of, shown_effect

HEAD = """
name = "small"
start = 2026-03-01
duration = "10d"
[cities]
include = ["rayong", "chiang-mai"]
[[interventions]]
"""
DAY = 86_400
TWICE = '{ driver = "traffic", scale = 1.1 }'


def read(text: str) -> Scenario:
    return parse_scenario(HEAD + text, "x.toml")


def errors_of(text: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        read(text)
    return "\n".join(caught.value.errors)


@pytest.mark.parametrize("name", catalogue())
def test_every_intervention_of_the_catalogue_has_an_effect_and_either_a_source_or_an_assumption(name: str) -> None:
    (found,) = read(f'use = "{name}"').interventions
    assert found.effects == effects_of(name)
    assert found.effects
    assert (found.source is None) != (found.assumption is None)
    assert catalogue()[name]["description"]
    assert found.title != name


def test_an_intervention_of_ones_own_needs_no_catalogue() -> None:
    own = 'driver = "traffic"\nscale = 0.7\nsource = "A study"\nafter = "2d"\nfor = "3d"\nramp = "1d"'
    (found,) = read(own).interventions
    assert (found.id, found.effects, found.source) == ("i1", (Effect("traffic", 0.7),), "A study")
    start = read('use = "expo"').start
    assert (found.start, found.end, found.ramp) == (start + 2 * DAY, start + 5 * DAY, DAY)


def test_what_the_catalogue_says_is_a_default() -> None:
    (usual,) = read('use = "heat-wave"').interventions
    (own,) = read('use = "heat-wave"\nid = "hot"\nend = 2026-03-04\nstrength = 0.5\ncities = ["rayong"]').interventions
    assert usual.end == usual.start + 10 * DAY
    assert (own.id, own.end, own.strength, own.cities) == ("hot", usual.start + 3 * DAY, 0.5, ("rayong",))
    assert (own.effects, own.ramp) == (usual.effects, usual.ramp)


def test_a_network_stands_for_its_members_that_take_part() -> None:
    (found,) = read('use = "expo"\nnetworks = [{ network = "thai-smart-city", on = 2021-06-01 }]').interventions
    assert found.cities == ("chiang-mai",)


def test_it_moves_with_the_scenario() -> None:
    scenario = read('use = "heat-wave"\nafter = "1d"')
    later = scenario.starting(scenario.start + 5 * DAY)
    assert later.interventions[0].start == scenario.interventions[0].start + 5 * DAY
    assert later.interventions[0].end == (scenario.interventions[0].end or 0) + 5 * DAY


def test_every_error_is_said_at_once_with_its_path_and_a_suggestion() -> None:
    told = errors_of(
        'use = "burning-bann"\n[[interventions]]\ndriver = "trafic"\nscale = 2\nassumption = "x"\n[[interventions]]\n'
        'driver = "air_temperature"\nscale = 2\n[[interventions]]\nuse = "expo"\ncities = ["yangon"]\nstrenght = 1\n'
        'start = 2026-03-05\nend = 2026-03-05\n[[interventions]]\nuse = "electric-buses"\nscale = 0.5'
    )
    for expected in (
        'interventions[0].use: unknown intervention "burning-bann"; did you mean burning-ban?',
        'interventions[1].driver: unknown driver "trafic"; did you mean traffic',
        "interventions[2].scale: air_temperature (temperature of the air over the city, K) takes a shift, not a scale",
        "interventions[2].shift: missing; expected a number from -15 to 15",
        "interventions[2].source: missing; expected source (a publication) or assumption",
        'interventions[3].cities[0]: unknown city of this scenario "yangon"; known: chiang-mai, rayong',
        'interventions[3].strenght: unknown key "strenght"; did you mean strength',
        "interventions[3].end: expected a time after 2026-03-05T00:00:00Z, came 2026-03-05T00:00:00Z",
        "interventions[4].scale: this intervention has several effects",
    ):
        assert expected in told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('use = "expo"\n[[interventions]]\nuse = "expo"', "interventions[1].id: expected an id that no other"),
        ('use = "expo"\nafter = "1d"\nstart = 2026-03-02', "interventions[0].after: expected either start or after"),
        ('use = "expo"\nfor = "1d"\nend = 2026-03-02', "interventions[0].for: expected either end or for"),
        (
            'driver = "traffic"\nscale = 9\nsource = "x"',
            "[0].scale: expected a number from 0 to 3, came 9",
        ),
        ('source = "x"', "interventions[0].driver: missing"),
        ('use = "expo"\nsource = "x"\nassumption = "y"', "expected either source or assumption, came both"),
        (f"effects = [{TWICE}, {TWICE}]\nsource = 'x'", "each driver once"),
    ],
)
def test_what_makes_no_sense_is_said(text: str, expected: str) -> None:
    assert expected in errors_of(text)


def test_stations_are_kinds_or_ids_that_a_city_has() -> None:
    crews = 'driver = "requests_crews"\nshift = 1\nsource = "x"\n'
    (one,) = read(crews + 'stations = ["sd-01"]').interventions
    (kind,) = read(crews + 'stations = ["service_desk"]\nhours = [16, 22]').interventions
    assert (one.stations, one.hours, kind.stations, kind.hours) == (("sd-01",), None, ("service_desk",), (16, 22))
    assert one.described() != kind.described()


def test_a_catalogue_entry_may_say_the_hours_of_a_shift() -> None:
    assert read('use = "extra-shift"').interventions[0].hours == (8, 16)
    assert read('use = "extra-shift"\nhours = [16, 22]').interventions[0].hours == (16, 22)


DESK = 'driver = "requests_crews"\nshift = 1\nsource = "x"\n'
SHADE = 'driver = "air_temperature"\nshift = -1\nsource = "x"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'use = "burning-ban"\nstations = ["wx-01"]',
            "stations: fires is of a whole city: leave stations out",
        ),
        ('use = "burning-ban"\nstations = ["wx-01"]', "at wx-01 there are air_temperature, wind"),
        ('use = "heat-wave"\nstations = ["wx-01"]', "emergencies acts at dispatch_centre; expected dispatch_centre or"),
        (SHADE + 'stations = ["sd-01"]', "air_temperature acts at weather; expected weather or an id, like wx-01"),
        (SHADE + 'stations = ["wx-01", "sd-01"]', "stations[1]: nothing that this intervention does acts at sd-01"),
        (
            DESK + 'stations = ["sd-02"]',
            "no city it acts in has sd-02; the most service_desk one has is 1",
        ),
        (DESK + 'stations = ["sd-00"]', "no city it acts in has sd-00"),
        (
            DESK + 'stations = ["desk"]',
            'the id of a station, like sd-01, or a kind, came "desk"; kinds: weather',
        ),
        (DESK + 'stations = ["aq-01"]', "expected the id of a station"),
        (DESK + "stations = []", "stations: expected at least one station; leave it out for whole cities"),
        (DESK + "hours = [16, 8]", "hours: expected two local hours, from and to, like [16, 22], came a list"),
        (SHADE + "hours = [8, 16]", "hours: they are those of crews that come; expected a shift of crews"),
        (DESK.replace("= 1", "= -1") + "hours = [8, 16]", "hours: they are those of crews that come"),
        ('driver = "traffic"\nset = 3\nsource = "x"', "set: traffic cannot be set to a value: it is told relative to"),
        ('driver = "air_temperature"\nset = 38\nsource = "x"', "give shift, which is added to that"),
        ('use = "expo"\nset = 3', "set: this intervention has several effects"),
        ('effects = [{ driver = "fires", set = 3 }]\nsource = "x"', "effects[0].set: fires cannot be set"),
    ],
)
def test_a_target_or_a_way_that_makes_no_sense_is_said(text: str, expected: str) -> None:
    assert expected in errors_of(text)


def test_an_effect_is_shown_with_its_unit() -> None:
    assert shown_effect(Effect("fires", 0.5)) == "fires × 0.5"
    assert shown_effect(Effect("air_temperature", -0.5)) == "air_temperature - 0.5 K"
    assert all(driver.unit and driver.meaning for driver in DRIVERS.values())
