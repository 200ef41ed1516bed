"""Every intervention that ships does something in the city it names, and nothing in another; and the list is whole."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest

from simulator.interventions import DRIVERS, Effect, Intervention
from simulator.run import Simulation
from simulator.scenario import Scenario, parse_scenario
from simulator.scenario_interventions import catalogue

HERE, ELSEWHERE = "chiang-mai", "rayong"
YEARS = 3 * 366 * 86_400
TEXT = f"""
name = "walk"
start = 2026-04-15  # it burns still, and rains already
duration = "20d"
cadence = "1h"
seed = 4
[cities]
include = ["{HERE}", "{ELSEWHERE}"]
[assumptions]
rainfall = 3
"""
ASKED = {
    "fires and air": ("burning-ban", "severe-burning", "haze-episode"),
    "traffic and energy": ("electric-buses", "congestion-charge", "power-failure"),
    "heat and water": ("shade-and-cooling", "heat-wave", "flood-gates", "drainage", "spring-tide", "tropical-storm"),
    "people and economy": ("pandemic-month", "tourism-campaign", "expo", "broadband", "digital-payments"),
    "services": (
        "ambassadors", "leadership-programme", "e-service-launch", "extra-crews", "extra-shift", "evening-shift",
        "extra-units", "portal-failure", "open-data-programme",
    ),
    "partners": ("join-ascn-japan", "join-ascn-south-korea", "join-ascn-australia"),
}  # fmt: skip


def read(name: str = "") -> Scenario:
    """The scenario with an intervention of the catalogue at full force from its first tick on."""
    if not name:
        return parse_scenario(TEXT, "walk.toml")
    made = parse_scenario(f'{TEXT}[[interventions]]\nuse = "{name}"\ncities = ["{HERE}"]\n', "walk.toml")
    (one,) = made.interventions
    return replace(made, interventions=(one.shifted(-one.ramp),))


def said(scenario: Scenario) -> dict[str, dict[str, object]]:
    """What stations tell in a run, by city and indicator or type of event."""
    found: dict[str, dict[str, object]] = {city: defaultdict(list) for city in scenario.cities}
    for block in Simulation(scenario).advance(scenario.end):
        told = found[block.city]
        for group in block.groups:
            told |= {f"{group.stations[0].kind}/{name}": values.tobytes() for name, values in group.observed.items()}
        for _, event in block.events:
            told[event.type].append(str(event))  # type: ignore[attr-defined]
        for _, figure in block.statistics:
            told[figure.indicator].append(str(figure))  # type: ignore[attr-defined]
    return found


@pytest.fixture(scope="module")
def plain() -> dict[str, dict[str, object]]:
    return said(read())


def changed(plain: dict[str, dict[str, object]], found: dict[str, dict[str, object]]) -> set[str]:
    """What is told otherwise in the city that is named; all others must say the same, bit for bit."""
    assert found[ELSEWHERE] == plain[ELSEWHERE]
    before, after = plain[HERE], found[HERE]
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


@pytest.mark.parametrize("name", catalogue())
def test_an_intervention_that_ships_changes_its_city_and_no_other(
    plain: dict[str, dict[str, object]], name: str
) -> None:
    assert changed(plain, said(read(name)))


@pytest.mark.parametrize("name", DRIVERS)
def test_every_driver_moves_something_in_its_city_and_nothing_in_another(
    plain: dict[str, dict[str, object]], name: str
) -> None:
    driver, scenario = DRIVERS[name], read()
    usual = -50.0 if name.endswith("_crews") else 1.5 if driver.way == "scale" else 3.0
    size = {"wet_days": 0.5, "portals": 0.5}.get(name, usual)
    one = Intervention("one", "One", (Effect(name, size),), scenario.start - YEARS, cities=(HERE,))
    assert changed(plain, said(replace(scenario, interventions=(one,))))


def test_what_a_planner_asks_for_is_in_the_catalogue() -> None:
    assert {name for names in ASKED.values() for name in names} <= set(catalogue())
    assert "134" in str(catalogue()["ambassadors"]["description"])
    assert "140" in str(catalogue()["leadership-programme"]["description"])
