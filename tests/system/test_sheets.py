"""The whole round of request sheets: asked of cities, filled in, returned, and the matrix out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from parts import nakhon

from nakhon.importing.words import THAI

pytestmark = pytest.mark.system


CITIES = ("bangkok", "chiang-mai", "da-nang", "vientiane")


def test_returned_request_sheets_become_the_matrix(tmp_path: Path) -> None:
    def said(*arguments: str) -> tuple[int, str]:
        code = nakhon(*arguments, folder=tmp_path).wait(200)
        return code, (tmp_path / f"{arguments[0]}.out").read_text()

    (tmp_path / "a.csv").write_text("date,pm25\n2024-01-01,1\n")
    (tmp_path / "map.toml").write_text(
        '[file]\ntime = "date"\ncadence = "1d"\n[columns]\npm25 = "pm25"\n[[station]]\nid = "a"\ncity = "chiang-mai"\n'
    )
    assert said("import", "a.csv", "--map", "map.toml", "--store", "duckdb://city.duckdb")[0] == 0
    asked = [option for city in CITIES for option in ("--city", city)]
    span = (*asked, "--start", "2023-01-01", "--end", "2024-01-01")
    store = ("--store", "duckdb://city.duckdb")
    assert said("coverage", *store, *span, "--requests", "out")[0] == 1, (tmp_path / "coverage.log").read_text()
    sheets = sorted((tmp_path / "out").glob("*.xlsx"))
    assert [sheet.stem for sheet in sheets] == list(CITIES)
    for sheet in sheets:
        fill(sheet)
    returned = [f"out/{sheet.name}" for sheet in sheets]
    code, taken = said("import", *returned, *store, "--json")
    _, matrix = said("coverage", *store, *span, "--json", "--out", "matrix.xlsx", "--report", "matrix.html")
    told, count = json.loads(taken), len(CITIES)
    assert (code, len(told["bad"]), told["stored"]["values"]) == (1, count, count * (3 * 12 + 1 - 1))
    assert all("expected a number, came 'about ten'" in row["reason"] for row in told["bad"])
    rows = json.loads(matrix)["rows"]
    assert len(rows) == count * len(THAI)
    states = {(row["city"], row["indicator"]): (row["origin"], row["present"], row["expected"]) for row in rows}
    assert states["bangkok", "air_temperature"] == ("measured", 12, 12)
    assert states["bangkok", "unemployment"] == ("derived", 12, 12)
    assert states["bangkok", "noise_laeq"] == ("measured", 11, 12)
    assert states["bangkok", "gpp_per_capita"] == ("assumed", 1, 1)
    assert (tmp_path / "matrix.xlsx").exists()
    again = json.loads(said("import", *returned, *store, "--json")[1])
    assert again["stored"]["values"] == 0


def fill(path: Path) -> None:
    """Fill a request in as a busy office does: three indicators, one of them not quite, and a yearly one."""
    book = load_workbook(path)
    monthly: Any = book["Monthly"]
    monthly.insert_rows(4)
    for row in monthly.iter_rows(min_row=4):
        if row[0].value in ("air_temperature", "unemployment", "noise_laeq"):
            for cell in row[6:18]:
                cell.value = "55,5" if row[0].value == "noise_laeq" else 3
            row[4].value = "Derived" if row[0].value == "unemployment" else row[4].value
            row[17].value = "about ten" if row[0].value == "noise_laeq" else 3
    yearly: Any = book["Yearly"]
    for row in yearly.iter_rows(min_row=4):
        if row[0].value == "gpp_per_capita":
            row[4].value, row[6].value = "assumed", "112,500"
    book.save(path)
