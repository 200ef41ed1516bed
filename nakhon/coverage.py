"""`nakhon coverage`: who reported what, on the terminal and in files, and the sheets that ask for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from collector.comparing.coverage import Coverage
from collector.comparing.coverage_store import coverage as covered
from collector.language.errors import InputError
from collector.language.indicators import Indicator, indicator, indicators
from collector.language.time import format_epoch
from collector.reporting.coverage import FILLS, as_json, check, export, text, write_page
from collector.reporting.export import check_folder, write_whole
from collector.stores import open_store
from collector.stores.protocol import Selection, Store
from nakhon.importing import sheet
from nakhon.terminal.console import shown
from simulator.cities import city, members

WIDE = 8
MONTHS = 12
_SHORT = {"complete": "green", "partial": "yellow", "stale": "red", "unscheduled": "cyan", "missing": "dim"}


@dataclass(frozen=True, slots=True)
class Asked:
    """Of what the coverage is asked, and where it goes."""

    cities: tuple[str, ...]
    network: str | None
    on: str | None
    indicators: tuple[str, ...]
    runs: tuple[str, ...]
    start: int | None
    end: int | None
    as_of: int | None
    report: Path | None
    tables: tuple[Path, ...]
    requests: Path | None
    as_json: bool


def show(source: str, asked: Asked, console: Console) -> bool:
    """Print the coverage and write what is asked for; whether nothing is missing altogether."""
    for path in asked.tables:
        check(path)
    if asked.report is not None:
        check_folder(asked.report)
    if asked.start is not None and asked.end is not None and asked.start >= asked.end:
        raise InputError("--start must be before --end")
    cities = _cities(asked)
    for name in asked.indicators:
        indicator(name)
    store = open_store(source, read_only=True)
    try:
        found = covered(store, cities, asked.indicators, asked.runs, asked.start, asked.end, asked.as_of)
        written = _write_requests(store, found, asked) if asked.requests is not None else []
    finally:
        store.close()
    if not found.cities:
        raise InputError(f"no city is in {source}: name some with --city or --network")
    for path in asked.tables:
        export(found, path)
    if asked.report is not None:
        write_page(found, asked.report)
    if asked.as_json:
        print(as_json(found).decode(), end="")
    else:
        _print(found)
    if told := [*asked.tables, *([asked.report] if asked.report else []), *written]:
        more = f" and {len(told) - 4} more" if len(told) > 4 else ""
        console.print(f"wrote {', '.join(map(str, told[:4]))}{more}", markup=False)
    return all(cell.last is not None for cell in found.cells.values())


def _cities(asked: Asked) -> tuple[str, ...]:
    if asked.network is None:
        return tuple(city(name).id for name in asked.cities)
    try:
        on = date.fromisoformat(asked.on) if asked.on else datetime.now(UTC).date()
    except ValueError:
        raise InputError(f"expected --on as a day such as 2023-12-31, came {asked.on!r}") from None
    return tuple(dict.fromkeys((*members(asked.network, on), *asked.cities)))


def _print(found: Coverage) -> None:
    """Cities as columns where they are few; else a line for each city, with how many indicators it has."""
    window = f"{format_epoch(found.start)} to {format_epoch(found.end)}; ages at {format_epoch(found.as_of)}"
    if len(found.cities) <= WIDE:
        table = Table("indicator", *found.cities, caption=window)
        for name in found.indicators:
            cells = [found.cell(one, name) for one in found.cities]
            table.add_row(name, *(Text(text(cell) or "-", style=_SHORT[cell.state]) for cell in cells))
    else:
        table = Table("city", "indicators there", *FILLS, caption=window)
        for one in found.cities:
            states = [found.cell(one, name).state for name in found.indicators]
            table.add_row(one, "{} of {}".format(*found.counts(one)), *(str(states.count(state)) for state in FILLS))
    shown.print(table)
    there = sum(cell.last is not None for cell in found.cells.values())
    shown.print(f"{there:,} of {len(found.cells):,} cells (city x indicator) hold values; --json prints all of each")


def _write_requests(store: Store, found: Coverage, asked: Asked) -> list[Path]:
    """A request sheet for each city that lacks anything. Raises `InputError` where one cannot be written."""
    assert asked.requests is not None  # noqa: S101 - the caller looked
    start, end = _asked_window(found, asked)
    if asked.requests.exists() and not asked.requests.is_dir():
        raise InputError(f"cannot write into {asked.requests}: it is no folder")
    asked.requests.mkdir(parents=True, exist_ok=True)
    held = _held(store, found, start, end)
    written = []
    for name in found.cities:
        pages = _pages(found, held.get(name, {}), start, end)
        if any(True for _ in sheet.asked_periods(pages)):
            path = asked.requests / f"{name}.xlsx"
            write_whole(path, sheet.write(name, pages))
            written.append(path)
    return written


def _asked_window(found: Coverage, asked: Asked) -> tuple[int, int]:
    """The window that was asked for, else the last 12 whole months."""
    if asked.start is not None:
        return found.start, found.end
    end = np.datetime64(found.as_of if asked.end is None else asked.end, "s").astype("datetime64[M]")
    first, last = (month.astype("datetime64[s]").astype(np.int64) for month in (end - MONTHS, end))
    return int(first), int(last)


def _pages(
    found: Coverage, held: dict[str, set[str]], start: int, end: int
) -> list[tuple[str, list[str], list[sheet.Asked]]]:
    pages = []
    months = sheet.months_between(start, end)
    for title, periods, yearly in (
        ("Monthly", months, False),
        ("Yearly", list(dict.fromkeys(month[:4] for month in months)), True),
    ):
        entries = [indicators()[name] for name in found.indicators if _is_yearly(indicators()[name]) is yearly]
        rows = [sheet.Asked(entry, frozenset(held.get(entry.id, ()))) for entry in entries]
        rows = [row for row in rows if set(periods) - row.held]
        if rows:
            pages.append((title, periods, rows))
    return pages


def _is_yearly(entry: Indicator) -> bool:
    return entry.cadence.startswith("annual")


def _held(store: Store, found: Coverage, start: int, end: int) -> dict[str, dict[str, set[str]]]:
    """By city and indicator the months and years that hold any value."""
    there = tuple(dict.fromkeys(name for (_, name), cell in found.cells.items() if cell.last is not None))
    held: dict[str, dict[str, set[str]]] = {}
    if not there:
        return held
    runs = tuple(dict.fromkeys(run for cell in found.cells.values() for run in cell.runs))
    table = store.read(Selection(there, found.cities, runs, start=start - 86_400, end=end + 86_400, bucket=86_400))
    zones = {profile.id: profile.timezone for run in runs for profile, _ in store.cities(run)}
    for name, entry, time in zip(*(table[key].to_pylist() for key in ("city", "indicator", "time")), strict=True):
        day = _local(time, zones.get(name))
        held.setdefault(name, {}).setdefault(entry, set()).update((f"{day:%Y-%m}", f"{day:%Y}"))
    return held


def _local(time: datetime, zone: str | None) -> datetime:
    from zoneinfo import ZoneInfo

    return time.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)) if zone else time
