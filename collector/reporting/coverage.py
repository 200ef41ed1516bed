"""A coverage as a file: XLSX, CSV or JSON of its matrix, or a page for a browser."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from collector.comparing.coverage import Cell, Coverage
from collector.language.errors import InputError
from collector.language.indicators import indicators
from collector.language.time import format_epoch
from collector.reporting.export import check_folder, write_whole
from collector.reporting.page import escaped, page

FILLS = {"complete": "C6E0B4", "partial": "FFE699", "stale": "F8CBAD", "unscheduled": "DDEBF7", "missing": "FFFFFF"}
MEANINGS = {
    "complete": "a value in every bucket that the stations' cadence promises",
    "partial": "some buckets hold no value",
    "stale": "nothing for over three cadences (and a day)",
    "unscheduled": "there, but nothing was promised",
    "missing": "nothing at all",
}
_STYLE = (
    "table.coverage td{text-align:center;white-space:nowrap;font-size:.8em}.coverage th{font-size:.8em;text-align:left}"
    + "".join(f".{state}{{background:#{fill};color:#222}}" for state, fill in FILLS.items())
)


def export(coverage: Coverage, path: Path) -> None:
    """Write the matrix by the file's suffix; the file is there whole or not at all. Raises `InputError`."""
    check(path)
    write_whole(path, _FORMATS[path.suffix.lower()](coverage))


def check(path: Path) -> None:
    """Raise `InputError` if a matrix cannot be written there."""
    if path.suffix.lower() not in _FORMATS:
        raise InputError(f"expected a file ending in {', '.join(_FORMATS)}, came {path.name!r}")
    check_folder(path)


def text(cell: Cell) -> str:
    """A cell in a few characters: share, origin and age, or nothing."""
    if cell.last is None:
        return ""
    share = "there" if cell.share is None else f"{_percent(cell.share)}"
    return f"{share}, {cell.origin}, {age_text(cell.age)}"


def _percent(share: float) -> str:
    """Whole percents, 100 only for all and 0 only for none."""
    return f"{share:.0%}" if 0.01 <= share <= 0.99 or share in (0.0, 1.0) else "<1%" if share < 0.5 else ">99%"


def age_text(age: int | None) -> str:
    """An age in its largest unit."""
    if age is None:
        return ""
    span = timedelta(seconds=age)
    if span.days >= 730:
        return f"{span.days / 365.25:.0f} y"
    return (
        f"{span.days} d"
        if span.days
        else f"{span.seconds // 3600} h"
        if span.seconds >= 3600
        else f"{span.seconds // 60} min"
    )


def as_json(coverage: Coverage) -> bytes:
    """An object with the window, the time that ages count from, and a row for each cell."""
    told = {
        "start": format_epoch(coverage.start),
        "end": format_epoch(coverage.end),
        "as_of": format_epoch(coverage.as_of),
        "cities": {city: dict(zip(("present", "of"), coverage.counts(city), strict=True)) for city in coverage.cities},
        "rows": coverage.rows(),
    }
    return (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode()


def as_csv(coverage: Coverage) -> bytes:
    """A row for each cell."""
    written = io.StringIO()
    rows = [row | {"runs": " ".join(row["runs"]), "gap": " ".join(row["gap"] or ())} for row in coverage.rows()]
    writer = csv.DictWriter(written, list(rows[0]) if rows else ["city"], lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue().encode()


def as_xlsx(coverage: Coverage) -> bytes:
    """A workbook: the matrix, and a sheet with a row for each cell."""
    from openpyxl import Workbook  # slow to import, as all of openpyxl, and rarely needed
    from openpyxl.styles import PatternFill

    book = Workbook()
    sheet: Any = book.worksheets[0]
    sheet.title = "Coverage"
    sheet.append(["", *coverage.cities])
    for name in coverage.indicators:
        sheet.append([name, *(text(coverage.cell(city, name)) for city in coverage.cities)])
        for place, city in enumerate(coverage.cities, 2):
            fill = FILLS[coverage.cell(city, name).state]
            sheet.cell(sheet.max_row, place).fill = PatternFill("solid", fgColor=fill)
    _dress(sheet, len(coverage.cities) + 1, 24)
    table: Any = book.create_sheet("Cells")
    rows = coverage.rows()
    table.append(list(rows[0]) if rows else [])
    for row in rows:
        table.append([" ".join(map(str, value)) if isinstance(value, list) else value for value in row.values()])
    _dress(table, len(rows[0]) if rows else 1, 18)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _dress(sheet: Any, columns: int, width: int) -> None:
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    sheet.freeze_panes = "B2"
    for place in range(1, columns + 1):
        sheet.column_dimensions[get_column_letter(place)].width = width
        sheet.cell(1, place).font = Font(bold=True)


def write_page(coverage: Coverage, path: Path, title: str = "Coverage") -> None:
    """Write the matrix as one self-contained HTML file. Raises `InputError`."""
    check_folder(path)
    write_whole(path, page(title, _body(coverage), style=_STYLE).encode())


def _body(coverage: Coverage) -> str:
    span = f"{format_epoch(coverage.start)} to {format_epoch(coverage.end)}; ages at {format_epoch(coverage.as_of)}"
    key = "".join(
        f'<li><span class="{state}">&nbsp;{state}&nbsp;</span> {escaped(said)}</li>' for state, said in MEANINGS.items()
    )
    head = "".join(f'<th scope="col">{escaped(city)}</th>' for city in coverage.cities)
    lines = [_line(coverage, name) for name in coverage.indicators]
    total = "".join("<td>{} of {}</td>".format(*coverage.counts(city)) for city in coverage.cities)
    return (
        f"<p>{escaped(span)}. A cell says the share of the expected buckets that hold a value, the origin of values "
        f'and the age of the newest.</p><ul>{key}</ul><div style="overflow-x:auto"><table class="coverage"><thead><tr>'
        f'<th scope="col">indicator</th>{head}</tr></thead><tbody>{"".join(lines)}</tbody>'
        f'<tfoot><tr><th scope="row">indicators there</th>{total}</tr></tfoot></table></div>'
    )


def _line(coverage: Coverage, name: str) -> str:
    entry = indicators().get(name)
    cells = "".join(_cell(coverage.cell(city, name)) for city in coverage.cities)
    return (
        f'<tr><th scope="row" title="{escaped(entry.definition if entry else name)}">{escaped(name)}</th>{cells}</tr>'
    )


def _cell(cell: Cell) -> str:
    gap = "" if cell.gap is None else f"; longest gap {format_epoch(cell.gap[0])} to {format_epoch(cell.gap[1])}"
    said = f"{cell.state}: {cell.stations} stations, {cell.readings:,} readings{gap}"
    return f'<td class="{cell.state}" title="{escaped(said)}">{escaped(text(cell) or "missing")}</td>'


_FORMATS: dict[str, Callable[[Coverage], bytes]] = {".xlsx": as_xlsx, ".csv": as_csv, ".json": as_json}
