"""The request sheet: what is asked of a city, written to be filled in, and read when it comes back.

A workbook has a sheet of instructions and one for each length of period (Monthly, Yearly). In its first cell stands
`nakhon-request/1`, beside it the city; under the two rows of headings (English, Thai) there is a row for each
indicator and a column for each period. Columns are found again by the first row of headings and rows by the ids in
their first column, so rows may be moved, and columns and rows added.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from collector.language.errors import InputError, PayloadError
from collector.language.indicators import Indicator, Origin, indicators
from collector.language.messages import Statistic
from collector.language.profile import StationProfile
from collector.language.time import parse_period
from nakhon.importing.cells import MISSING, Cell, number_of, text_of
from nakhon.importing.reading import Bad, Imported, Said, row_of
from nakhon.importing.tables import Sheet
from nakhon.importing.words import THAI, thai_city
from simulator.cities import cities

MARK = "nakhon-request/1"
STATION = "reported"
CADENCES = {4: 366 * 86_400, 7: 31 * 86_400}  # of a year and a month as a period is written
HEADINGS = (
    ("id", "รหัส"), ("indicator", "ตัวชี้วัด (อังกฤษ)"), ("indicator (Thai)", "ตัวชี้วัด"), ("unit", "หน่วย"),
    ("origin", "ที่มาของค่า"), ("source", "แหล่งข้อมูล"),
)  # fmt: skip
_FIXED = len(HEADINGS)
_THIN = Side("thin", color="BFBFBF")
_ORIGINS = (Origin.MEASURED, Origin.DERIVED, Origin.ASSUMED)
_INSTRUCTIONS = (
    ("Fill in the yellow cells of the sheets Monthly and Yearly. Grey cells are known already.",
     "กรอกเฉพาะช่องสีเหลืองในแผ่นงาน Monthly และ Yearly ช่องสีเทามีข้อมูลแล้ว"),
    ("One value for the whole city and the whole period, in the unit given. Leave empty what is not known.",
     "กรอกหนึ่งค่าต่อทั้งเมืองและทั้งช่วงเวลา ตามหน่วยที่ระบุ หากไม่ทราบให้เว้นว่าง"),
    ("Origin: measured (counted or measured), derived (computed from measurements), assumed (estimated).",
     "ที่มา: measured = วัดหรือนับจริง, derived = คำนวณจากค่าที่วัด, assumed = ประมาณการ"),
    ("Periods are years of the common era: 2026-02 is February 2569.",
     "ช่วงเวลาเป็นปีคริสต์ศักราช: 2026-02 คือ กุมภาพันธ์ 2569"),
    ("Do not change the first row and the first column. A value sent again with a change becomes a revision.",
     "โปรดอย่าแก้ไขแถวแรกและคอลัมน์แรก ค่าที่ส่งใหม่และต่างจากเดิมจะถูกบันทึกเป็นฉบับแก้ไข"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """An indicator and the periods asked for; `held` are those that are known already."""

    indicator: Indicator
    held: frozenset[str]


def write(city: str, pages: Sequence[tuple[str, Sequence[str], Sequence[Asked]]]) -> bytes:
    """A workbook for a city: `pages` are the title, the periods and the rows of each sheet."""
    book = Workbook()
    _instruct(book.worksheets[0], city)
    for title, periods, rows in pages:
        _page(book.create_sheet(title), city, periods, rows)
    if len(book.worksheets) > 1:
        book.active = 1
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _instruct(sheet: Any, city: str) -> None:
    sheet.title = "Instructions"
    sheet.column_dimensions["A"].width = sheet.column_dimensions["B"].width = 70
    name = cities()[city].name if city in cities() else city
    sheet.append([f"Data request: {name}", f"ขอข้อมูลเมือง: {thai_city(city) or name}"])
    sheet["A1"].font = sheet["B1"].font = Font(bold=True, size=14)
    for line in _INSTRUCTIONS:
        sheet.append(line)
    for row in sheet.iter_rows():
        for cell in row:
            cell.alignment = Alignment(wrap_text=True, vertical="top")


def _page(sheet: Any, city: str, periods: Sequence[str], rows: Sequence[Asked]) -> None:
    sheet.append([MARK, city])
    sheet.append([*(english for english, _ in HEADINGS), *periods])
    sheet.append([*(thai for _, thai in HEADINGS), *(_buddhist(period) for period in periods)])
    for line in rows:
        entry = line.indicator
        sheet.append([entry.id, entry.name, THAI.get(entry.id, ""), entry.unit, Origin.MEASURED.value, ""])
        for place, period in enumerate(periods, _FIXED + 1):
            fill = "D9D9D9" if period in line.held else "FFF2CC"
            cell = sheet.cell(sheet.max_row, place)
            cell.fill = PatternFill("solid", fgColor=fill)
            cell.border = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)
    _dress(sheet, len(periods))


def _dress(sheet: Any, periods: int) -> None:
    for row in (2, 3):
        for cell in sheet[row]:
            cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="DCE6F1")
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    sheet["A1"].font = sheet["B1"].font = Font(color="808080", size=8)
    for place, width in enumerate([20, 34, 26, 14, 12, 24, *[11] * periods], 1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    sheet.freeze_panes = sheet.cell(4, _FIXED + 1)
    choice = DataValidation("list", formula1=f'"{",".join(_ORIGINS)}"', allow_blank=False)
    choice.add(f"E4:E{max(4, sheet.max_row)}")
    sheet.add_data_validation(choice)


def _buddhist(period: str) -> str:
    return f"{int(period[:4]) + 543}{period[4:]}"


def is_request(sheets: Sequence[Sheet]) -> bool:
    """Whether these are the sheets of a request."""
    return any(_marked(sheet) is not None for sheet in sheets)


def _marked(sheet: Sheet) -> int | None:
    return next((at for at, (_, cells) in enumerate(sheet.rows[:10]) if MARK in map(text_of, cells)), None)


def read(file: str, sheets: Sequence[Sheet], published: int) -> dict[Origin, Imported]:
    """What a returned request says, by the origin of its values; `published` is when (seconds since 1970).

    Raises `InputError` where it cannot be read at all.
    """
    found = {origin: Imported(file) for origin in _ORIGINS}
    for sheet in sheets:
        if (at := _marked(sheet)) is not None:
            _read_page(sheet, at, found, published)
    return found


def _read_page(sheet: Sheet, at: int, found: dict[Origin, Imported], published: int) -> None:
    marks = [text_of(cell) for cell in sheet.rows[at][1]]
    city = next((mark for mark in marks if mark in cities()), None)
    if city is None or len(sheet.rows) < at + 2:
        raise InputError(f"{sheet.file}: expected the id of a city beside {MARK} and headings under it; leave them")
    heading = [text_of(cell) for cell in sheet.rows[at + 1][1]]
    if "id" not in heading:
        raise InputError(f"{sheet.file}: expected the heading id under {MARK}; leave the headings as they are")
    periods = {place: period for place, name in enumerate(heading) if (period := _period(name))}
    places = {name: place for place, name in enumerate(heading) if name in ("id", "origin")}
    said: dict[tuple[Origin, str, int], dict[tuple[str, str], float]] = {}
    for number, cells in sheet.rows[at + 2 :]:
        row = _Row(sheet.file, number, cells, places, found)
        row.read(periods, said)
    for (origin, pillar, cadence), values in said.items():
        found[origin].cities[city] = cities()[city].profile()
        found[origin].said.append(_said(city, origin, pillar, cadence, values, published))


@dataclass(frozen=True, slots=True)
class _Row:
    file: str
    number: int
    cells: Sequence[Cell]
    places: dict[str, int]
    found: dict[Origin, Imported]

    def _at(self, name: str) -> str:
        place = self.places.get(name)
        return "" if place is None or place >= len(self.cells) else text_of(self.cells[place])

    def read(self, periods: dict[int, str], said: dict[tuple[Origin, str, int], dict[tuple[str, str], float]]) -> None:
        entry = indicators().get(self._at("id"))
        answers = [(place, self.cells[place]) for place in periods if place < len(self.cells)]
        answers = [(place, cell) for place, cell in answers if text_of(cell) not in MISSING]
        if not answers or self._at("id") == HEADINGS[0][1]:
            return
        told = self._at("origin").lower() or Origin.MEASURED.value
        origin = Origin(told) if told in _ORIGINS else Origin.MEASURED
        imported = self.found[origin]
        imported.rows += 1
        reasons = [] if told in _ORIGINS else [f"origin: expected measured, derived or assumed, came {told[:40]!r}"]
        if entry is None:
            reasons.append(f"id: no indicator {self._at('id')[:40]!r}; leave the first column as it is")
        for place, cell in answers if entry is not None and not reasons else ():
            assert entry is not None  # noqa: S101 - for the type checker
            try:
                decimal = "," if isinstance(cell, str) and _comma(cell) else "."
                value = number_of(cell, decimal, frozenset(MISSING), entry.unit)
            except InputError as error:
                reasons.append(f"{periods[place]}: {error}")
                continue
            if value is not None:
                cadence = CADENCES.get(len(periods[place]), 31 * 86_400)
                said.setdefault((origin, entry.pillar.value, cadence), {})[entry.id, periods[place]] = value
                imported.values += 1
        if reasons:
            imported.bad.append(Bad(self.file, self.number, row_of(self.cells), "; ".join(reasons)))


def _comma(text: str) -> bool:
    whole, comma, part = text.strip().rpartition(",")
    return bool(comma) and "." not in text and "," not in whole and len(part) != 3


def _period(text: str) -> str | None:
    try:
        return parse_period(text) if 1900 <= int(text[:4]) < 2200 else None
    except (PayloadError, ValueError):
        return None


def _said(
    city: str, origin: Origin, pillar: str, cadence: int, values: dict[tuple[str, str], float], published: int
) -> Said:
    names = tuple(dict.fromkeys(name for name, _ in values))
    length = "yearly" if cadence > 100 * 86_400 else "monthly"
    mark = "" if origin is Origin.MEASURED else f"-{origin.value}"
    profile = StationProfile(
        f"{STATION}-{pillar}-{length}{mark}",
        city,
        pillar,
        "reported",
        f"Reported by the city ({length})",
        cadence,
        names,
    )
    stamp = np.datetime64(published, "s")
    bodies = [Statistic(name, period, stamp, -1, value) for (name, period), value in values.items()]
    return Said(profile, tuple(bodies))


def months_between(start: int, end: int) -> list[str]:
    """The months that touch [start, end), seconds since 1970."""
    first, last = (np.datetime64(time, "s").astype("datetime64[M]") for time in (start, max(start, end - 1)))
    return [str(month) for month in np.arange(first, last + 1)]


def asked_periods(pages: Sequence[tuple[str, Sequence[str], Sequence[Asked]]]) -> Iterator[tuple[str, str]]:
    """Each indicator and period that is asked for and not held."""
    for _, periods, rows in pages:
        for row in rows:
            yield from ((row.indicator.id, period) for period in periods if period not in row.held)
