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
from collector.comparing.exceedance import exceedances
from collector.comparing.lag import lags
from collector.comparing.profiles import profiles
from collector.comparing.sheet import Sheet
from collector.comparing.trend import trends
from collector.language.errors import InputError
from collector.reporting.export import as_json, check_folder, check_table_path, export
from collector.stores import open_store
from nakhon.terminal import console

KEYS = (
    "city_name",
    "run",
    "origin",
    "n",
    "sparse",
    "coverage",
    "mean",
    "median",
    "p95",
    "difference",
    "low",
    "high",
    "verdict",
)
QUIET = frozenset({"city", "scenario", "parameters", "bucket", "clock", "from", "to", "source"})
SAID_ONCE = frozenset({"indicator", "city_name", "run", "origin", "unit", "against", "limit", "averaging"})
COLOURS = {"better": "green", "worse": "red"}


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where a comparison goes beside the terminal."""

    report: Path | None = None
    tables: Sequence[Path] = ()
    title: str = "Comparison of cities"
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Questions:
    """What else is asked of a comparison: its trends, limits exceeded, a profile, a longest lag in seconds."""

    trend: bool = False
    limits: Sequence[str] = ()
    profile: str | None = None
    lag: int | None = None

    def sheets(self, comparison: Comparison) -> list[Sheet]:
        """A table of findings for each question. Raises `InputError` for one that cannot be answered."""
        told = [trends(comparison)] if self.trend else []
        told += [exceedances(comparison, tuple(self.limits))] if self.limits else []
        told += [profiles(comparison, self.profile)] if self.profile else []
        return told + ([lags(comparison, self.lag)] if self.lag else [])


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


def compare(source: str, request: Request, outputs: Outputs, questions: Questions | None = None) -> bool:
    """Read, compare, ask what else is asked, print, write; False if a ranking was asked for and refused.

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
    sheets = (questions or Questions()).sheets(comparison)
    if outputs.as_json:
        print(as_json(comparison, sheets).decode())
    else:
        show(comparison)
        for sheet in sheets:
            show_sheet(sheet)
    for path in outputs.tables:
        export(comparison, path, sheets)
    if outputs.report is not None:
        from collector.reporting.report import write_report  # with its charts

        write_report(comparison, outputs.report, outputs.title)
    written = [*outputs.tables, *([outputs.report] if outputs.report else [])]
    if written:
        console.told.print(f"wrote {', '.join(map(str, written))}")
    return not request.rank or any(entry.rank is not None for part in comparison.sections for entry in part.entries)


def show_sheet(sheet: Sheet) -> None:
    """Print a table of findings: what differs from row to row, and below it what is the same of all."""
    told = [key for key in sheet.headings if key not in QUIET and any(row[key] is not None for row in sheet.rows)]
    same = {key for key in told if key in SAID_ONCE and len({row[key] for row in sheet.rows}) == 1}
    drawn = Table(title=sheet.title, title_justify="left")
    for key in told:
        if key not in same:
            text = all(isinstance(row[key], str) for row in sheet.rows)
            drawn.add_column(sheet.headings[key], justify="left" if text else "right")
    for row in sheet.rows:
        drawn.add_row(*(Text(shown(key, row[key])) for key in told if key not in same))
    console.shown.print(drawn)
    if sheet.rows and same:
        once = (f"{sheet.headings[key]}: {shown(key, sheet.rows[0][key])}" for key in told if key in same)
        console.shown.print("; ".join(once), markup=False)
    for notice in sheet.notices:
        console.shown.print(notice, style="yellow", markup=False)


def show(comparison: Comparison) -> None:
    """Print a comparison, a table for each indicator."""
    span = f"{clock_text(comparison.first)} to {clock_text(comparison.last)}, {comparison.clock}"
    hours = comparison.request.bucket / 3600
    console.shown.print(f"buckets of {hours:g} h, {span}")
    table = rows(comparison)
    for part in comparison.sections:
        mine = [row for row in table if row["indicator"] == part.indicator.id]
        keys = (*KEYS, "rank", "rank_low", "rank_high") if comparison.request.rank else KEYS
        keys = (*keys[:2], "from", *keys[2:]) if comparison.request.against is not None else keys
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
