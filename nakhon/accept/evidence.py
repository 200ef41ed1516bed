"""What an acceptance leaves beside its verdict: versions, hashes, losses by the wall's time, what was not tested."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from collector.language.time import format_epoch
from nakhon import __version__
from nakhon.accept.criteria import MEASURES
from nakhon.accept.run import Asked, Course, facts
from simulator.faults.kinds import KINDS

PIECE = 1 << 20
LATE = 1.0


@dataclass(frozen=True, slots=True)
class Second:
    """One second of the load, after the warm-up: how many messages were said in it, of how many something is lost."""

    at: int
    said: int
    lost: int


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            found.update(piece)
    return found.hexdigest()


def hashes(asked: Asked, course: Course) -> dict[str, str]:
    """What was used and what came of it, each with its hash."""
    told = {"plan (SHA-256)": asked.digest, "scenario": course.scenario}
    for name in sorted(path.name for path in asked.folder.iterdir() if path.is_file()):
        if not name.startswith("certificate"):
            told[f"{name} (SHA-256)"] = digest(asked.folder / name)
    return told


def environment(course: Course) -> dict[str, str]:
    """Where it was run, and with what."""
    packages = ("paho-mqtt", "numpy", "simpy", "pydantic")
    told = {
        "nakhon": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} processors",
        "packages": ", ".join(f"{name} {version(name)}" for name in packages),
    }
    if course.version:
        told["consumer's version"] = course.version
    if course.began:
        told["begun"] = format_epoch(int(course.began))
    return told


def seconds(course: Course) -> list[Second]:
    """The load second by second, after the end of the warm-up."""
    if course.ledger is None or course.held is None:
        return []
    said: dict[int, int] = {}
    lost: dict[int, int] = {}
    gone: dict[str, list[tuple[int, int]]] = {}
    for one in course.held.losses:
        if one.cause == "unexplained":
            gone.setdefault(one.station, []).append((one.first, one.last))
    for entry in course.ledger.entries:
        if entry.at is None:
            continue
        at = int((entry.at - course.began) // 1)
        said[at] = said.get(at, 0) + 1
        place = f"{entry.address.city}/{entry.address.pillar}/{entry.address.station}"
        if any(first <= entry.seq <= last for first, last in gone.get(place, ())):
            lost[at] = lost.get(at, 0) + 1
    return [Second(at, said[at], lost.get(at, 0)) for at in sorted(said)]


def spans_of_loss(found: list[Second]) -> Iterator[tuple[int, int, int, int]]:
    """Seconds in a row in which something was lost: the first, the last, how many messages were said and lost."""
    run: list[Second] = []
    for one in [*found, None]:
        if one is not None and one.lost and (not run or one.at - run[-1].at <= 1):
            run.append(one)
            continue
        if run:
            yield run[0].at, run[-1].at, sum(each.said for each in run), sum(each.lost for each in run)
        run = [one] if one is not None and one.lost else []


def untested(asked: Asked, course: Course) -> Iterator[str]:
    """What this acceptance says nothing about, in sentences."""
    if course.said is not None and course.said.late > LATE:
        yield f"The rate that was planned: 1 % of the messages were said over {course.said.late:.1f} s late, by us."
    plan, load = asked.plan, asked.plan.load
    measured = {one.measure for one in plan.criteria.require}
    if silent := [
        name for name in MEASURES if name not in measured and name not in ("published", "stored", "injected")
    ]:
        yield f"No criterion asks about: {', '.join(silent)}."
    injected = {str(step.fault["fault"]) for step in plan.steps if step.fault} | {
        fault.fault for fault in load.wanted().faults
    }
    if rest := [name for name in KINDS if name not in injected]:
        yield f"Faults that were not injected: {', '.join(rest)}."
    others = [str(qos) for qos in (0, 1, 2) if qos != load.qos]
    yield f"Only QoS {load.qos} was said, not {' or '.join(others)}; only the format {load.format}."
    if not asked.broker.tls:
        yield "The connection was not encrypted: nothing is known of TLS."
    yield f"Loads beyond {load.duration:g} s and above the rate given here; loss of power; the loss of a disk."
    if not plan.steps:
        yield "Nothing was restarted, stopped or broken."


def told(asked: Asked, course: Course) -> dict[str, Any]:
    """The whole verdict as plain data, for JSON."""
    return {
        "verdict": course.verdict,
        "accepted": course.accepted,
        "title": asked.plan.title,
        "criteria": [asdict(one) | {"met": one.met} for one in course.judged],
        "measures": course.measures,
        "unit": None if course.held is None else course.held.unit,
        "load": dict(facts(asked, course)),
        "steps": [asdict(one) for one in course.steps],
        "recovered": dict(course.recovered),
        "backlog": [{"at": round(one.at - course.began, 3), "missing": one.missing} for one in course.looks],
        "losses": [] if course.held is None else [asdict(one) for one in course.held.losses],
        "trouble": course.trouble,
        "environment": environment(course),
        "hashes": hashes(asked, course),
        "not_tested": list(untested(asked, course)),
        "audit": {} if course.held is None else _plain(course.held.told),
    }


def _plain(told: Mapping[str, Any]) -> dict[str, Any]:
    return dict(told)
