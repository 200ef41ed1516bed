"""`nakhon bench integrity`: cities at a fixed rate with faults, and an audit of what a consumer made of them.

The consumer is a subscriber of our own that writes down what it hears, unless another is named.
"""

from __future__ import annotations

import contextlib
import math
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from collector.language.broker import Broker
from collector.language.errors import InputError
from collector.language.ledger import read_ledger
from nakhon.accept.load import UNHINDERED, Manner, Said, say
from nakhon.accept.watch import Held, held
from nakhon.captures.capture import CaptureWriter
from nakhon.captures.recording import Ear, Recorder
from nakhon.plays import simulated
from nakhon.terminal.progress import showing
from simulator.clock import MAXIMUM_PACE, Clock
from simulator.fleet import Fleet
from simulator.formats import format_of
from simulator.scenario import KINDS, Scenario, load_scenario
from simulator.scenario_faults import Place, fault_of
from simulator.service import Service
from simulator.spread import Spread

FAULTS = ("duplicate", "reorder", "late", "malformed", "lost", "kill")
PROBABILITY = 0.02
AT_EVERY_TICK = 11  # stations of a city that speak at every tick, by the defaults of a scenario
QUIET = 2.0
PATIENCE = 30.0
WRONG = ("lost", "duplicated", "corrupted", "altered", "strangers")


@dataclass(frozen=True, slots=True)
class Integrity:
    """What is asked: messages a second (about), seconds, faults, quality of service, where a consumer keeps things."""

    scenario: str
    rate: float
    seconds: float
    faults: Sequence[str]
    qos: int
    source: str | None = None
    is_sink: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    said: Said
    held: Held
    complete: bool
    recorded: bool

    @property
    def answer(self) -> bool:
        """Whether all is accounted for; our own recorder is right to take what a fault has spoilt."""
        fine = (
            not any(self.held.measures[name] for name in WRONG)
            if self.recorded
            else bool(self.held.told["accounted_for"])
        )
        return self.complete and fine and self.said.whole

    def told(self) -> dict[str, Any]:
        """The same as plain data, for JSON."""
        said = self.said
        return {
            "mode": "integrity",
            "complete": self.complete,
            "rate": said.messages / said.seconds if said.seconds else math.nan,
            "messages": said.messages,
            "schedule_lag_p99": said.late,
            "offer_limited": said.late > 1.0,
            "measures": dict(self.held.measures),
            "unit": self.held.unit,
            "accounted_for": self.answer,
            "audit": dict(self.held.told),
        }


def integrity(
    broker: Broker, asked: Integrity, folder: Path, over: threading.Event, console: Console
) -> Outcome:  # fmt: skip
    """Say cities with faults, then ask what became of every message. `folder` takes ledger and capture."""
    scenario, pace = _paced(asked)
    play = simulated(scenario, pace, f"bench-{secrets.token_hex(4)}", 1)
    ledger, capture = folder / "run.ledger", folder / "heard.jsonl"
    manner = Manner(format_of(), Service(qos=asked.qos, window=UNHINDERED, patience=PATIENCE), Fleet(Spread.CITY))
    complain = lambda text: console.print(text, style="yellow", markup=False)  # noqa: E731
    with contextlib.ExitStack() as stack:
        stack.enter_context(_ending(over, play.clock))
        heard = None if asked.source else stack.enter_context(_listening(broker, play.cast.run, asked.qos, capture))
        tell = stack.enter_context(showing(play.progress, play.clock, console))
        said = say(play, manner, broker, ledger, (complain, tell), lambda _ledger: lambda: None)
        complete = not over.is_set()
        _settle(heard, over)
    source = asked.source or str(capture)
    found = held(read_ledger(ledger), source, is_sink=asked.is_sink or not asked.source)
    return Outcome(said, found, complete, recorded=asked.source is None)


def _paced(asked: Integrity) -> tuple[Scenario, float]:
    """The scenario with the faults, as long as asked, and the pace at which it says so much a second (about)."""
    scenario = load_scenario(asked.scenario)
    pace = min(MAXIMUM_PACE, asked.rate * scenario.cadence / (AT_EVERY_TICK * len(scenario.cities)))
    span = math.ceil(asked.seconds * pace / scenario.cadence) * scenario.cadence
    place = Place(scenario.start, scenario.cities, KINDS)
    faults = []
    for number, name in enumerate(asked.faults, start=1):
        told: dict[str, object] = {"fault": name}
        try:
            faults.append(fault_of(told | {"probability": PROBABILITY}, place, f"f{number}"))
        except InputError:  # one that happens at a moment: in the middle
            faults.append(fault_of(told | {"after": f"{max(1, span // 2)}s"}, place, f"f{number}"))
    return replace(scenario, end=scenario.start + span, faults=(*scenario.faults, *faults)), pace


@contextlib.contextmanager
def _ending(over: threading.Event, clock: Clock) -> Iterator[None]:
    """Stop a clock when an event is set."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            if over.is_set():
                clock.stop()
                return

    threading.Thread(target=watch, name="ending", daemon=True).start()
    try:
        yield
    finally:
        done.set()


@contextlib.contextmanager
def _listening(broker: Broker, run: str, qos: int, path: Path) -> Iterator[CaptureWriter]:
    with CaptureWriter(path, broker=broker.url, run=run) as capture:
        recorder = Recorder(broker, Ear((f"nakhon/v1/{run}/#",), qos), capture.write)
        recorder.start()
        try:
            yield capture
        finally:
            recorder.stop()


def _settle(heard: CaptureWriter | None, over: threading.Event) -> None:
    """Wait until nothing has come for a while; for another consumer, as long as it may take to store."""
    deadline = time.monotonic() + PATIENCE
    if heard is None:
        over.wait(QUIET * 2)
        return
    seen, since = heard.messages, time.monotonic()
    while time.monotonic() - since < QUIET and time.monotonic() < deadline and not over.is_set():
        time.sleep(0.05)
        if heard.messages != seen:
            seen, since = heard.messages, time.monotonic()
