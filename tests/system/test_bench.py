"""The benchmark against a real Mosquitto: its three modes, a broker that drops, one that is not there."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import MQTTMessage
from parts import Mosquitto, free_port, nakhon, wait_for

from collector.language.broker import parse_broker
from collector.language.connection import Connection, Network, Session
from collector.language.control import Committed, encode_committed
from collector.language.topics import committed_topic
from nakhon.benchmark import modes
from nakhon.benchmark.rig import Setting

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


@contextmanager
def storing(url: str, pause: float) -> Iterator[None]:
    """A consumer that takes a message, says that it has stored it, and takes none for a while (seconds)."""
    inbox: queue.SimpleQueue[MQTTMessage | None] = queue.SimpleQueue()
    network = Network("slow").start()
    slow = Connection(
        network, parse_broker(url), Session("slow", window=5, manual_ack=True),
        on_up=lambda _remembered: slow.client.subscribe("nakhon/v1/+/bench/+/+", qos=1), on_message=inbox.put,
    )  # fmt: skip

    def store() -> None:
        stored = 0
        while (message := inbox.get()) is not None:
            stored += 1
            slow.client.ack(message.mid, message.qos)
            word = Committed("slow", json.loads(message.payload)["session"], stored)
            slow.client.publish(committed_topic(message.topic.split("/")[2]), encode_committed(word), qos=1)
            over.wait(pause)

    over = threading.Event()
    thread = threading.Thread(target=store)
    network.add(slow)
    slow.wait_up(10)
    thread.start()
    try:
        yield
    finally:
        over.set()
        inbox.put(None)
        thread.join(10)
        network.stop()


def test_a_consumer_that_stores_too_slowly_is_the_limit_and_not_the_offer(
    mosquitto: Callable[..., Mosquitto], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modes, "HALVINGS", 0)
    monkeypatch.setattr(modes, "A_WORD", 0.3)
    broker = mosquitto("max_queued_messages 10")
    with storing(broker.url, 0.1):
        setting = Setting(patience=1.0)
        found = modes.capacity(parse_broker(broker.url), setting, (10, 80), 0.5, threading.Event(), lambda *_: None)
    assert found.limit == "target"
    assert found.steps[0].sustained
    failed = found.lowest_failed
    assert failed is not None
    assert failed.trial.lost == 0  # the broker and our own subscriber kept up
    assert (failed.trial.stored or 0) < failed.trial.offered


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
