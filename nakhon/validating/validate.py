"""`nakhon validate`: an ensemble beside measured series, as a table, as JSON, as a report."""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from collector.language.errors import InputError
from collector.language.indicators import indicators
from nakhon import __version__
from nakhon.terminal.console import shown, told
from simulator.validation.ensemble import Ensemble, Experiment, Tell, experimented, validated
from simulator.validation.judgement import Row
from simulator.validation.mapping import ValidationMap, load_map
from simulator.validation.pages import Directory
from simulator.validation.reading import Measured, Skipped, read_measured

A_LINE_EVERY = 5.0
REPORT = "nakhon.validating.validation_report"


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where the rows go beside the terminal: as JSON on it, into a file of JSON, into a page for a browser."""

    as_json: bool = False
    out: Path | None = None
    report: Path | None = None


@dataclass(frozen=True, slots=True)
class Validation:
    """What came of it: the rows, the series skipped and why, and what was noted while reading."""

    directory: str
    mapping: str
    replications: int
    seed: int
    rows: tuple[Row, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    sources: tuple[tuple[str, str, str], ...]

    @property
    def inside(self) -> int:
        """The number of rows inside."""
        return sum(row.inside for row in self.rows)

    @property
    def unjudged(self) -> int:
        """The number of rows inside whose width nobody can judge."""
        return sum(row.unjudged for row in self.rows)

    def told(self) -> dict[str, Any]:
        """The validation as JSON holds it."""
        share = self.inside / len(self.rows) if self.rows else None
        return {
            "directory": self.directory,
            "mapping": self.mapping,
            "replications": self.replications,
            "seed": self.seed,
            "version": __version__,
            "sources": {name: {"source": source, "licence": licence} for name, source, licence in self.sources},
            "rows": [asdict(row) for row in self.rows],
            "skipped": [asdict(one) for one in self.skipped],
            "notes": list(self.notes),
            "summary": {
                "rows": len(self.rows),
                "inside": self.inside,
                "share": share,
                "spread_unknown": self.unjudged,
            },
        }


def validate(directory: Path, mapping: Path | None, ensemble: Ensemble, only: str, outputs: Outputs) -> bool:
    """Simulate, compare, print, write; whether all rows are inside. Raises `InputError`."""
    for path in (outputs.out, outputs.report):
        if path is not None and not path.absolute().parent.is_dir():
            raise InputError(f"cannot write {path}: there is no folder {path.absolute().parent}")
    if outputs.report is not None:
        _reporter()
    name, found = load_map(mapping)
    measured, skipped = read_measured(
        Directory(directory),
        found,
        {key: one.unit for key, one in indicators().items()} | {"fire_hotspots": "hotspots"},
    )
    sources = tuple((one.name, one.source, one.licence) for one in (*found.series, *found.tickets))
    notes = tuple(f"{one.name}: {note}" for one in measured for note in one.notes)
    with showing_steps(told) as tell:
        wanted = partial(_matches, only)
        rows, unable = validated(measured, ensemble, wanted, tell)
        experiments, absent = _experiments(found, measured)
        rows += experimented(experiments, ensemble, wanted, tell)
    passed = tuple(
        one for one in (*skipped, *unable, *absent) if fnmatch.fnmatchcase(one.name, only.split(":", maxsplit=1)[0])
    )
    done = Validation(str(directory), name, ensemble.replications, ensemble.seed, tuple(rows), passed, notes, sources)
    if not rows:
        raise InputError(_nothing(done, only))
    _write(done, measured, outputs)
    return done.inside == len(rows)


def _matches(only: str, row: str) -> bool:
    return fnmatch.fnmatchcase(row, only)


def _experiments(found: ValidationMap, measured: Sequence[Measured]) -> tuple[list[Experiment], list[Skipped]]:
    """The driver experiments whose two series are there, and why the others are not done."""
    known = {one.name: one for one in measured}
    done, absent = [], []
    for entry in found.driven:
        if missing := [name for name in (entry.series, entry.fires) if name not in known]:
            absent.append(Skipped(entry.name, f"{' and '.join(missing)} skipped"))
        else:
            done.append(Experiment(entry.name, known[entry.series], known[entry.fires]))
    return done, absent


def cores() -> int:
    """The number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _nothing(done: Validation, only: str) -> str:
    reasons = "".join(f"\n  skipped {one.name}: {one.why}" for one in done.skipped)
    if only != "*":
        return f"no row is named {only!r}; a name is 'series: statistic', and * stands for anything{reasons}"
    return f"nothing in {done.directory} could be judged{reasons or ': the mapping is empty'}"


def _write(done: Validation, measured: Sequence[Measured], outputs: Outputs) -> None:
    text = json.dumps(done.told(), indent=1, ensure_ascii=False)
    if outputs.as_json:
        print(text)
    else:
        _show(done, measured)
    written = []
    if outputs.out is not None:
        try:
            outputs.out.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write {outputs.out}: {error.strerror}") from None
        written.append(outputs.out)
    if outputs.report is not None:
        _reporter()(done.told(), outputs.report)
        written.append(outputs.report)
    if written:
        told.print(f"wrote {', '.join(map(str, written))}")


def _reporter() -> Callable[[dict[str, Any], Path], None]:
    """Get what writes the page of a validation: `write_validation_report(rows as JSON holds them, path)`."""
    try:
        written: Callable[[dict[str, Any], Path], None] = import_module(REPORT).write_validation_report
    except ModuleNotFoundError:
        raise InputError("this installation cannot write the page of a validation; use --out rows.json") from None
    return written


def _show(done: Validation, measured: Sequence[Measured]) -> None:
    sources = {one.name: one.source for one in measured}
    for series in dict.fromkeys(row.name.split(": ", 1)[0] for row in done.rows):
        mine = [row for row in done.rows if row.name.startswith(f"{series}: ")]
        drawn = Table(title=f"{series} ({sources.get(series, '')})", title_justify="left")
        for column in ("statistic", "unit", "observed", "low", "median", "high", "inside", "width", "spread", "why"):
            drawn.add_column(column, justify="left" if column in {"statistic", "unit", "inside", "why"} else "right")
        for row in mine:
            numbers = [_number(value) for value in (row.observed, row.low, row.median, row.high)]
            drawn.add_row(
                row.name.split(": ", 1)[1], row.unit, *numbers, "[green]yes" if row.inside else "[red]no",
                _number(row.width), _number(row.spread), "" if row.inside else row.why,
            )  # fmt: skip
        shown.print(drawn)
    for one in done.skipped:
        shown.print(f"skipped {one.name}: {one.why}", style="yellow", markup=False)
    for note in done.notes:
        shown.print(note, style="dim", markup=False)
    if done.rows:
        share = done.inside / len(done.rows)
        shown.print(
            f"{done.inside} of {len(done.rows)} rows inside ({share:.0%}), of which {done.unjudged} have a width "
            f"nobody can judge; {done.replications} replications, seed {done.seed}; {len(done.skipped)} series skipped"
        )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


@contextlib.contextmanager
def showing_steps(console: Console) -> Iterator[Tell]:
    """Yield what to call when a step is done: a bar in a terminal, a line now and then elsewhere."""
    last = time.monotonic()

    def line(done: int, of: int) -> None:
        nonlocal last
        if time.monotonic() - last >= A_LINE_EVERY:
            last = time.monotonic()
            console.print(f"{done} of {of} steps, {done / of:.0%}")

    if not console.is_terminal:
        yield line
        return
    with Bar(
        TextColumn("simulating"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
