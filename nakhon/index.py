"""`nakhon index`: an index of cities on the terminal, as JSON, as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from collector.analysis.indexed import index_described
from collector.comparing.comparison import shown
from collector.comparing.index_rows import OVERALL, IndexRequest
from collector.comparing.index_store import CityIndex, city_index
from collector.language.errors import InputError
from collector.reporting.export import check_folder
from collector.reporting.tables import FORMATS, table_json, write_table
from collector.stores import open_store
from nakhon.terminal import console

LINES_SHOWN = 100
HEADS = {"city_name": "city", "run": "run", "origin": "origin", "time": "from"}
SHARES = frozenset({"share", "buffer"})
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where an index goes beside the terminal."""

    files: Sequence[Path] = ()
    as_json: bool = False


def index(source: str, request: IndexRequest, outputs: Outputs) -> bool:
    """Read, print, write; False if there is no index at all, and the table says why. Raises `InputError`."""
    for path in outputs.files:
        check_file(path)
    store = open_store(source, read_only=True)
    try:
        found = city_index(store, request)
    finally:
        store.close()
    table = index_described(found)
    if outputs.as_json:
        print(table_json(table, "narrow the time, or write --out index.parquet").decode())
    else:
        show(found)
    for path in outputs.files:
        write_table(table, path)
    if outputs.files:
        console.told.print(f"wrote {', '.join(map(str, outputs.files))}", markup=False)
    return any(_known(row) for row in found.table.to_pylist())


def check_file(path: Path) -> None:
    """Raise `InputError` if a table cannot be written there."""
    if path.suffix.lower().removeprefix(".") not in FORMATS:
        raise InputError(f"expected a file ending in {', '.join(f'.{one}' for one in FORMATS)}, came {path.name!r}")
    check_folder(path)


def show(found: CityIndex) -> None:
    """Print an index: a line for each city and time with the whole and its parts, then what a reader should know."""
    groups = groupby(found.table.to_pylist(), key=lambda row: (row["run"], row["city"], row["origin"], row["time"]))
    lines = [list(rows) for _, rows in groups]
    drawn = Table(title=f"{found.request.name}, {found.comparison.clock}", title_justify="left")
    once = [key for key in ("run", "origin") if len({rows[0][key] for rows in lines}) == 1]
    told = [key for key in ("city_name", "run", "origin", "time") if key not in once]
    for head in (*(HEADS[key] for key in told), *_heads(lines[0]), "note"):
        drawn.add_column(head)
    for rows in lines[:LINES_SHOWN]:
        cells = (_cell(row) for row in (rows if rows[-1]["part"] != OVERALL else [rows[-1], *rows[:-1]]))
        drawn.add_row(*(rows[0][key] for key in told), *cells, _note(rows))
    console.shown.print(drawn)
    if once:
        console.shown.print("; ".join(f"{HEADS[key]}: {lines[0][0][key]}" for key in once), markup=False)
    if len(lines) > LINES_SHOWN:
        console.shown.print(f"and {len(lines) - LINES_SHOWN:,} more lines; --json prints all, --out writes them")
    for notice in found.notices:
        console.shown.print(notice, style="yellow", markup=False, soft_wrap=True)


def _heads(rows: Sequence[Row]) -> list[str]:
    told = [f"{row['part']}, {row['averaging']}" if row.get("averaging") else row["part"] for row in rows]
    units = ["" if row["unit"] in (None, "1") else f" ({row['unit']})" for row in rows]
    heads = [head + unit for head, unit in zip(told, units, strict=True)]
    return heads if rows[-1]["part"] != OVERALL else ["index", *heads[:-1]]


def _cell(row: Row) -> Text:
    if row["part"] == OVERALL:
        said = "–" if row["aqi"] is None else f"{row['aqi']:.0f} {row['category']}: {row['leads']}"
        return Text(said, style="bold")
    whole, share = row["unit"] == "requests", row["part"] in SHARES
    told = f"{row['value']:,.0f}" if whole else shown("share" if share else "value", row["value"])
    if row.get("low") is not None:
        told += f" ({shown('share', row['low'])} to {shown('share', row['high'])})"
    if "aqi" in row and row["aqi"] is not None:
        told += f" → {row['aqi']:.0f}"
    return Text(told + (f" [{row['hours']} h]" if "aqi" in row and row["hours"] is not None else ""))


def _note(rows: Sequence[Row]) -> Text:
    told: dict[str, list[str]] = {}
    for row in rows:
        if row["note"] and (row["part"] != OVERALL):
            told.setdefault(row["note"], []).append(row["part"])
    every = [f"{', '.join(parts)}: {note}" if "aqi" in rows[0] else note for note, parts in told.items()]
    hours = rows[0].get("hours") if "aqi" not in rows[0] else None
    return Text("; ".join([*every, f"of {hours} hours in {rows[0]['of']}"] if hours is not None else every))


def _known(row: Row) -> bool:
    return row["aqi"] is not None if "aqi" in row else row["value"] is not None and row["note"] is None
