"""Every store that is there, behind a collector, beside a subscriber that only counts; and publish to queryable.

`rates`: each message is published once and queued for all; then each takes its queue, alone, in a process of its own.
Telegraf, where it and influxd are on the PATH, takes the same messages of one reading into the same InfluxDB (it has no
parser for packs); its figure is from "Connected" to the last point that a query counts.
`latency`: `nakhon collect` at 200 messages/s of one station; queryable is when a read through the collector's HTTP API
tells a value. VictoriaMetrics cannot be read back. A poll takes some time itself: the figures hold that.
Prints JSON.

    .venv/bin/python bench/stores.py [rates|latency|all] [--store duckdb ...]      needs mosquitto
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import broker
import numpy as np
import servers

from collector.language.errors import NakhonError
from collector.stores import open_store
from collector.stores.protocol import Selection
from nakhon.chaos.part import Part

CASES = {1: 6_000, 100: 1_500}  # readings a message: messages
RATE, SECONDS, WARM = 200, 12, 2
POLL = 0.025  # the API answers 50 questions a second
TELEGRAF = """
[agent]
flush_interval = "100ms"
metric_batch_size = 5000
metric_buffer_limit = 100000
omit_hostname = true
[[inputs.mqtt_consumer]]
servers = ["tcp://{broker}"]
topics = ["nakhon/v1/+/+/+/+"]
qos = 1
client_id = "telegraf"
persistent_session = true
max_undelivered_messages = 10000
data_format = "json"
json_time_key = "time"
json_time_format = "2006-01-02T15:04:05Z"
[[outputs.influxdb_v2]]
urls = ["http://127.0.0.1:{port}"]
token = "{token}"
organization = "{organization}"
bucket = "{bucket}"
"""


def main() -> None:
    """Measure what is asked for and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("rates", "latency", "all"), default="all")
    parser.add_argument("--store", action="append", help="only this kind (repeatable)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, servers.stores(Path(name)) as stores:
        for kind in set(stores.make) - set(asked.store or stores.make):
            del stores.make[kind]
        told: dict[str, object] = {"not measured": stores.absent}
        if asked.what != "latency":
            told |= {
                f"{readings} readings a message": rates(readings, count, stores) for readings, count in CASES.items()
            }
        if asked.what != "rates":
            kinds = [kind for kind in stores.make if kind != "victoriametrics"]
            told["publish to queryable"] = {kind: latency(kind, stores, Path(name)) for kind in kinds}
    print(json.dumps(told | {"machine": broker.machine()}, indent=1))


def rates(readings: int, messages: int, stores: servers.Stores) -> dict[str, object]:
    """Messages and readings a second of each store, and their ratio to the counting subscriber."""
    with tempfile.TemporaryDirectory() as folder, broker.mosquitto(Path(folder)) as (url, _):
        urls = {kind: make() for kind, make in stores.make.items()}
        broker.taken("count", url, 0)
        for kind, store in urls.items():
            broker.taken("collect", url, 0, store, kind)
        telegraf = Telegraf(url, stores, Path(folder)) if readings == 1 else None
        broker.publish(url, readings, messages)
        counting = messages / broker.taken("count", url, messages)
        told: dict[str, object] = {"messages": messages, "counting": {"messages_per_second": round(counting)}}
        seconds = {kind: broker.taken("collect", url, messages, store, kind) for kind, store in urls.items()}
        if telegraf is not None:
            if telegraf.absent:
                told["telegraf"] = telegraf.absent
            else:
                seconds["telegraf"] = telegraf.take(messages)
        for kind, one in seconds.items():
            rate = messages / one
            told[kind] = {
                "messages_per_second": round(rate),
                "readings_per_second": round(rate * readings),
                "ratio": round(rate / counting, 3),
            }
        return told


class Telegraf:
    """A Telegraf with a persistent session, into a bucket of its own; `absent` says why there is none."""

    def __init__(self, url: str, stores: servers.Stores, folder: Path) -> None:
        self._program = shutil.which("telegraf")
        self._influxd = stores.influxd
        self.absent = "telegraf or influxd is not on the PATH"
        if self._program is None or self._influxd is None:
            return
        self.absent = ""
        self._folder = folder
        self._bucket = f"telegraf-{folder.name}"
        self._influxd.create_bucket(self._bucket)
        self._settings = folder / "telegraf.conf"
        self._settings.write_text(
            TELEGRAF.format(
                broker=url.removeprefix("mqtt://"),
                port=self._influxd.port,
                token=servers.TOKEN,
                organization=servers.ORGANIZATION,
                bucket=self._bucket,
            )
        )
        self._end(self._start())  # makes its session

    def take(self, messages: int) -> float:
        """Seconds until as many points can be counted."""
        process = self._start()
        began = time.perf_counter()
        broker.wait(lambda: self._points() >= messages, 60, "Telegraf")
        ended = time.perf_counter()
        self._end(process)
        return ended - began

    def _points(self) -> int:
        assert self._influxd is not None
        rows = self._influxd.query(
            f'from(bucket: "{self._bucket}") |> range(start: 2026-01-01T00:00:00Z, stop: 2100-01-01T00:00:00Z)'
            ' |> filter(fn: (r) => r._field == "pm25") |> group() |> count()'
        )
        return sum(int(row["_value"]) for row in rows)

    def _start(self) -> subprocess.Popen[bytes]:
        log = self._folder / "telegraf.log"
        before = log.read_text().count("Connected [") if log.exists() else 0
        with log.open("ab") as file:
            process = subprocess.Popen([str(self._program), "--config", str(self._settings)], stdout=file, stderr=file)
        broker.wait(lambda: log.read_text().count("Connected [") > before, 30, "Telegraf to connect")
        return process

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        process.wait(30)


def latency(kind: str, stores: servers.Stores, folder: Path) -> dict[str, object]:
    """Milliseconds from publish to queryable, after a warm-up, and those that a poll takes."""
    with broker.mosquitto(folder) as (url, _):
        part = broker.collector(url, stores.make[kind](), folder, kind)
        try:
            said, load = np.zeros(RATE * SECONDS), broker.Load(url, 1, stations=1)
            speaking = threading.Thread(target=speak, args=[load, said])
            speaking.start()
            seen, polls = poll(part, len(said))
            speaking.join()
            load.end()
        finally:
            part.end(signal.SIGKILL)
    lags = (seen - said)[RATE * WARM :] * 1e3
    middle, high, highest = np.percentile(lags, [50, 99, 100])
    return {
        "messages_per_second": RATE,
        "p50_ms": round(middle),
        "p99_ms": round(high),
        "highest_ms": round(highest),
        "median_poll_ms": round(float(np.median(polls)) * 1e3),
    }


def speak(load: broker.Load, said: np.ndarray) -> None:
    """Publish on an absolute schedule, noting when."""
    began = time.perf_counter()
    for number in range(len(said)):
        time.sleep(max(0.0, began + number / RATE - time.perf_counter()))
        said[number] = time.perf_counter()
        load.say()


def poll(part: Part, messages: int) -> tuple[np.ndarray, list[float]]:
    """When each message was first told by the collector, and how long each question took."""
    store = open_store(f"http://127.0.0.1:{part.port}")
    seen, polls, next_one = np.zeros(messages), [], 0
    deadline = time.monotonic() + SECONDS + 60
    while next_one < messages and time.monotonic() < deadline:
        began = time.perf_counter()
        told = np.array([], "datetime64[s]")
        with suppress(NakhonError):  # the run is not known yet
            asked = Selection(("pm25",), start=broker.START + broker.CADENCE * next_one, flagged=True)
            told = store.read(asked)["time"].to_numpy().astype("datetime64[s]")
        now = time.perf_counter()
        polls.append(now - began)
        if len(told):
            last = (int(told.max().astype(np.int64)) - broker.START) // broker.CADENCE
            seen[next_one : last + 1] = now
            next_one = last + 1
        time.sleep(max(0.0, POLL - (now - began)))
    return seen, polls


if __name__ == "__main__":
    main()
