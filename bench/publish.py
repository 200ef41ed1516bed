"""The publisher beside a bare paho loop, in the same run: messages a second, the ledger's share, a fleet's connections.

Three say the same payloads in turn, in one process, to the same Mosquitto with the same MQTT 5 properties, QoS and
window: a bare paho loop, our publisher, and our publisher with a ledger. The bare loop has its payloads ready; the
publisher encodes them, keeps its accounts and announces itself. A round is short and each is compared within it, so
that what else the machine does disturbs them alike; medians count, with the interval that holds the true one with 95 %.
Beside the rate stands the processor's time for each message, which other programs disturb less. Prints JSON.

    .venv/bin/python bench/publish.py            needs mosquitto
    .venv/bin/python bench/publish.py rates | ledger | fleet
"""

from __future__ import annotations

import contextlib
import json
import math
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import paho.mqtt.client as mqtt
from scipy.stats import binom

from collector.language.broker import parse_broker
from collector.language.codec import encode
from collector.language.indicators import Origin
from collector.language.ledger import Header, LedgerWriter
from collector.language.messages import Message, Readings
from collector.language.profile import StationProfile, Status
from collector.language.topics import Address
from simulator.cities import cities
from simulator.fleet import Cast, Fleet
from simulator.publisher import Publisher, new_session
from simulator.service import Service
from simulator.spread import Spread

PORT = 18_834
URL = f"mqtt://127.0.0.1:{PORT}"
WINDOW = 500
STATIONS = 100
MESSAGES = 1_000
ROUNDS = 60
FLEET = 5_000
CITY = "chiang-mai"


def main(what: str) -> None:
    """Run what is asked for and print the figures."""
    parts: dict[str, Callable[[], object]] = {"rates": rates, "ledger": ledger, "fleet": fleet}
    with tempfile.TemporaryDirectory() as folder:
        broker = mosquitto(Path(folder))
        try:
            told = {name: part() for name, part in parts.items() if what in (name, "all")}
        finally:
            broker.terminate()
            broker.wait()
    print(json.dumps(told, indent=1))


def rates() -> dict[str, object]:
    """Messages a second at QoS 0 and 1, and the processor's time for each, beside the bare loop."""
    told: dict[str, object] = {}
    for qos in (0, 1):
        bare, ours, _ = spoken(qos)
        told[f"QoS {qos}"] = {
            "bare": {"messages_per_second": round(median(bare.rates)), "processor_us": round(median(bare.costs), 1)},
            "publisher": {
                "messages_per_second": round(median(ours.rates)),
                "processor_us": round(median(ours.costs), 1),
            },
            "rate_to_bare": compared(ours.rates, bare.rates),
            "processor_to_bare": compared(ours.costs, bare.costs),
        }
    return told


def ledger() -> dict[str, object]:
    """What the ledger adds to the processor's time for a message at full speed."""
    told: dict[str, object] = {}
    for qos in (0, 1):
        _, plain, kept = spoken(qos)
        told[f"QoS {qos}"] = {
            "publisher_us": round(median(plain.costs), 1),
            "with_ledger_us": round(median(kept.costs), 1),
            "least_us": [round(min(plain.costs), 1), round(min(kept.costs), 1)],
            "ledger_to_none": compared(kept.costs, plain.costs),
            "rate_to_none": compared(kept.rates, plain.rates),
        }
    return told


@dataclass(frozen=True, slots=True)
class Figures:
    """Of each round of one of them: messages a second, and the processor's microseconds for each."""

    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)


@lru_cache
def spoken(qos: int) -> tuple[Figures, Figures, Figures]:
    """The bare loop, the publisher and the publisher with a ledger, in turn."""
    figures = Figures(), Figures(), Figures()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        books = (None, Path(folder) / "bench.ledger")
        speakers = [stack.enter_context(one) for one in (bare(qos), *(publisher(qos, book) for book in books))]
        for turn in range(ROUNDS + 1):
            for speaker, figure in zip(speakers, figures, strict=True):
                say = speaker(turn)
                began, spent = time.perf_counter(), time.process_time()
                say()
                spent, took = time.process_time() - spent, time.perf_counter() - began
                if turn:  # the first warms up
                    figure.rates.append(MESSAGES / took)
                    figure.costs.append(spent / MESSAGES * 1e6)
    return figures


def compared(ours: list[float], other: list[float]) -> dict[str, object]:
    """The ratio of two in each round: its median, and the interval that holds the true one with 95 %."""
    ratios = sorted(one / another for one, another in zip(ours, other, strict=True))
    rank = int(binom.ppf(0.025, len(ratios), 0.5))
    interval = [round(ratios[at], 3) for at in (rank - 1, len(ratios) - rank)]
    return {"median": round(median(ratios), 3), "interval_95": interval, "rounds": len(ratios)}


def fleet() -> dict[str, object]:
    """Connections a second and memory for each, of a fleet with a connection, a birth and a will for each station."""
    told: dict[str, object] = json.loads(output("a-fleet"))
    return told


def output(who: str) -> str:
    """What a process of this file prints."""
    return subprocess.run([sys.executable, __file__, who], check=True, capture_output=True, text=True).stdout


