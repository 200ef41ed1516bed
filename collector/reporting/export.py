"""The table of a comparison as a file: CSV, XLSX or JSON, by its suffix."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from collector.comparing.comparison import HEADINGS, NOT_A_FORECAST, Cell, Comparison, clock_text, rows
from collector.language.errors import InputError

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBERS = {"coverage": "0.0%"}


def export(comparison: Comparison, path: Path) -> None:
    """Write the table as CSV, XLSX or JSON, by the file's suffix; the file is there whole or not at all.

    Raises `InputError` for another suffix or a folder that cannot be written.
    """
    check_table_path(path)
    write_whole(path, _FORMATS[path.suffix.lower()](comparison))


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


def as_csv(comparison: Comparison) -> bytes:
    """UTF-8 with a header of keys; text that a spreadsheet would run as a formula begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(HEADINGS), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({key: _disarmed(cell) for key, cell in row.items()} for row in rows(comparison))
    return text.getvalue().encode()


def as_json(comparison: Comparison) -> bytes:
    """An object with the request, the span, the notices of each indicator, and the rows."""
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
    return (json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def as_xlsx(comparison: Comparison) -> bytes:
    """A workbook: the table with numbers as numbers, and a sheet of notices; text is never a formula."""
    book = Workbook()
    _table_sheet(book.worksheets[0], comparison)
    _notice_sheet(book.create_sheet("Notices"), comparison)
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
        width = 60 if key == "notice" else max(12, len(heading) + 2)
        sheet.column_dimensions[get_column_letter(place)].width = width
    for line, row in enumerate(rows(comparison), top + 1):
        for place, (key, cell) in enumerate(row.items(), 1):
            _write(sheet, line, place, cell, number=_NUMBERS.get(key, ""))


def _notice_sheet(sheet: Worksheet, comparison: Comparison) -> None:
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 32, 120
    told = [(part.indicator.name, notice) for part in comparison.sections for notice in part.notices]
    for line, (name, notice) in enumerate([*told, *(("", note) for note in _notes(comparison))], 1):
        _write(sheet, line, 1, name)
        _write(sheet, line, 2, notice)


def _write(sheet: Worksheet, line: int, place: int, value: Cell, fill: str = "", number: str = "") -> None:
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
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


_FORMATS: dict[str, Callable[[Comparison], bytes]] = {".csv": as_csv, ".xlsx": as_xlsx, ".json": as_json}
