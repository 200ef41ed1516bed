"""What a cell of a table says: a number, a time, a period, or nothing."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from collector.language.errors import InputError, PayloadError
from collector.language.time import EARLIEST, LATEST, parse_period

Cell = str | int | float | bool | datetime | date | None
BUDDHIST = 543
EXCEL = datetime(1899, 12, 30)  # noqa: DTZ001 - the day 0 of spreadsheets, in whatever zone the file is
MISSING = ("", "-", "–", "—", "NA", "N/A", "#N/A", "NaN", "null", "None", "ND", "n.d.", "ไม่มีข้อมูล")
_BUDDHIST_YEAR = re.compile(r"(?<!\d)(2[45]\d\d|26[0-4]\d)(?!\d)")
_DAY_FIRST = re.compile(r"(\d{1,2})[./\- ](\d{1,2})[./\- ](\d{4}|\d{2})(?:[T ,]+(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?)?")
_GROUPED = {".": re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?"), ",": re.compile(r"[+-]?\d{1,3}([. ]\d{3})+(,\d+)?")}
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_THAI_MONTHS = ["มกรา", "กุมภา", "มีนา", "เมษา", "พฤษภา", "มิถุนา", "กรกฎา", "สิงหา", "กันยา", "ตุลา", "พฤศจิกา", "ธันวา"]
_THAI_SHORT = ["ม.ค.", "ก.พ.", "มี.ค.", "เม.ย.", "พ.ค.", "มิ.ย.", "ก.ค.", "ส.ค.", "ก.ย.", "ต.ค.", "พ.ย.", "ธ.ค."]


class CellError(InputError):
    """A cell that does not say what it should; `str()` is the reason kept beside its row."""


def text_of(cell: Cell) -> str:
    """The text of a cell: composed letters, single spaces, ISO for dates; empty for nothing."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        cell = int(cell)
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return " ".join(unicodedata.normalize("NFC", str(cell)).replace("\ufeff", "").replace("\u200b", "").split())


