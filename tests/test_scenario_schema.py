"""The JSON Schema of scenario files is current, takes every shipped scenario, and refuses what `check` refuses."""

from __future__ import annotations

import json
import tomllib
from datetime import date, datetime
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft7Validator

from simulator.scenario import ScenarioError, new_scenario, parse_scenario, shipped_scenarios
from simulator.scenario_schema import scenario_schema
from simulator.scenario_source import page_of, schema_place

VALIDATOR = Draft7Validator(scenario_schema())
SMALL = 'name = "small"\nstart = 2026-03-01\nduration = "1d"\n[cities]\ninclude = ["rayong"]\n'


def plain(given: Any) -> Any:
    """What TOML holds, as JSON does: dates are texts."""
    if isinstance(given, dict):
        return {key: plain(value) for key, value in given.items()}
    if isinstance(given, list):
        return [plain(value) for value in given]
    return given.isoformat() if isinstance(given, date | datetime) else given


def errors_of(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(plain(tomllib.loads(text)))]


def test_the_shipped_file_is_what_the_program_knows() -> None:
    shipped = json.loads((files("scenarios") / "scenario.schema.json").read_text(encoding="utf-8"))
    assert shipped == scenario_schema(), "run scripts/schema"
    Draft7Validator.check_schema(shipped)


@pytest.mark.parametrize("name", shipped_scenarios())
def test_every_shipped_scenario_is_valid(name: str) -> None:
    assert errors_of(page_of(name)) == []


def test_a_new_scenario_is_valid_with_all_its_comments_taken_as_keys() -> None:
    text = new_scenario("mine")
    assert text.startswith(f"#:schema {schema_place()}")
    commented = text.replace("\n# ", "\n").split("[stations.chiang-mai]")
    whole = text.split("# [stations.chiang-mai]")[0] + "[stations.chiang-mai]" + commented[1]
    for sample in (text, whole):
        assert errors_of(sample) == []
        assert parse_scenario(sample, "mine.toml")
    assert len(parse_scenario(whole, "mine.toml").interventions) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        "trafic = 1\n" + SMALL,
        SMALL.replace('duration = "1d"', ""),
        SMALL + "[policies]\ncrews = -1\n",
        SMALL + "[assumptions]\nrainfall = 6\n",
        SMALL + '[[interventions]]\nuse = "none"\n',
        SMALL + '[[interventions]]\ndriver = "none"\n',
        SMALL + "[stations.nowhere]\ntraffic = 1\n",
        SMALL.replace('"rayong"', '"atlantis"'),
        SMALL.replace("duration", "end = 2026-03-02\nduration"),
        SMALL.replace('"small"', '"Small!"'),
        SMALL.replace('"1d"', '"1 day"'),
        SMALL + '[[faults]]\nfault = "none"\n',
    ],
)
def test_it_refuses_what_the_program_refuses(wrong: str) -> None:
    assert errors_of(SMALL) == []
    assert errors_of(wrong)
    with pytest.raises(ScenarioError):
        parse_scenario(wrong, "x.toml")
