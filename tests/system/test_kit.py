"""Consumers that others wrote, as they are, with the configuration of a kit: every reading is accounted for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from npm import installed
from parts import Mosquitto, free_port, listening, nakhon, need, wait_for

from collector.language.broker import Broker, parse_broker
from collector.language.connection import reach
from collector.language.errors import BrokerError
from nakhon.captures.capture import Captured
from nakhon.captures.capture_replay import Mouth
from nakhon.captures.recording import Ear, Recorder
from nakhon.kit import kit_of, write
from nakhon.testing import Expect
from simulator.scenario import parse_scenario

pytestmark = pytest.mark.system

SCENARIO = """
name = "talk"
start = 2026-03-01T00:00:00Z
duration = "1d"
cadence = "15min"
[cities]
include = ["chiang-mai", "rayong"]
"""
HEAD = {"session", "seq", "time"}
NODE_RED = "node-red@3.1.15"

Reading = tuple[str, str, str, int, str, str, float | None]
"""Run, city, station, seq, time, indicator, value."""


@contextmanager
def running(*command: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program of others; what it prints is in `<program>.log`."""
    with (folder / f"{Path(command[0]).name}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def made(name: str, broker: str, folder: Path) -> Path:
    """The folder with the files of a kit."""
    write(kit_of(name, parse_scenario(SCENARIO, "talk"), parse_broker(broker)), folder / name)
    return folder / name


def simulate(broker: str, folder: Path, run: str, *options: str, **environment: str) -> int:
    """Have the cities say everything; how many messages they said."""
    (folder / "talk.toml").write_text(SCENARIO)
    command = ("simulate", "talk.toml", "--broker", broker, "--run", run, "--ledger", f"{run}.ledger", *options)
    assert nakhon(*command, folder=folder, **environment).wait(120) == 0, (folder / "simulate.log").read_text()
    return len((folder / f"{run}.ledger").read_text().splitlines())


def said(heard: Sequence[Captured]) -> Counter[Reading]:
    """Every reading in messages of the wire, ticks or packs."""
    found: Counter[Reading] = Counter()
    for one in heard:
        _, _, run, city, _, station = one.topic.split("/")
        told = json.loads(one.payload)
        times = told["time"] if isinstance(told["time"], list) else [told["time"]]
        for indicator in told.keys() - HEAD:
            cells = told[indicator] if isinstance(told["time"], list) else [told[indicator]]
            for time, value in zip(times, cells, strict=True):
                found[run, city, station, told["seq"], time, indicator, value] += 1
    return found


def lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file of JSON lines; none if it is not there."""
    text = path.read_text("utf-8") if path.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def count(path: Path) -> int:
    """How many lines a file has; 0 if it is not there."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def of_kind(expect: Expect, kind: str) -> list[Captured]:
    return expect.heard(f"nakhon/v1/+/+/+/+/{kind}")


def node_red(config: pytest.Config, folder: Path) -> tuple[str, ...]:
    """How Node-RED is started; it is installed where there is npm."""
    if named := os.environ.get("NODE_RED"):
        return tuple(named.split())
    place = installed(NODE_RED, config, folder)
    return (need("node"), str(place / "node_modules" / "node-red" / "red.js"))


def test_node_red_receives_every_reading_of_a_city_in_ticks_and_packs(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto], pytestconfig: pytest.Config
) -> None:
    place = tmp_path / "installed"
    place.mkdir()
    program = node_red(pytestconfig, place)
    broker = mosquitto()
    kit = made("node-red", broker.url, tmp_path)
    expect, port = Expect(broker.url), free_port()
    options = ("--userDir", str(kit), "--port", str(port), "-D", "uiHost=127.0.0.1", "flows.json")
    try:
        with running(*program, *options, folder=kit):
            log = kit / f"{Path(program[0]).name}.log"
            wait_for(lambda: b"Connected to broker" in log.read_bytes(), 120, "Node-RED to connect")
            ticks = simulate(broker.url, tmp_path, "ticks")
            packs = simulate(broker.url, tmp_path, "packs", "--pack", "8")
            broken = ("-t", "nakhon/v1/ticks/rayong/economy/tr-01", "-m", "{oops", "-q", "1")
            subprocess.run([need("mosquitto_pub"), "-p", str(broker.port), *broken], check=True, timeout=20)
            expect("nakhon/v1/+/rayong/economy/tr-01", within=20, where=lambda one: one.payload == b"{oops")
            heard = [one for one in expect.heard("nakhon/v1/+/+/+/+") if one.payload != b"{oops"]
            told = said([one for one in heard if not one.topic.endswith("/status")])
            wait_for(lambda: count(kit / "readings.jsonl") >= told.total(), 120, f"{told.total()} readings")
            wait_for(lambda: count(kit / "rejected.jsonl") == 1, 20, "the broken message")
            for kind in ("events", "statistics"):
                wait_for(lambda kind=kind: count(kit / f"{kind}.jsonl") >= len(of_kind(expect, kind)), 60, kind)  # type: ignore[misc]
    finally:
        expect.close()
    kept = lines(kit / "readings.jsonl")
    names = ("run", "city", "station", "seq", "time", "indicator", "value")
    assert Counter(tuple(one[name] for name in names) for one in kept) == told
    assert max(told.values()) == 1
    assert {one["indicator"]: one["unit"] for one in kept}["pm25"] == "µg/m³"
    for kind in ("events", "statistics"):
        assert len(lines(kit / f"{kind}.jsonl")) == len(of_kind(expect, kind)) > 0
    print(f"{len(kept)} readings of {ticks} and {packs} lines of ledgers")  # shown with -s


