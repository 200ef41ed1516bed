"""The publisher beside a bare paho loop, in the same run: messages a second, the ledger's share, a fleet's connections.

Both say the same payloads to the same Mosquitto with the same MQTT 5 properties, QoS and window, each in a process of
its own. The bare loop has its payloads ready; the publisher encodes them, keeps its accounts and announces itself.
Prints JSON.

    .venv/bin/python bench/publish.py            needs mosquitto
    .venv/bin/python bench/publish.py rates | ledger | fleet
"""

from __future__ import annotations

import json
import math
import resource
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
MESSAGES = 10_000
ROUNDS = 3
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
    """Messages a second at QoS 0 and 1; the rounds alternate, the median of each counts."""
    told: dict[str, object] = {}
    for qos in (0, 1):
        rounds = [{who: alone(who, qos) for who in ("bare", "publisher")} for _ in range(ROUNDS)]
        each = [one["publisher"] / one["bare"] for one in rounds]
        told[f"QoS {qos}"] = {
            "bare": round(median([one["bare"] for one in rounds])),
            "publisher": round(median([one["publisher"] for one in rounds])),
            "ratio": round(median(each), 2),
            "ratio_of_each_round": [round(one, 2) for one in each],
        }
    return told


def ledger() -> dict[str, object]:
    """What the ledger adds to the processor time of a message at QoS 1; other programs disturb it less than a rate."""
    rounds = [{who: alone(who, 1, 1) for who in ("publisher", "with-ledger")} for _ in range(ROUNDS)]
    each = [one["with-ledger"] / one["publisher"] - 1 for one in rounds]
    spent = {f"{who}_us": round(median([one[who] for one in rounds])) for who in rounds[0]}
    return spent | {"added": round(median(each), 3), "added_in_each_round": [round(one, 3) for one in each]}


def fleet() -> dict[str, object]:
    """Connections a second and memory for each, of a fleet with a connection, a birth and a will for each station."""
    told: dict[str, object] = json.loads(output("fleet", 1))
    return told


def alone(who: str, qos: int, figure: int = 0) -> float:
    """Messages a second (or the processor's microseconds for each) of one of them in a process of its own."""
    return float(output(who, qos).split()[figure])


def output(who: str, qos: int) -> str:
    """What a process of this file prints."""
    command = [sys.executable, __file__, who, str(qos)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def messages(session: str, count: int) -> list[Message]:
    """Readings of many stations."""
    chance = np.random.default_rng(1)
    values = np.round(chance.uniform(0, 100, (count, 2)), 1)
    start = np.datetime64("2026-03-01T00:00:00", "s")
    return [
        Message(
            Address("bench", CITY, "environment", f"aq-{number % STATIONS}"),
            session,
            number // STATIONS,
            Readings(
                np.array([start + number // STATIONS * 60]),
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


def bare(qos: int) -> float:
    """Messages a second of paho's own loop with the window kept by a semaphore."""
    told = [(one.address.topic, encode(one)) for one in messages("bare", MESSAGES)]
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
    began = time.perf_counter()
    for topic, payload in told:
        room.acquire()
        client.publish(topic, payload, qos=qos, properties=properties)
    done.wait(120)
    return MESSAGES / (time.perf_counter() - began)


def publisher(qos: int, book: Path | None = None) -> str:
    """Messages a second of our publisher, and the processor's microseconds for each."""
    session = new_session()
    made = cast(session, STATIONS)
    writer = None if book is None else LedgerWriter(book, Header(made.run, session, "simulated"))
    told = messages(session, MESSAGES)
    one = Publisher(parse_broker(URL), made, session, service=Service(qos=qos, window=WINDOW), ledger=writer)
    one.start()
    one.flow.wait_until_taken(30)
    began, spent = time.perf_counter(), time.process_time()
    for message in told:
        one.publish(message)
    one.flow.wait_until_taken(120)
    rate = MESSAGES / (time.perf_counter() - began)
    cost = (time.process_time() - spent) / MESSAGES * 1e6
    one.finish()
    if writer is not None:
        writer.close("2026-03-01T00:00:00Z")
    return f"{rate} {cost}"


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
    if len(sys.argv) <= 2:
        main(asked)
    elif asked == "bare":
        print(bare(int(sys.argv[2])))
    elif asked == "publisher":
        print(publisher(int(sys.argv[2])))
    elif asked == "with-ledger":
        with tempfile.TemporaryDirectory() as place:
            print(publisher(int(sys.argv[2]), Path(place) / "bench.ledger"))
    else:
        print(json.dumps(a_fleet()))
