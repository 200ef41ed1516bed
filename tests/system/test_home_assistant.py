"""Home Assistant as it is, with the configuration of its kit: every reading that it was told of is in its history."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from parts import Mosquitto, free_port, need, wait_for

from collector.language.broker import parse_broker
from nakhon.captures.capture import Captured
from nakhon.kit import kit_of, write
from nakhon.plays import simulated
from nakhon.stage import Words
from nakhon.testing import City, Expect
from simulator.formats import format_of
from simulator.publisher import Publisher
from simulator.scenario import Scenario, parse_scenario

pytestmark = pytest.mark.system

SCENARIO = """
name = "home"
start = 2026-03-01T00:00:00Z
duration = "1d"
cadence = "15min"
[cities]
include = ["chiang-mai"]
"""
STATES = """
select meta.entity_id, states.state, attributes.shared_attrs
from states join states_meta meta using (metadata_id)
left join state_attributes attributes on states.attributes_id = attributes.attributes_id
"""
IN_KMH = 3.6  # Home Assistant shows m/s in km/h, rounded to 0.1 km/h
ABOUT = {"session", "seq", "time"}

Reading = tuple[str, str, int]
"""Station, indicator, number of the message."""


def hass() -> str:
    """Home Assistant's program: `$HASS`, or `hass` on the path."""
    return shutil.which(os.environ.get("HASS", "hass")) or need("hass")


@contextmanager
def running(program: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "hass.log").open("wb") as log:
        process = subprocess.Popen([program, "--config", str(folder)], cwd=folder, stdout=log, stderr=log)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        process.wait(90)  # it writes its registry and commits its history
    finally:
        process.kill()
        process.wait(10)


def installed(broker: str, scenario: Scenario, folder: Path) -> Path:
    """A fresh installation with the kit, whose page has a port of its own."""
    write(kit_of("home-assistant", scenario, parse_broker(broker)), folder)
    with (folder / "configuration.yaml").open("a") as file:
        file.write(f"\nhttp:\n  server_host: 127.0.0.1\n  server_port: {free_port()}\n")
    return folder


def told(heard: Sequence[Captured]) -> dict[Reading, float]:
    """The readings in the states that were published."""
    found = {}
    for one in heard:
        message = json.loads(one.payload)
        for indicator in message.keys() - ABOUT:
            if message[indicator] is not None:
                found[one.topic.rsplit("/", 1)[1], indicator, message["seq"]] = float(message[indicator])
    return found


def history(folder: Path) -> dict[Reading, float]:
    """The readings in the history: the number of the message is an attribute of the state."""
    registry = json.loads((folder / ".storage" / "core.entity_registry").read_text("utf-8"))
    names = {one["entity_id"]: one["unique_id"] for one in registry["data"]["entities"]}
    found: dict[Reading, float] = {}
    with closing(sqlite3.connect(folder / "home-assistant_v2.db")) as database:
        for entity, state, attributes in database.execute(STATES):
            if state in ("unknown", "unavailable") or not names.get(entity, "").startswith("nakhon_chiang-mai_"):
                continue
            station, indicator = names[entity].removeprefix("nakhon_chiang-mai_").split("_", 1)
            about = json.loads(attributes)
            value = about.get(indicator)
            if value is not None and same(float(state), value, about.get("unit_of_measurement")):
                found[station, indicator, about["seq"]] = value
    return found


def same(state: float, value: float, unit: str | None) -> bool:
    """Whether a state shows the value of its message."""
    return state == (pytest.approx(value * IN_KMH, abs=0.0501) if unit == "km/h" else value)


def test_every_reading_is_in_the_history(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> None:
    program = hass()
    log = tmp_path / "broker.log"
    broker = mosquitto(f"max_queued_messages 0\nmax_inflight_messages 0\nlog_dest file {log}\nlog_type subscribe")
    scenario = parse_scenario(SCENARIO, "home")
    folder = installed(broker.url, scenario, tmp_path / "home")
    words = Words("home-assistant", format_of("home-assistant"))
    play = simulated(scenario, math.inf, "home", 1, words=words)
    publisher = Publisher(parse_broker(broker.url), play.cast, play.session, make=words.make)
    expect = Expect(broker.url)
    publisher.start()  # says the births and what there is to discover
    topics = {topic for one in expect("homeassistant/+/+/+/config", within=20) for topic in state_topics(one)}
    try:
        with running(program, folder):
            wait_for(lambda: topics <= subscribed(log), 180, "Home Assistant to listen to what it discovered")
            city = City(play, publisher)
            threading.Thread(target=city.speak, daemon=True).start()
            city.wait(60)
            states = told(expect.heard("nakhon/home-assistant/home/chiang-mai/+/+"))
            wait_for(lambda: last_states(states) <= last_in(folder), 120, f"{last_states(states)} in the history")
    finally:
        expect.close()
    kept = history(folder)
    missing = {key: value for key, value in states.items() if kept.get(key) != value}
    assert not missing, f"{len(missing)} of {len(states)} readings: {sorted(missing)[:5]}"
    assert len(states) > 1_000
    print(f"{len(states)} readings of {len({key[:2] for key in states})} sensors")  # shown with -s


def state_topics(configuration: Captured) -> list[str]:
    return [str(json.loads(configuration.payload)["state_topic"])]


def subscribed(log: Path) -> set[str]:
    """What somebody has subscribed to, by the broker's log."""
    return {line.split()[-1] for line in log.read_text("utf-8").splitlines()}


def last_states(states: Iterable[Reading]) -> set[tuple[str, int]]:
    """The last message with each indicator, of the stations together."""
    last: dict[str, int] = {}
    for _, indicator, seq in states:
        last[indicator] = max(seq, last.get(indicator, 0))
    return set(last.items())


def last_in(folder: Path) -> set[tuple[str, int]]:
    """Indicators and numbers of messages in the newest attributes of the history."""
    query = "select shared_attrs from state_attributes order by attributes_id desc limit 500"
    with closing(sqlite3.connect(folder / "home-assistant_v2.db", timeout=20)) as database:
        found: list[dict[str, Any]] = [json.loads(row[0]) for row in database.execute(query)]
    return {(name, one["seq"]) for one in found if "seq" in one for name in one}
