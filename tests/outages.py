"""What the tests of outages share: a mouth with a ledger, a collector in this process or its own, and the audit."""

from __future__ import annotations

import json
import os
import resource
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pytest
from parts import nakhon, wait_for
from processes import Running

from collector.auditing.audit import Verdict, audit
from collector.language.broker import parse_broker
from collector.language.codec import encode
from collector.language.connection import Connection, Network, Session
from collector.language.ledger import Header, LedgerWriter, read_ledger
from collector.language.messages import Message, Readings
from collector.language.topics import Address
from collector.stores import open_store
from nakhon.collect import Collector, Duty, collecting

START = 1_772_323_200
RUN = "outage"
UNDER_WAY = 500


class Mouth:
    """Publishes numbered messages at QoS 1 and writes them down first; what the broker has not taken is said again."""

    def __init__(self, url: str, ledger: Path) -> None:
        self.acknowledged = 0
        self.said = 0
        self._numbers: dict[str, int] = {}
        self._session = secrets.token_hex(4)
        self._ledger = LedgerWriter(ledger, Header(RUN, self._session, "simulated"))
        self._network = Network("mouth").start()
        session = Session(f"mouth-{self._session}", expiry=3600)
        self._connection = Connection(self._network, parse_broker(url), session, on_acknowledged=self._taken)
        self._network.add(self._connection)
        self._connection.wait_up(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._network.stop()
        if error is None:
            self._ledger.close("2026-03-02T00:00:00Z")
        else:
            self._ledger.abandon()

    def _taken(self, _mid: int) -> None:
        self.acknowledged += 1

    def say(self, messages: int, ticks: int = 1, stations: Sequence[str] = ("aq-1", "aq-2", "aq-3")) -> None:
        """Say so many messages, each of so many ticks a second apart, the stations in turn."""
        for number in range(messages):
            station = stations[number % len(stations)]
            seq = self._numbers.get(station, 0)
            self._numbers[station] = seq + 1
            times = (START + seq * ticks + np.arange(ticks)).astype("datetime64[s]")
            message = Message(
                Address(RUN, "rayong", "environment", station),
                self._session,
                seq,
                Readings(times, {"pm25": np.arange(ticks) % 100.0}),
            )
            payload = encode(message)
            self._ledger.record(message, payload)
            self.shout(message.address.topic, payload)

    def shout(self, topic: str, payload: bytes) -> None:
        """Publish anything, without writing it down; a broker that is there is not run over."""
        while self.said - self.acknowledged >= UNDER_WAY and self._connection.up.is_set():
            time.sleep(0.001)
        self._connection.client.publish(topic, payload, qos=1)
        self.said += 1

    def wait(self, seconds: float = 60) -> None:
        """Wait until the broker has taken everything."""
        wait_for(lambda: self.acknowledged >= self.said, seconds, "the broker to take everything")


@contextmanager
def here(url: str, folder: Path, **more: object) -> Iterator[Collector]:
    """A collector in this process."""
    duty = Duty(f"duckdb://{folder}/city.duckdb", client_id="here", port=0, **more)  # type: ignore[arg-type]
    with collecting(duty, parse_broker(url)) as collector:
        yield collector


@contextmanager
def away(url: str, folder: Path, *more: str, **environment: str) -> Iterator[Running]:
    """A collector in its own process, killed at the end; returns when it is connected."""
    log = folder / "collect.log"
    before = said(log, "connected to")
    store = ("--store", "duckdb://city.duckdb", "--port", "0")
    process = nakhon("collect", "--broker", url, *store, *more, folder=folder, **environment)
    try:
        wait_for(lambda: said(log, "connected to") > before, 60, "the collector")
        yield process
    finally:
        process.kill()
        process.wait(10)


def said(log: Path, what: str) -> int:
    """How often a log says something."""
    return log.read_text().count(what) if log.exists() else 0


def stored(collector: Collector) -> int:
    """How many messages a collector of this process has stored."""
    return int(collector.metrics.value("nakhon_messages_stored_total"))


def verdict(folder: Path, ledger: Path | None = None) -> Verdict:
    """The audit of a store nobody has open; the ledger is beside it unless it is named."""
    store = open_store(f"duckdb://{folder}/city.duckdb", read_only=True)
    try:
        return audit(read_ledger(ledger or folder / "run.ledger"), store)
    finally:
        store.close()


def refuse(process: Running) -> Callable[[], None]:
    """Let a process write no file any longer, as on a full disk; returns what ends it."""
    soft, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1, hard))
    return lambda: resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own with little room; the test is skipped where it cannot be had."""
    place = folder / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "nakhon", str(place)], capture_output=True)
    if done.returncode:
        pytest.skip(f"a small file system needs root: {done.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def audited(folder: Path, *more: str) -> tuple[int, dict[str, object]]:
    """The exit code of `nakhon audit` and what it told."""
    command = [sys.executable, "-m", "nakhon", "audit", "run.ledger", "--json", *more]
    done = subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, timeout=60)
    return done.returncode, json.loads(done.stdout or b"{}")
