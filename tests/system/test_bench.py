"""The benchmark against a real Mosquitto: its three modes, a broker that drops, one that is not there."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from parts import Mosquitto, free_port, nakhon, wait_for

pytestmark = pytest.mark.system


def bench(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    process = nakhon("bench", *arguments, "--json", folder=folder)
    code = process.wait(120)
    text = (folder / "bench.out").read_text()
    return code, json.loads(text) if text else {}


def log(folder: Path) -> str:
    return (folder / "bench.log").read_text()


@pytest.mark.parametrize("qos", ["0", "1", "2"])
def test_latency_at_a_fixed_rate_hears_every_message_once(
    qos: str, tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    told = ("--broker", mosquitto().url, "--rate", "100", "--for", "1s", "--qos", qos)
    code, found = bench(tmp_path, "latency", *told)
    assert (found["offered"], found["lost"], found["copies"]) == (100, 0, 0), log(tmp_path)
    assert 0 < found["latency"]["p50"] <= found["latency"]["p99.9"]
    assert sum(one["count"] for one in found["histogram"]) == 100
    assert code == int(found["offer_limited"])


def test_capacity_tells_rates_and_whose_limit_it_was(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> None:
    told = ("--broker", mosquitto().url, "--from", "20", "--to", "80", "--for", "1s")
    _, found = bench(tmp_path, "capacity", *told)
    assert [one["rate"] for one in found["steps"]][:1] == [20]
    assert found["limit"] in ("none", "offer", "target")
    assert (found["knee"] == 80) == (found["limit"] == "none")
    assert all(one["heard"] == one["offered"] for one in found["steps"] if one["sustained"])


def test_integrity_with_faults_accounts_for_every_message(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> None:
    told = ("--broker", mosquitto().url, "--rate", "100", "--for", "4s", "--out", "kept")
    code, found = bench(tmp_path, "integrity", *told, "--fault", "duplicate", "--fault", "lost", "--fault", "kill")
    assert (code, found["measures"]["lost"]) == (0, 0), log(tmp_path)
    assert found["measures"]["published"] > 200
    assert found["measures"]["injected"] > 0
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"run.ledger", "heard.jsonl"}


def test_integrity_finds_everything_lost_at_a_consumer_that_holds_nothing(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    (tmp_path / "empty.jsonl").write_text('{"capture": 1}\n')
    told = ("--broker", mosquitto().url, "--rate", "100", "--for", "1s", "--fault", "none", "--sink", "empty.jsonl")
    code, found = bench(tmp_path, "integrity", *told)
    assert code == 1
    assert found["measures"]["lost"] == found["measures"]["published"] > 0


def test_a_broker_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    url = f"mqtt://127.0.0.1:{free_port()}"
    for mode in ("latency", "capacity", "integrity"):
        assert nakhon("bench", mode, "--broker", url, folder=tmp_path).wait(60) == 2
    assert log(tmp_path).count("nothing listens at") == 3


def test_ended_early_the_figures_are_told_as_incomplete(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> None:
    broker = mosquitto()
    with (tmp_path / "mosquitto_sub.out").open("w") as out:
        seen = subprocess.Popen(["mosquitto_sub", "-p", str(broker.port), "-t", "nakhon/v1/#"], stdout=out)
    try:
        told = ("--broker", broker.url, "--rate", "50", "--for", "10min", "--json")
        process = nakhon("bench", "latency", *told, folder=tmp_path)
        wait_for(lambda: (tmp_path / "mosquitto_sub.out").read_text().count("\n") > 100, 60, "messages")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 1
    finally:
        seen.kill()
        seen.wait(10)
    found = json.loads((tmp_path / "bench.out").read_text())
    assert not found["complete"]
    assert found["offered"] > 0
