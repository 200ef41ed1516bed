"""A CSV or XLSX file as rows of cells: encodings, delimiters, merged cells, and where the header is."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from collector.language.errors import InputError
from nakhon.importing.cells import Cell, text_of

LARGEST_FILE = 256 << 20
LARGEST_UNPACKED = 1 << 30
MOST_ROWS = 2_000_000
MOST_COLUMNS = 2_000
HEADER_WITHIN = 40
_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of a sheet (of a CSV file: all of it) with the number that each has in the file, and what to know."""

    file: str
    name: str
    rows: list[tuple[int, list[Cell]]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by name, and the rows under the header with their numbers in the file."""

    file: str
    columns: dict[str, int]
    rows: list[tuple[int, list[Cell]]]
    notes: tuple[str, ...] = ()


def read_sheets(path: Path, encoding: str | None = None, delimiter: str | None = None) -> list[Sheet]:
    """The sheets of a file that are not empty. Raises `InputError` for a file that is neither CSV nor XLSX."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path}: expected at most {LARGEST_FILE >> 20} MiB; split it")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    if content[:4] == b"PK\x03\x04":
        sheets = list(_xlsx(path, content))
    elif content[:4] == b"\xd0\xcf\x11\xe0":
        raise InputError(f"{path} is an old .xls file (or is protected by a password): save it as .xlsx without one")
    else:
        sheets = [_csv(path, content, encoding, delimiter)]
    filled = [sheet for sheet in sheets if sheet.rows]
    if not filled:
        raise InputError(f"{path} is empty: expected a header and rows")
    return filled


def table_of(sheet: Sheet, wanted: Iterable[str], header: int | None = None, header_rows: int = 1) -> Table:
    """The table in a sheet whose header holds all `wanted` names: the first such row, or the one numbered `header`.

    A header of several rows is joined from top to bottom with " / ". Raises `InputError` where no row holds them all.
    """
    names = {text_of(name) for name in wanted}
    best: tuple[int, list[str]] = (-1, [])
    for at in range(min(len(sheet.rows), HEADER_WITHIN)):
        if header is not None and sheet.rows[at][0] != header:
            continue
        found = _header([cells for _, cells in sheet.rows[at : at + header_rows]])
        held = len(names & set(found))
        if held == len(names):
            return Table(sheet.file, _places(found, names, sheet), sheet.rows[at + header_rows :], sheet.notes)
        if (held, len([name for name in found if name])) > (best[0], len([name for name in best[1] if name])):
            best = (held, found)
    lacking = ", ".join(repr(name) for name in sorted(names - set(best[1])))
    raise InputError(
        f"{sheet.file} has no column {lacking}; it has: {', '.join(name for name in best[1] if name)[:400]}"
    )


def _header(rows: Sequence[Sequence[Cell]]) -> list[str]:
    width = max((len(row) for row in rows), default=0)
    joined = []
    for place in range(width):
        parts = [text_of(row[place]) for row in rows if place < len(row)]
        joined.append(" / ".join(dict.fromkeys(part for part in parts if part)))
    return joined


def _places(header: Sequence[str], wanted: set[str], sheet: Sheet) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, name in enumerate(header):
        if name in places and name in wanted:
            raise InputError(f"{sheet.file} has two columns {name!r}: rename one of them")
        places.setdefault(name, place)
    return places


def _csv(path: Path, content: bytes, encoding: str | None, delimiter: str | None) -> Sheet:
    text, note = _decoded(path, content, encoding)
    delimiter = delimiter or _delimiter(text)
    rows: list[tuple[int, list[Cell]]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, list(row)))
            _check_size(path, len(rows), len(row))
    except csv.Error as error:
        raise InputError(f"{path} line {reader.line_num} is not CSV: {error}") from None
    return Sheet(path.name, path.stem, rows, (note,) if note else ())


def _decoded(path: Path, content: bytes, encoding: str | None) -> tuple[str, str]:
    if b"\0" in content[:4096] and content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{path} is neither CSV nor XLSX")
    for name in [encoding] if encoding else _encodings(content):
        try:
            text = content.decode(name)
        except LookupError:
            raise InputError(f"{path}: no encoding {name!r}; for example utf-8 or cp874") from None
        except UnicodeDecodeError as error:
            if encoding:
                raise InputError(f"{path} is not {encoding}: {error}") from None
            continue
        return text, "" if encoding or name.startswith(
            "utf"
        ) else f"{path.name} was read as {name}, for it is not UTF-8"
    raise InputError(f"{path} is in no known encoding: save it as UTF-8")


def _encodings(content: bytes) -> list[str]:
    return ["utf-16"] if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "cp874"]


def _delimiter(text: str) -> str:
    lines = [line for line in text.splitlines()[:HEADER_WITHIN] if line.strip()]
    counts = {mark: sorted(line.count(mark) for line in lines)[len(lines) // 2] if lines else 0 for mark in _DELIMITERS}
    if counts[";"] and counts[";"] >= counts[","] / 2:  # 1,5;2,5: a comma within numbers
        return ";"
    return max(_DELIMITERS, key=lambda mark: counts[mark])


def _xlsx(path: Path, content: bytes) -> Iterator[Sheet]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(part.file_size for part in packed.infolist()) > LARGEST_UNPACKED:
                raise InputError(f"{path}: expected at most {LARGEST_UNPACKED >> 20} MiB unpacked; split it")
        book = load_workbook(io.BytesIO(content), data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, TypeError, SyntaxError) as error:
        raise InputError(f"{path} is not an XLSX file: {error}") from None
    for sheet in book.worksheets:
        if sheet.sheet_state == "visible":
            _check_size(path, sheet.max_row, sheet.max_column)
            yield Sheet(f"{path.name} [{sheet.title}]", sheet.title, list(_rows(sheet)))


def _rows(sheet: Any) -> Iterator[tuple[int, list[Cell]]]:
    """The rows that say anything, as they are seen: a merged cell says what its first does, in all its places."""
    merged = {
        (row, column): _seen(sheet.cell(area.min_row, area.min_col))
        for area in sheet.merged_cells.ranges
        for row in range(area.min_row, area.max_row + 1)
        for column in range(area.min_col, area.max_col + 1)
    }
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = [_seen(cell) for cell in row]
        if merged:
            cells = [merged.get((number, place), cell) for place, cell in enumerate(cells, 1)]
        if any(text_of(cell) for cell in cells):
            yield number, cells


def _seen(cell: Any) -> Cell:
    """The value of a cell; 12 where a spreadsheet shows 12 % and holds 0.12."""
    value: Cell = cell.value
    if isinstance(value, int | float) and not isinstance(value, bool) and "%" in cell.number_format:
        return round(100 * value, 9)
    return value


def _check_size(path: Path, rows: int, columns: int) -> None:
    if rows > MOST_ROWS or columns > MOST_COLUMNS:
        raise InputError(f"{path} has over {MOST_ROWS:,} rows or {MOST_COLUMNS:,} columns: split it")
