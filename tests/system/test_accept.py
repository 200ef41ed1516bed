"""Acceptance over a real Mosquitto: a collector that is killed is accepted, a recorder that loses is not."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from parts import Mosquitto, free_port, nakhon, need, wait_for

pytestmark = pytest.mark.system

LOAD = """
title = "{title}"
[load]
scenario = "demo"
cities = ["chiang-mai"]
pace = 1800
warm_up = "1s"
duration = "{seconds}s"
"""
KILLED = """
[consumer]
api = "http://127.0.0.1:{port}"
start = "exec {python} -m nakhon collect --broker $NAKHON_BROKER --store duckdb://$NAKHON_FOLDER/c.duckdb --port {port}"
ready = "{python} -c 'import urllib.request as u; u.urlopen(\\"http://127.0.0.1:{port}/ready\\")'"
settle = "60s"
[[steps]]
name = "spoil"
at = "1s"
fault = {{ fault = "malformed", how = "truncated", probability = 0.5, for = "30min" }}
[[steps]]
name = "kill"
at = "2s"
consumer = "kill"
[[steps]]
name = "start"
at = "3s"
consumer = "start"
[criteria]
require = ["lost = 0", "duplicated = 0", "pending = 0", "rejected = injected", 'recovered < 60 s after "start"']
"""
LOSES = """
[consumer]
sink = "{folder}/heard.jsonl"
start = "exec {recorder} -p {port} -q 0 -t \\"nakhon/v1/$NAKHON_RUN/#\\" -F %j >> {folder}/heard.jsonl"
settle = "1s"
[[steps]]
name = "away"
at = "1s"
consumer = "stop"
[[steps]]
name = "back"
at = "3s"
consumer = "start"
[[steps]]
name = "a command"
at = "4s"
run = "echo $NAKHON_RUN; exit 0"
[criteria]
require = ["lost = 0", "duplicated = 0", "recovered < 30 s"]
"""


def accepted(folder: Path, plan: str, broker: str) -> tuple[int, dict[str, Any], str]:
    (folder / "plan.toml").write_text(plan)
    process = nakhon("accept", "plan.toml", "--broker", broker, "--out", "evidence", folder=folder)
    code = process.wait(200)
    if not (folder / "evidence" / "verdict.json").exists():
        pytest.fail((folder / "accept.log").read_text())
    told = json.loads((folder / "evidence" / "verdict.json").read_text())
    return code, told, (folder / "evidence" / "certificate.txt").read_text()


def test_a_collector_that_is_killed_and_started_again_is_accepted(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    plan = LOAD.format(title="killed", seconds=6) + KILLED.format(port=free_port(), python=sys.executable)
    code, told, text = accepted(tmp_path, plan, mosquitto().url)
    assert (code, told["verdict"]) == (0, "ACCEPTED"), text
    assert told["measures"]["lost"] == 0 < told["measures"]["rejected"] == told["measures"]["malformed"]
    assert told["recovered"]["kill"] >= 1.0
    ledger = [json.loads(line) for line in (tmp_path / "evidence" / "run.ledger").read_text().splitlines()]
    assert [(line["step"], line["exit"]) for line in ledger if "step" in line] == [
        ("spoil", 0),
        ("kill", 0),
        ("start", 0),
    ]


def test_a_consumer_that_loses_is_not_accepted_and_the_certificate_names_the_loss(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto()
    plan = LOAD.format(title="loses", seconds=5)
    plan += LOSES.format(folder=tmp_path, port=broker.port, recorder=need("mosquitto_sub"))
    code, told, text = accepted(tmp_path, plan, broker.url)
    assert (code, told["verdict"]) == (1, "NOT ACCEPTED")
    assert told["measures"]["lost"] > 20
    assert told["recovered"]["back"] is None
    assert "chiang-mai/environment/aq-01 seq " in text
    assert "unexplained" in text
    assert told["steps"][2]["said"] == told["load"]["run"]
    assert "<h2>Losses</h2>" in (tmp_path / "evidence" / "certificate.html").read_text()
    assert (tmp_path / "evidence" / "junit.xml").read_text().count("<failure") == 2


def test_ended_early_the_certificate_says_incomplete(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> None:
    (tmp_path / "heard.jsonl").write_text("")
    plan = LOAD.format(title="ended", seconds=600) + f'[consumer]\nsink = "{tmp_path}/heard.jsonl"\nsettle = "60s"\n'
    (tmp_path / "plan.toml").write_text(plan + '[criteria]\nrequire = ["lost = 0"]\n')
    told = ("--broker", mosquitto().url, "--out", "evidence")
    process = nakhon("accept", "plan.toml", *told, folder=tmp_path)
    wait_for(lambda: "evidence in" in (tmp_path / "accept.log").read_text(), 60, "the load")
    wait_for(lambda: '"to": ' in (tmp_path / "evidence" / "run.ledger").read_text(), 60, "a message")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 1
    assert "INCOMPLETE" in (tmp_path / "evidence" / "certificate.html").read_text()
    assert json.loads((tmp_path / "evidence" / "verdict.json").read_text())["verdict"] == "INCOMPLETE"


def test_a_plan_that_cannot_begin_is_bad_input(tmp_path: Path) -> None:
    consumer = '[consumer]\nsink = "heard.jsonl"\n[criteria]\nrequire = ["lost = 0"]\n'
    (tmp_path / "plan.toml").write_text(LOAD.format(title="none", seconds=5) + consumer)
    process = nakhon("accept", "plan.toml", "--broker", f"mqtt://127.0.0.1:{free_port()}", folder=tmp_path)
    assert process.wait(60) == 2
    assert "nothing listens at" in (tmp_path / "accept.log").read_text()


def test_a_browser_draws_the_timeline_of_a_certificate(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> None:
    browser = need("chromium")
    (tmp_path / "heard.jsonl").write_text("")
    plan = LOAD.format(title="drawn", seconds=2) + f'[consumer]\nsink = "{tmp_path}/heard.jsonl"\nsettle = "0s"\n'
    accepted(tmp_path, plan + '[criteria]\nrequire = ["published > 0"]\n', mosquitto().url)
    quiet = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    more = f"--user-data-dir={tmp_path / 'profile'} --virtual-time-budget=5000"
    page = (tmp_path / "evidence" / "certificate.html").as_uri()
    command = [browser, *quiet.split(), *more.split(), "--dump-dom", page]
    drawn = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert 'class="main-svg"' in drawn
