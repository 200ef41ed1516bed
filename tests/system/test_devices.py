"""Real devices over a real Mosquitto: recorded payloads, published by a plain client, stand beside a simulated run."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from parts import Mosquitto, free_port, nakhon, need, wait_for

from collector.language.codec import encode
from collector.language.ledger import Header, LedgerWriter
from collector.language.messages import Message, Readings
from collector.language.topics import Address

pytestmark = pytest.mark.system

RECORDINGS = Path(__file__).parents[1] / "recordings"
FAMILIES = ("tasmota", "the-things-network", "shelly", "zigbee2mqtt")
SCENARIO = """
name = "beside"
start = 2024-01-21T00:00:00Z
duration = "1d"
cadence = "1h"
[cities]
include = ["chiang-mai"]
"""
MEND = """
[[device]]
topic = "nakhon/v1/{run}/{city}/{pillar}/{station}"
run = "{run}"
city = "{city}"
pillar = "{pillar}"
session = "session"
number = "seq"
time = "time"
columns = { pm25 = "pm25" }
"""


def publish(broker: Mosquitto, family: str, *options: str) -> int:
    rows = [json.loads(line) for line in (RECORDINGS / f"{family}.jsonl").read_text("utf-8").splitlines()]
    for row in rows:
        told = ("-p", str(broker.port), "-t", row["topic"], "-m", row["payload"], *options)
        subprocess.run([need("mosquitto_pub"), *told], check=True, timeout=20)
    return len(rows)


@contextmanager
def collector(broker: Mosquitto, folder: Path, *options: str) -> Iterator[str]:
    port = free_port()
    where = ("--broker", broker.url, "--store", "duckdb://city.duckdb", "--port", str(port))
    process = nakhon("collect", *where, *options, folder=folder)
    try:
        wait_for(lambda: answers(port), 60, "the collector")
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, (folder / "collect.log").read_text()
    finally:
        process.kill()
        process.wait(10)


def answers(port: int) -> bool:
    try:
        return bool(ask(f"http://127.0.0.1:{port}", "/ready"))
    except OSError:
        return False


def ask(api: str, path: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{api}{path}", timeout=20) as answer:
        return str(answer.read().decode())


def counted(api: str) -> dict[str, int]:
    found = re.findall(r"^nakhon_messages_(\w+?)(?:_total)? (\S+)$", ask(api, "/metrics"), re.MULTILINE)
    return {name: int(float(value)) for name, value in found}


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    process = nakhon(*arguments, folder=folder)
    return process.wait(90), (folder / f"{arguments[0]}.out").read_text()


def test_recorded_payloads_of_four_families_are_collected_once_and_stand_beside_a_simulated_run(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto()
    (tmp_path / "beside.toml").write_text(SCENARIO)
    maps = [option for family in FAMILIES for option in ("--map", f"{family}@chiang-mai")]
    publish(broker, "tasmota", "-r", "-q", "0")  # three topics that are mapped, one of them twice: three are kept
    with collector(broker, tmp_path, *maps, "--mqtt", "3.1.1") as api:
        wait_for(lambda: counted(api)["stored"] == 3, 20, "what the broker had kept")
        publish(broker, "tasmota", "-q", "0")
        for family in FAMILIES[1:]:
            publish(broker, family, "-q", "1")
        wait_for(lambda: counted(api)["received"] == 15, 20, "all messages")
        wait_for(lambda: counted(api)["pending"] == 0, 20, "all messages to be safe")
        told = counted(api)
        assert (told["stored"], told["duplicate"], told["rejected"], told["unaccounted"]) == (11, 2, 2, 0), told
        simulated = ("simulate", "beside.toml", "--broker", broker.url, "--run", "beside")
        assert run(tmp_path, *simulated)[0] == 0, (tmp_path / "simulate.log").read_text()
        wait_for(lambda: counted(api)["pending"] == 0, 20, "the simulated run")
        code, compared = run(tmp_path, "compare", "--api", api, "--indicator", "air_temperature", "--json")
        assert code == 0
        assert "beside" in compared
        assert "measured" in compared
        assert "simulated" in compared
        code, shown = run(tmp_path, "rejected", "list", "--api", api, "--json")
        assert [one["reason"] for one in json.loads(shown)] == ["last_seen: expected a time, came nothing"] * 2
        births = json.loads(ask(api, "/api/v1/runs/devices/cities"))["cities"]
        assert [one["profile"]["timezone"] for one in births] == ["Asia/Bangkok"]
        stations = json.loads(ask(api, "/api/v1/runs/devices/stations"))["stations"]
        assert {one["name"] for one in stations} >= {"TH16", "Office_Aqi", "s2120-0", "QBKG12LM"}
    with collector(broker, tmp_path, *maps, "--mqtt", "3.1.1") as api:
        wait_for(lambda: counted(api)["received"] >= 3, 20, "what the broker had kept, again")
        wait_for(lambda: counted(api)["pending"] == 0, 20, "that to be safe")
        assert counted(api)["duplicate"] >= 2
        rows = json.loads(ask(api, "/api/v1/series?run=devices&format=json"))["columns"]
        assert sum(rows["readings"]) == 20


def test_what_a_publisher_said_wrongly_is_mended_through_the_broker_and_audited(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto()
    (tmp_path / "mend.toml").write_text(MEND)
    with collector(broker, tmp_path) as api:
        with LedgerWriter(tmp_path / "run.ledger", Header("bug", "9f3c", "simulated")) as ledger:
            for seq in range(20):
                times = np.array([1_772_352_000 + 900 * seq], dtype=np.int64).view("datetime64[s]")
                at = Address("bug", "chiang-mai", "environment", "aq-01")
                message = Message(at, "9f3c", seq, Readings(times, {"pm25": np.array([seq + 0.5])}))
                payload = re.sub(rb'"pm25":([\d.]+)', rb'"pm25":"\1"', encode(message))
                ledger.record(message, payload)
                told = ("-p", str(broker.port), "-t", at.topic, "-q", "1", "-s")
                subprocess.run([need("mosquitto_pub"), *told], input=payload, check=True, timeout=20)
            ledger.close("2026-03-02T00:00:00Z")
        wait_for(lambda: counted(api)["rejected"] == 20, 20, "the rejections")
        mend = ("rejected", "replay", "--api", api, "--broker", broker.url, "--map", "mend.toml")
        for _ in range(2):
            assert run(tmp_path, *mend)[0] == 0, (tmp_path / "rejected.log").read_text()
            wait_for(lambda: counted(api)["stored"] == 20, 20, "the mended messages")
        assert counted(api)["received"] == 40
        code, verdict = run(tmp_path, "audit", "run.ledger", "--api", api, "--json")
        total = json.loads(verdict)["total"]
        assert code == 0, verdict
        assert (total["published"], total["stored"], total["mended"], total["rejected"]) == (20, 20, 20, 0)
