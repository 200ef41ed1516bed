"""`nakhon compare`: a comparison on the terminal, as JSON, as a report, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table
from rich.text import Text

from collector.comparing.compare_store import compare as compared
from collector.comparing.comparison import HEADINGS, Comparison, Request, clock_text, rows, shown
from collector.language.errors import InputError
from collector.reporting.export import as_json, check_folder, check_table_path, export
from collector.reporting.report import write_report
from collector.stores import open_store
from nakhon.terminal import console

KEYS = ("city_name", "run", "origin", "n", "coverage", "mean", "median", "p95", "difference", "low", "high", "verdict")
COLOURS = {"better": "green", "worse": "red"}


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where a comparison goes beside the terminal."""

    report: Path | None = None
    tables: Sequence[Path] = ()
    title: str = "Comparison of cities"
    as_json: bool = False


def parse_clock(text: str | None) -> int | None:
    """Seconds since 1970 on the clock of the comparison, of a date or a time. Raises `InputError`."""
    if text is None:
        return None
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise InputError(
            f"expected a date such as 2024-01-01 or a time such as 2024-01-01T06:00, came {text!r}"
        ) from None


def compare(source: str, request: Request, outputs: Outputs) -> bool:
    """Read, compare, print, write; False if a ranking was asked for and refused.

    Raises `InputError` for a request that makes no sense.
    """
    for path in outputs.tables:
        check_table_path(path)
    if outputs.report is not None:
        check_folder(outputs.report)
    if request.start is not None and request.end is not None and request.start >= request.end:
        raise InputError("--start must be before --end")
    store = open_store(source, read_only=True)
    try:
        comparison = compared(store, request)
    finally:
        store.close()
    if outputs.as_json:
        print(as_json(comparison).decode())
    else:
        show(comparison)
    for path in outputs.tables:
        export(comparison, path)
    if outputs.report is not None:
        write_report(comparison, outputs.report, outputs.title)
    written = [*outputs.tables, *([outputs.report] if outputs.report else [])]
    if written:
        console.told.print(f"wrote {', '.join(map(str, written))}")
    return not request.rank or any(entry.rank is not None for part in comparison.sections for entry in part.entries)


def show(comparison: Comparison) -> None:
    """Print a comparison, a table for each indicator."""
    span = f"{clock_text(comparison.first)} to {clock_text(comparison.last)}, {comparison.clock}"
    hours = comparison.request.bucket / 3600
    console.shown.print(f"buckets of {hours:g} h, {span}")
    table = rows(comparison)
    for part in comparison.sections:
        mine = [row for row in table if row["indicator"] == part.indicator.id]
        keys = (*KEYS, "rank") if comparison.request.rank else KEYS
        better = f"{part.indicator.better} is better" if part.indicator.better != "target" else "neither way is better"
        drawn = Table(title=f"{part.indicator.name}, {part.unit} ({better})", title_justify="left")
        for key in keys:
            drawn.add_column(
                HEADINGS[key], justify="left" if key in {"city_name", "run", "origin", "verdict"} else "right"
            )
        for row in mine:
            drawn.add_row(*(Text(shown(key, row[key]), style=COLOURS.get(str(row[key]), "")) for key in keys))
        console.shown.print(drawn)
        for notice in part.notices:
            console.shown.print(notice, style="yellow", markup=False)
    for note in comparison.notes:
        console.shown.print(note, style="yellow", markup=False)
