"""The table as a file: the same cells in CSV, XLSX and JSON, and no text that a spreadsheet would run."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from openpyxl import load_workbook

from collector.comparing.compare import compare_table
from collector.comparing.comparison import HEADINGS, Column, Comparison, Request, rows
from collector.language.errors import InputError
from collector.reporting.export import export

START = 1_772_323_200  # 2026-03-01T00:00:00Z


def compared(name: str = "เชียงใหม่", **flags: bool) -> Comparison:
    first = Column("haze", "chiang-mai", name, "simulated", population=127_240, population_kind="municipality")
    columns = [first, replace(first, run="pcd", origin="measured")]
    times = (START + 3600 * np.arange(48)).astype("datetime64[s]")
    parts = [
        pa.table(
            {key: [getattr(column, key)] * 48 for key in ("run", "city", "origin")}
            | {"indicator": ["pm25"] * 48, "time": times, "value": np.arange(48.0) % 24 + place}
        )
        for place, column in enumerate(columns)
    ]
    return compare_table(Request(("pm25", "no2"), local=False, **flags), columns, pa.concat_tables(parts))


def test_csv_has_a_header_of_keys_and_the_cells_of_the_table(tmp_path: Path) -> None:
    export(compared(), tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        told = list(csv.DictReader(file))
    assert list(told[0]) == list(HEADINGS)
    assert (told[0]["city_name"], told[1]["origin"]) == ("เชียงใหม่", "measured")
    assert [float(row["mean"]) for row in told[:2]] == [row["mean"] for row in rows(compared())[:2]]
    assert told[2]["mean"] == ""


def test_xlsx_has_numbers_as_numbers_and_nothing_where_nothing_is(tmp_path: Path) -> None:
    export(compared(), tmp_path / "table.xlsx")
    book = load_workbook(tmp_path / "table.xlsx")
    header, *lines = book["Comparison"].iter_rows(values_only=True)
    assert list(header) == list(HEADINGS.values())
    told = [dict(zip(HEADINGS, line, strict=True)) for line in lines]
    assert [row["mean"] for row in told] == [11.5, 12.5, None, None]
    assert (told[0]["population"], told[0]["city_name"]) == (127_240, "เชียงใหม่")
    assert any("not a forecast" in str(line[1]) for line in book["Notices"].iter_rows(values_only=True))
    book.close()


def test_json_has_the_rows_and_the_notices(tmp_path: Path) -> None:
    export(compared(), tmp_path / "table.json")
    told = json.loads((tmp_path / "table.json").read_text("utf-8"))
    assert told["rows"] == rows(compared())
    assert (told["from"], told["to"], told["clock"]) == ("2026-03-01 00:00", "2026-03-03 00:00", "UTC")
    assert told["request"]["bucket"] == 3600
    assert told["overrides"] == {}


def test_what_was_lifted_is_in_every_file(tmp_path: Path) -> None:
    told = compared(mixed_origins=True)
    for suffix in ("csv", "json"):
        export(told, tmp_path / f"table.{suffix}")
        assert "reader's own risk" in (tmp_path / f"table.{suffix}").read_text("utf-8")
    export(told, tmp_path / "table.xlsx")
    book = load_workbook(tmp_path / "table.xlsx")
    assert str(book["Comparison"]["A1"].value).startswith("Judged at the reader's own risk")
    book.close()


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", '=HYPERLINK("http://a.example")'])
def test_a_name_is_never_a_formula(tmp_path: Path, name: str) -> None:
    export(compared(name), tmp_path / "table.xlsx")
    book = load_workbook(tmp_path / "table.xlsx")
    cell = book["Comparison"].cell(2, list(HEADINGS).index("city_name") + 1)
    assert (cell.data_type, str(cell.value).strip()) == ("s", name.strip())
    book.close()
    export(compared(name), tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["city_name"] == f"'{name}"


def test_a_name_with_control_characters_does_not_break_the_workbook(tmp_path: Path) -> None:
    export(compared("a\x00b\x1b"), tmp_path / "table.xlsx")
    book = load_workbook(tmp_path / "table.xlsx")
    assert book["Comparison"].cell(2, list(HEADINGS).index("city_name") + 1).value == "a�b�"
    book.close()


def test_the_suffix_chooses_whatever_its_case_and_another_is_refused(tmp_path: Path) -> None:
    export(compared(), tmp_path / "table.CSV")
    with pytest.raises(InputError, match=r"ending in \.csv, \.xlsx, \.json, came 'table.ods'"):
        export(compared(), tmp_path / "table.ods")
    with pytest.raises(InputError, match=r"no folder .*; choose one that exists"):
        export(compared(), tmp_path / "absent" / "table.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["table.CSV"]
