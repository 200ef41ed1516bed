"""Over a real Mosquitto, with the collector killed: nothing is lost, nothing is doubled, and what is lost is named."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from parts import Mosquitto, nakhon, wait_for
from processes import Running

pytestmark = pytest.mark.system

SCENARIO = """
name = "kill"
start = 2026-03-01T00:00:00Z
duration = "{days}d"
cadence = "15min"
[cities]
include = ["chiang-mai", "khon-kaen", "rayong"]
"""


@contextmanager
def collector(broker: Mosquitto, folder: Path, *more: str) -> Iterator[Running]:
    told = ("--broker", broker.url, "--store", "duckdb://city.duckdb", "--port", "0", *more)
    process = nakhon("collect", *told, folder=folder)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def log(folder: Path, command: str) -> str:
    return (folder / f"{command}.log").read_text()


def audit(folder: Path) -> tuple[int, dict[str, object]]:
    process = nakhon("audit", "run.ledger", "--store", "duckdb://city.duckdb", "--json", folder=folder)
    code = process.wait(60)
    return code, json.loads((folder / "audit.out").read_text())


def simulate(broker: Mosquitto, folder: Path, days: int) -> Running:
    (folder / "kill.toml").write_text(SCENARIO.format(days=days))
    told = ("--broker", broker.url, "--ledger", "run.ledger", "--run", "kill")
    return nakhon("simulate", "kill.toml", *told, folder=folder)


def test_a_collector_killed_at_random_loses_and_doubles_nothing(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    broker = mosquitto()
    with collector(broker, tmp_path):
        wait_for(lambda: "connected to" in log(tmp_path, "collect"), 30, "the collector")
        publisher = simulate(broker, tmp_path, days=1)
        wait_for(lambda: "to mqtt" in log(tmp_path, "simulate"), 30, "the publisher")
        time.sleep(chance.uniform(0.5, 1.5))
    kills = 1
    while publisher.poll() is None and kills < 4:
        with collector(broker, tmp_path):
            seen = kills + 1
            wait_for(lambda seen=seen: log(tmp_path, "collect").count("connected to") >= seen, 30, "the collector")
            time.sleep(chance.uniform(0.2, 2.0))
        kills += 1
    with collector(broker, tmp_path) as last:
        wait_for(lambda: log(tmp_path, "collect").count("connected to") > kills, 60, "the last collector")
        assert publisher.wait(180) == 0, log(tmp_path, "simulate")
        wait_for(lambda: quiet(tmp_path), 60, "the collector to have everything")
        last.send_signal(signal.SIGINT)
        assert last.wait(30) == 0
    code, verdict = audit(tmp_path)
    print(f"killed {kills} times: {verdict['total']}, deliveries {verdict['deliveries']}")
    assert code == 0, verdict
    assert kills >= 2


def quiet(folder: Path) -> bool:
    """Whether the store's write-ahead log has stopped growing."""
    wal = folder / "city.duckdb.wal"
    before = wal.stat().st_size if wal.exists() else 0
    time.sleep(1.5)
    return (wal.stat().st_size if wal.exists() else 0) == before


def test_a_broker_that_drops_is_found_out_and_the_loss_is_named(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto("max_queued_messages 1000")  # the default: that many beyond the window, 20 under MQTT 3.1.1
    with collector(broker, tmp_path, "--mqtt", "3.1.1") as first:
        wait_for(lambda: "connected to" in log(tmp_path, "collect"), 30, "the collector")
        first.send_signal(signal.SIGINT)
        first.wait(30)
    publisher = simulate(broker, tmp_path, days=1)  # the collector is away: nobody holds the publisher back
    assert publisher.wait(120) == 0, log(tmp_path, "simulate")
    with collector(broker, tmp_path, "--mqtt", "3.1.1") as second:
        wait_for(lambda: log(tmp_path, "collect").count("connected to") == 2, 30, "the collector")
        wait_for(lambda: quiet(tmp_path), 60, "the collector to have everything")
        second.send_signal(signal.SIGINT)
        second.wait(30)
    code, verdict = audit(tmp_path)
    total, losses = verdict["total"], verdict["losses"]
    assert isinstance(total, dict) and isinstance(losses, list)
    assert code == 1
    assert total["missing"] > 1000, verdict
    assert total["published"] == total["stored"] + total["missing"]
    assert losses[0]["station"].split("/")[0] in {"chiang-mai", "khon-kaen", "rayong"}
    assert sum(loss["messages"] for loss in losses) == total["missing"]
