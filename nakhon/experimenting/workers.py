"""Processes of this machine that simulate runs; one that dies is replaced and its run is repeated."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from collector.stores.parquet.files import Run
from nakhon.experimenting.writing import Task, failed, provenance, simulated, write_values

REPEATS = 3
"""How often a run is repeated whose worker died."""
Record = dict[str, Any]
Performer = Callable[[Sequence[Task], Callable[[Task], None]], Iterator[tuple[Task, Record]]]
"""Simulates tasks and yields each with its record when it has ended; calls the function when one begins."""


@contextlib.contextmanager
def local_workers(directory: Path, count: int) -> Iterator[Performer]:
    """Yield what performs tasks in processes of this machine; they end with the block, whatever they do."""
    crew = _Crew(directory, count)
    try:
        yield crew.perform
    finally:
        crew.dismiss()


def performed(directory: Path, task: Task) -> Record:
    """The record of a task after it was simulated and its values were written."""
    payload, record = simulated(task)
    return keep(directory, task, payload, record)


def keep(directory: Path, task: Task, payload: bytes, record: Record) -> Record:
    """The record of a run whose values are written now; that they cannot be written is the run's error."""
    if record["status"] != "done":
        return record
    try:
        write_values(Run(directory, task.variant, task.replication), payload)
    except OSError as error:
        return failed(record, f"cannot write its values: {error.strerror}")
    return record


@dataclass(slots=True, eq=False)
class _Worker:
    """A process, our end of its pipe, and what it has to do."""

    process: SpawnProcess
    pipe: Connection
    task: Task | None = None


@dataclass(slots=True)
class _Crew:
    """The workers: as many as may be, started when there is something to do."""

    directory: Path
    count: int
    workers: list[_Worker] = field(default_factory=list)
    deaths: Counter[tuple[str, int]] = field(default_factory=Counter)

    def perform(self, tasks: Sequence[Task], began: Callable[[Task], None]) -> Iterator[tuple[Task, Record]]:
        """Yield each task and its record when it has ended."""
        waiting = deque(tasks)
        while waiting or any(worker.task for worker in self.workers):
            for worker in self._idle(len(waiting)):
                task = waiting.popleft()
                began(task)
                self._give(worker, task)
            for worker in self._ready():
                task, record = self._taken(worker)
                if record is not None:
                    yield task, record
                elif self.deaths[task.variant, task.replication] > REPEATS:
                    yield task, failed(provenance(task), f"its worker died {REPEATS + 1} times")
                else:
                    waiting.appendleft(task)

    def dismiss(self) -> None:
        """End all workers at once."""
        for worker in self.workers:
            worker.process.terminate()
            worker.pipe.close()
        for worker in self.workers:
            worker.process.join()
        self.workers.clear()

    def _idle(self, wanted: int) -> list[_Worker]:
        idle = [worker for worker in self.workers if worker.task is None]
        new = min(wanted - len(idle), self.count - len(self.workers))
        started = [_started(self.directory) for _ in range(max(new, 0))]
        self.workers += started
        return [*idle, *started][:wanted]

    def _give(self, worker: _Worker, task: Task) -> None:
        worker.task = task
        with suppress(OSError):  # it is dead, which is found when its answer is waited for
            worker.pipe.send(task)

    def _ready(self) -> list[_Worker]:
        busy = {worker.pipe: worker for worker in self.workers if worker.task}
        return [busy[pipe] for pipe in wait(list(busy)) if isinstance(pipe, Connection)]

    def _taken(self, worker: _Worker) -> tuple[Task, Record | None]:
        """Get the task of a worker with its record, None if it died; a dead one is taken from the list."""
        task, worker.task = worker.task, None
        assert task is not None  # noqa: S101 - only those that have one are waited for
        try:
            return task, worker.pipe.recv()
        except (EOFError, OSError):
            self.workers.remove(worker)
            worker.pipe.close()
            worker.process.kill()
            worker.process.join()
            self.deaths[task.variant, task.replication] += 1
            return task, None


def _started(directory: Path) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, directory), daemon=True)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which it inherits: Ctrl-C is for us to answer
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, before)
    theirs.close()
    return _Worker(process, ours)


def _work(pipe: Connection, directory: Path) -> None:
    """Perform what comes, until nothing comes any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            pipe.send(performed(directory, pipe.recv()))


def _end_with_parent() -> None:
    """End this process as soon as the one that started it has ended, however that came."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
