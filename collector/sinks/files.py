"""Rows of CSV files and of JSON lines."""

from __future__ import annotations

import difflib
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv

from collector.language.errors import InputError


def read_csv(pattern: str, delimiter: str, wanted: Sequence[str]) -> pa.Table:
    """The wanted columns of CSV files with a header, as text."""
    return pa.concat_tables([_csv(path.name, path.read_bytes(), delimiter, wanted) for path in matching(pattern)])


def parse_csv(name: str, body: bytes, delimiter: str, wanted: Sequence[str]) -> pa.Table:
    """The wanted columns of the CSV in some bytes; `name` is what errors call it."""
    return _csv(name, body, delimiter, wanted)


def read_json_lines(pattern: str, wanted: Sequence[str]) -> pa.Table:
    """The wanted columns (`a.b` is b in a) of files with one JSON object a line, as text; a torn last line is left."""
    rows: list[list[str | None]] = []
    for path in matching(pattern):
        with path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                try:
                    rows.append(cells(json.loads(line), wanted))
                except (ValueError, RecursionError):
                    if line.endswith("\n") and line.strip():
                        raise InputError(f"{path.name} line {number}: expected a JSON object") from None
    return told(rows, wanted)


def matching(pattern: str) -> list[Path]:
    """The files that a pattern names, in order. Raises `InputError` if there is none."""
    path = Path(pattern)
    if path.is_file():
        return [path]
    found = sorted(one for one in Path(path.anchor or ".").glob(str(path.relative_to(path.anchor))) if one.is_file())
    if not found:
        raise InputError(f"no file {pattern!r}; the path is seen from the folder where the command is typed")
    return found


def cells(told: object, wanted: Sequence[str]) -> list[str | None]:
    """The wanted fields of a JSON object as text. Raises `ValueError` if it is no object."""
    if not isinstance(told, dict):
        raise ValueError("no object")  # noqa: TRY004 - the same to the caller as what is no JSON
    return [_text(field(told, name)) for name in wanted]


def field(told: Any, name: str) -> Any:
    """A field by its name, or by its path (`a.b`); None where there is none."""
    if isinstance(told, dict) and name in told:
        return told[name]
    for step in name.split("."):
        told = told.get(step) if isinstance(told, dict) else None
    return told


def told(rows: Sequence[Sequence[str | None]], wanted: Sequence[str]) -> pa.Table:
    """Rows of texts as columns. Raises `InputError` for a column that no row has."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(wanted)
    for name, column in zip(wanted, columns, strict=True):
        if rows and all(cell is None for cell in column):
            raise InputError(f"no row has anything under {name!r}; check the names in [columns], [indicators], [where]")
    return pa.table({name: pa.array(column, pa.string()) for name, column in zip(wanted, columns, strict=True)})


def lacking(name: str, there: Iterable[str], what: str) -> InputError:
    """The error of a column that is not there."""
    known = list(there)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(repr, known[:20]))}"
    return InputError(f"no column {name!r} in {what}; {hint}")


def _csv(name: str, body: bytes, delimiter: str, wanted: Sequence[str]) -> pa.Table:
    head = body[: 1 << 16].split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip()
    try:
        there = csv.read_csv(io.BytesIO((head + "\n").encode()), parse_options=csv.ParseOptions(delimiter=delimiter))
        for column in wanted:
            if column not in there.column_names:
                raise lacking(column, there.column_names, name)
        options = csv.ConvertOptions(
            column_types=dict.fromkeys(wanted, pa.string()), include_columns=list(wanted), strings_can_be_null=False
        )
        parse = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
        whole = body if body.endswith(b"\n") else body + b"\n"
        return csv.read_csv(io.BytesIO(whole), parse_options=parse, convert_options=options)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise InputError(f"{name} is not CSV with one header: {str(error).splitlines()[0][:200]}") from None


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, dict | list | bool) else repr(value)
