"""Mosquitto to DuckDB, acknowledged after the commit, against a paho subscriber that only counts, in the same run.

Each message is published once and queued for both (QoS 1, persistent sessions, no publisher running any more); then
each takes its queue, alone, in a process of its own. Prints JSON: messages and readings a second, and the ratio.

    .venv/bin/python bench/delivery.py            needs mosquitto
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import paho.mqtt.client as mqtt

from collector.ingest import Ingest
from collector.language.broker import parse_broker
from collector.language.codec import encode
from collector.language.connection import Connection, Network, Session
from collector.language.messages import Message, Readings
from collector.language.topics import Address
from collector.metrics import Metrics
from collector.stores import open_store
from collector.subscriber import Subscriber

PORT = 18_833
URL = f"mqtt://127.0.0.1:{PORT}"
WINDOW = 10_000
CASES = {1: (30_000, 3), 10: (10_000, 1), 100: (5_000, 1)}  # readings a message: messages, rounds
STATIONS = 300


def main() -> None:
    """Run every case and print the figures."""
    told = {}
    for readings, (messages, times) in CASES.items():
        rounds = [one_round(readings, messages) for _ in range(times)]
        best = {who: max(rate[who] for rate in rounds) for who in ("counting", "collecting")}
        told[f"{readings} readings a message"] = {
            "counting_messages_per_second": round(best["counting"]),
            "collecting_messages_per_second": round(best["collecting"]),
            "collecting_readings_per_second": round(best["collecting"] * readings),
            "ratio": round(best["collecting"] / best["counting"], 3),
            "ratio_of_each_round": [round(rate["collecting"] / rate["counting"], 3) for rate in rounds],
        }
    print(json.dumps(told, indent=1))


def one_round(readings: int, messages: int) -> dict[str, float]:
    """Messages a second of both consumers, each draining the same queue."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "mosquitto.conf"
        settings.write_text(
            f"listener {PORT} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n"
        )
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/bin")
        assert program, "mosquitto is not installed"
        broker = subprocess.Popen([program, "-c", str(settings)], stderr=subprocess.DEVNULL)
        try:
            wait(reachable, 10)
            for who in ("counting", "collecting"):  # make the sessions, so that the broker queues for them
                subprocess.run([sys.executable, __file__, who, "0", folder], check=True, stdout=subprocess.DEVNULL)
            publish(readings, messages)
            return {who: drain(who, messages, folder) for who in ("counting", "collecting")}
        finally:
            broker.terminate()
            broker.wait()


def drain(who: str, messages: int, folder: str) -> float:
    """Messages a second of one consumer in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, who, str(messages), folder], check=True, capture_output=True, text=True
    )
    return messages / float(done.stdout)


def publish(readings: int, messages: int) -> None:
    """Publish the messages of many stations, a pack of `readings` ticks of one indicator each."""
    chance = np.random.default_rng(1)
    network = Network().start()
    room = threading.Semaphore(2_000)
    connection = Connection(
        network, parse_broker(URL), Session("load", window=2_000), on_acknowledged=lambda _mid: room.release()
    )
    network.add(connection)
    connection.wait_up(10)
    ticks = np.arange(readings, dtype=np.int64)
    for number in range(messages):
        station, seq = number % STATIONS, number // STATIONS
        times = (1_772_000_000 + 900 * (seq * readings + ticks)).view("datetime64[s]")
        address = Address("bench", "chiang-mai", "environment", f"aq-{station}")
        values = np.rint(chance.normal(50, 10, readings) * 10) / 10
        room.acquire()
        payload = encode(Message(address, "load", seq, Readings(times, {"pm25": values})))
        connection.client.publish(address.topic, payload, qos=1)
    for _ in range(2_000):
        room.acquire()
    network.stop()


def count(messages: int, _folder: str) -> float:
    """Seconds that a paho subscriber takes which only counts, paho acknowledging on receipt."""
    seen = 0
    began = ended = 0.0

    def on_message(client: mqtt.Client, _data: object, _message: object) -> None:
        nonlocal seen, began, ended
        began = began or time.perf_counter()
        seen += 1
        if seen == messages:
            ended = time.perf_counter()
            client.disconnect()

    def on_subscribe(client: mqtt.Client, *_rest: object) -> None:
        if not messages:
            client.disconnect()

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "counting", protocol=mqtt.MQTTv5)
    client.on_message, client.on_subscribe = on_message, on_subscribe
    client.on_connect = lambda client, *_rest: client.subscribe("nakhon/v1/+/+/+/+", qos=1)
    properties = mqtt.Properties(mqtt.PacketTypes.CONNECT)
    properties.SessionExpiryInterval, properties.ReceiveMaximum = 3600, WINDOW
    client.connect("127.0.0.1", PORT, clean_start=False, properties=properties)
    client.loop_forever()
    return ended - began


def collect(messages: int, folder: str) -> float:
    """Seconds that the collector takes until everything is stored."""
    store, metrics = open_store(f"duckdb://{folder}/bench.duckdb"), Metrics()
    ingest = Ingest(store, metrics=metrics)
    subscriber = Subscriber(parse_broker(URL), ingest, "collecting", metrics=metrics)
    began = time.perf_counter()
    subscriber.start()
    if messages:
        wait(lambda: metrics.value("nakhon_messages_received_total") > 0, 30)
        began = time.perf_counter()
    else:
        time.sleep(0.5)
    wait(lambda: metrics.value("nakhon_messages_stored_total") >= messages, 300)
    ended = time.perf_counter()
    subscriber.stop()
    store.close()
    return ended - began


def wait(condition: Callable[[], bool], seconds: float) -> None:
    """Return when a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


def reachable() -> bool:
    """Whether the broker answers."""
    import socket

    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", PORT)) == 0


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        print({"counting": count, "collecting": collect}[sys.argv[1]](int(sys.argv[2]), sys.argv[3]))
