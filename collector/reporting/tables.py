"""Arrow tables as the bytes of JSON, CSV, Arrow, Parquet and XLSX, with what they carry: units, origins, provenance."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from collector.language.errors import InputError
from collector.reporting.export import FORMULA, check_folder, workbook, write_whole

JSON = "application/json"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMATS = {"json": JSON, "csv": CSV, "arrow": ARROW, "parquet": PARQUET, "xlsx": XLSX}
CELLS = 1_000_000
WORKBOOK_CELLS = 500_000
ABOUT = b"nakhon"
BOM = "\ufeff".encode()
_ADVICE = "narrow the selection, or ask for format=arrow"
_RISKY = rf"^[{re.escape(''.join(FORMULA))}]"
_ROWS = 65_536
_ROW_GROUP = 1 << 20


def about(table: pa.Table) -> dict[str, Any]:
    """What a table carries about itself: indicators with units, origins, runs, cities, the query; empty without."""
    told = (table.schema.metadata or {}).get(ABOUT)
    return dict(json.loads(told)) if told else {}


def encoded(table: pa.Table, kind: str, *, bom: bool = False, advice: str = _ADVICE) -> Iterator[bytes]:
    """The bytes of a table in a format of `FORMATS`, in pieces.

    Raises `InputError`, with the advice, where a table is too large for JSON or XLSX.
    """
    if kind == "json":
        return iter([table_json(table, advice)])
    if kind == "xlsx":
        return iter([table_xlsx(table, advice)])
    if kind == "csv":
        return table_csv(table, bom=bom)
    return table_arrow(table) if kind == "arrow" else table_parquet(table)


def write_table(table: pa.Table, path: Path, *, bom: bool = False) -> None:
    """Write a table as .json, .csv, .arrow, .parquet or .xlsx; the file is there whole or not at all.

    A byte-order mark (`bom`) lets Excel read Thai in CSV. Raises `InputError` for another suffix or folder.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise InputError(f"expected a file ending in {', '.join(f'.{one}' for one in FORMATS)}, came {path.name!r}")
    check_folder(path)
    write_whole(path, b"".join(encoded(table, kind, bom=bom, advice="write .parquet, .arrow or .csv instead")))


def table_json(table: pa.Table, advice: str = _ADVICE, more: Mapping[str, object] | None = None) -> bytes:
    """A table as JSON: the number of rows, each column as a list, and what it carries about itself.

    Times are in ISO 8601, null is no value. Raises `InputError` with the advice for more than `CELLS` cells.
    """
    _bounded(table, CELLS, "JSON", advice)
    columns = {name: _plain(table[name]) for name in table.column_names}
    told: dict[str, object] = {"rows": table.num_rows, "columns": columns} | dict(more or {})
    if carried := about(table):
        told["about"] = carried
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def table_csv(table: pa.Table, *, bom: bool = False) -> Iterator[bytes]:
    """A table as CSV (RFC 4180) with a header, in pieces; times in ISO 8601.

    Text that a spreadsheet would run as a formula begins with an apostrophe.
    """
    columns = [_disarmed(_written(table[name])) for name in table.column_names]
    written = pa.table(columns, names=table.column_names)
    sink = io.BytesIO()
    sink.write(BOM if bom else b"")
    with csv.CSVWriter(sink, written.schema, write_options=csv.WriteOptions(eol="\r\n")) as writer:
        for batch in written.to_batches(max_chunksize=_ROWS):
            writer.write_batch(batch)
            yield _taken(sink)
    yield _taken(sink)


def table_arrow(table: pa.Table) -> Iterator[bytes]:
    """A table as an Arrow IPC stream, in pieces."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=_ROWS):
            writer.write_batch(batch)
            yield _taken(sink)
    yield _taken(sink)


def table_parquet(table: pa.Table) -> Iterator[bytes]:
    """A table as a Parquet file (zstd), in pieces of row groups."""
    sink = io.BytesIO()
    with pq.ParquetWriter(_Forward(sink), table.schema, compression="zstd") as writer:
        for start in range(0, table.num_rows, _ROW_GROUP):
            writer.write_table(table.slice(start, _ROW_GROUP))
            yield _taken(sink)
    yield _taken(sink)


def table_xlsx(table: pa.Table, advice: str = _ADVICE) -> bytes:
    """A workbook: the rows with numbers as numbers, and a sheet with what the table carries about itself.

    Raises `InputError` with the advice for more than `WORKBOOK_CELLS` cells.
    """
    _bounded(table, WORKBOOK_CELLS, "XLSX", advice)
    columns = [_plain(table[name]) for name in table.column_names]
    notices = [(key, _line(told)) for key, told in about(table).items()]
    return workbook(table.column_names, zip(*columns, strict=True), notices)


class _Forward(io.RawIOBase):
    """A file that only grows: what was written before is forgotten, its length is not."""

    def __init__(self, sink: io.BytesIO) -> None:
        self._sink, self._length = sink, 0

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._length += len(piece)
        return self._sink.write(piece)

    def tell(self) -> int:
        return self._length


def _bounded(table: pa.Table, most: int, kind: str, advice: str) -> None:
    cells = table.num_rows * table.num_columns
    if cells > most:
        raise InputError(f"expected at most {most} cells as {kind}, came {cells}; {advice}")


def _line(told: object) -> str:
    return told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)


def _taken(sink: io.BytesIO) -> bytes:
    piece = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return piece


def _written(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    if not pa.types.is_timestamp(column.type):
        return column
    return pc.strftime(column.cast(pa.timestamp("s")), format="%Y-%m-%dT%H:%M:%SZ")


def _disarmed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_string(column.type):
        return column
    risky = pc.match_substring_regex(column, _RISKY)
    return pc.if_else(risky, pc.binary_join_element_wise("'", column, ""), column)


def _plain(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_finite(column), column, None)
    return list(_written(column).to_pylist())
