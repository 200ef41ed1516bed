"""`nakhon fault`: what is typed becomes a request, what comes back is shown, what makes no sense is said."""

import json

import pytest
from fault_runs import scenario
from typer.testing import CliRunner

from collector.language.broker import parse_broker
from collector.language.errors import BrokerError, InputError
from nakhon.cli import app
from nakhon.fault import ask, faults_in, kinds, parameters_of, show_fault, show_faults, show_kinds
from simulator.faults.kinds import KINDS


def test_parameters_are_numbers_where_they_read_as_numbers() -> None:
    told = parameters_of(["percent=20", "offset=-0.5", "how=truncated", "delay=10min", "value=true", "x=a=b"])
    assert told == {
        "percent": 20, "offset": -0.5, "how": "truncated", "delay": "10min", "value": "true", "x": "a=b",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["percent", "=3", ""])
def test_what_is_no_parameter_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="NAME=VALUE"):
        parameters_of([text])


def test_every_kind_is_told_with_its_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    assert [kind["fault"] for kind in kinds()] == list(KINDS)
    show_kinds(as_json=False)
    shown = capsys.readouterr().out
    assert all(name in shown for name in KINDS)
    show_kinds(as_json=True)
    assert json.loads(capsys.readouterr().out) == kinds()


def test_a_fault_is_shown_in_a_line_or_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    told = {"fault": "stuck", "value": 3.0, "id": "live-1", "state": "acting"}
    show_faults({"faults": [told]}, as_json=False)
    assert capsys.readouterr().out == "id live-1, fault stuck, state acting, value 3.0\n"
    show_faults({"faults": []}, as_json=False)
    assert capsys.readouterr().out == "no fault acts or waits\n"
    show_fault(told, as_json=True)
    assert json.loads(capsys.readouterr().out) == told


def test_the_faults_of_a_scenario_are_told_a_line_each() -> None:
    asked = scenario(
        '[[faults]]\nfault = "bias"\nstation = "aq-*"\nfor = "1h"\n[[faults]]\nfault = "kill"\nafter = "2h"\n'
    )
    assert list(faults_in(asked)) == [
        "fault f1: bias of station aq-*, 2026-03-01T00:00:00Z to 2026-03-01T01:00:00Z, probability 1",
        "fault f2: kill of all stations, at 2026-03-01T02:00:00Z",
    ]


def test_a_run_that_cannot_be_called_so_and_a_broker_that_is_not_there_are_told() -> None:
    broker = parse_broker("mqtt://127.0.0.1:1")
    with pytest.raises(InputError, match="expected --run"):
        ask(broker, "No Run", "fault.list", {}, 1)
    with pytest.raises(BrokerError, match="nothing listens"):
        ask(broker, "run", "fault.list", {}, 1)


@pytest.mark.parametrize("command", ["start", "stop", "list", "kinds"])
def test_every_command_helps_with_an_example(command: str) -> None:
    done = CliRunner().invoke(app, ["fault", command, "--help"])
    assert done.exit_code == 0
    assert f"Example: nakhon fault {command}" in " ".join(done.output.split())
