"""A scenario takes over what it extends: tables are merged, named lists by name, and every error says whose it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.scenario import ScenarioError, load_scenario, parse_scenario, with_values

BELOW = """
name = "below"
title = "Below"
start = 2026-03-01
duration = "10d"
[cities]
include = ["rayong", "chiang-mai"]
[stations]
traffic = 3
[stations.rayong]
air_quality = 5
[policies]
crews = 1
[[interventions]]
use = "burning-ban"
start = 2026-03-02
[[interventions]]
id = "fewer-cars"
driver = "traffic"
scale = 0.8
assumption = "A guess."
"""


def write(folder: Path, **pages: str) -> Path:
    for name, text in pages.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def errors_of(path: Path) -> str:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    return str(caught.value)


def test_what_is_said_wins_and_the_rest_is_taken_over(tmp_path: Path) -> None:
    own = """
    extends = "below"
    name = "own"
    end = 2026-03-04
    [stations]
    feeder = 2
    [stations.rayong]
    weather = 0
    [assumptions]
    rainfall = 2
    """
    write(tmp_path, below=BELOW, own=own)
    below, found = load_scenario(tmp_path / "below.toml"), load_scenario(tmp_path / "own.toml")
    assert (found.name, found.title, found.description) == ("own", "own", "")
    assert found.start == below.start
    assert found.end == found.start + 3 * 86_400  # instead of the duration
    assert found.stations["rayong"].air_quality == 5
    assert found.stations["rayong"].weather == 0
    assert found.stations["chiang-mai"].weather == 1
    assert {counts.feeder for counts in found.stations.values()} == {2}
    assert found.assumptions.rainfall == 2.0
    assert found.policies == below.policies
    assert found.interventions == below.interventions


def test_interventions_are_merged_by_name_and_new_ones_come_after(tmp_path: Path) -> None:
    own = """
    extends = "below.toml"
    name = "own"
    [[interventions]]
    id = "fewer-cars"
    after = "1d"
    source = "A study"
    [[interventions]]
    use = "burning-ban"
    strength = 0.5
    [[interventions]]
    use = "heat-wave"
    """
    write(tmp_path, below=BELOW, own=own)
    ban, cars, heat = load_scenario(tmp_path / "own.toml").interventions
    assert (ban.id, ban.strength, ban.effects[0].size) == ("burning-ban", 0.5, 0.5)
    assert (cars.effects[0].size, cars.source, cars.assumption) == (0.8, "A study", None)
    assert cars.start == ban.start  # a day after the scenario begins
    assert heat.id == "heat-wave"


def test_the_digest_is_that_of_the_whole_however_it_was_put_together(tmp_path: Path) -> None:
    write(tmp_path, below=BELOW, other='extends = "below"\nname = "other"\ntitle = "Another"')
    write(tmp_path, more='extends = "below"\nname = "more"\n[policies]\ncrews = 2')
    below, other, more = (load_scenario(tmp_path / f"{name}.toml") for name in ("below", "other", "more"))
    assert below.digest == other.digest != more.digest


def test_a_reason_is_no_effect_and_a_size_is(tmp_path: Path) -> None:
    path = write(tmp_path, below=BELOW) / "below.toml"
    plain = load_scenario(path)
    assert with_values(path, {"interventions[fewer-cars].assumption": "Another guess."}).digest == plain.digest
    assert with_values(path, {"interventions[fewer-cars].scale": 0.79}).digest != plain.digest


def test_an_error_says_which_file_it_is_in(tmp_path: Path) -> None:
    wrong = BELOW.replace("traffic = 3", "traffic = -3").replace('id = "fewer-cars"', 'id = "x"\nramp = 3')
    write(tmp_path, below=wrong)
    write(tmp_path, own='extends = "below"\nname = "own"\n[stations]\nfeeder = -1\n[[interventions]]\nuse = "none"')
    told = errors_of(tmp_path / "own.toml")
    assert f"stations.traffic: expected a whole number from 0 to 10000, came -3 (in {tmp_path / 'below.toml'})" in told
    assert f'interventions[1].ramp: expected a duration, like "30d", "12h" or "15min", came 3 (in {tmp_path}' in told
    assert "stations.feeder: expected a whole number from 0 to 10000, came -1\n" in told
    assert 'interventions[2].use: unknown intervention "none"' in told
    assert told.count("(in ") == 2


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ({"a": 'extends = "b"', "b": 'extends = "a"'}, "extends: a circle: a.toml extends b.toml extends a.toml"),
        ({"a": 'extends = "a"'}, "extends: a circle: a.toml extends a.toml"),
        ({"a": 'extends = "b"', "b": 'extends = "c"', "c": 'extends = "b"'}, "b.toml extends c.toml extends b.toml"),
        (
            {"a": 'extends = "burning-seasn"'},
            "no file burning-seasn or burning-seasn.toml beside it; as a shipped",
        ),
        ({"a": "extends = 3"}, "extends: expected the name of a scenario or a file, came 3"),
        ({"a": 'extends = "b"', "b": "= 3"}, "b.toml: expected TOML"),
    ],
)
def test_what_cannot_be_extended_is_said(tmp_path: Path, pages: dict[str, str], expected: str) -> None:
    assert expected in errors_of(write(tmp_path, **pages) / "a.toml")


def test_a_file_beside_it_goes_before_a_shipped_scenario(tmp_path: Path) -> None:
    write(tmp_path, baseline=BELOW, own='extends = "baseline"\nname = "own"')
    assert load_scenario(tmp_path / "own.toml").cities == ("rayong", "chiang-mai")
    (tmp_path / "baseline.toml").unlink()
    assert load_scenario(tmp_path / "own.toml").cities == load_scenario("baseline").cities


def test_a_text_can_extend_shipped_scenarios() -> None:
    found = parse_scenario('extends = "burning-ban"\nname = "own"', "own")
    assert found.digest == load_scenario("burning-ban").digest


def test_values_are_set_at_paths_and_read_as_if_the_file_held_them() -> None:
    found = with_values(
        "baseline",
        {
            "assumptions.burning_severity": 0.5,
            "duration": "3d",
            "stations.chiang-mai.air_quality": 7,
            "interventions[burning-ban].strength": 0.25,
            "interventions[electric-buses].effects[traffic_emissions].scale": 0.5,
        },
    )
    assert found.assumptions.burning_severity == 0.5
    assert found.end - found.start == 3 * 86_400
    assert found.stations["chiang-mai"].air_quality == 7
    ban, buses = found.interventions
    assert (ban.id, ban.strength) == ("burning-ban", 0.25)
    assert {effect.driver: effect.size for effect in buses.effects} == {
        "traffic_emissions": 0.5,
        "road_noise": -0.5,
        "electricity_demand": 1.01,
    }
    assert str(buses.assumption).startswith("Set in the scenario, other than in the catalogue.")
    assert load_scenario("baseline").interventions == ()


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("assumptions.burning_severty", 1, 'unknown key "burning_severty"; did you mean burning_severity?'),
        ("assumptions.rainfall", 9, "assumptions.rainfall: expected a number from 0 to 5, came 9"),
        ("interventions[ban].strength", 1, 'unknown intervention "ban"'),
        ("interventions[7].strength", 1, "interventions[7].strength: unknown entry"),
        ("interventions[burning-ban]", 1, "expected a key after the entry of a list"),
        ("cities.include.x", 1, "expected a table that holds x, came a list"),
        ("policies..crews", 1, "expected a path"),
        ("", 1, "expected a path"),
    ],
)
def test_a_path_that_leads_nowhere_or_a_wrong_value_is_an_error(path: str, value: object, expected: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        with_values("baseline", {path: value})
    assert expected in str(caught.value)
