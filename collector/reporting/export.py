"""The table of a comparison as a file: CSV, XLSX or JSON, by its suffix."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from collector.comparing.comparison import HEADINGS, NOT_A_FORECAST, Cell, Comparison, clock_text, rows
from collector.comparing.sheet import Sheet
from collector.language.errors import InputError

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBERS = {"coverage": "0.0%", "first": "0.0%"}
_LONGEST_CELL = 32_000


def export(comparison: Comparison, path: Path, sheets: Sequence[Sheet] = ()) -> None:
    """Write the table as CSV, XLSX or JSON, by the file's suffix; the file is there whole or not at all.

    Further sheets go into the same workbook or JSON; beside a CSV each has a file of its own (`table-trend.csv`).

    Raises `InputError` for another suffix or a folder that cannot be written.
    """
    check_table_path(path)
    write_whole(path, _FORMATS[path.suffix.lower()](comparison, sheets))
    if path.suffix.lower() == ".csv":
        for sheet in sheets:
            write_whole(path.with_stem(f"{path.stem}-{sheet.name}"), _csv_of(list(sheet.headings), sheet.rows))


def check_table_path(path: Path) -> None:
    """Raise `InputError` if a table cannot be written there for its suffix or its folder."""
    if path.suffix.lower() not in _FORMATS:
        raise InputError(f"expected a file ending in {', '.join(_FORMATS)}, came {path.name!r}")
    check_folder(path)


def check_folder(path: Path) -> None:
    """Raise `InputError` if a file cannot be in the folder named, or is a folder itself."""
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}; choose one that exists")
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; name a file in it")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all. Raises `InputError` where that cannot be."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose a folder that exists") from None
    written = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o644)
        written.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    finally:
        written.unlink(missing_ok=True)


def as_csv(comparison: Comparison, _: Sequence[Sheet] = ()) -> bytes:
    """UTF-8 with a header of keys; text that a spreadsheet would run as a formula begins with an apostrophe."""
    return _csv_of(list(HEADINGS), rows(comparison))


def _csv_of(headings: Sequence[str], lines: Iterable[dict[str, Cell]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, headings, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({key: _disarmed(cell) for key, cell in line.items()} for line in lines)
    return text.getvalue().encode()


def as_json(comparison: Comparison, sheets: Sequence[Sheet] = ()) -> bytes:
    """An object with the request, the span, the notices of each indicator, the rows, and the sheets asked for."""
    told = {
        "request": asdict(comparison.request),
        "from": clock_text(comparison.first),
        "to": clock_text(comparison.last),
        "clock": comparison.clock,
        "notices": {part.indicator.id: list(part.notices) for part in comparison.sections},
        "overrides": {part.indicator.id: list(part.overrides) for part in comparison.sections if part.overrides},
        "notes": _notes(comparison),
        "rows": rows(comparison),
    }
    told |= {sheet.name: {"rows": sheet.rows, "notices": sheet.notices} for sheet in sheets}
    return (json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def as_xlsx(comparison: Comparison, sheets: Sequence[Sheet] = ()) -> bytes:
    """A workbook: the table with numbers as numbers, further sheets, and notices; text is never a formula."""
    from openpyxl import Workbook  # slow to import, as all of openpyxl, and rarely needed

    book = Workbook()
    _table_sheet(book.worksheets[0], comparison)
    for sheet in sheets:
        _further_sheet(book.create_sheet(sheet.title[:31]), sheet)
    _notice_sheet(book.create_sheet("Notices"), comparison, sheets)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def workbook(
    headings: Sequence[str], lines: Iterable[Sequence[Cell]], notices: Iterable[tuple[str, str]] = ()
) -> bytes:
    """A workbook of lines under headings, with numbers as numbers, and of notices; text is never a formula."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title, sheet.freeze_panes = "Table", "A2"
    for place, heading in enumerate(headings, 1):
        _write(sheet, 1, place, heading, fill="DCE6F1")
        _widen(sheet, place, max(12, len(heading) + 2))
    for line, cells in enumerate(lines, 2):
        for place, cell in enumerate(cells, 1):
            _write(sheet, line, place, cell)
    about = book.create_sheet("About")
    about.column_dimensions["A"].width, about.column_dimensions["B"].width = 32, 120
    for line, (name, told) in enumerate(notices, 1):
        _write(about, line, 1, name)
        _write(about, line, 2, told[:_LONGEST_CELL])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _table_sheet(sheet: Worksheet, comparison: Comparison) -> None:
    sheet.title = "Comparison"
    top = 1
    if comparison.lifted:
        _write(sheet, 1, 1, lifted(comparison), fill="FFF2CC")
        top = 2
    sheet.freeze_panes = f"A{top + 1}"
    for place, (key, heading) in enumerate(HEADINGS.items(), 1):
        _write(sheet, top, place, heading, fill="DCE6F1")
        _widen(sheet, place, 60 if key == "notice" else max(12, len(heading) + 2))
    for line, row in enumerate(rows(comparison), top + 1):
        for place, (key, cell) in enumerate(row.items(), 1):
            _write(sheet, line, place, cell, number=_NUMBERS.get(key, ""))


def _further_sheet(page: Worksheet, sheet: Sheet) -> None:
    page.freeze_panes = "A2"
    for place, heading in enumerate(sheet.headings.values(), 1):
        _write(page, 1, place, heading, fill="DCE6F1")
        _widen(page, place, max(12, len(heading) + 2))
    for line, row in enumerate(sheet.rows, 2):
        for place, (key, cell) in enumerate(row.items(), 1):
            _write(page, line, place, cell, number=_NUMBERS.get(key, ""))


def _notice_sheet(sheet: Worksheet, comparison: Comparison, sheets: Sequence[Sheet]) -> None:
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 32, 120
    told = [(part.indicator.name, notice) for part in comparison.sections for notice in part.notices]
    told += [(further.title, notice) for further in sheets for notice in further.notices]
    for line, (name, notice) in enumerate([*told, *(("", note) for note in _notes(comparison))], 1):
        _write(sheet, line, 1, name)
        _write(sheet, line, 2, notice)


def _widen(sheet: Worksheet, place: int, width: int) -> None:
    from openpyxl.utils import get_column_letter

    sheet.column_dimensions[get_column_letter(place)].width = width


def _write(sheet: Worksheet, line: int, place: int, value: Cell, fill: str = "", number: str = "") -> None:
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import Font, PatternFill

    cell = sheet.cell(line, place, ILLEGAL_CHARACTERS_RE.sub("\ufffd", value) if isinstance(value, str) else value)
    if isinstance(value, str):
        cell.data_type = "s"
    if fill:
        cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor=fill)
    if number:
        cell.number_format = number


def lifted(comparison: Comparison) -> str:
    """What was lifted to judge and rank, in one sentence."""
    said = dict.fromkeys(override for part in comparison.sections for override in part.overrides)
    return f"Judged at the reader's own risk: {'; '.join(said)}."


def _notes(comparison: Comparison) -> list[str]:
    return [*comparison.notes, *([NOT_A_FORECAST] if comparison.simulated else [])]


def _disarmed(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


_FORMATS: dict[str, Callable[[Comparison, Sequence[Sheet]], bytes]] = {
    ".csv": as_csv,
    ".xlsx": as_xlsx,
    ".json": as_json,
}