def messages(session: str, count: int, turn: int = 0) -> list[Message]:
    """Readings of many stations, those of a turn after those of the turn before."""
    chance = np.random.default_rng(1)
    values = np.round(chance.uniform(0, 100, (count, 2)), 1)
    start = np.datetime64("2026-03-01T00:00:00", "s")
    return [
        Message(
            Address("bench", CITY, "environment", f"aq-{number % STATIONS}"),
            session,
            turn * count // STATIONS + number // STATIONS,
            Readings(
                np.array([start + turn * 86_400 + number // STATIONS * 60]),
                {"pm25": values[number, :1], "pm10": values[number, 1:]},
            ),
        )
        for number in range(count)
    ]


def cast(session: str, stations: int) -> Cast:
    """A city with many stations."""
    birth = Status(True, session, cities()[CITY].profile(), Origin.SIMULATED)
    profiles = [
        StationProfile(f"aq-{number}", CITY, "environment", "air-quality", f"mast {number}", 60, ("pm25", "pm10"))
        for number in range(stations)
    ]
    return Cast(f"bench-{session}", {CITY: birth}, {CITY: profiles})


Speaker = Callable[[int], Callable[[], object]]
"""Prepares the messages of a turn; what comes back says them, and returns when the broker has them."""


@contextlib.contextmanager
def bare(qos: int) -> Iterator[Speaker]:
    """Say it with paho's own loop, the window kept by a semaphore."""
    room, done = threading.Semaphore(WINDOW), threading.Event()
    taken = 0

    def on_publish(*_rest: object) -> None:
        nonlocal taken
        taken += 1
        room.release()
        if taken == MESSAGES:
            done.set()

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "bare", protocol=mqtt.MQTTv5)
    client.on_publish = on_publish
    client.max_inflight_messages_set(WINDOW)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", PORT)
    client.loop_start()
    while not client.is_connected():
        time.sleep(0.01)
    properties = mqtt.Properties(mqtt.PacketTypes.PUBLISH)
    properties.ContentType, properties.PayloadFormatIndicator = "application/json", 1
    properties.UserProperty = [("run", "bench"), ("schema", "1"), ("published", "2026-03-01T00:00:00.000+00:00")]

    def speak(turn: int) -> Callable[[], object]:
        nonlocal taken
        told = [(one.address.topic, encode(one)) for one in messages("bare", MESSAGES, turn)]
        taken = 0
        done.clear()

        def say() -> None:
            for topic, payload in told:
                room.acquire()
                client.publish(topic, payload, qos=qos, properties=properties)
            assert done.wait(120)

        return say

    yield speak
    client.disconnect()
    client.loop_stop()


@contextlib.contextmanager
def publisher(qos: int, book: Path | None = None) -> Iterator[Speaker]:
    """Our publisher, with a ledger or without."""
    session = new_session()
    made = cast(session, STATIONS)
    writer = None if book is None else LedgerWriter(book, Header(made.run, session, "simulated"))
    one = Publisher(parse_broker(URL), made, session, service=Service(qos=qos, window=WINDOW), ledger=writer)
    one.start()
    one.flow.wait_until_taken(30)

    def speak(turn: int) -> Callable[[], object]:
        told = messages(session, MESSAGES, turn)

        def say() -> None:
            for message in told:
                one.publish(message)
            assert one.flow.wait_until_taken(120) == 0

        return say

    yield speak
    one.finish()
    if writer is not None:
        writer.close("2026-03-01T00:00:00Z")


def a_fleet() -> dict[str, object]:
    """Make 5,000 connections, say one message over each, leave."""
    session = new_session()
    made = cast(session, FLEET)
    before = resident()
    one = Publisher(parse_broker(URL), made, session, fleet=Fleet(Spread.STATION), tell=print)
    one.start(120)
    stood = resident()
    one.flow.wait_until_taken(60)
    began = time.perf_counter()
    for number, message in enumerate(messages(session, FLEET)):
        one.publish(Message(Address(made.run, CITY, "environment", f"aq-{number}"), session, 0, message.body))
    one.flow.wait_until_taken(60)
    said = time.perf_counter() - began
    left = one.finish()
    return {
        "connections": len(one.lines),
        "seconds": round(one.account.seconds, 2),
        "connections_per_second": round(len(one.lines) / one.account.seconds),
        "memory_KiB_per_connection": round((stood - before) / len(one.lines) / 1024, 1),
        "largest_memory_of_the_process_MiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "messages_per_second_over_all": round(FLEET / said),
        "not_taken": left,
    }


def resident() -> int:
    """The memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def median(values: list[float]) -> float:
    """The middle one."""
    return sorted(values)[math.floor(len(values) / 2)]


def mosquitto(folder: Path) -> subprocess.Popen[bytes]:
    """A broker that keeps nothing on disk and drops nothing."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert program, "mosquitto is not installed"
    settings = folder / "mosquitto.conf"
    settings.write_text(
        f"listener {PORT} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n"
    )
    broker = subprocess.Popen([program, "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    assert broker.poll() is None, "mosquitto ended at once"
    return broker


if __name__ == "__main__":
    asked = sys.argv[1] if len(sys.argv) > 1 else "all"
    print(json.dumps(a_fleet(), indent=1)) if asked == "a-fleet" else main(asked)
