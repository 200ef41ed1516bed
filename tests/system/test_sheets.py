"""The whole round of request sheets: asked of 29 cities, filled in, returned, and the matrix out."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from nakhon.importing.words import THAI

pytestmark = pytest.mark.system


def test_twenty_nine_returned_request_sheets_become_the_matrix_in_under_a_minute(tmp_path: Path) -> None:
    def nakhon(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "nakhon", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    (tmp_path / "a.csv").write_text("date,pm25\n2024-01-01,1\n")
    (tmp_path / "map.toml").write_text(
        '[file]\ntime = "date"\ncadence = "1d"\n[columns]\npm25 = "pm25"\n[[station]]\nid = "a"\ncity = "chiang-mai"\n'
    )
    assert nakhon("import", "a.csv", "--map", "map.toml", "--store", "duckdb://city.duckdb").returncode == 0
    span = ("--network", "ascn", "--on", "2023-12-31", "--start", "2023-01-01", "--end", "2024-01-01")
    store = ("--store", "duckdb://city.duckdb")
    asked = nakhon("coverage", *store, *span, "--requests", "out")
    assert asked.returncode == 1, asked.stderr
    sheets = sorted((tmp_path / "out").glob("*.xlsx"))
    assert len(sheets) == 29
    for sheet in sheets:
        fill(sheet)
    began = time.monotonic()
    taken = nakhon("import", *(f"out/{sheet.name}" for sheet in sheets), *store, "--json")
    matrix = nakhon("coverage", *store, *span, "--json", "--out", "matrix.xlsx", "--report", "matrix.html")
    seconds = time.monotonic() - began
    assert seconds < 60, seconds
    told = json.loads(taken.stdout)
    assert (taken.returncode, len(told["bad"]), told["stored"]["values"]) == (1, 29, 29 * (3 * 12 + 1 - 1))
    assert all("expected a number, came 'about ten'" in row["reason"] for row in told["bad"])
    rows = json.loads(matrix.stdout)["rows"]
    assert len(rows) == 29 * len(THAI)
    states = {(row["city"], row["indicator"]): (row["origin"], row["present"], row["expected"]) for row in rows}
    assert states["bangkok", "air_temperature"] == ("measured", 12, 12)
    assert states["bangkok", "unemployment"] == ("derived", 12, 12)
    assert states["bangkok", "noise_laeq"] == ("measured", 11, 12)
    assert states["bangkok", "gpp_per_capita"] == ("assumed", 1, 1)
    assert (tmp_path / "matrix.xlsx").exists()
    again = json.loads(nakhon("import", *(f"out/{sheet.name}" for sheet in sheets), *store, "--json").stdout)
    assert again["stored"]["values"] == 0
    print(f"29 sheets in, the matrix out: {seconds:.1f} s")


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
