"""Running an experiment: finished runs are never repeated, failed ones are tried again, and it stops when told."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from experiments import digests, files
from typer.testing import CliRunner

from collector.language.errors import InputError
from collector.stores.parquet.files import PLAN, Run, read_plan
from nakhon.cli import app
from nakhon.experimenting import run as running
from nakhon.experimenting import workers
from nakhon.experimenting.experiment_file import load_experiment
from nakhon.experimenting.plan import Experiment
from nakhon.experimenting.plan_data import plan_as_data
from nakhon.experimenting.reading import results
from nakhon.experimenting.run import run_experiment, tasks_of
from nakhon.experimenting.status import holding, is_held, states
from nakhon.experimenting.workers import Performer, Record, local_workers, performed
from nakhon.experimenting.writing import Task, simulated, write_json

STOP = (
    '[stop]\nindicator = "pm25"\ncity = "chiang-mai"\nstatistic = "mean"\n'
    "half_width = {width}\nleast = {least}\nmost = 6\n"
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that were simulated, in this process in place of others."""
    asked: list[str] = []

    def here(directory: Path, _count: int):
        import contextlib

        def perform(tasks, began) -> Iterator[tuple[Task, Record]]:
            for task in tasks:
                began(task)
                asked.append(f"{task.variant}-{task.replication}")
                yield task, performed(directory, task)

        return contextlib.nullcontext(perform)

    monkeypatch.setattr(running, "local_workers", here)
    return asked


def status(directory: Path) -> dict[str, str]:
    return {one.run: one.status for one in states(directory)}


def test_finished_runs_are_never_repeated_and_more_replications_only_add(tmp_path: Path, asked: list[str]) -> None:
    plan, out = load_experiment(files(tmp_path, 1)), tmp_path / "out"
    assert run_experiment(plan, out).done == 2
    assert asked == ["baseline-0", "half-0"]
    before = digests(out)
    run_experiment(replace(plan, replications=2, title="Other words"), out)
    assert asked[2:] == ["baseline-1", "half-1"]
    assert digests(out).items() >= before.items()
    assert read_plan(out)["title"] == "Other words"
    assert run_experiment(plan, out).done == 2  # fewer than are there: nothing is lost
    assert len(asked) == 4 and set(status(out).values()) == {"done"} and len(status(out)) == 4


def test_a_run_that_failed_says_why_and_is_tried_again(tmp_path: Path, asked: list[str]) -> None:
    plan, out = load_experiment(files(tmp_path, 1)), tmp_path / "out"
    broken = replace(plan.variants[1], scenario=replace(plan.variants[1].scenario, stations={}))
    task = next(task for task in tasks_of(replace(plan, variants=(plan.baseline, broken)), 1) if task.variant == "half")
    payload, record = simulated(task)
    assert payload == b"" and record["status"] == "failed" and record["error"].startswith("KeyError")
    run_experiment(plan, out)
    write_json(Run(out, "half", 0).record, record)
    said = CliRunner().invoke(app, ["experiment", "status", str(out)])
    assert said.exit_code == 1 and "half-0000 failed: KeyError" in said.stdout
    told = json.loads(CliRunner().invoke(app, ["experiment", "status", str(out), "--json"]).stdout)
    assert told["counts"] == {"pending": 0, "running": 0, "done": 1, "failed": 1} and not told["at_work"]
    run_experiment(plan, out)
    assert asked[2:] == ["half-0"] and set(status(out).values()) == {"done"}


def test_damaged_values_are_made_anew(tmp_path: Path, asked: list[str]) -> None:
    plan, out = load_experiment(files(tmp_path, 1)), tmp_path / "out"
    run_experiment(plan, out)
    before, victim = digests(out), Run(out, "baseline", 0).values
    content = bytearray(victim.read_bytes())
    content[50] ^= 1
    victim.write_bytes(content)
    run_experiment(plan, out)
    assert asked[2:] == ["baseline-0"] and digests(out) == before


def test_a_changed_plan_is_refused_with_what_differs_and_nothing_is_touched(tmp_path: Path, asked: list[str]) -> None:
    file, out = files(tmp_path, 1), tmp_path / "out"
    run_experiment(load_experiment(file), out)
    before = (out / PLAN).read_bytes()
    file.write_text(file.read_text().replace("0.5", "0.4"))
    with pytest.raises(InputError, match=r"variants.half.assumptions.burning_severity: 0.5 there, 0.4 in this plan"):
        run_experiment(load_experiment(file), out)
    assert len(asked) == 2 and (out / PLAN).read_bytes() == before


def test_it_stops_when_the_interval_is_narrow_enough_or_at_the_most(tmp_path: Path, asked: list[str]) -> None:
    file = files(tmp_path, 1, STOP.format(width=1e-9, least=4))
    run_experiment(load_experiment(file), tmp_path / "most")
    assert asked.count("half-5") == 1 and "half-6" not in asked
    assert [one for one in asked if one.startswith("half")] == [f"half-{place}" for place in range(6)]
    assert read_plan(tmp_path / "most")["replications"] == 6
    asked.clear()
    file = files(tmp_path, 1, STOP.format(width=1e9, least=3))
    run_experiment(load_experiment(file), tmp_path / "least")
    assert len(asked) == 2 * 3


