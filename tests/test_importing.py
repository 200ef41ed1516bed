"""Tables from outside: what people write in spreadsheets is read, refused with a reason, and stored once."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from collector.language.errors import InputError
from collector.language.indicators import Origin
from collector.stores import open_store
from collector.stores.protocol import Fate, Selection
from nakhon.importing.cells import MISSING, CellError, Clock, number_of, period_of
from nakhon.importing.command import Asked, import_files
from nakhon.importing.mapping import parse_mapping, read_mapping
from nakhon.importing.reading import slug
from nakhon.importing.suggest import suggest
from nakhon.importing.words import THAI, city_named, indicator_named

BANGKOK = ZoneInfo("Asia/Bangkok")
NONE = frozenset(MISSING)
WIDE = '[file]\ntime = "date"\ncadence = "1d"\n[columns]\npm25 = "pm25"\n[[station]]\nid = "a"\ncity = "chiang-mai"\n'


def stored(folder: Path, *files: Path, mapping: str | None = WIDE, run: str = "measured", **asked: Any) -> bool:
    """Import files into the store of the folder; whether all could be taken."""
    path = folder / "map.toml"
    if mapping is not None:
        path.write_text(mapping, "utf-8")
    told = {"origin": Origin.MEASURED, "store": f"duckdb://{folder}/city.duckdb"} | asked
    return import_files(Asked(files, path if mapping is not None else None, run, **told))


def values(folder: Path, **selected: Any) -> list[tuple[str, float]]:
    """The times and values that are stored."""
    store = open_store(f"duckdb://{folder}/city.duckdb")
    table = store.read(Selection(**({"indicators": ("pm25",), "flagged": True} | selected)))
    store.close()
    return [
        (str(np.datetime64(at, "s")), value)
        for at, value in zip(table["time"].to_pylist(), table["value"].to_pylist(), strict=True)
    ]


@pytest.mark.parametrize(
    ("cell", "decimal", "value"),
    [
        ("12.5", ".", 12.5), ("12,5", ",", 12.5), ("1,234.5", ".", 1234.5), ("1.234,5", ",", 1234.5),
        (" 83 % ", ".", 83),
        ("๑๒.๕", ".", 12.5), ("\u22123", ".", -3), (7, ".", 7), ("1e3", ".", 1000), ("-", ".", None), (None, ".", None),
        ("ไม่มีข้อมูล", ".", None),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(cell: Any, decimal: str, value: float | None) -> None:
    assert number_of(cell, decimal, NONE) == value


@pytest.mark.parametrize(
    ("cell", "reason"),
    [("12,5", "decimal"), ("<5", "missing"), ("high", "expected a number"), (True, "number"), ("inf", "finite")],
)
def test_what_is_no_number_is_refused_with_what_to_do(cell: Any, reason: str) -> None:
    with pytest.raises(CellError, match=reason):
        number_of(cell, ".", NONE)


@pytest.mark.parametrize(
    ("cell", "clock", "local"),
    [
        ("2024-01-02T03:04:05", Clock(), "2024-01-02T03:04:05"), ("2024-01-02", Clock(), "2024-01-02T00:00:00"),
        ("31/12/2566", Clock("day-first", True), "2023-12-31T00:00:00"),
        ("29/02/2567 24:00", Clock("day-first", True), "2024-03-01T00:00:00"),
        ("1-2-67 8.30", Clock("day-first", True), "2024-02-01T08:30:00"),
        ("12/31/2023", Clock("month-first"), "2023-12-31T00:00:00"),
        ("2567-02-29", Clock("iso", True), "2024-02-29T00:00:00"), (45292.5, Clock("excel"), "2024-01-01T12:00:00"),
        (date(2566, 5, 1), Clock("iso", True), "2023-05-01T00:00:00"),
        ("01.02.2024 05h", Clock("%d.%m.%Y %Hh"), "2024-02-01T05:00:00"),
    ],
)  # fmt: skip
def test_times_are_read_in_every_calendar(cell: Any, clock: Clock, local: str) -> None:
    assert clock.local(cell).isoformat() == local
    assert clock.epoch(cell, BANGKOK) == int(np.datetime64(local, "s").astype(np.int64)) - 7 * 3600


def test_a_buddhist_year_that_was_not_announced_is_refused_with_a_hint() -> None:
    with pytest.raises(CellError, match="calendar"):
        Clock("day-first").epoch("31/12/2566", BANGKOK)


@given(st.integers(-2_000_000_000, 4_000_000_000))
def test_a_time_written_day_first_in_buddhist_years_comes_back(epoch: int) -> None:
    local = datetime.fromtimestamp(epoch, BANGKOK)
    if local.utcoffset() and local.utcoffset().total_seconds() == 7 * 3600:  # type: ignore[union-attr]
        text = f"{local.day}/{local.month}/{local.year + 543} {local:%H:%M:%S}"
        assert Clock("day-first", True).epoch(text, BANGKOK) == epoch


@given(st.text(max_size=40), st.booleans())
def test_no_text_makes_a_cell_fail_otherwise_than_with_a_reason(text: str, buddhist: bool) -> None:
    for form in ("iso", "day-first", "excel", "%Y"):
        for read in (lambda clock: clock.epoch(text, BANGKOK), lambda clock: period_of(text, clock, None)):
            try:
                read(Clock(form, buddhist))
            except InputError:
                continue


@pytest.mark.parametrize(
    ("cell", "length", "period"),
    [
        ("2569", None, "2026"), ("2026-Q1", None, "2026-Q1"), ("Q3 2026", None, "2026-Q3"),
        ("ก.พ. 2569", None, "2026-02"),
        ("กุมภาพันธ์ 2569", None, "2026-02"), ("Feb 2026", None, "2026-02"), ("02/2569", None, "2026-02"),
        (date(2026, 2, 1), "month", "2026-02"), (date(2026, 5, 1), "quarter", "2026-Q2"), (2026, None, "2026"),
    ],
)  # fmt: skip
def test_periods_are_read_as_offices_write_them(cell: Any, length: str | None, period: str) -> None:
    assert period_of(cell, Clock("iso", True), length) == period


def test_the_names_of_every_indicator_are_known_in_both_languages() -> None:
    for name, thai in THAI.items():
        assert indicator_named(name) == indicator_named(thai) == name
    assert indicator_named("ฝุ่น PM2.5 (µg/m³)") == "pm25"
    assert city_named("จ.เชียงใหม่") == city_named("Chiang Mai") == "chiang-mai"
    assert slug("Yupparaj 35t") == "yupparaj-35t"
    assert slug("ศาลากลาง") != slug("ยุพราช")


def test_a_mapping_tells_everything_that_is_wrong_at_once() -> None:
    text = '[file]\ntime = "t"\ncadence = "soon"\ncalendar = "maya"\n[columns]\nx = "pm2.5"\n[[station]]\nid = "A B"\n'
    with pytest.raises(InputError) as error:
        parse_mapping(text, "m.toml")
    for part in ("cadence", "calendar", "did you mean pm25", "station.0.id"):
        assert part in str(error.value)


def test_a_mapping_of_replay_is_one_of_import() -> None:
    shipped = Path(__file__).parents[1] / "scenarios" / "recordings" / "singapore-2018.toml"
    assert read_mapping(shipped).station


def test_a_sheet_with_merged_cells_thai_headings_and_buddhist_years_is_stored(tmp_path: Path) -> None:
    book = Workbook()
    sheet: Any = book.active
    sheet.append(["รายงานคุณภาพอากาศ"])
    sheet.merge_cells("A1:D1")
    sheet.append([])
    sheet.append(["สถานี", "วันที่", "ฝุ่น PM2.5", "อุณหภูมิ (°F)"])
    sheet.append(["ยุพราช", "31/12/2566", "35,4", 86])
    for row in (["", "1/1/2567", "-", "90,5"], ["", "30/2/2567", 1, 1], ["", "2/1/2567", "สูง", 77]):
        sheet.append(row)
    sheet.merge_cells("A4:A7")
    book.save(tmp_path / "air.xlsx")
    guessed = suggest(tmp_path / "air.xlsx", "chiang-mai")
    assert not stored(tmp_path, tmp_path / "air.xlsx", mapping=guessed)
    assert values(tmp_path) == [("2023-12-30T17:00:00", 35.4)]
    assert [value for _, value in values(tmp_path, indicators=("air_temperature",))] == [30.0, 32.5, 25.0]
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    (station,) = store.stations("measured")
    reasons = [one.reason for one in store.rejections()]
    assert (station.name, station.cadence, store.runs()[0].origin) == ("ยุพราช", 86_400, "measured")
    assert ["row 6" in reasons[0], "30/2/2567" in reasons[0], "row 7" in reasons[1], "สูง" in reasons[1]] == [True] * 4
    assert store.counts("measured")[Fate.REJECTED] == 2
    store.close()


def test_the_same_file_twice_stores_nothing_twice_and_a_contradiction_only_that_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.csv"
    file.write_text("\ufeffdate,pm25\n" + "".join(f"2024-01-{day:02d},{day}\n" for day in range(1, 29)), "utf-8")
    assert stored(tmp_path, file)
    before = values(tmp_path)
    assert stored(tmp_path, file)
    assert values(tmp_path) == before
    file.write_text(file.read_text("utf-8-sig").replace("2024-01-05,5", "2024-01-05,55") + "2024-01-29,29\n", "utf-8")
    for new in (1, 0):
        capsys.readouterr()
        assert not stored(tmp_path, file, as_json=True)
        told = json.loads(capsys.readouterr().out)["stored"]
        assert (told["values"], len(told["conflicts"])) == (new, 1)
        assert "chiang-mai/a: pm25 at 2024-01-04T17:00:00Z: 55 came, 5 is stored" in told["conflicts"]
    assert values(tmp_path) == [*before, ("2024-01-28T17:00:00", 29.0)]
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    assert [one.fate for one in store.rejections()] == [Fate.CONFLICT]
    store.close()


def test_a_percentage_is_what_the_spreadsheet_shows_and_nothing_else_is_one(tmp_path: Path) -> None:
    book = Workbook()
    sheet: Any = book.active
    for row in (["month", "unemployment", "pm25"], ["2024-01", 0.12, 30], ["2024-02", "12,5 %", "12 %"]):
        sheet.append(row)
    sheet["B2"].number_format = "0.0%"
    book.save(tmp_path / "rates.xlsx")
    mapping = WIDE.replace('time = "date"', 'period = "month"\ndecimal = ","')
    mapping = mapping.replace("[columns]\n", '[columns]\nunemployment = "unemployment"\n')
    assert not stored(tmp_path, tmp_path / "rates.xlsx", mapping=mapping, rejects=tmp_path / "bad.csv")
    assert [value for _, value in values(tmp_path, indicators=("unemployment",))] == [12.0, 12.5]
    assert [value for _, value in values(tmp_path)] == [30.0]
    (bad,) = csv.DictReader(io.StringIO((tmp_path / "bad.csv").read_text("utf-8-sig")))
    assert "expected a number in µg/m³, came '12 %'" in bad["reason"]
    assert next(csv.reader([bad["text"]])) == ["2024-02", "12,5 %", "12 %"]


def test_a_long_table_names_city_station_indicator_and_unit_in_its_rows(tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    file.write_text(
        "city;site;at;what;value;unit\nChiang Mai;A 1;2024-01-01T00:00;PM2.5;31,5;µg/m³\n"
        "Rayong;B;2024-01-01T00:00;Temp;86;°F\n"
        "Atlantis;B;2024-01-01T00:00;Temp;86;°F\nRayong;B;2024-01-01T01:00;NO2;5;µg/m³\n"
        "Rayong;B;2024-01-01T00:00;Temp;87;°F\n",
        "utf-8",
    )
    mapping = (
        '[file]\ntime = "at"\ncadence = "1h"\ndecimal = ","\ncity = "city"\nstation = "site"\nindicator = "what"\n'
        'value = "value"\nunit = "unit"\n'
    )
    assert not stored(tmp_path, file, mapping=mapping, rejects=tmp_path / "bad.csv")
    assert values(tmp_path) == [("2023-12-31T17:00:00", 31.5)]
    assert values(tmp_path, indicators=("air_temperature",)) == [("2023-12-31T17:00:00", 30.0)]
    bad = (tmp_path / "bad.csv").read_text("utf-8-sig")
    assert [word in bad for word in ("Atlantis", "row 5", "row 3 says another", "[ppb]")] == [True, False, True, True]


def test_statistics_are_stored_with_their_publication_and_a_changed_value_is_a_revision(tmp_path: Path) -> None:
    file = tmp_path / "u.csv"
    mapping = (
        '[file]\nperiod = "เดือน"\ncalendar = "buddhist"\ncadence = "31d"\npublished = "เผยแพร่"\n'
        '[columns]\n"ร้อยละ" = "unemployment"\n[[station]]\nid = "nso"\ncity = "rayong"\n'
    )
    file.write_text("เดือน,ร้อยละ,เผยแพร่\nม.ค. 2567,1.1,2024-02-15\n2567-02,1.2,\n", "utf-8")
    assert stored(tmp_path, file, mapping=mapping)
    file.write_text("เดือน,ร้อยละ,เผยแพร่\nม.ค. 2567,1.3,2024-05-15\n2567-02,1.2,\n", "utf-8")
    assert stored(tmp_path, file, mapping=mapping)
    assert [value for _, value in values(tmp_path, indicators=("unemployment",))] == [1.3, 1.2]
    known = int(np.datetime64("2024-03-01", "s").astype(np.int64))
    assert [v for _, v in values(tmp_path, indicators=("unemployment",), known_at=known)] == [1.1]
    file.write_text("เดือน,ร้อยละ,เผยแพร่\nม.ค. 2567,1.1,2024-02-15\n", "utf-8")
    assert stored(tmp_path, file, mapping=mapping)  # an old file again changes nothing
    assert [value for _, value in values(tmp_path, indicators=("unemployment",))] == [1.3, 1.2]


def test_where_nothing_can_be_taken_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("date,pm25\nyesterday,1\n")
    (tmp_path / "b.csv").write_bytes(b"\x00\x01\x02")
    (tmp_path / "c.xlsx").write_bytes(b"PK\x03\x04nonsense")
    for name, reason in (
        ("a.csv", "row 2: date: expected a time"),
        ("b.csv", "neither CSV"),
        ("c.xlsx", "not an XLSX"),
    ):
        with pytest.raises(InputError, match=reason):
            stored(tmp_path, tmp_path / name)
    (tmp_path / "a.csv").write_text("date,PM\n2024-01-01,1\n")
    with pytest.raises(InputError, match="no column 'pm25'"):
        stored(tmp_path, tmp_path / "a.csv")
    assert not (tmp_path / "city.duckdb").exists()


def test_measured_values_do_not_go_into_a_simulated_run(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("date,pm25\n2024-01-01,1\n")
    assert stored(tmp_path, tmp_path / "a.csv", origin=Origin.SIMULATED)
    with pytest.raises(InputError, match="the run measured is simulated"):
        stored(tmp_path, tmp_path / "a.csv")
