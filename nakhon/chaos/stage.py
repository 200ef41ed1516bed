"""The parts in their places: a broker, a publisher with a ledger, collectors, and proxies between them."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from collector.language.errors import InputError
from nakhon.chaos.part import Part, free_port, listening
from nakhon.chaos.plan import Plan
from nakhon.fault_proxy import FaultProxy

RUN = "chaos"
BROKER = """listener {port} 127.0.0.1
allow_anonymous true
user {user}
persistence true
persistence_location {folder}/
autosave_interval 5
max_queued_messages 0
max_inflight_messages 0
"""
SCENARIO = """name = "chaos"
start = 2026-03-01T00:00:00Z
duration = "3650d"
cadence = "1min"
[cities]
include = ["chiang-mai", "khon-kaen", "rayong"]
"""
START = 60.0
STORE = "city.duckdb"


@dataclass(slots=True)
class Stage:
    """All the parts, and what has been done to them."""

    plan: Plan
    folder: Path
    broker: Part
    speakers: FaultProxy
    listeners: FaultProxy
    behind: FaultProxy | None
    publisher: Part
    collectors: list[Part]
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def ledger(self) -> Path:
        """What the publisher writes down."""
        return self.folder / "chaos.ledger"

    @property
    def store(self) -> str:
        """The URL of the store, past any proxy."""
        return self.plan.store or f"duckdb://{self.folder}/{STORE}"

    def supervise(self) -> None:
        """Start collectors that have ended, as a service manager would: one that finds no broker at its start ends."""
        for one in self.collectors:
            if not one.alive:
                one.start()


@contextlib.contextmanager
def staged(plan: Plan, folder: Path) -> Iterator[Stage]:
    """All the parts at work, ended when it is over. Raises `InputError` if one does not start, with its last words."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        broker = _broker(folder, free_port())
        stack.callback(broker.end)
        broker.start()
        broker.wait_for(partial(listening, broker.port), START)
        speakers, listeners = (stack.enter_context(FaultProxy(broker.port)) for _ in range(2))
        store, behind = stack.enter_context(behind_a_proxy(plan.store or f"duckdb://{STORE}"))
        collectors = [_collector(plan, folder, listeners.port, store, number) for number in range(plan.collectors)]
        for one in collectors:
            stack.callback(one.end, signal.SIGKILL)
            one.start()
        for one in collectors:
            one.wait_for(partial(one.said, "connected to"), START)
        publisher = _publisher(plan, folder, speakers.port)
        stack.callback(publisher.end, signal.SIGKILL)
        publisher.start()
        publisher.wait_for(partial(publisher.said, "to mqtt"), START)
        yield Stage(plan, folder, broker, speakers, listeners, behind, publisher, collectors)


def _broker(folder: Path, port: int) -> Part:
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/sbin")
    if program is None:
        raise InputError("expected mosquitto; on Debian: apt-get install mosquitto")
    configuration = folder / "mosquitto.conf"
    configuration.write_text(BROKER.format(port=port, user=folder.owner(), folder=folder))
    return Part([program, "-c", str(configuration)], folder, "mosquitto", port)


def _collector(plan: Plan, folder: Path, port: int, store: str, number: int) -> Part:
    command = [sys.executable, "-m", "nakhon", "collect", "--broker", f"mqtt://127.0.0.1:{port}", "--store", store]
    own = free_port()
    command += ["--port", str(own), "--client-id", f"chaos-{number}"]
    command += ["--group", "chaos"] if plan.collectors > 1 else []
    command += ["--spool", f"spool-{number}"] if plan.spool else []
    return Part(command, folder, f"collector-{number}", own)


def _publisher(plan: Plan, folder: Path, port: int) -> Part:
    (folder / "chaos.toml").write_text(SCENARIO)
    command = [sys.executable, "-m", "nakhon", "simulate", "chaos.toml", "--broker", f"mqtt://127.0.0.1:{port}"]
    command += ["--ledger", "chaos.ledger", "--run", RUN, "--pace", f"{plan.pace:g}", "--window", "5000"]
    return Part(command, folder, "publisher")


@contextlib.contextmanager
def behind_a_proxy(store: str) -> Iterator[tuple[str, FaultProxy | None]]:
    """The URL of a store, and if it is reached over a network, a proxy before it: the URL then leads through that."""
    outer, _, inner = store.partition(":")
    nested = "://" in inner and not inner.startswith("//")
    parts = urlsplit(inner if nested else store)
    if not parts.hostname or parts.port is None:
        yield store, None
        return
    with FaultProxy(parts.port, parts.hostname) as proxy:
        user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        changed = urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{proxy.port}"))
        yield (f"{outer}:{changed}" if nested else changed), proxy
