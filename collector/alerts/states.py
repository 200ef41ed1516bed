"""The file that keeps the states of alerts over a restart: JSON beside the store, there whole or not at all."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from collector.alerts.board import Board, RunState
from collector.alerts.notices import Notice
from collector.alerts.rules import State, Track
from collector.language.errors import StoreError

VERSION = 1
LARGEST = 256 << 20
RECENT = 200
WAITING = 10_000


_NOTICES = TypeAdapter(Notice)


@dataclass(slots=True)
class Pending:
    """A notice on its way, and who has not taken it yet (`mqtt`, `webhook`)."""

    notice: Notice
    waiting: set[str]


@dataclass(slots=True)
class Kept:
    """What the file holds beside the board: notices on their way by id, oldest first, and the newest of all."""

    pending: dict[str, Pending] = field(default_factory=dict)
    recent: deque[Notice] = field(default_factory=lambda: deque(maxlen=RECENT))


def save(path: Path, board: Board, kept: Kept) -> None:
    """Write the states durably. Raises `OSError`."""
    told = {
        "version": VERSION,
        "rules": {rule.id: rule.digest for rule in board.rules.values()},
        "runs": {name: _told(state) for name, state in board.runs.items()},
        "pending": [[asdict(one.notice), sorted(one.waiting)] for one in kept.pending.values()],
        "recent": [asdict(one) for one in kept.recent],
    }
    young = path.with_name(f"{path.name}.new")
    with young.open("w", encoding="utf-8") as file:
        json.dump(told, file, ensure_ascii=False, separators=(",", ":"))
        file.flush()
        os.fsync(file.fileno())
    young.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load(path: Path, board: Board) -> tuple[Kept, list[Notice]] | None:
    """Fill the board with what a file holds; None where there is no file.

    Also what was said of the alerts that stood and whose rule is gone or asks something else now. Raises `StoreError`
    for a file that is none.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise StoreError(f"expected at most {LARGEST >> 20} MiB of states of alerts in {path}; move it away")
        told = json.loads(path.read_text("utf-8"))
        return _filled(told, board)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"cannot read the states of alerts {path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, RecursionError, ValidationError) as error:
        told_error = f"{path} does not hold states of alerts as this version knows them ({error!r:.80})"
        raise StoreError(f"{told_error}; move it away to begin anew") from None


def _filled(told: Any, board: Board) -> tuple[Kept, list[Notice]]:
    if told["version"] != VERSION:
        raise ValueError(f"version {told['version']}")
    same = {rule.id for rule in board.rules.values() if told["rules"].get(rule.id) == rule.digest}
    orphans: list[Notice] = []
    for name, held in told["runs"].items():
        board.runs[name], lost = _run(held, same)
        orphans += lost
    pending = [Pending(_NOTICES.validate_python(one), set(waiting)) for one, waiting in told["pending"]]
    kept = Kept({one.notice.id: one for one in pending})
    kept.recent.extend(_NOTICES.validate_python(one) for one in told["recent"])
    return kept, orphans


def _told(state: RunState) -> dict[str, Any]:
    return {
        "origin": state.origin,
        "first": state.first,
        "second": state.second,
        "names": state.names,
        "seen": [[*series, time] for series, time in state.seen.items()],
        "tracks": [[*key, _told_track(track)] for key, track in state.tracks.items()],
        "said": [asdict(one) for one in state.said.values()],
    }


def _told_track(track: Track) -> list[Any]:
    bins = [[number, *held, *([station] if station else [])] for (number, station), held in track.bins.items()]
    return [track.state.value, track.since, track.newest, track.value, bins, track.past]


def _run(held: Any, same: Collection[str]) -> tuple[RunState, list[Notice]]:
    tracks = {(rule, city, station): _track(told) for rule, city, station, told in held["tracks"]}
    said = [_NOTICES.validate_python(one) for one in held["said"]]
    state = RunState(
        origin=str(held["origin"]),
        first=_ahead(held["first"]),
        second=_ahead(held["second"]),
        seen={(city, station, name): int(time) for city, station, name, time in held["seen"]},
        names={str(city): str(name) for city, name in held["names"].items()},
        tracks={key: track for key, track in tracks.items() if key[0] in same},
        said={(one.rule, one.city, one.station): one for one in said if one.rule in same},
    )
    return state, [one for one in said if one.rule not in same]


def _ahead(told: Any) -> tuple[str, int] | None:
    return None if told is None else (str(told[0]), int(told[1]))


def _track(told: Any) -> Track:
    state, since, newest, value, bins, past = told
    held = {(int(one[0]), str(*one[3:])): (float(one[1]), int(one[2])) for one in bins}
    return Track(State(state), int(since), newest, value, held, [(int(at), float(old)) for at, old in past])