def test_telegraf_receives_every_field_of_a_city(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> None:
    program = need("telegraf")
    broker = mosquitto()
    kit = made("telegraf", broker.url, tmp_path)
    expect, out = Expect(broker.url), kit / "readings.jsonl"
    try:
        with running(program, "--config", "telegraf.conf", folder=kit):
            wait_for(lambda: (kit / "telegraf.log").read_text().count("Connected") == 3, 60, "Telegraf to connect")
            simulate(broker.url, tmp_path, "ticks")
            wanted = {"readings": len(expect.heard("nakhon/v1/+/+/+/+"))}
            wanted |= {kind: len(of_kind(expect, kind)) for kind in ("events", "statistics")}
            wait_for(lambda: count(out) >= sum(wanted.values()), 60, f"{wanted}")
    finally:
        expect.close()
    kept = lines(out)
    assert Counter(one["name"] for one in kept) == wanted
    told = Counter(
        {key[:4] + key[5:]: n for key, n in said(expect.heard("nakhon/v1/+/+/+/+")).items() if key[6] is not None}
    )
    assert told == Counter(
        (*(one["tags"][name] for name in ("run", "city", "station")), one["fields"]["seq"], indicator, value)
        for one in kept
        if one["name"] == "readings"
        for indicator, value in one["fields"].items()
        if indicator not in HEAD
    )
    events = [json.loads(one.payload) for one in of_kind(expect, "events")]
    ids = Counter((one["id"], one["type"]) for one in events)
    assert ids == Counter((one["tags"]["id"], one["tags"]["type"]) for one in kept if one["name"] == "events")


def test_mosquitto_takes_those_who_are_named_and_nobody_else(tmp_path: Path) -> None:
    program, passwd = need("mosquitto"), need("mosquitto_passwd")
    port = free_port()
    url = f"mqtt://127.0.0.1:{port}"
    kit = made("mosquitto", url, tmp_path)
    (kit / "passwords").touch(mode=0o600)
    for user in ("simulator", "consumer", "city-rayong"):
        subprocess.run([passwd, "-b", "passwords", user, f"word of {user}"], cwd=kit, check=True, timeout=20)
    with (kit / "mosquitto.conf").open("a") as file:
        file.write("user root\n")  # tests run as root, whose folders no other user may read
    (kit / "acl").chmod(0o700)
    heard: list[Captured] = []
    with running(program, "-c", "mosquitto.conf", folder=kit):
        wait_for(lambda: listening(port), 10, "mosquitto to listen")
        consumer = Recorder(login(url, "consumer"), Ear(["nakhon/#"]), heard.append)
        consumer.start()
        try:
            user = {"NAKHON_MQTT_USERNAME": "simulator", "NAKHON_MQTT_PASSWORD": "word of simulator"}
            entries = simulate(url, tmp_path, "ticks", **user)
            wait_for(lambda: len(numbered(heard)) >= entries - 2, 60, "every message")
        finally:
            consumer.stop()
        assert len(numbered(heard)) == len(set(numbered(heard))) == entries - 2
        mouth = Mouth(login(url, "city-rayong"))
        mouth.start()
        for city in ("rayong", "chiang-mai"):
            assert mouth.say(Captured(f"nakhon/v1/r/{city}/economy/tr-09", b"{}", 1))
        mouth.finish()
        assert (mouth.taken, mouth.refused) == (1, 1)
        with pytest.raises(BrokerError, match="refuses"):
            reach(parse_broker(url))


def login(url: str, user: str) -> Broker:
    return parse_broker(url, username=user, password=f"word of {user}")


def numbered(heard: Sequence[Captured]) -> list[tuple[str, bytes]]:
    """The messages that have a number; births have none."""
    return [(one.topic, one.payload) for one in heard if b'"seq":' in one.payload]
