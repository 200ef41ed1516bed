"""A report as a workbook: a sheet of words, and one for each table, with numbers as numbers."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from collector.answers.intervals import Interval
from nakhon.reporting.document import Bullets, Cell, Column, Document, Judged, Paragraph, Table, Tone
from nakhon.reporting.words import Words

_HEAD, _SOFT = PatternFill("solid", fgColor="DCE6F1"), PatternFill("solid", fgColor="FFF8E8")
_WIDEST, _LONGEST_NAME = 60, 31
_UNFIT = re.compile(r"[\[\]:*?/\\']")


def as_xlsx(document: Document, words: Words) -> bytes:
    """Get the workbook; intervals are three columns, and text is never a formula."""
    book = Workbook()
    _words_sheet(book.worksheets[0], document, words)
    for block in document.blocks:
        if isinstance(block, Table):
            _table_sheet(book.create_sheet(_sheet_name(block.name, book.sheetnames)), block, words)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _words_sheet(sheet: Worksheet, document: Document, words: Words) -> None:
    sheet.title = words.say("sheet_summary")
    sheet.column_dimensions["A"].width = 120
    _put(sheet, 1, 1, document.title)
    sheet.cell(1, 1).font = Font(bold=True, size=16)
    for line, (text, tone) in enumerate(_texts(document), 2):
        _put(sheet, line, 1, text)
        sheet.cell(line, 1).alignment = Alignment(wrap_text=True, vertical="top")
        if tone in (Tone.NOTICE, Tone.WARNING):
            sheet.cell(line, 1).fill = _SOFT
        if tone is Tone.LEAD:
            sheet.cell(line, 1).font = Font(bold=True)


def _texts(document: Document) -> Iterator[tuple[str, Tone]]:
    for block in document.opening:
        yield from _texts_of(block)
    for section in document.sections:
        if any(isinstance(block, Paragraph | Bullets) for block in section.blocks):
            yield "", Tone.PLAIN
            yield section.title, Tone.LEAD
        for block in section.blocks:
            yield from _texts_of(block)


def _texts_of(block: object) -> Iterator[tuple[str, Tone]]:
    if isinstance(block, Paragraph):
        yield block.text, block.tone
    elif isinstance(block, Bullets):
        yield from ((f"• {line}", Tone.PLAIN) for line in block.lines)


def _table_sheet(sheet: Worksheet, table: Table, words: Words) -> None:
    heads = [head for column in table.columns for head in _heads(column, words)]
    _put(sheet, 1, 1, table.caption)
    sheet.cell(1, 1).font = Font(italic=True)
    for place, head in enumerate(heads, 1):
        _put(sheet, 2, place, head)
        cell = sheet.cell(2, place)
        cell.font, cell.fill, cell.alignment = Font(bold=True), _HEAD, Alignment(wrap_text=True, vertical="top")
    widest = [len(head) / 1.6 for head in heads]
    for line, row in enumerate(table.rows, 3):
        values = [value for cell, column in zip(row, table.columns, strict=True) for value in _values(cell, column)]
        for place, (value, percent) in enumerate(values, 1):
            _put(sheet, line, place, value, percent=percent)
            widest[place - 1] = max(widest[place - 1], len(str(value)) if isinstance(value, str) else 10)
    for place, width in enumerate(widest, 1):
        sheet.column_dimensions[get_column_letter(place)].width = max(10, min(_WIDEST, width + 2))
    sheet.freeze_panes = "A3"
    sheet.auto_filter.ref = f"A2:{get_column_letter(len(heads))}{len(table.rows) + 2}"


def _heads(column: Column, words: Words) -> tuple[str, ...]:
    if not column.interval:
        return (column.name,)
    return column.name, words.say("column_low", of=column.name), words.say("column_high", of=column.name)


def _values(cell: Cell, column: Column) -> Iterator[tuple[str | float | int | None, bool]]:
    value = cell.value if isinstance(cell, Judged) else cell
    if not column.interval:
        yield value if not isinstance(value, Interval) else value.value, column.percent
    elif isinstance(value, Interval):
        yield from ((bound, column.percent) for bound in (value.value, value.low, value.high))
    else:
        yield from ((value, False), (None, False), (None, False))


def _put(sheet: Worksheet, line: int, place: int, value: str | float | None, *, percent: bool = False) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        value = None if math.isnan(value) else "∞" if value > 0 else "−∞"
    cell = sheet.cell(line, place, ILLEGAL_CHARACTERS_RE.sub("\ufffd", value) if isinstance(value, str) else value)
    if isinstance(value, str):
        cell.data_type = "s"
        cell.alignment = Alignment(wrap_text=len(value) > _WIDEST, vertical="top")
    elif percent:
        cell.number_format = "0.0%"
    elif isinstance(value, float):
        cell.number_format = "#,##0" if abs(value) >= 1000 else "0.0" if abs(value) >= 100 else "0.00##"


def _sheet_name(name: str, taken: list[str]) -> str:
    short = _UNFIT.sub(" ", name).strip()[:_LONGEST_NAME] or "-"
    number = 2
    while short.casefold() in {one.casefold() for one in taken}:
        short = f"{short[: _LONGEST_NAME - 4]} ({number})"
        number += 1
    return short
