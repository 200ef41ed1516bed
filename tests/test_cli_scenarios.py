"""`nakhon diff` and `nakhon check`: what differs, what is wrong, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nakhon.cli import app
from simulator.scenario import ScenarioError


class Typed:
    """What a command says, and its exit code."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *words: str) -> None:
        self.code = app(list(words), standalone_mode=False) or 0
        self.said = capsys.readouterr().out


def test_diff_tells_what_differs_and_says_so_in_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    done = Typed(capsys, "diff", "burning-season", "burning-season-2023", "--json")
    assert done.code == 1
    told = json.loads(done.said)
    (one,) = told["differences"]
    assert (one["path"], one["before"], one["after"], one["unit"]) == ("assumptions.burning_severity", 1.0, 1.35, "×")
    assert told["before"]["digest"] != told["after"]["digest"]
    table = Typed(capsys, "diff", "burning-season", "burning-season-2023")
    assert table.code == 1
    assert "1.35" in table.said


def test_diff_of_a_scenario_with_itself_says_that_nothing_differs(capsys: pytest.CaptureFixture[str]) -> None:
    same = Typed(capsys, "diff", "baseline", "baseline")
    assert same.code == 0
    assert "the same in effect" in same.said


def test_diff_of_a_file_with_errors_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.toml").write_text('extends = "baseline"\nname = "own"\ncadense = "1h"\n', encoding="utf-8")
    with pytest.raises(ScenarioError, match='unknown key "cadense"; did you mean cadence'):
        Typed(capsys, "diff", "baseline", str(tmp_path / "own.toml"))


def test_check_tells_of_each_intervention_on_what_it_is_based(capsys: pytest.CaptureFixture[str]) -> None:
    done = Typed(capsys, "check", "tourism-expo")
    assert done.code == 0
    assert "intervention expo: visitors × 1.5" in done.said
    assert "in khon-kaen, from 2026-11-16T00:00:00Z to 2026-11-23T00:00:00Z, ramp 1 d; assumption: " in done.said


def test_check_says_of_an_intervention_out_of_time_that_it_does_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = 'extends = "heat-wave"\nname = "late"\n[[interventions]]\nuse = "heat-wave"\nstart = 2027-04-15\n'
    (tmp_path / "late.toml").write_text(late, encoding="utf-8")
    done = Typed(capsys, "check", str(tmp_path / "late.toml"))
    assert done.code == 0
    assert "(not within the period of the scenario: it does nothing)" in done.said


@pytest.mark.parametrize(("what", "key", "one"), [("interventions", "id", "burning-ban"), ("drivers", "name", "fires")])
def test_the_catalogue_lists_interventions_and_drivers(
    capsys: pytest.CaptureFixture[str], what: str, key: str, one: str
) -> None:
    done = Typed(capsys, "catalogue", what, "--json")
    assert done.code == 0
    assert one in {row[key] for row in json.loads(done.said)}
