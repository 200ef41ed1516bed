"""Tables as bytes: every format gives the same cells back, with what the table is about, and nothing that runs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from collector.analysis.described import described
from collector.language.errors import InputError
from collector.reporting.tables import FORMATS, encoded, write_table

TIMES = pa.array([1_772_352_000, None, 1_772_355_600], pa.timestamp("s"))


def table(names: list[str | None], values: list[float | None]) -> pa.Table:
    columns = {"city": names, "indicator": ["pm25"] * len(names), "origin": ["simulated"] * len(names)}
    return described(pa.table({**columns, "value": pa.array(values, pa.float64())}), {"source": "a test"})


def body(told: pa.Table, kind: str, **more: bool) -> bytes:
    return b"".join(encoded(told, kind, **more))


@given(
    st.lists(st.tuples(st.text(max_size=8), st.none() | st.floats(allow_nan=False, width=32)), min_size=1, max_size=9)
)
def test_csv_gives_every_cell_back_with_formulas_disarmed(cells: list[tuple[str, float | None]]) -> None:
    cells = [(name.replace("\x00", "").replace("\r", "").replace("\ufeff", ""), value) for name, value in cells]
    told = table([name for name, _ in cells], [value for _, value in cells])
    rows = list(csv.DictReader(io.StringIO(body(told, "csv").decode(), newline="")))
    for row, (name, value) in zip(rows, cells, strict=True):
        assert row["city"] == (f"'{name}" if name[:1] in "=+-@\t\n" and name else name)
        assert row["value"] == "" if value is None else float(row["value"]) == pytest.approx(value)
        assert (row["unit"], row["origin"]) == ("µg/m³", "simulated")


def test_csv_ends_its_lines_as_rfc_4180_says_and_has_a_mark_only_on_request() -> None:
    told = table(["เชียงใหม่"], [1.0])
    assert body(told, "csv").endswith(b"\r\n")
    assert body(told, "csv").count(b"\n") == body(told, "csv").count(b"\r\n") == 2
    assert not body(told, "csv").startswith(b"\xef\xbb\xbf")
    assert body(told, "csv", bom=True) == b"\xef\xbb\xbf" + body(told, "csv")


def test_every_format_tells_unit_and_origin_and_what_the_table_is_about() -> None:
    told = table(["rayong", "yangon"], [1.5, None])
    plain = json.loads(body(told, "json"))
    assert plain["columns"]["unit"] == ["µg/m³"] * 2
    assert plain["columns"]["value"] == [1.5, None]
    assert plain["about"]["origins"] == ["simulated"]
    for again in (pa.ipc.open_stream(body(told, "arrow")).read_all(), pq.read_table(io.BytesIO(body(told, "parquet")))):
        assert again.to_pylist() == told.to_pylist()
        assert json.loads(again.schema.metadata[b"nakhon"])["indicators"]["pm25"]["unit"] == "µg/m³"
    book = load_workbook(io.BytesIO(body(told, "xlsx")))
    header, first, _ = book["Table"].iter_rows(values_only=True)
    assert dict(zip(header, first, strict=True)) == {
        "city": "rayong", "indicator": "pm25", "origin": "simulated", "value": 1.5, "unit": "µg/m³",
    }  # fmt: skip
    assert any("simulated" in str(line[1]) for line in book["About"].iter_rows(values_only=True))
    book.close()


def test_times_are_iso_8601_and_missing_ones_empty() -> None:
    told = pa.table({"time": TIMES})
    assert json.loads(body(told, "json"))["columns"]["time"] == ["2026-03-01T08:00:00Z", None, "2026-03-01T09:00:00Z"]
    assert body(told, "csv").decode().split("\r\n")[1:3] == ['"2026-03-01T08:00:00Z"', ""]


@pytest.mark.parametrize("kind", FORMATS)
def test_an_empty_table_is_a_table(kind: str) -> None:
    assert body(table([], []), kind)


@pytest.mark.parametrize(("kind", "cells"), [("json", 1_000_001), ("xlsx", 500_001)])
def test_more_than_a_format_holds_is_refused_with_advice(kind: str, cells: int) -> None:
    with pytest.raises(InputError, match="ask for format=arrow"):
        body(pa.table({"value": pa.nulls(cells, pa.float64())}), kind)


def test_parquet_of_many_row_groups_is_one_file() -> None:
    told = pa.table({"value": pa.array(range(2_200_000), pa.int32())})
    pieces = list(encoded(told, "parquet"))
    assert len(pieces) > 2
    assert pq.read_table(io.BytesIO(b"".join(pieces)))["value"].to_pylist()[-1] == 2_199_999


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    write_table(table(["rayong"], [1.0]), tmp_path / "t.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]
    with pytest.raises(InputError, match="there is no folder"):
        write_table(table(["rayong"], [1.0]), tmp_path / "absent" / "t.csv")
