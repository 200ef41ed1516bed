"""The difference of two scenarios: what changes results, with its meaning and its unit, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from simulator.interventions import DRIVERS
from simulator.scenario import load_scenario, with_values
from simulator.scenario_difference import Difference, describe_differences

BASE = load_scenario("baseline")


def found(values: Mapping[str, object]) -> dict[str, Difference]:
    return {one.path: one for one in describe_differences(BASE, with_values("baseline", values))}


def test_scenarios_that_do_the_same_do_not_differ() -> None:
    assert describe_differences(BASE, BASE) == ()
    assert found({"title": "Other words", "description": "and more"}) == {}


def test_a_difference_says_what_it_means_in_which_unit() -> None:
    (one,) = found({"assumptions.rainfall": 1.2}).values()
    assert one == Difference("assumptions.rainfall", "rain of a wet day, relative to the climate", "×", 1.0, 1.2)
    assert one.text == "assumptions.rainfall: 1 -> 1.2 × (rain of a wet day, relative to the climate)"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("start", "after"),
        ("cadence", "15min"),
        ("seed", 1),
        ("policies.crews", 2),
        ("policies.ambassadors", 134),
        ("assumptions.burning_severity", 0.5),
        ("stations.rayong.traffic", 4),
    ],
)
def test_every_setting_has_a_meaning(path: str, value: object) -> None:
    other = BASE.starting(BASE.start + 86_400) if path == "start" else with_values("baseline", {path: value})
    told = describe_differences(BASE, other)
    assert path in {one.path for one in told}
    assert all(one.meaning and one.before != one.after for one in told)


def test_stations_that_change_in_every_city_are_told_once() -> None:
    assert set(found({"stations.traffic": 5})) == {"stations.traffic"}
    assert set(found({"stations.traffic": 5, "stations.rayong.traffic": 2})) == {
        "stations.chiang-mai.traffic",
        "stations.khon-kaen.traffic",
    }


def test_a_city_that_comes_or_goes_is_one_difference() -> None:
    told = found({"cities.include": ["chiang-mai", "khon-kaen", "lampang"]})
    assert {path: (one.before, one.after) for path, one in told.items()} == {
        "cities[rayong]": ("takes part", None),
        "cities[lampang]": (None, "takes part"),
    }


def test_an_intervention_is_told_with_the_unit_of_its_driver() -> None:
    told = found({"interventions[heat-wave].strength": 0.5})
    effect = told["interventions[heat-wave].effects[air_temperature]"]
    assert (effect.before, effect.after, effect.unit) == (None, 4.0, "K")
    assert effect.meaning == DRIVERS["air_temperature"].meaning
    assert told["interventions[heat-wave].strength"].after == 0.5
    halved = describe_differences(
        with_values("heat-wave", {}), with_values("heat-wave", {"interventions[heat-wave].strength": 0.5})
    )
    assert [(one.path, one.before, one.after) for one in halved] == [("interventions[heat-wave].strength", 1.0, 0.5)]
