"""After the load: wait until the collectors have everything, then ask for every message."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.request import urlopen

from collector.auditing.audit import Verdict, audit
from collector.language.errors import InputError
from collector.language.ledger import read_ledger
from collector.stores import open_store
from nakhon.chaos.part import Part
from nakhon.chaos.stage import Stage

QUIET = 300.0
REST = 2.0


@dataclass(frozen=True, slots=True)
class Figures:
    """How many messages a collector has received, stored and pending since its start."""

    received: int
    stored: int
    pending: int


def conclude(stage: Stage, tell: Callable[[str], None]) -> tuple[list[int], Verdict]:
    """How much each collector has stored since its start, and the verdict, when nothing fails any longer."""
    tell("quiet: the publisher ends, the collectors take the rest")
    for one in stage.collectors:
        one.refuse(on=False)
    code = stage.publisher.end(signal.SIGINT, QUIET)
    if code not in (0, 1):
        raise InputError(f"the publisher ended with {code}: {stage.publisher.last_words()}")
    ledger = read_ledger(stage.ledger)
    tell(f"{len(ledger.entries):,} messages were said")
    began = time.monotonic()
    last = _rest(stage)
    tell(f"the collectors were at rest after {time.monotonic() - began:.1f} s")
    for one in stage.collectors:
        one.end()
    opened = open_store(stage.store, read_only=True)
    try:
        return [one.stored for one in last], audit(ledger, opened)
    finally:
        opened.close()


def _rest(stage: Stage) -> Sequence[Figures]:
    """The figures of the collectors, when none has received or held anything for two seconds."""
    deadline = time.monotonic() + QUIET
    before = _all(stage)
    while time.monotonic() < deadline:
        time.sleep(REST)
        stage.supervise()
        now = _all(stage)
        if now is not None and now == before and not any(one.pending for one in now):
            return now
        before = now
    raise InputError(f"waited {QUIET:g} s for the collectors to have everything: see {stage.folder}")


def _all(stage: Stage) -> list[Figures] | None:
    told = [figures(one) for one in stage.collectors]
    return None if None in told else [one for one in told if one is not None]


def figures(collector: Part) -> Figures | None:
    """What a collector counts, None if it does not answer or is not connected."""
    try:
        with urlopen(f"http://127.0.0.1:{collector.port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    except (OSError, ValueError):
        return None
    told = {name: float(value) for name, _, value in (line.partition(" ") for line in lines if line[0] != "#")}
    if not told["nakhon_broker_connected"]:
        return None
    messages = ("received_total", "stored_total", "pending")
    return Figures(*(int(told[f"nakhon_messages_{name}"]) for name in messages))


def ready(collector: Part) -> bool:
    """Whether a collector is subscribed and its store takes what it hears."""
    try:
        with urlopen(f"http://127.0.0.1:{collector.port}/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False
