"""The publisher against a real Mosquitto: versions, TLS, passwords, Ctrl-C, a broker that goes away and comes back."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from listener import Listener
from parts import Mosquitto, nakhon, need, wait_for
from processes import Running

from collector.language.ledger import read_ledger

pytestmark = pytest.mark.system

SCENARIO = """
name = "talk"
start = 2026-03-01T00:00:00Z
duration = "{duration}"
cadence = "15min"
[cities]
include = ["chiang-mai", "rayong"]
"""
SMALL = "6h"


def statuses(listener: Listener) -> list[dict[str, object]]:
    return [json.loads(one.payload) for one in listener.messages if one.topic.count("/") == 4]


def simulate(url: str, folder: Path, *more: str, duration: str = SMALL, **environment: str) -> Running:
    (folder / "talk.toml").write_text(SCENARIO.format(duration=duration))
    return nakhon("simulate", "talk.toml", "--broker", url, *more, folder=folder, **environment)


def log(folder: Path) -> str:
    return " ".join((folder / "simulate.log").read_text().split())


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_city_is_born_speaks_and_says_good_bye(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto], version: str
) -> None:
    broker = mosquitto()
    listener = Listener(broker.url)
    assert simulate(broker.url, tmp_path, "--mqtt", version).wait(60) == 0, log(tmp_path)
    wait_for(lambda: sum(not status["online"] for status in statuses(listener)) == 2, 10, "both cities offline")
    listener.close()
    readings = [one for one in listener.messages if one.topic.count("/") == 5]
    assert len(readings) > 200
    assert {len(one.topic.split("/")) for one in listener.messages} == {5, 6, 7}
    assert all(one.qos == 1 for one in readings)
    born = [status for status in statuses(listener) if status["online"]]
    assert {status["city"]["name"] for status in born} == {"Chiang Mai", "Rayong"}  # type: ignore[index]
    assert {status["origin"] for status in born} == {"simulated"}
    if version == "5":
        properties = readings[0].properties
        assert properties is not None
        assert properties.ContentType == "application/json"
        assert properties.PayloadFormatIndicator == 1
        assert [name for name, _ in properties.UserProperty] == ["run", "schema", "published"]


def test_ctrl_c_delivers_the_last_messages_and_says_the_cities_are_offline(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto()
    listener = Listener(broker.url)
    told = ("--pace", "20000", "--ledger", "talk.ledger")
    process = simulate(broker.url, tmp_path, *told, duration="300d")
    wait_for(lambda: sum(one.topic.count("/") == 5 for one in listener.messages) > 100, 30, "some readings")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0, log(tmp_path)
    wait_for(lambda: sum(not status["online"] for status in statuses(listener)) == 2, 10, "both cities offline")
    listener.close()
    lines = (tmp_path / "talk.ledger").read_text().splitlines()
    assert "closed" in json.loads(lines[-1])
    said = sum(one.topic.split("/")[-1] != "status" for one in listener.messages)
    assert said == len(lines) - 2


def test_a_publisher_that_is_killed_leaves_its_wills_and_a_line_for_each_message_it_sent(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto()
    listener = Listener(broker.url)
    process = simulate(broker.url, tmp_path, "--pace", "200000", "--ledger", "talk.ledger", duration="300d")
    wait_for(lambda: len(listener.messages) > 500, 60, "the births and some readings")
    process.kill()
    process.wait(10)
    wait_for(lambda: sum(not status["online"] for status in statuses(listener)) == 2, 10, "both wills")
    listener.close()
    entries = read_ledger(tmp_path / "talk.ledger").entries
    written = {(entry.address.topic, entry.seq) for entry in entries}
    sent = [one for one in listener.messages if one.topic.split("/")[-1] != "status"]
    assert written >= {(one.topic, json.loads(one.payload)["seq"]) for one in sent}


def test_a_run_of_the_same_name_is_refused(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> None:
    broker = mosquitto()
    assert simulate(broker.url, tmp_path, "--run", "once").wait(60) == 0
    assert simulate(broker.url, tmp_path, "--run", "once").wait(60) == 2
    assert "the run 'once' exists" in log(tmp_path)


def test_a_broker_that_goes_away_and_comes_back_costs_nothing(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto()
    collector = nakhon(
        "collect", "--broker", broker.url, "--store", "duckdb://c.duckdb", "--port", "0", folder=tmp_path
    )
    try:
        wait_for(lambda: "connected to" in (tmp_path / "collect.log").read_text(), 30, "the collector")
        process = simulate(broker.url, tmp_path, "--ledger", "talk.ledger", "--run", "talk", duration="4d")
        for _ in range(2):
            wait_for(lambda: "session" in log(tmp_path), 30, "the publisher")
            threading.Event().wait(0.7)
            broker.stop()
            threading.Event().wait(0.5)
            broker.start()
        assert process.wait(120) == 0, log(tmp_path)
        wait_for(lambda: audited(tmp_path) == 0, 60, "everything to be stored")
    finally:
        collector.kill()
        collector.wait(10)


def audited(folder: Path) -> int:
    """The verdict through the API of the running collector."""
    page = (folder / "collect.log").read_text().split("the page is at")[1].split()[0]
    return nakhon("audit", "talk.ledger", "--api", page, folder=folder).wait(60)


@pytest.fixture
def guarded(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> tuple[Mosquitto, Path]:
    """A broker with TLS and a password, and the authority to trust."""
    openssl, passwords = need("openssl"), need("mosquitto_passwd")
    key, certificate, people = tmp_path / "key.pem", tmp_path / "ca.pem", tmp_path / "people"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    subprocess.run([passwords, "-c", "-b", people, "city", "correct horse"], check=True, capture_output=True)
    broker = mosquitto(f"certfile {certificate}\nkeyfile {key}\npassword_file {people}", anonymous=False)
    broker.url = broker.url.replace("mqtt://", "mqtts://")
    return broker, certificate


def test_tls_and_a_password_from_the_environment(tmp_path: Path, guarded: tuple[Mosquitto, Path]) -> None:
    broker, authority = guarded
    named = {"NAKHON_MQTT_USERNAME": "city", "NAKHON_MQTT_PASSWORD": "correct horse"}
    assert simulate(broker.url, tmp_path, "--ca", str(authority), **named).wait(60) == 0, log(tmp_path)

    assert simulate(broker.url, tmp_path, **named).wait(60) == 2
    assert "is not trusted" in log(tmp_path)

    wrong = named | {"NAKHON_MQTT_PASSWORD": "battery staple"}
    assert simulate(broker.url, tmp_path, "--ca", str(authority), **wrong).wait(60) == 2
    assert "NAKHON_MQTT_PASSWORD" in log(tmp_path)
    assert "battery staple" not in log(tmp_path)
