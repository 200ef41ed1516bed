"""What became of each run of an experiment: pending, running, done, failed; and who holds the directory."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from collector.language.errors import InputError
from collector.stores.parquet.files import Run, read_plan, runs_of
from nakhon.terminal.console import shown
from nakhon.terminal.plain import plain

LOCK = "lock"
STATES = ("pending", "running", "done", "failed")


@dataclass(frozen=True, slots=True)
class RunState:
    """A run, what became of it, how long it took (s), and its error if it failed."""

    run: str
    variant: str
    replication: int
    status: str
    seconds: float | None = None
    error: str | None = None


@contextlib.contextmanager
def holding(directory: Path) -> Iterator[None]:
    """Hold a directory for ourselves. Raises `InputError` if another process runs the experiment in it."""
    path = directory / LOCK
    try:
        with path.open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"another `nakhon experiment run` is at work in {directory}; "
                    f"`nakhon experiment status {directory}` shows how far it is"
                ) from None
            yield
    except PermissionError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def is_held(directory: Path) -> bool:
    """Whether a process runs the experiment in a directory."""
    try:
        with (directory / LOCK).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    except OSError:
        return False
    return False


def states(directory: Path) -> list[RunState]:
    """What became of each run, by variant and replication. Raises `InputError` where there is no experiment."""
    plan, held = read_plan(directory), is_held(directory)
    known = {(run.variant, run.replication): run for run in runs_of(directory, plan)}
    most = max([plan["replications"], *(replication + 1 for _, replication in known)])
    return [
        _state(known.get((one["name"], replication)), Run(directory, one["name"], replication), held=held)
        for one in plan["variants"]
        for replication in range(most)
    ]


def _state(recorded: Run | None, run: Run, *, held: bool) -> RunState:
    told = {} if recorded is None else recorded.told()
    status = told.get("status")
    if run.is_done(told):
        return RunState(run.name, run.variant, run.replication, "done", told.get("seconds"))
    if status == "failed":
        return RunState(run.name, run.variant, run.replication, "failed", error=str(told.get("error")))
    running = status == "running" and held
    return RunState(run.name, run.variant, run.replication, "running" if running else "pending")


def status(directory: Path, *, as_json: bool = False) -> bool:
    """Print what became of each run; whether all are done. Raises `InputError` where there is no experiment."""
    plan, found = read_plan(directory), states(directory)
    counts = Counter(one.status for one in found)
    if as_json:
        told = {
            "name": plan["name"],
            "directory": str(directory),
            "at_work": is_held(directory),
            "counts": {state: counts[state] for state in STATES},
            "runs": [asdict(one) for one in found],
        }
        print(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        _show(str(plan["name"]), found, counts)
    return counts["done"] == len(found)


def _show(name: str, found: list[RunState], counts: Counter[str]) -> None:
    drawn = Table(title=plain(name), title_justify="left")
    drawn.add_column("variant")
    for state in (*STATES, "s a run"):
        drawn.add_column(state, justify="right")
    for variant in dict.fromkeys(one.variant for one in found):
        mine = [one for one in found if one.variant == variant]
        each = Counter(one.status for one in mine)
        seconds = [one.seconds for one in mine if one.seconds is not None]
        mean = f"{sum(seconds) / len(seconds):.1f}" if seconds else ""
        drawn.add_row(plain(variant), *(str(each[state]) for state in STATES), mean)
    shown.print(drawn)
    for one in found:
        if one.error:
            shown.print(f"{one.run} failed: {plain(one.error, 300)}", style="red", markup=False)
    shown.print(", ".join(f"{counts[state]} {state}" for state in STATES if counts[state]))
