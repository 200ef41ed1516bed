"""The command line: help with an example for every command, errors said clearly with exit code 2, answers as codes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import nakhon
from typer.main import get_command
from typer.testing import CliRunner

from nakhon.cli import app


def commands(group: Any, *before: str) -> Iterator[tuple[str, ...]]:
    """Every command that is not hidden, by its words."""
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from commands(command, *before, name)
        else:
            yield *before, name


@pytest.mark.parametrize("words", list(commands(get_command(app))), ids=" ".join)
def test_every_command_helps_with_an_example(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "400"}, prog_name="nakhon")
    assert done.exit_code == 0
    assert f"Example: nakhon {' '.join(words)}" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("simulate", "nowhere", "--broker", "none", "--store", "duckdb://x.duckdb"), "nowhere"),
        (("simulate", "demo", "--broker", "none"), "needs --store"),
        (("simulate", "demo", "--broker", "http://x"), "expected a broker such as mqtt://"),
        (("simulate", "demo", "--broker", "mqtt://user:secret@localhost"), "NAKHON_MQTT_PASSWORD"),
        (("simulate", "demo", "--broker", "mqtt://127.0.0.1:1"), "nothing listens at mqtt://127.0.0.1:1"),
        (("simulate", "demo", "--broker", "embedded", "--pace", "fast"), "expected a pace"),
        (("simulate", "demo", "--broker", "embedded", "--run", "No Good"), "expected a run of lower-case"),
        (("simulate", "demo", "--broker", "embedded", "--for", "soon"), "expected a time such as 60s"),
        (("collect", "--broker", "mqtt://127.0.0.1:1", "--store", "ftp://x"), "expected the URL of a store"),
        (("audit", "none.ledger", "--store", "duckdb://x.duckdb"), "no such ledger"),
        (("audit", "none.ledger"), "expected either --store"),
        (("check", "none.toml"), "none.toml"),
        (("league", "duckdb://x.duckdb", "--pillar", "enviroment"), "did you mean environment"),
        (("league", "duckdb://x.duckdb", "-o", "x.pdf"), "expected a page such as league.html"),
        (("alerts", "check", "thailnd"), "did you mean thailand"),
        (("alerts", "list", "--api", "http://127.0.0.1:1"), "no collector answers"),
        (("compare", "--indicator", "pm2.5", "--store", "duckdb://x.duckdb"), "x.duckdb"),
        (("catalogue", "colours"), "expected one of"),
        (("import", "none.csv", "--map", "none.toml", "--store", "duckdb://x.duckdb"), "none.toml"),
        (("import", "none.csv"), "expected --store"),
        (("coverage", "--store", "duckdb://x.duckdb", "--indicator", "pm2.5"), "did you mean pm25"),
        (("store", "flags", "--store", "duckdb://x.duckdb", "--kind", "odd"), "expected kinds of flags"),
        (("catalogue", "origins", "--city", "rayon"), "did you mean rayong"),
        (("validate", "nowhere"), "nowhere"),
        (("new", "city", "x"), "expected `nakhon new scenario NAME`"),
        (("dance",), "No such command"),
        (("simulate",), "Missing argument"),
    ],
)
def test_bad_input_is_answered_with_what_was_expected(
    tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    done = nakhon(*arguments, folder=tmp_path)
    assert done.returncode == 2, done.stderr
    assert complaint in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr
    assert list(tmp_path.iterdir()) == []  # nothing half written


@pytest.mark.parametrize(("what", "least"), [("cities", 48), ("indicators", 35), ("scenarios", 5), ("networks", 3)])
def test_the_catalogues_are_printed_as_tables_and_as_json(what: str, least: int) -> None:
    listed = json.loads(nakhon("catalogue", what, "--json").stdout)
    assert len(listed) >= least
    assert f"{len(listed)} {what}" in nakhon("catalogue", what).stdout


def test_a_scenario_said_into_a_store_is_accounted_for_and_compared(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(
        'name = "small"\nstart = 2026-03-01T00:00:00Z\nduration = "2d"\ncadence = "1h"\n'
        '[cities]\ninclude = ["chiang-mai", "rayong"]\n'
    )
    store = ("--store", "duckdb://city.duckdb")
    told = nakhon(
        "simulate", "small.toml", "--broker", "none", *store, "--run", "a", "--ledger", "a.ledger", folder=tmp_path
    )
    assert told.returncode == 0, told.stderr
    assert "said" in told.stderr

    again = nakhon("simulate", "small.toml", "--broker", "none", *store, "--run", "a", folder=tmp_path)
    assert again.returncode == 2
    assert "exists" in again.stderr

    verdict = nakhon("audit", "a.ledger", *store, "--json", folder=tmp_path)
    assert verdict.returncode == 0, verdict.stdout
    assert json.loads(verdict.stdout)["total"]["missing"] == 0

    compared = nakhon("compare", *store, "--indicator", "pm25", "--json", "--report", "r.html", folder=tmp_path)
    assert compared.returncode == 0, compared.stderr
    rows = json.loads(compared.stdout)
    assert "simulated" in json.dumps(rows)
    assert "<html" in (tmp_path / "r.html").read_text()[:200]


def test_a_recorded_series_is_a_run_of_origin_measured(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[1] / "scenarios" / "recordings" / "singapore-2018"
    told = nakhon(
        "replay", "csv", f"{shipped}.csv", "--map", f"{shipped}.toml", "--broker", "none", "--store",
        "duckdb://city.duckdb", "--run", "measured", folder=tmp_path,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert "Meteorological Service Singapore" in told.stderr
    compared = nakhon(
        "compare", "--store", "duckdb://city.duckdb", "--indicator", "air_temperature", "--bucket", "1d",
        "--out", "t.csv", folder=tmp_path,
    )  # fmt: skip
    assert compared.returncode == 0, compared.stderr
    header, row = (tmp_path / "t.csv").read_text("utf-8-sig").splitlines()
    cells = dict(zip(header.split(","), row.split(","), strict=False))
    assert cells["origin"] == "measured"
    assert cells["n"] == "365"
    assert float(cells["mean"]) == pytest.approx(27.885, abs=0.001)
