"""Faults against a real broker: one of each, a collector, and an audit that explains all that is missing."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fault_runs import SMALL, scenario
from parts import Mosquitto, nakhon, wait_for
from rich.console import Console

from collector.language.broker import parse_broker
from collector.language.connection import Connection, Network, Session
from collector.language.errors import InputError
from collector.language.profile import Status, decode_status
from nakhon.collect import Duty, collecting
from nakhon.fault import NoAnswer, ask
from nakhon.plays import simulated
from nakhon.stage import Manner, to_broker

pytestmark = pytest.mark.system

RUN = "small-1"
ONE_OF_EACH = """
[[faults]]
fault = "stuck"
station = "aq-01"
[[faults]]
fault = "silence"
station = "wx-01"
after = "2h"
for = "2h"
[[faults]]
fault = "clock-skew"
station = "fd-01"
after = "6h"
offset = 7
[[faults]]
fault = "duplicate"
station = "tr-01"
probability = 0.5
[[faults]]
fault = "lost"
station = "tr-02"
probability = 0.3
[[faults]]
fault = "reorder"
station = "aq-02"
[[faults]]
fault = "late"
station = "fd-01"
spread = "exponential"
delay = "1h"
[[faults]]
fault = "burst"
station = "sd-01"
every = "3h"
[[faults]]
fault = "malformed"
kind = "air-quality-node"
[[faults]]
fault = "malformed"
id = "large"
how = "oversized"
kind = "air-quality-node"
after = "12h"
for = "1h"
[[faults]]
fault = "kill"
after = "8h"
"""


def test_a_run_with_one_of_each_is_explained_to_the_last_message(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = parse_broker(mosquitto().url)
    store = f"duckdb://{tmp_path}/city.duckdb"
    asked = scenario(ONE_OF_EACH, f"{SMALL}air_quality_node = 1\n")
    play = simulated(asked, 50_000.0, RUN, 1)
    with collecting(Duty(store, port=0), broker) as collector:
        assert to_broker(play, Manner(ledger=tmp_path / "run.ledger"), broker, Console(stderr=True))
        told = collector.metrics.value
        wait_for(
            lambda: told("nakhon_messages_stored_total") + told("nakhon_messages_rejected_total") >= _sent(tmp_path),
            30,
            "the collector to have what was sent",
        )
    verdict = _audit(tmp_path, store)
    lines = [json.loads(line) for line in (tmp_path / "run.ledger").read_text("utf-8").splitlines()]
    acted = {line["id"]: line.get("acted") for line in lines if "fault" in line}
    assert verdict["missing"] == {"injected": acted["f5"], "expired": 0, "unexplained": 0}
    assert verdict["total"]["rejected"] == 96
    assert acted["f9"] == 96
    assert verdict["deliveries"]["duplicate"] >= acted["f4"] > 20
    assert verdict["conflicts"] == 0
    assert [line["connections"] for line in lines if line.get("fault") == "kill"] == [["rayong"]]


def _sent(folder: Path) -> int:
    lines = [json.loads(line) for line in (folder / "run.ledger").read_text("utf-8").splitlines()]
    lost = next(line["acted"] for line in reversed(lines) if line.get("fault") == "lost" and line["id"] == "f5")
    return sum("to" in line for line in lines) - int(lost)


def _audit(folder: Path, store: str) -> dict[str, Any]:
    code = nakhon("audit", "run.ledger", "--store", store, "--json", folder=folder).wait(120)
    told = (folder / "audit.out").read_text()
    assert code == 0, told[-3_000:] + (folder / "audit.log").read_text()
    found: dict[str, Any] = json.loads(told)
    return found


@contextmanager
def speaking(url: str, folder: Path) -> Iterator[None]:
    """The small scenario, live, until the test is over."""
    (folder / "small.toml").write_text(SMALL.replace('"1d"', '"10d"'), "utf-8")
    typed = ("simulate", "small.toml", "--broker", url, "--pace", "900", "--run", RUN, "--ledger", "run.ledger")
    process = nakhon(*typed, folder=folder)
    ledger = folder / "run.ledger"
    try:
        wait_for(lambda: ledger.exists() and '"to"' in ledger.read_text("utf-8"), 60, "the first message")
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


@contextmanager
def watching(url: str) -> Iterator[list[Status]]:
    """The statuses of the city, as a consumer sees them."""
    seen: list[Status] = []
    network = Network("watch").start()
    connection = Connection(
        network,
        parse_broker(url),
        Session("watch"),
        on_up=lambda _remembered: _subscribe(connection),
        on_message=lambda message: seen.append(decode_status(bytes(message.payload))),
    )
    network.add(connection)
    try:
        connection.wait_up(10)
        yield seen
    finally:
        network.stop()


def _subscribe(connection: Connection) -> None:
    connection.client.subscribe(f"nakhon/v1/{RUN}/rayong/status", qos=1)


def test_connection_faults_by_command_are_what_a_consumer_sees(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    url = mosquitto().url
    broker = parse_broker(url)
    with speaking(url, tmp_path), watching(url) as seen:

        def start(fault: str, **arguments: object) -> float:
            """When a fault was asked for, after what the one before did to the statuses was over; its will is seen."""
            wait_for(lambda: seen[-1].online and _quiet(seen), 20, "the birth to stand")
            seen.clear()
            began = time.monotonic()
            assert ask(broker, RUN, "fault.start", {"fault": fault} | arguments, 20)["fault"] == fault
            wait_for(lambda: any(not one.online for one in seen), 20, f"the offline message after {fault}")
            return began

        def birth() -> float:
            wait_for(lambda: seen[-1].online, 20, "the birth")
            return time.monotonic()

        wait_for(lambda: bool(seen), 10, "the retained birth")
        session = seen[0].session
        start("kill")
        birth()
        assert {one.session for one in seen} == {session}
        began = start("outage", seconds=3)
        assert birth() - began > 2.9
        began = start("missing-birth", seconds=3)
        assert birth() - began > 2.9
        start("stale-status")
        birth()
        assert [one.session == session for one in seen[:2]] == [False, True]
        start("reconnect-storm", times=3, rate=1)
        wait_for(lambda: sum(not one.online for one in seen) >= 3, 20, "three wills")
        birth()
    lines = [json.loads(line) for line in (tmp_path / "run.ledger").read_text("utf-8").splitlines()]
    assert [line["connections"] for line in lines if "fault" in line] == [["rayong"]] * 5


def _quiet(seen: list[Status], seconds: float = 1.0) -> bool:
    """Whether no status came for a while."""
    before, until = len(seen), time.monotonic() + seconds
    while time.monotonic() < until and len(seen) == before:
        time.sleep(0.02)
    return len(seen) == before


def test_a_connection_that_is_half_open_for_a_while_loses_nothing(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    url = mosquitto().url
    store = f"duckdb://{tmp_path}/city.duckdb"
    with collecting(Duty(store, port=0), parse_broker(url)), speaking(url, tmp_path):
        ask(parse_broker(url), RUN, "fault.start", {"fault": "half-open", "seconds": 4}, 20)
        wait_for(lambda: ask(parse_broker(url), RUN, "fault.list", {}, 30) == {"faults": []}, 30, "it to be struck")
    assert _audit(tmp_path, store)["missing"]["unexplained"] == 0


def test_a_run_answers_and_who_asks_in_vain_is_told(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> None:
    url = mosquitto().url
    with pytest.raises(NoAnswer, match="is it being simulated there"):
        ask(parse_broker(url), RUN, "fault.list", {}, 1)
    with speaking(url, tmp_path):
        with pytest.raises(InputError, match="did you mean stuck"):
            ask(parse_broker(url), RUN, "fault.start", {"fault": "stuk"}, 20)
        typed = (
            "start",
            "stuck",
            "value=3",
            "--run",
            RUN,
            "--broker",
            url,
            "--station",
            "aq-*",
            "--for",
            "5d",
            "--json",
        )
        assert nakhon("fault", *typed, folder=tmp_path).wait(60) == 0
        told = json.loads((tmp_path / "fault.out").read_text())
        assert (told["id"], told["stations"], told["value"]) == ("live-1", 2, 3.0)
        stop = ("stop", "live-1", "--run", RUN, "--broker", url)
        assert nakhon("fault", *stop, folder=tmp_path).wait(60) == 0
        wait_for(lambda: ask(parse_broker(url), RUN, "fault.list", {}, 20) == {"faults": []}, 20, "the next tick")
        assert nakhon("fault", *stop, folder=tmp_path).wait(60) == 2