def number_of(cell: Cell, decimal: str, missing: frozenset[str], unit: str = "%") -> float | None:
    """The number in a cell, in its unit; None if it says nothing. Raises `CellError`."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        if math.isfinite(cell):
            return float(cell)
        raise CellError(f"expected a finite number, came {cell}")
    text = text_of(cell)
    if text in missing:
        return None
    if text.endswith("%") and unit != "%":
        raise CellError(f"expected a number in {unit}, came {text[:40]!r}")
    bare = text.removesuffix("%").strip().replace("\u2212", "-")
    if _GROUPED[decimal].fullmatch(bare):
        bare = bare.replace("," if decimal == "." else ".", "").replace(" ", "")
    try:
        value = float(bare.replace(",", ".") if decimal == "," else bare)
    except ValueError:
        raise CellError(f"expected a number, came {text[:40]!r}{_number_hint(bare, decimal)}") from None
    if not math.isfinite(value) or isinstance(cell, bool):
        raise CellError(f"expected a finite number, came {text[:40]!r}")
    return value


def _number_hint(text: str, decimal: str) -> str:
    if re.fullmatch(r"[+-]?\d+,\d+", text) and decimal == ".":
        return '; if the comma is a decimal point, say decimal = ","'
    return "; if it means that there is none, list it under missing"


@dataclass(frozen=True, slots=True)
class Clock:
    """How times are written: `form` is iso, day-first, month-first, excel or a form of strptime."""

    form: str = "iso"
    buddhist: bool = False

    def epoch(self, cell: Cell, zone: ZoneInfo) -> int:
        """Seconds since 1970 of the time in a cell; `zone` is that of a time without one. Raises `CellError`."""
        time = self.local(cell)
        seconds = math.floor((time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC).timestamp())
        if not EARLIEST <= seconds < LATEST:
            raise CellError(f"expected a time from 1900 to 2199, came {text_of(cell)[:40]!r}{self._hint(time.year)}")
        return seconds

    def local(self, cell: Cell) -> datetime:
        """The time in a cell as it is written. Raises `CellError`."""
        time = self._found(cell)
        if self.buddhist and time.year >= 2400:
            time = time.replace(year=time.year - BUDDHIST)
        if not 1900 <= time.year < 2200:
            raise CellError(f"expected a time from 1900 to 2199, came {text_of(cell)[:40]!r}{self._hint(time.year)}")
        return time

    def _found(self, cell: Cell) -> datetime:
        if isinstance(cell, datetime):
            return cell
        if isinstance(cell, date):
            return datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - the zone is known later
        if self.form == "excel" and not isinstance(cell, bool):
            return _serial(cell)
        text = text_of(cell)
        if self.buddhist:
            text = _BUDDHIST_YEAR.sub(lambda found: str(int(found[0]) - BUDDHIST), text)
        try:
            if self.form in ("day-first", "month-first"):
                return self._ordered(text)
            return datetime.fromisoformat(text) if self.form == "iso" else datetime.strptime(text, self.form)  # noqa: DTZ007
        except ValueError:
            raise CellError(f"expected a time as {self.form}, came {text_of(cell)[:40]!r}") from None

    def _ordered(self, text: str) -> datetime:
        found = _DAY_FIRST.fullmatch(text)
        if found is None:
            raise ValueError(text)
        day, month, year = int(found[1]), int(found[2]), int(found[3])
        if self.form == "month-first":
            day, month = month, day
        if len(found[3]) == 2:
            year += 2500 - BUDDHIST if self.buddhist else 2000
        hour, minute, second = (int(part or 0) for part in found.groups()[3:])
        extra = timedelta(days=1) if (hour, minute, second) == (24, 0, 0) else timedelta()
        return datetime(year, month, day, 0 if extra else hour, minute, second) + extra  # noqa: DTZ001

    def _hint(self, year: int) -> str:
        return '; if the years are Buddhist, say calendar = "buddhist"' if year >= 2400 and not self.buddhist else ""


def _serial(cell: Cell) -> datetime:
    try:
        days = float(cell) if isinstance(cell, int | float) else float(text_of(cell))
    except ValueError:
        days = math.nan
    if not 1 <= days < 110_000:
        raise CellError(f"expected a spreadsheet's day such as 45292.5, came {text_of(cell)[:40]!r}")
    return EXCEL + timedelta(seconds=round(days * 86_400))


def period_of(cell: Cell, clock: Clock, length: str | None) -> str:
    """The calendar period in a cell: 2026, 2026-Q1, 2026-02, a month's name and a year, or the period of a date.

    `length` (year, quarter, month, day) says of which length that of a date is. Raises `CellError`.
    """
    text = text_of(cell) if not isinstance(cell, datetime | date) else ""
    if clock.buddhist:
        text = _BUDDHIST_YEAR.sub(lambda found: str(int(found[0]) - BUDDHIST), text)
    text = re.sub(r"^(\d{4})[ /]?[Qq]([1-4])$|^[Qq]([1-4])[ /](\d{4})$", _quarter, text)
    try:
        if text and (length is None or len(text) < 10):
            period = parse_period(_month(text) or text)
            if not 1900 <= int(period[:4]) < 2200:
                raise CellError(f"expected a year from 1900 to 2199, came {text!r}; are the years Buddhist?")
            return period
    except PayloadError as error:
        if length is None:
            raise CellError(str(error)) from None
    return _period_at(clock.local(cell), length)


def _period_at(time: datetime, length: str | None) -> str:
    if length == "year":
        return f"{time:%Y}"
    if length == "quarter":
        return f"{time:%Y}-Q{(time.month + 2) // 3}"
    if length in ("month", "day"):
        return f"{time:%Y-%m}" if length == "month" else f"{time:%Y-%m-%d}"
    raise CellError(f"expected a period such as 2026-02, came the date {time:%Y-%m-%d}; say period_length")


def _quarter(found: re.Match[str]) -> str:
    return f"{found[1] or found[4]}-Q{found[2] or found[3]}"


def _month(text: str) -> str | None:
    """2026-02 of "Feb 2026", "ก.พ. 2026", "กุมภาพันธ์ 2026" or "02/2026"."""
    if found := re.fullmatch(r"(\d{1,2})[/.](\d{4})", text):
        return f"{found[2]}-{int(found[1]):02d}"
    found = re.fullmatch(r"(\D+?)[ \-/]*(\d{4})", text)
    if found is None:
        return None
    word = found[1].strip().lower()
    for names in (_MONTHS, _THAI_MONTHS, _THAI_SHORT):
        for number, name in enumerate(names, 1):
            if word.startswith(name) or word.replace(" ", "") == name.replace(".", ""):
                return f"{found[2]}-{number:02d}"
    return None
