"""What the measurements of delivery share: a broker of their own, a load, and who takes it, each in its own process.

    .venv/bin/python bench/broker.py count URL MESSAGES                 seconds of a paho subscriber that only counts
    .venv/bin/python bench/broker.py collect URL MESSAGES STORE NAME    seconds of a collector, until all is stored

With no messages either only makes its session, for which the broker then queues.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import paho.mqtt.client as mqtt

from collector.intake.ingest import Ingest
from collector.intake.subscriber import Subscriber
from collector.language.broker import parse_broker
from collector.language.codec import encode
from collector.language.connection import Connection, Network, Session
from collector.language.messages import Message, Readings
from collector.language.topics import Address
from collector.serving.metrics import Metrics
from collector.stores import open_store, secrets
from nakhon.chaos.part import Part, free_port, listening

RUN = "bench"
START = 1_772_000_000
CADENCE = 900
STATIONS = 300
UNDER_WAY = 2_000
WINDOW = 10_000
PATIENCE = 900.0
SETTINGS = "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n"


def machine() -> dict[str, object]:
    """Where the figures are from, and how busy it was."""
    return {
        "processors": os.cpu_count(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "load_average_at_the_end": os.getloadavg()[0],
    }


@contextmanager
def mosquitto(folder: Path) -> Iterator[tuple[str, int]]:
    """A Mosquitto with unbounded queues: its URL and its process id."""
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if program is None:
        sys.exit("mosquitto is not installed; on Debian: apt-get install mosquitto")
    port = free_port()
    settings = folder / "mosquitto.conf"
    settings.write_text(SETTINGS.format(port=port))
    broker = subprocess.Popen([program, "-c", str(settings)], stderr=subprocess.DEVNULL)
    try:
        wait(lambda: listening(port), 10, "mosquitto")
        yield f"mqtt://127.0.0.1:{port}", broker.pid
    finally:
        broker.terminate()
        broker.wait()


class Load:
    """Publishes numbered messages of many stations: packs of so many readings, as fast as the broker takes them."""

    def __init__(self, url: str, readings: int, stations: int = STATIONS) -> None:
        self._readings, self._stations = readings, stations
        self._values = np.rint(np.random.default_rng(1).normal(50, 10, readings) * 10) / 10
        self._network = Network("load").start()
        self._room = threading.Semaphore(UNDER_WAY)
        self._connection = Connection(
            self._network,
            parse_broker(url),
            Session(f"load-{os.getpid()}", window=UNDER_WAY),
            on_acknowledged=lambda _mid: self._room.release(),
        )
        self._network.add(self._connection)
        self._connection.wait_up(10)
        self.said = 0

    def say(self) -> None:
        """Publish the next message, when there is room for it."""
        station, seq = self.said % self._stations, self.said // self._stations
        ticks = np.arange(seq * self._readings, (seq + 1) * self._readings, dtype=np.int64)
        address = Address(RUN, "chiang-mai", "environment", f"aq-{station}")
        told = Readings((START + CADENCE * ticks).view("datetime64[s]"), {"pm25": self._values})
        payload = encode(Message(address, "load", seq, told))
        self._room.acquire()
        self._connection.client.publish(address.topic, payload, qos=1)
        self.said += 1

    def end(self) -> None:
        """Return when the broker has taken everything."""
        for _ in range(UNDER_WAY):
            self._room.acquire()
        self._network.stop()


def publish(url: str, readings: int, messages: int) -> float:
    """Publish so many messages; seconds until the broker has them."""
    began = time.perf_counter()
    load = Load(url, readings)
    for _ in range(messages):
        load.say()
    load.end()
    return time.perf_counter() - began


def taken(*arguments: object) -> float:
    """Seconds of a consumer in a process of its own; the arguments are those of this file."""
    command = [sys.executable, __file__, *map(str, arguments)]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, arguments[:1]))} failed")
    return float(done.stdout)


def count(url: str, messages: int) -> float:
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
    client.connect("127.0.0.1", urlsplit(url).port or 1883, clean_start=False, properties=properties)
    client.loop_forever()
    return ended - began


def collect(url: str, messages: int, store: str, name: str) -> float:
    """Seconds that a collector takes from its first message until everything is stored and acknowledged."""
    secrets.provide(dict(os.environ))
    opened, metrics = open_store(store), Metrics()
    subscriber = Subscriber(parse_broker(url), Ingest(opened, metrics=metrics), name, metrics=metrics)
    subscriber.start()
    began = time.perf_counter()
    if messages:
        wait(lambda: metrics.value("nakhon_messages_received_total") > 0, 30, "the first message")
        began = time.perf_counter()
        wait(lambda: metrics.value("nakhon_messages_stored_total") >= messages, PATIENCE, "the store")
    ended = time.perf_counter()
    subscriber.stop()
    opened.close()
    return ended - began


def collector(url: str, store: str, folder: Path, name: str, *more: str) -> Part:
    """A `nakhon collect` that is connected; end it."""
    port = free_port()
    command = [sys.executable, "-m", "nakhon", "collect", "--broker", url, "--store", store, "--port", str(port)]
    part = Part([*command, "--client-id", name, *more], folder, f"collector-{name}", port)
    part.start()
    part.wait_for(lambda: part.said("connected to"), 60)
    return part


def wait(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Return when a condition holds; end the measurement if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"waited {seconds:g} s for {what}")
        time.sleep(0.01)


if __name__ == "__main__":
    if sys.argv[1] == "count":
        print(count(sys.argv[2], int(sys.argv[3])))
    else:
        print(collect(sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5]))
