"""`nakhon experiment run`: every replication of every variant, finished ones never again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from collector.answers.stopping import NARROW, Verdict, look
from collector.language.errors import InputError
from collector.stores.parquet.files import PLAN, Run, read_plan
from nakhon.experimenting.dask import dask_workers
from nakhon.experimenting.experiment_file import MOST_REPLICATIONS, load_experiment
from nakhon.experimenting.plan import Experiment, Stop
from nakhon.experimenting.plan_data import plan_as_data, what_differs
from nakhon.experimenting.reading import Results, results
from nakhon.experimenting.status import holding
from nakhon.experimenting.workers import Performer, local_workers
from nakhon.experimenting.writing import Task, clean, provenance, write_json
from nakhon.terminal.console import shown, told
from nakhon.terminal.interrupt import on_interrupt
from nakhon.validating.validate import showing_steps

SHOWN = 12


@dataclass(frozen=True, slots=True)
class Ended:
    """How an experiment ended: runs that are done, that failed, and whether it was interrupted."""

    done: int
    failed: int
    interrupted: bool


def run(source: str, directory: Path, workers: int, dask: str | None, replications: int | None) -> int:
    """Run what is missing of an experiment; its exit code. Raises `InputError`, and nothing is half written."""
    plan = load_experiment(source)
    if replications is not None:
        if not 1 <= replications <= MOST_REPLICATIONS:
            raise InputError(f"expected 1 to {MOST_REPLICATIONS:,} replications, came {replications:,}")
        plan = replace(plan, replications=replications, stop=())
    ended = run_experiment(plan, directory, workers, dask)
    if ended.interrupted:
        told.print(f"interrupted: {ended.done} runs are done; the same command goes on")
        return 130
    told.print(f"{ended.done} runs done, {ended.failed} failed, in {directory}")
    if ended.failed:
        told.print(f"`nakhon experiment status {directory}` says why; the same command tries them again")
    return 1 if ended.failed else 0


def run_experiment(plan: Experiment, directory: Path, workers: int = 1, dask: str | None = None) -> Ended:
    """Run what is missing of a plan, in processes here or on a cluster. Raises `InputError`."""
    _usable(directory)
    with holding(directory):
        clean(directory)
        known = _known(directory, plan)
        performing = local_workers(directory, workers) if dask is None else dask_workers(directory, dask)
        with performing as perform:
            write_json(directory / PLAN, plan_as_data(replace(plan, replications=max(plan.replications, known))))
            return _Rounds(plan, directory, perform).all()


class _Rounds:
    """Replications in rounds: those that were planned, then as many as the stopping rule asks for."""

    def __init__(self, plan: Experiment, directory: Path, perform: Performer) -> None:
        self._plan, self._directory, self._perform = plan, directory, perform
        self._done = self._failed = 0

    def all(self) -> Ended:
        """Run every round."""
        interrupted = False
        try:
            with on_interrupt(_stop_at_once):
                wanted: int | None = self._first()
                while wanted is not None:
                    self._round(wanted)
                    wanted = self._next(wanted)
        except KeyboardInterrupt:
            interrupted = True
            clean(self._directory)
        return Ended(self._done, self._failed, interrupted)

    def _first(self) -> int:
        return max([self._plan.replications, *(one.rule.least for one in self._plan.stop)])

    def _round(self, wanted: int) -> None:
        tasks = list(tasks_of(self._plan, wanted))
        missing = [task for task in tasks if not self._run(task).is_done(thoroughly=True)]
        self._done, self._failed = len(tasks) - len(missing), 0
        if missing and self._done:
            told.print(f"{self._done} of {len(tasks)} runs are there already")
        with showing_steps(told) as tell:
            tell(self._done, len(tasks))
            for task, record in self._perform(missing, self._began):
                write_json(self._run(task).record, record)
                if record["status"] == "done":
                    self._done += 1
                else:
                    self._failed += 1
                    told.print(f"{self._run(task).name} failed: {record['error']}", style="red", markup=False)
                tell(self._done + self._failed, len(tasks))

    def _next(self, wanted: int) -> int | None:
        """How many replications to have next; None when there are enough."""
        if not self._plan.stop or self._failed:
            return None
        following = enough(self._directory, self._plan.stop, wanted)
        if following is not None:
            write_json(self._directory / PLAN, plan_as_data(replace(self._plan, replications=following)))
        return following

    def _began(self, task: Task) -> None:
        write_json(self._run(task).record, provenance(task))

    def _run(self, task: Task) -> Run:
        return Run(self._directory, task.variant, task.replication)


def tasks_of(plan: Experiment, replications: int) -> Iterator[Task]:
    """The runs of a plan: the first replication of every variant, then the second."""
    for replication in range(replications):
        for one in plan.variants:
            yield Task(one.name, replication, one.scenario, plan.indicators, plan.bucket, plan.warm_up)


def enough(directory: Path, stops: Sequence[Stop], had: int) -> int | None:
    """How many replications to have before looking again; None if those that are there are enough.

    Looked at is the difference of every variant from the baseline, in the first `had` replications.
    """
    found = results(directory)
    verdicts = [_widest(found, stop, had) for stop in stops]
    open_ones = [one for one in verdicts if not one.stop]
    if open_ones:
        return max(one.next for one in open_ones)
    for stop, one in zip(stops, verdicts, strict=True):
        told.print(f"{had} replications; {stop.indicator} of {stop.city}: {one.why}")
    return None


def _widest(found: Results, stop: Stop, had: int) -> Verdict:
    """The verdict on the variant whose difference from the baseline needs most replications."""
    outcomes = found.outcomes(stop.indicator, stop.city, stop.statistic)[:, :had]
    verdicts = [look(stop.rule, row - outcomes[0]) for row in outcomes[1:]]
    if not all(np.isfinite(one.interval.value) for one in verdicts):
        raise InputError(f"stop: {stop.indicator} of {stop.city} has no values that could be looked at")
    return max(verdicts, key=lambda one: (not one.stop, one.next, one.why != NARROW))


def _usable(directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        raise InputError(f"expected a directory for the results, came the file {directory}")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        strangers = [entry.name for entry in directory.iterdir() if entry.name not in ("lock", "runs", PLAN)]
    except OSError as error:
        raise InputError(f"cannot write into {directory}: {error.strerror}") from None
    if strangers and not (directory / PLAN).exists():
        raise InputError(f"{directory} is not empty and holds no experiment; choose another directory")
    if not os.access(directory, os.W_OK):
        raise InputError(f"cannot write into {directory}: permission denied")


def _known(directory: Path, plan: Experiment) -> int:
    """How many replications were planned here before. Raises `InputError` if the results are of another plan."""
    if not (directory / PLAN).exists():
        return 0
    before = read_plan(directory)
    differing = what_differs(before, plan_as_data(plan))
    if differing:
        more = [f"and {len(differing) - SHOWN} more"] if len(differing) > SHOWN else []
        lines = "\n  ".join(["choose another directory. What differs:", *differing[:SHOWN], *more])
        raise InputError(f"{directory} holds results of another plan; {lines}")
    return int(before["replications"])


def check(source: str) -> None:
    """Print what an experiment would run. Raises `InputError` with all that is wrong in it."""
    plan = load_experiment(source)
    base = plan.baseline.scenario
    runs = len(plan.variants) * plan.replications
    days = (base.end - base.start) / 86_400
    shown.print(f"{plan.name}: {len(plan.variants)} variants x {plan.replications} replications = {runs:,} runs")
    shown.print(f"each {len(base.cities)} cities, {days:g} days every {base.cadence} s, values of {plan.bucket} s")
    for line in _variant_lines(plan):
        shown.print(line, markup=False, soft_wrap=True)


def _variant_lines(plan: Experiment) -> Sequence[str]:
    data = plan_as_data(plan)["variants"]
    lines = []
    for one in data[:50]:
        lines.append(f"{one['name']}: {one['title']}")
        lines += [f"  {found['text']}" for found in one["differences"]]
    return [*lines, f"and {len(data) - 50} more"] if len(data) > 50 else lines


def _stop_at_once() -> None:
    raise KeyboardInterrupt
