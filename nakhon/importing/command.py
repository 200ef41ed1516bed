"""`nakhon import`: files read, what is wrong with them said, the rest stored."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from collector.language.errors import InputError
from collector.language.indicators import Origin, indicators
from collector.language.messages import Readings
from collector.language.topics import is_segment
from collector.reporting.export import check_folder, write_whole
from collector.stores import open_store
from collector.stores.protocol import Fate
from nakhon.importing import sheet as request_sheet
from nakhon.importing.mapping import Mapping, read_mapping
from nakhon.importing.reading import Bad, Imported, Reading
from nakhon.importing.storing import Stored, store_all
from nakhon.importing.tables import read_sheets, table_of
from nakhon.terminal.console import shown, told
from nakhon.terminal.plain import plain

BAD_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Asked:
    """What to import: the files, their mapping (None for request sheets), under which run and origin, where to."""

    files: tuple[Path, ...]
    mapping: Path | None
    run: str
    origin: Origin
    store: str | None
    dry: bool = False
    rejects: Path | None = None
    as_json: bool = False


def import_files(asked: Asked) -> bool:
    """Read everything, then store what can be taken; whether all of it could.

    Raises `InputError` before anything is written: for a file or mapping that cannot be read, or where nothing can be
    taken at all.
    """
    if not is_segment(asked.run):
        raise InputError(f"expected a run of lower-case letters, digits and hyphens, came {asked.run!r}")
    if asked.rejects is not None:
        check_folder(asked.rejects)
    mapping = None if asked.mapping is None else read_mapping(asked.mapping)
    now = int(time.time())
    read = [one for path in asked.files for one in _read(path, mapping, asked.origin, now)]
    bad = [row for _, one in read for row in one.bad]
    if not any(one.values for _, one in read):
        first = "; ".join(f"{row.file} row {row.row}: {row.reason}" for row in bad[:3])
        raise InputError(f"no value can be taken, nothing was written{': ' + first if first else ''}")
    stored = None if asked.dry else _store(asked, read)
    if asked.rejects is not None:
        write_whole(asked.rejects, _listed(bad))
    (_tell_json if asked.as_json else _tell)(asked, [one for _, one in read], bad, stored)
    return not bad and not (stored and stored.conflicts)


def _read(path: Path, mapping: Mapping | None, origin: Origin, now: int) -> list[tuple[Origin, Imported]]:
    source = mapping.file if mapping else None
    sheets = read_sheets(path, source.encoding, source.delimiter) if source else read_sheets(path)
    if request_sheet.is_request(sheets):
        return [(found, one) for found, one in request_sheet.read(path.name, sheets, now).items() if one.rows]
    if mapping is None or source is None:
        raise InputError(f"{path} is no request sheet: give a mapping with --map, or have one guessed with --suggest")
    chosen = [one for one in sheets if source.sheet in (None, one.name)]
    if not chosen:
        names = ", ".join(repr(one.name) for one in sheets)
        raise InputError(f"{path} has no sheet {source.sheet!r} that says anything; it has {names}")
    return [
        (origin, Reading(mapping, table_of(chosen[0], mapping.wanted, source.header, source.header_rows), now).read())
    ]


def _store(asked: Asked, read: Sequence[tuple[Origin, Imported]]) -> Stored:
    assert asked.store is not None  # noqa: S101 - the command checked it
    store, total = open_store(asked.store), Stored()
    try:
        for origin in dict.fromkeys(origin for origin, _ in read):
            one = store_all(store, asked.run, origin, [imported for its, imported in read if its is origin])
            total.values, total.revised = total.values + one.values, total.revised + one.revised
            total.conflicts += one.conflicts
            for fate, count in one.fates.items():
                total.fates[fate] += count
    finally:
        store.close()
    return total


def _tell(asked: Asked, read: Sequence[Imported], bad: Sequence[Bad], stored: Stored | None) -> None:
    for note in dict.fromkeys(note for one in read for note in one.notes):
        told.print(note, style="yellow", markup=False, soft_wrap=True)
    for row in bad[:BAD_SHOWN]:
        told.print(
            f"{plain(row.file)} row {row.row}: {plain(row.reason, 300)}", style="yellow", markup=False, soft_wrap=True
        )
    if len(bad) > BAD_SHOWN:
        told.print(
            f"... and {len(bad) - BAD_SHOWN:,} more: --rejects FILE writes them all", style="yellow", markup=False
        )
    for line in (stored.conflicts if stored else [])[:BAD_SHOWN]:
        told.print(f"kept apart: {plain(line, 300)}", style="yellow", markup=False, soft_wrap=True)
    if stored and len(stored.conflicts) > BAD_SHOWN:
        told.print(f"... and {len(stored.conflicts) - BAD_SHOWN:,} more: --json prints them all", style="yellow")
    if outside := sum(map(_outside, read)):
        told.print(
            f"{outside:,} values are out of their indicator's bounds: stored and flagged", style="yellow", markup=False
        )
    rows, values = sum(one.rows for one in read), sum(one.values for one in read)
    files = len(asked.files)
    said = f"{files} file{'s' if files > 1 else ''}, {rows:,} rows, {values:,} values; {len(bad):,} rows with errors"
    if stored is None:
        shown.print(f"{said}; nothing was written (--dry-run)", markup=False, soft_wrap=True)
        return
    contradicting = len(stored.conflicts)
    shown.print(
        f"{said}; {stored.values:,} new values in run {asked.run} of {asked.store}, "
        f"{values - stored.values - contradicting:,} known already, {stored.revised:,} as a new revision, "
        f"{contradicting:,} contradict what is stored and are kept apart",
        markup=False,
        soft_wrap=True,
    )


def _outside(imported: Imported) -> int:
    """How many values are out of the bounds of their indicators."""
    values = [
        (name, column)
        for said in imported.said
        for body in said.bodies
        for name, column in (
            body.columns.items() if isinstance(body, Readings) else [(body.indicator, np.array([body.value]))]
        )
    ]
    known = indicators()
    return sum(int(((column < known[name].minimum) | (column > known[name].maximum)).sum()) for name, column in values)


def _tell_json(asked: Asked, read: Sequence[Imported], bad: Sequence[Bad], stored: Stored | None) -> None:
    told_of = {
        "run": asked.run,
        "files": [
            {
                "file": one.file,
                "rows": one.rows,
                "values": one.values,
                "outside": _outside(one),
                "bad": len(one.bad),
                "notes": list(one.notes),
            }
            for one in read
        ],
        "bad": [{"file": row.file, "row": row.row, "reason": row.reason, "text": row.text} for row in bad],
        "stored": None
        if stored is None
        else {
            "values": stored.values,
            "revised": stored.revised,
            "messages": {fate.value: stored.fates[fate] for fate in Fate},
            "conflicts": stored.conflicts,
        },
    }
    print(json.dumps(told_of, ensure_ascii=False))


def _listed(bad: Sequence[Bad]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["file", "row", "reason", "text"])
    writer.writerows(
        [row.file, row.row, row.reason, "'" + row.text if row.text[:1] in "=+-@" else row.text] for row in bad
    )
    return text.getvalue().encode("utf-8-sig")
