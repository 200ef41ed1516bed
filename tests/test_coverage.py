"""Coverage: what is expected by the declared cadence, what is there of it, and what is missing."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from analysts import filled as filled_store
from duckdb_samples import START, message
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from collector.comparing.coverage import DAY, Cell, bucket_of, cadences, filled
from collector.comparing.coverage_store import coverage
from collector.language.errors import InputError
from collector.language.indicators import Origin, indicators
from collector.language.profile import CityProfile, StationProfile, Status
from collector.language.topics import Address, CityAddress, Kind
from collector.reporting.coverage import age_text, as_csv, as_json, as_xlsx, text, write_page
from collector.stores import open_store
from collector.stores.protocol import Batch, Store
from nakhon.importing import sheet
from nakhon.importing.tables import read_sheets

RAYONG = CityProfile("rayong", "Rayong", "Thailand", 12.7, 101.3, "Asia/Bangkok")


@pytest.fixture
def store(tmp_path: Path) -> Any:
    """Two days of half-hourly pm25 in rayong, without six hours of the second."""
    opened = open_store(f"duckdb://{tmp_path}/city.duckdb")
    station = StationProfile("a", "rayong", "environment", "mast", "A", 1800, ("pm25", "pm10"))
    births = [
        (CityAddress("run-1", "rayong"), Status(True, "s1", RAYONG, Origin.MEASURED)),
        (Address("run-1", "rayong", "environment", "a", Kind.STATUS), Status(True, "s1", station)),
    ]
    kept = [message(t, START + 1800 * t, pm25=float(t)) for t in range(96) if not 60 <= t < 72]
    opened.write(Batch(kept, births=births))
    yield opened
    opened.close()


def test_a_cell_says_origin_share_age_and_the_longest_gap(store: Store) -> None:
    end = START + 2 * DAY
    found = coverage(store, ("rayong", "bangkok"), ("pm25", "pm10"), as_of=end + 3600)
    cell = found.cell("rayong", "pm25")
    assert (cell.origin, cell.stations, cell.readings, cell.cadence) == ("measured", 1, 84, 1800)
    assert (cell.expected, cell.present, cell.state, cell.age) == (96, 84, "partial", 5400)
    assert cell.gap == (START + 1800 * 59, START + 1800 * 72 - 1)
    assert found.counts("rayong") == (1, 2)
    assert [found.cell("rayong", "pm10").state, found.cell("bangkok", "pm25").state] == ["missing", "missing"]
    assert coverage(store, as_of=end + 10 * DAY).cell("rayong", "pm25").state == "stale"
    with pytest.raises(InputError, match="no run x"):
        coverage(store, runs=("x",))


class _Plain:
    """A store that cannot tell when it has values but by giving them."""

    def __init__(self, store: Store) -> None:
        self.runs, self.series, self.stations = store.runs, store.series, store.stations
        self.cities, self.read = store.cities, store.read


@pytest.mark.parametrize("rolled", [False, True])
def test_what_is_told_from_rollups_is_what_the_values_themselves_tell(tmp_path: Path, rolled: bool) -> None:
    opened = open_store(f"duckdb://{tmp_path}/city.duckdb")
    opened.write(filled_store())
    if rolled:
        opened.maintain()
        late = message(7, START + 3600 * 9, station="mast", city="yangon", pm25=5.0)
        address = Address("haze", "yangon", "environment", "mast")
        opened.write(Batch([replace(late, message=replace(late.message, address=address))]))
    window: Any
    for window in ({}, {"runs": ["haze"]}, {"start": START + 5000, "end": START + 9 * DAY}, {"cities": ["yangon"]}):
        told = coverage(opened, as_of=START + 20 * DAY, **window)
        assert told == coverage(_Plain(opened), as_of=START + 20 * DAY, **window)  # type: ignore[arg-type]
        assert told.cell("yangon", "pm25").present
    opened.close()


def test_a_window_is_read_on_the_clock_of_the_city(store: Store) -> None:
    day = coverage(store, ("rayong",), ("pm25",), start=START, end=START + DAY).cell("rayong", "pm25")
    assert (day.expected, day.present) == (48, 34)  # the local day begins 7 h before the first value
    before = coverage(store, ("rayong",), ("pm25",), start=START - DAY, end=START).cell("rayong", "pm25")
    assert (before.expected, before.present) == (48, 0)


@given(st.sets(st.integers(0, 335)), st.sampled_from([600, 1800, 3600]))
def test_as_many_buckets_are_present_as_hold_a_value(held: set[int], cadence: int) -> None:
    times = np.array(sorted(held), np.int64) * 1800 + START
    expected, present, _ = filled(times, cadence, START, START + 7 * DAY)
    bucket = bucket_of(cadence)
    assert expected == 7 * DAY // bucket
    assert present == len({1800 * one // bucket for one in held})


def test_months_are_counted_as_months_and_stations_without_a_cadence_promise_nothing() -> None:
    months = np.arange("2025-01", "2026-01", dtype="datetime64[M]").astype("datetime64[s]").astype(np.int64)
    start, end = int(months[0]), int(np.datetime64("2026-01-01", "s").astype(np.int64))
    assert filled(months, 31 * DAY, start, end)[:2] == (12, 12)
    assert filled(months[:7], 31 * DAY, start, end) == (12, 7, (int(months[6]), end - 1))
    assert filled(months[:1], 366 * DAY, start, end)[:2] == (1, 1)
    desk = StationProfile("d", "rayong", "governance", "desk", "D", 0, ("resolution_time",))
    assert cadences([desk]) == {}
    assert Cell("rayong", "resolution_time", "governance", readings=3, first=1, last=2, age=9).state == "unscheduled"


def test_the_matrix_is_written_as_table_page_and_json_with_origins_on_its_face(store: Store, tmp_path: Path) -> None:
    found = coverage(store, ("rayong", "bangkok"), ("pm25", "pm10"), as_of=START + 3 * DAY - 1800)
    assert text(found.cell("rayong", "pm25")) == "88%, measured, 1 d"
    told = json.loads(as_json(found))
    assert [row["state"] for row in told["rows"]] == ["partial", "missing", "missing", "missing"]
    assert as_csv(found).decode().splitlines()[1].startswith("rayong,environment,pm25,partial,measured,run-1,1,84")
    matrix = load_workbook(io.BytesIO(as_xlsx(found))).worksheets[0]
    assert [cell.value for cell in matrix[2]] == ["pm25", "88%, measured, 1 d", None]
    write_page(found, tmp_path / "c.html")
    page = (tmp_path / "c.html").read_text()
    assert 'class="partial"' in page
    assert "88%, measured, 1 d" in page
    assert [age_text(age) for age in (90, 7300, 90_000, 800 * DAY)] == ["1 min", "2 h", "1 d", "2 y"]


def test_a_request_sheet_comes_back_as_it_was_filled_in_whatever_rows_were_moved(tmp_path: Path) -> None:
    months = sheet.months_between(START - 60 * DAY, START)
    assert months == ["2025-12", "2026-01", "2026-02"]
    asked = [sheet.Asked(indicators()[name], frozenset(["2026-01"])) for name in ("pm25", "unemployment", "rain")]
    path = tmp_path / "rayong.xlsx"
    path.write_bytes(sheet.write("rayong", [("Monthly", months, asked)]))
    book = load_workbook(path)
    page: Any = book["Monthly"]
    assert [page["C2"].value, page["C3"].value, page["C5"].value] == ["indicator (Thai)", "ตัวชี้วัด", "อัตราว่างงาน"]
    assert page["G3"].value == "2568-12"
    page.insert_rows(4)
    page["G5"], page["H5"], page["I5"] = "12,5", "-", 14
    page["E6"], page["G6"] = "assumed", "1.1"
    page["G7"], page["E7"] = "much", "guessed"
    book.save(path)
    found = sheet.read("rayong.xlsx", read_sheets(path), START)
    measured, assumed = found[Origin.MEASURED], found[Origin.ASSUMED]
    assert [(one.indicator, one.period, one.value) for one in measured.said[0].bodies] == [  # type: ignore[union-attr]
        ("pm25", "2025-12", 12.5), ("pm25", "2026-02", 14.0),
    ]  # fmt: skip
    assert [said.profile.id for said in (*measured.said, *assumed.said)] == [
        "reported-environment-monthly", "reported-economy-monthly-assumed",
    ]  # fmt: skip
    assert [(bad.row, "guessed" in bad.reason) for bad in measured.bad] == [(7, True)]
    assert list(sheet.asked_periods([("Monthly", months, asked)]))[:2] == [("pm25", "2025-12"), ("pm25", "2026-02")]


def test_a_request_sheet_that_lost_its_mark_says_what_to_leave(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    asked = [sheet.Asked(indicators()["pm25"], frozenset())]
    path.write_bytes(sheet.write("rayong", [("Monthly", ["2026-01"], asked)]))
    book = load_workbook(path)
    page: Any = book["Monthly"]
    page["B1"] = "Rayong City"
    book.save(path)
    with pytest.raises(InputError, match="expected the id of a city beside nakhon-request/1"):
        sheet.read("x.xlsx", read_sheets(path), START)
