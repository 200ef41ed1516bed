"""How a collector comes back from a kill with messages waiting, and what an outage of its store costs in memory.

`recovery`: a collector is killed, so many messages are published meanwhile, and it is started again: seconds from the
start of its process to the last message stored, beside a subscriber that only counts the same messages.
`memory`: messages as fast as the broker takes them while the store cannot be reached (a proxy before it is cut), with
and without a spool: the most memory of collector and broker, and how long they take when the store is back. It needs a
store over a network: InfluxDB, VictoriaMetrics or DuckLake, the first that is there. Prints JSON.

    .venv/bin/python bench/outages.py [recovery|memory|all] [--messages 20000] [--minutes 0.2] [--store duckdb]
"""

from __future__ import annotations

import argparse
import json
import signal
import tempfile
import time
from pathlib import Path

import broker
import servers

from nakhon.chaos.account import figures
from nakhon.chaos.part import Part
from nakhon.chaos.stage import behind_a_proxy
from nakhon.fault_proxy import FaultProxy

OVER_A_NETWORK = ("influxdb", "victoriametrics", "ducklake")


def main() -> None:
    """Measure what is asked for and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("recovery", "memory", "all"), default="all")
    parser.add_argument("--messages", type=int, default=20_000, help="how many wait after the kill")
    parser.add_argument("--minutes", type=float, default=0.2, help="how long the store is away")
    parser.add_argument("--store", help="of which kind (recovery: duckdb)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, servers.stores(Path(name)) as stores:
        told: dict[str, object] = {}
        if asked.what != "memory":
            told["recovery"] = recovery(asked.store or "duckdb", asked.messages, stores)
        kind = asked.store or next((kind for kind in OVER_A_NETWORK if kind in stores.make), None)
        if asked.what != "recovery":
            told["memory"] = (
                {f"spool {spool}": memory(kind, 60 * asked.minutes, stores, spool=spool) for spool in (False, True)}
                if kind in OVER_A_NETWORK
                else f"not measured: no store over a network; {stores.absent}"
            )
    print(json.dumps(told | {"machine": broker.machine()}, indent=1))


def recovery(kind: str, messages: int, stores: servers.Stores) -> dict[str, object]:
    """Seconds from the start of the process until all that waited is stored."""
    with tempfile.TemporaryDirectory() as name, broker.mosquitto(Path(name)) as (url, process):
        folder = Path(name)
        broker.taken("count", url, 0)
        part = broker.collector(url, stores.make[kind](), folder, kind)
        part.end(signal.SIGKILL)
        publishing = broker.publish(url, 1, messages)
        waiting = resident(process)
        counting = broker.taken("count", url, messages)
        began = time.perf_counter()
        part.start()
        try:
            most = 0.0
            while stored(part) < messages:
                most = max(most, resident(part.process))
                time.sleep(0.1)
            seconds = time.perf_counter() - began
        finally:
            part.end(signal.SIGKILL)
    return {
        "store": kind,
        "messages": messages,
        "publishing_seconds": round(publishing, 1),
        "broker_mib_while_they_wait": round(waiting),
        "counting_seconds": round(counting, 1),
        "seconds": round(seconds, 1),
        "messages_per_second": round(messages / seconds),
        "collector_mib_at_most": round(most),
    }


def memory(kind: str, seconds: float, stores: servers.Stores, *, spool: bool) -> dict[str, object]:
    """The most memory (MiB) of collector and broker while the store is away, and the time to be back."""
    with tempfile.TemporaryDirectory() as name, broker.mosquitto(Path(name)) as (url, process):
        folder = Path(name)
        with behind_a_proxy(stores.make[kind]()) as (store, proxy):
            assert proxy is not None
            part = broker.collector(url, store, folder, kind, *(["--spool", "spool"] if spool else []))
            try:
                before = resident(part.process)
                return {"store": kind, "seconds": seconds, "collector_mib_before": round(before)} | outage(
                    part, process, proxy, url, seconds
                )
            finally:
                part.end(signal.SIGKILL)


def outage(part: Part, process: int, proxy: FaultProxy, url: str, seconds: float) -> dict[str, object]:
    """Cut the store off, publish all that the broker takes, heal, wait until everything is stored."""
    load = broker.Load(url, 1)
    proxy.cut()
    end = time.monotonic() + seconds
    collector = waiting = 0.0
    while time.monotonic() < end:
        load.say()
        if load.said % 500 == 0:
            collector, waiting = max(collector, resident(part.process)), max(waiting, resident(process))
    load.end()
    proxy.heal()
    began = time.perf_counter()
    while stored(part) < load.said and time.perf_counter() - began < broker.PATIENCE:
        collector = max(collector, resident(part.process))
        time.sleep(0.1)
    return {
        "messages": load.said,
        "messages_per_second": round(load.said / seconds),
        "collector_mib_at_most": round(collector),
        "broker_mib_at_most": round(waiting),
        "seconds_until_all_is_stored": round(time.perf_counter() - began, 1),
        "stored": stored(part),
    }


def stored(part: Part) -> int:
    """How many messages a collector has stored since its start."""
    told = figures(part)
    return 0 if told is None else told.stored


def resident(process: int) -> float:
    """The memory of a process, in MiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


if __name__ == "__main__":
    main()
