"""A guess at the mapping of a table, from its headings and what is in its columns, with what each guess rests on."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from collector.language.errors import InputError
from collector.language.indicators import indicators
from nakhon.importing import words
from nakhon.importing.cells import MISSING, Cell, Clock, number_of, period_of, text_of
from nakhon.importing.mapping import UNITS, Column
from nakhon.importing.reading import slug
from nakhon.importing.tables import HEADER_WITHIN, Sheet, Table, read_sheets, table_of

_SAMPLE = 500
_ZONE = ZoneInfo("UTC")
_CADENCES = {60: "1min", 300: "5min", 600: "10min", 900: "15min", 1800: "30min", 3600: "1h", 10_800: "3h", 86_400: "1d"}
_EPOCH_FORMS = ("iso", "day-first", "month-first", "excel")


def suggest(path: Path, city: str | None) -> str:
    """The text of a mapping for a file. Raises `InputError` where not even a time can be guessed."""
    sheet, table = max(
        ((sheet, found) for sheet in read_sheets(path) if (found := _table(sheet)) is not None),
        key=lambda one: len(one[1].rows),
        default=(None, None),
    )
    if sheet is None or table is None:
        raise InputError(f"{path}: no row looks like a header: expected names of columns above values")
    if not table.rows:
        raise InputError(f"{path}: expected rows under the header; it has: {', '.join(table.columns)[:300]}")
    guess = _Guess(table)
    lines = [f"# A guess at {path.name}, from its headings and the first {_SAMPLE} rows: read it before you use it."]
    lines += ["[file]", *guess.when(), *_quoted(guess.places(city))]
    if not path.name.lower().endswith(".csv"):
        lines += [f"sheet = {_text(sheet.name)}"]
    lines += [*guess.decimal_line(), 'source = ""  # who measured this', *guess.columns()]
    return "\n".join([*lines, *guess.fixed(city, slug(path.stem))]) + "\n"


def _table(sheet: Sheet) -> Table | None:
    """The table under the row that looks most like a header: many texts, and under it numbers or times."""
    best, score = None, 0
    for number, cells in sheet.rows[:HEADER_WITHIN]:
        names = [text_of(cell) for cell in cells if isinstance(cell, str) and text_of(cell)]
        known = sum(bool(_role(name) or words.indicator_named(name)) for name in names)
        if len(set(names)) == len(names) >= 2 and 2 * known + len(names) > score:
            best, score = number, 2 * known + len(names)
    return None if best is None else table_of(sheet, (), header=best)


def _role(name: str) -> str | None:
    plain = words.bare(name)
    roles = {
        "time": words.TIME, "period": words.PERIOD, "city": words.CITY, "station": words.STATION,
        "indicator": words.INDICATOR, "value": words.VALUE, "unit": words.UNIT, "published": words.PUBLISHED,
        "revision": words.REVISION,
    }  # fmt: skip
    return next((role for role, known in roles.items() if plain in known), None)


class _Guess:
    """What the columns of a table seem to be."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._names = [name for name in table.columns if name]
        self._roles = {}  # type: dict[str, str]
        for name in self._names:
            role = _role(name)
            if role and role not in self._roles:
                self._roles[role] = name
        self._decimal = "," if self._commas() else "."

    def _cells(self, name: str) -> list[Cell]:
        place = self._table.columns[name]
        cells = [cells[place] for _, cells in self._table.rows[:_SAMPLE] if place < len(cells)]
        return [cell for cell in cells if text_of(cell) not in MISSING]

    def _commas(self) -> bool:
        texts = [text_of(cell) for name in self._names for cell in self._cells(name)[:50] if isinstance(cell, str)]
        return sum(bool(re.fullmatch(r"-?\d+,\d{1,2}|-?\d+,\d{4,}", text)) for text in texts) > 0

    def decimal_line(self) -> list[str]:
        return [f'decimal = "{self._decimal}"'] if self._decimal == "," else []

    def when(self) -> list[str]:
        """The lines that say when a row is about."""
        for role in ("time", "period"):
            if role in self._roles and (found := self._clock(self._roles[role])):
                return found
        for name in self._names:
            if words.indicator_named(name) is None and (found := self._clock(name)):
                return found
        raise InputError(f"no column looks like a time; it has: {', '.join(self._names)[:300]}")

    def _clock(self, name: str) -> list[str] | None:
        cells = self._cells(name)
        if not cells:
            return None
        buddhist = _buddhist(cells)
        calendar = ['calendar = "buddhist"'] if buddhist else []
        for form in _EPOCH_FORMS:
            clock = Clock(form, buddhist)
            epochs = _tried(cells, lambda cell, clock=clock: clock.epoch(cell, _ZONE))  # type: ignore[misc]
            if epochs is not None and not all(re.fullmatch(r"\d{4}|\d{4}-\d\d", text_of(cell)) for cell in cells):
                cadence = _cadence(epochs)
                unsure = "  # or month-first: no day is over 12" if form == "day-first" and _either(cells) else ""
                told = [] if form == "iso" else [f'format = "{form}"{unsure}']
                return [
                    f"time = {_text(name)}",
                    *told,
                    *calendar,
                    f'cadence = "{cadence}"  # the usual step between rows',
                ]
        if (said := _tried(cells, lambda cell: period_of(cell, Clock("iso", buddhist), None))) is not None:
            years = all(re.fullmatch(r"\d{4}", text_of(cell)) for cell in cells)
            return [f"period = {_text(name)}", *calendar, f'cadence = "{366 if years else 31}d"'] if said else None
        return None

    def places(self, city: str | None) -> dict[str, str]:
        roles = ["station", "published", "revision"] + ([] if city else ["city"])
        if {"indicator", "value"} <= self._roles.keys():
            roles += ["indicator", "value", "unit"]
        return {role: self._roles[role] for role in roles if role in self._roles}

    def columns(self) -> list[str]:
        """The tables of columns, of names of indicators, and of names of cities."""
        if {"indicator", "value"} <= self._roles.keys():
            return [*self._named("indicator", "indicators", words.indicator_named), *self._cities()]
        lines, unknown = ["", "[columns]"], []
        taken = set(self._roles.values())
        for name in self._names:
            found = words.indicator_named(name) if name not in taken else None
            if found is not None:
                lines.append(f"{_text(name)} = {self._column(name, found)}")
            elif name not in taken and _tried(self._cells(name)[:50], lambda cell: _number(cell, self._decimal)):
                unknown.append(f'# {_text(name)} = "?"  # numbers, but of which indicator?')
        return [*lines, *unknown, *self._cities()]

    def _column(self, name: str, found: str) -> str:
        entry = indicators()[found]
        inside = re.search(r"[(\[]\s*(.+?)\s*[)\]]", name)
        unit = inside[1] if inside else ""
        if not unit or unit == entry.unit or UNITS.get(unit) == entry.ucum:
            return f'"{found}"'
        try:
            Column(indicator=found, unit=unit)
        except ValueError:
            return f'"{found}"  # its unit, {unit}, is not known: {entry.unit} is taken for granted'
        return f'{{ indicator = "{found}", unit = {_text(unit)} }}'

    def _cities(self) -> list[str]:
        return self._named("city", "cities", words.city_named)

    def _named(self, role: str, table: str, known: Callable[[str], str | None]) -> list[str]:
        """The texts of a column whose names are known by nobody, as a table to fill in."""
        texts = dict.fromkeys(text_of(cell) for cell in self._cells(self._roles[role])) if role in self._roles else {}
        missing = [text for text in texts if known(text) is None and text not in indicators()]
        return ["", f"[{table}]", *(f'# {_text(text)} = "?"' for text in missing[:50])] if missing else []

    def fixed(self, city: str | None, station: str) -> list[str]:
        """The station that the whole file is about, where no columns say it."""
        if "city" in self._roles and not city:
            return []
        told = _text(city) if city else '"?"  # the id of the city that the file is about (nakhon catalogue cities)'
        return ["", "[[station]]", f'id = "{station}"', f"city = {told}"]