def test_of_several_stopping_rules_all_must_be_met(tmp_path: Path, asked: list[str]) -> None:
    wide, narrow = STOP.format(width=1e9, least=2), STOP.format(width=1e-9, least=3).replace('"mean"', '"p95"')
    both = (wide + narrow).replace("[stop]", "[[stop]]").replace("most = 6", "most = 4")
    run_experiment(load_experiment(files(tmp_path, 1, both)), tmp_path / "out")
    assert len(asked) == 2 * 4
    assert len(results(tmp_path / "out").stop) == 2


def test_a_stopping_rule_without_values_is_refused(tmp_path: Path, asked: list[str]) -> None:
    text = STOP.format(width=1, least=2).replace("pm25", "gpp_per_capita")
    with pytest.raises(InputError, match="gpp_per_capita of chiang-mai has no values"):
        run_experiment(load_experiment(files(tmp_path, 1, text)), tmp_path / "out")


def test_a_directory_of_something_else_or_held_by_another_is_refused(tmp_path: Path, asked: list[str]) -> None:
    plan, out = load_experiment(files(tmp_path, 1)), tmp_path / "out"
    with pytest.raises(InputError, match="not empty and holds no experiment"):
        run_experiment(plan, tmp_path)
    out.mkdir()
    with pytest.raises(InputError, match="expected a directory for the results, came the file"):
        run_experiment(plan, tmp_path / "fires.toml")
    with holding(out):
        assert is_held(out)
        with pytest.raises(InputError, match="another `nakhon experiment run` is at work"):
            run_experiment(plan, out)
    assert not is_held(out) and not asked
    run_experiment(plan, out)
    assert is_held(out) is False


def test_what_was_running_when_it_ended_is_pending(tmp_path: Path) -> None:
    plan = load_experiment(files(tmp_path, 1))
    out, run = tmp_path / "out", Run(tmp_path / "out", "half", 0)
    write_json(out / PLAN, plan_as_data(plan))
    write_json(run.record, {"status": "running"})
    assert status(out) == {"baseline-0000": "pending", "half-0000": "pending"}
    with holding(out):
        assert status(out) == {"baseline-0000": "pending", "half-0000": "running"}


def test_values_that_cannot_be_written_are_the_error_of_the_run(tmp_path: Path) -> None:
    plan = load_experiment(files(tmp_path, 1))
    (tmp_path / "out").write_text("a file where a directory should be")
    task = next(tasks_of(plan, 1))
    record = performed(tmp_path / "out", task)
    assert record["status"] == "failed" and "cannot write its values" in record["error"]


def test_a_run_whose_worker_dies_again_and_again_fails_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "REPEATS", 0)
    plan = load_experiment(files(tmp_path, 1))
    good, bad = tasks_of(plan, 1)
    deadly = replace(bad, scenario=_Deadly())  # type: ignore[arg-type]
    with local_workers(tmp_path / "out", 1) as perform:
        ended = dict(_ended(perform, [deadly, good], plan))
    assert ended == {"half": "its worker died 1 times", "baseline": None}
    assert Run(tmp_path / "out", "baseline", 0).values.exists()


class _Deadly:
    """What kills the process that unpickles it; elsewhere it is like a scenario."""

    digest, seed = "none", 0

    def __reduce__(self) -> tuple[object, tuple[int, int]]:
        return _kill_child, (os.getpid(), 9)


def _kill_child(parent: int, number: int) -> "_Deadly":
    if os.getpid() != parent:
        os.kill(os.getpid(), number)
    return _Deadly()


def _ended(perform: Performer, tasks: list[Task], _plan: Experiment) -> Iterator[tuple[str, str | None]]:
    for task, record in perform(tasks, lambda _: None):
        yield task.variant, record["error"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ["run", "burning-ban", "--into", "out", "--workers", "1", "--dask", "tcp://x:1"],
            "either --workers or --dask",
        ),
        (["run", "burning-ban", "--into", "out", "--dask", "http://x"], "tcp://localhost:8786"),
        (["run", "nowhere", "--into", "out"], "no such file"),
        (["run", "burning-ban"], "--into"),
        (["status", "nowhere"], "no results of an experiment"),
        (["check", "burning-bann"], "did you mean burning-ban"),
    ],
)
def test_bad_input_is_answered_with_what_was_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(app, ["experiment", *arguments], env={"COLUMNS": "300"})
    assert said.exit_code != 0 and complaint in f"{said.output} {said.exception}"
    assert not list(tmp_path.glob("out/runs"))


def test_check_shows_what_would_run() -> None:
    said = CliRunner().invoke(app, ["experiment", "check", "burning-ban"])
    assert said.exit_code == 0
    assert "3 variants x 30 replications = 90 runs" in said.stdout
    assert "assumptions.burning_severity: 1 -> 0.7" in said.stdout


@pytest.mark.parametrize("command", ["run", "status", "check"])
def test_every_command_helps_with_an_example(command: str) -> None:
    said = CliRunner().invoke(app, ["experiment", command, "--help"], env={"COLUMNS": "300"})
    assert said.exit_code == 0 and f"Example: nakhon experiment {command}" in said.output
