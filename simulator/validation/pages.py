"""The CSV files of a directory: found by glob, read once, their cells as times and numbers.

Every error names the file and the line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from collector.language.errors import InputError
from simulator.validation.mapping import SeriesEntry, TimeColumns
from simulator.validation.series import Floats, Times

MOST_ROWS = 5_000_000
LEAST_MONTHS = 3
YEARS = range(1800, 2200)


@dataclass(frozen=True, slots=True)
class Page:
    """A CSV file: which column stands where, and the cells of its rows with their line numbers."""

    path: Path
    places: Mapping[str, int]
    rows: list[list[str]]
    lines: list[int]

    def need(self, names: Sequence[str]) -> None:
        """Raise `InputError` if a column is not there."""
        missing = [name for name in names if name not in self.places]
        if missing:
            wanted, has = ", ".join(map(repr, missing)), ", ".join(list(self.places)[:15])
            raise InputError(f"{self.path}: expected a column {wanted}; it has: {has}. Change the file or the mapping")

    def where(self, conditions: Mapping[str, str | list[str]]) -> Iterator[tuple[int, str]]:
        """Get the rows that meet all conditions, each with the cells that met them."""
        self.need(list(conditions))
        allowed = [
            (self.places[name], {value} if isinstance(value, str) else set(value)) for name, value in conditions.items()
        ]
        for at, row in enumerate(self.rows):
            if all(row[place].strip() in values for place, values in allowed):
                yield at, "/".join(row[place].strip() for place, _ in allowed)

    def numbers(self, name: str, at: Sequence[int], missing: frozenset[str]) -> Floats:
        """Get the numbers of a column in some rows, NaN where missing."""
        place = self.places[name]
        values = np.full(len(at), np.nan)
        for to, row in enumerate(at):
            text = self.rows[row][place].strip()
            if text not in missing:
                values[to] = self._number(name, row, text)
        return values

    def _number(self, name: str, row: int, text: str) -> float:
        try:
            value = float(text.replace(",", ""))
        except ValueError:
            value = float("inf")
        if value - value != 0.0:
            raise InputError(
                f"{self.path} line {self.lines[row]}: expected a number in {name!r}, came {text[:40]!r}; "
                "texts that mean a missing value are listed under `missing` of the mapping"
            )
        return value


@dataclass(slots=True)
class Directory:
    """A directory of CSV files; each is read once."""

    path: Path
    _pages: dict[tuple[Path, str], Page] = field(default_factory=dict)
    _times: dict[tuple[str, str | None], np.datetime64] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.path.is_dir():
            raise InputError(f"expected a directory of series, came {self.path} (no such directory)")

    def pages(self, glob: str, layout: str = "rows") -> list[Page]:
        """Get the files whose name matches, by name."""
        try:
            found = sorted(path for path in self.path.glob(glob) if path.is_file())
        except (ValueError, NotImplementedError) as error:
            raise InputError(f"files: expected a pattern such as pm25_*.csv, came {glob!r} ({error})") from None
        for path in found:
            if (path, layout) not in self._pages:
                self._pages[path, layout] = _across(path) if layout == "months-across" else _page(path, _cells(path))
        return [self._pages[path, layout] for path in found]

    def times(self, page: Page, entry: SeriesEntry, at: Sequence[int]) -> Times:
        """Get the times of some rows as the file writes them, datetime64[s]."""
        page.need(entry.time_columns)
        if isinstance(entry.time, TimeColumns):
            return _composed(page, entry.time, at)
        return self.moments(page, entry.time, entry.format, at)

    def moments(self, page: Page, column: str, form: str | None, at: Sequence[int], missing: str = "") -> Times:
        """Get the times in a column, NaT where a cell is empty and `missing` is "NaT"."""
        page.need([column])
        place, known = page.places[column], self._times
        values = np.empty(len(at), dtype="datetime64[s]")
        for to, row in enumerate(at):
            text = page.rows[row][place].strip()
            if (text, form) not in known:
                known[text, form] = np.datetime64("NaT") if missing and not text else _moment(page, row, text, form)
            values[to] = known[text, form]
        return values


def _moment(page: Page, row: int, text: str, form: str | None) -> np.datetime64:
    try:
        time = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007
    except ValueError:
        time = None
    if time is None or time.year not in YEARS:
        place, expected = f"{page.path} line {page.lines[row]}", form or "ISO 8601"
        raise InputError(f"{place}: expected a time as {expected}, came {text[:40]!r}; see `format` of the mapping")
    return np.datetime64(time.replace(tzinfo=None), "s")


def _composed(page: Page, time: TimeColumns, at: Sequence[int]) -> Times:
    parts = [
        page.numbers(part, at, frozenset()) if isinstance(part, str) else np.full(len(at), float(part))
        for part in (time.year, time.month, time.day, time.hour)
    ]
    year, month, day, hour = (part.astype(np.int64) for part in parts)
    for row, *date in zip(at, year, month, day, hour, strict=True):
        if date[0] not in YEARS or not (1 <= date[1] <= 12 and 1 <= date[2] <= 31 and 0 <= date[3] <= 24):
            raise InputError(f"{page.path} line {page.lines[row]}: {date} is no year, month, day and hour")
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]").astype("datetime64[D]")
    return np.asarray((months + (day - 1)).astype("datetime64[s]") + hour * 3600)


def _cells(path: Path) -> list[tuple[int, list[str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            found = [(reader.line_num, row) for row in reader if row]
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file in UTF-8: {error}") from None
    if len(found) > MOST_ROWS:
        raise InputError(f"{path} has over {MOST_ROWS:,} rows: split it")
    return found


def _page(path: Path, cells: list[tuple[int, list[str]]]) -> Page:
    if not cells:
        raise InputError(f"{path} is empty: expected a header and rows")
    header = [name.strip() for name in cells[0][1]]
    for line, row in cells[1:]:
        if len(row) != len(header):
            raise InputError(f"{path} line {line}: expected {len(header)} cells, came {len(row)}")
    places: dict[str, int] = {}
    for place, name in enumerate(header):
        places.setdefault(name, place)
    return Page(path, places, [row for _, row in cells[1:]], [line for line, _ in cells[1:]])


def _across(path: Path) -> Page:
    """Get a table with months across as one with months down: column `month`, one column for each row's first cell."""
    cells = _cells(path)
    for at, (_, row) in enumerate(cells):
        months = {place: month for place, cell in enumerate(row) if (month := _month(cell))}
        if len(months) >= LEAST_MONTHS:
            below = [row for _, row in cells[at + 1 :]]
            break
    else:
        raise InputError(f"{path}: expected a line with months across, such as JAN 2019; there is none")
    keys = [row[0].strip() for row in below]
    down = [[month, *(row[place] if place < len(row) else "" for row in below)] for place, month in months.items()]
    return Page(path, {"month": 0} | {key: to + 1 for to, key in enumerate(keys)}, down, [cells[at][0]] * len(down))


def _month(cell: str) -> str:
    """Get the first of the month a heading such as "AUG 2024 r" names, empty if it names none."""
    try:
        return datetime.strptime(" ".join(cell.split()[:2]), "%b %Y").date().isoformat()  # noqa: DTZ007
    except ValueError:
        return ""