def _number(cell: Cell, decimal: str) -> float:
    found = number_of(cell, decimal, frozenset(MISSING))
    return 0.0 if found is None else found


def _tried(cells: Sequence[Cell], read: Callable[[Cell], int | str | float]) -> list[int] | None:
    """What all cells (but one in three: some are wrong) say, None if they do not."""
    found: list[int] = []
    wrong = 0
    for cell in cells:
        try:
            said = read(cell)
            found.append(said if isinstance(said, int) else 0)
        except InputError:
            wrong += 1
    return found if found and wrong * 3 <= len(cells) else None


def _cadence(epochs: Sequence[int]) -> str:
    steps = np.diff(np.unique(np.array(epochs, np.int64)))
    if not len(steps):
        return "1d"
    usual = Counter(steps.tolist()).most_common(1)[0][0]
    return _CADENCES.get(usual, f"{usual // 86_400}d" if usual % 86_400 == 0 else f"{usual}s")


def _buddhist(cells: Sequence[Cell]) -> bool:
    years = [cell.year if isinstance(cell, datetime | date) else 0 for cell in cells]
    texts = sum(bool(re.search(r"(?<!\d)(2[45]\d\d|26[0-4]\d)(?!\d)", text_of(cell))) for cell in cells)
    return max(sum(2400 <= year < 2650 for year in years), texts) * 2 > len(cells)


def _either(cells: Sequence[Cell]) -> bool:
    parts = [re.match(r"(\d{1,2})\D(\d{1,2})\D", text_of(cell)) for cell in cells if isinstance(cell, str)]
    return bool(parts) and all(part and int(part[1]) <= 12 for part in parts)


def _quoted(told: dict[str, str]) -> list[str]:
    return [f"{key} = {_text(value)}" for key, value in told.items()]


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
