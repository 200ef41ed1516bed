"""The mapping of measured series: what is wrong in it, and what it makes of files."""

from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from collector.language.errors import InputError
from simulator.validation.mapping import load_map, parse_map
from simulator.validation.pages import Directory
from simulator.validation.reading import Measured, Skipped, read_measured
from simulator.validation.series import Series
from simulator.validation.tickets import Tickets

BASE = """
[[series]]
name = "a"
city = "bangkok"
indicator = "pm25"
files = "a*.csv"
time = "time"
interval = "1d"
columns = ["x"]
source = "someone"
licence = "free"
"""


def read(folder: Path, mapping: str) -> tuple[dict[str, Measured], list[Skipped]]:
    measured, skipped = read_measured(Directory(folder), parse_map(mapping, "m.toml"), {"pm25": "µg/m³"})
    return {one.name: one for one in measured}, skipped


def values_of(one: Measured) -> list[float | None]:
    assert isinstance(one.record, Series)
    return [None if np.isnan(value) else float(value) for value in one.record.values]


def days(first: int, last: int, cells: str = "{0}.5") -> str:
    lines = (f"2024-01-{day:02d},{cells.format(day)}\n" for day in range(first, last + 1))
    return "time,x\n" + "".join(lines)


def test_the_shipped_mapping_is_valid_and_names_owner_and_licence() -> None:
    name, found = load_map()
    assert name == "open.toml"
    assert len(found.series) > 50
    assert all(len(entry.source) > 5 and len(entry.licence) > 3 for entry in (*found.series, *found.tickets))
    assert {entry.city for entry in found.series} > {"tetouan", "minneapolis", "london", "chiang-mai", "singapore"}


def test_everything_wrong_is_said_at_once_with_its_place_and_a_suggestion() -> None:
    wrong = BASE.replace('interval = "1d"', 'interval = "1w"\ncolums = 3') + BASE.replace('"pm25"', '"pm2.5"')
    wrong += '[[serie]]\nname = "x"\n[[pair]]\nseries = ["a"]\n'
    with pytest.raises(InputError) as raised:
        parse_map(wrong, "m.toml")
    told = str(raised.value)
    assert "series.0.interval (a): Input should be '1h', '1d' or '1mo', came '1w'" in told
    assert "series.0.colums (a): unknown key; did you mean columns?" in told
    assert "serie: unknown key; did you mean series?" in told
    assert "pair.0.series" in told


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('"pm25"', '"pm2.5"'), "'pm2.5' is not in the catalogue; did you mean pm25?"),
        (('source = "someone"', 'source = "s"\nstatistics = ["quantile"]'), "did you mean quantiles?"),
        (('source = "someone"', 'source = "s"\nstatistics = ["day_factors"]'), "makes no sense at an interval of 1d"),
        (('source = "someone"', 'source = "s"\ntimezone = "Asia/Bankok"'), "expected an IANA zone"),
        (('source = "someone"', 'source = "s"\nstation_kind = "mast"'), "expected one of air_quality"),
        (('"pm25"', '"dissolved_oxygen"'), "say which kind of station measures dissolved_oxygen"),
        (("[[series]]", "series = 3\n[x"), "expected TOML"),
    ],
)
def test_a_wrong_entry_is_explained(change: tuple[str, str], complaint: str) -> None:
    with pytest.raises(InputError, match=r"m\.toml") as raised:
        parse_map(BASE.replace(*change), "m.toml")
    assert complaint in str(raised.value)


def test_names_are_unique_and_pairs_name_series() -> None:
    with pytest.raises(InputError) as raised:
        parse_map(BASE + BASE + '[[pair]]\nseries = ["a", "b"]\n', "m.toml")
    assert "the name is taken" in str(raised.value)
    assert "no series is named 'b'" in str(raised.value)


def test_files_of_a_pattern_are_joined_and_times_that_come_twice_are_taken_once(tmp_path: Path) -> None:
    (tmp_path / "a1.csv").write_text("\ufeff" + days(1, 20), "utf-8")
    (tmp_path / "a2.csv").write_text(days(18, 30, "1000") + "2024-02-02,7\n")
    found, skipped = read(tmp_path, BASE)
    values = values_of(found["a"])
    assert skipped == []
    assert values[:20] == [day + 0.5 for day in range(1, 21)]
    assert values[20:] == [*[1000.0] * 10, None, None, 7.0]  # the holes are missing values
    assert found["a"].record.calendar[0] == np.datetime64("2024-01-01")
    assert found["a"].edges[0] == 1_704_042_000  # 2024-01-01T00:00+07:00


def test_columns_are_stations_that_are_averaged_and_may_be_absent(tmp_path: Path) -> None:
    rows = "".join(f"2024-01-{day:02d},10,{20 if day > 1 else ''}\n" for day in range(1, 30))
    (tmp_path / "a.csv").write_text("time,x,y\n" + rows)
    found, _ = read(tmp_path, BASE.replace('["x"]', '["x", "y", "z"]'))
    assert values_of(found["a"])[:2] == [10.0, 15.0]
    assert found["a"].stations == 2
    _, skipped = read(tmp_path, BASE.replace('["x"]', '["u", "v"]'))
    assert skipped == [Skipped("a", "no column u, v in a*.csv; it has: time, x, y")]


def test_rows_of_several_stations_are_averaged_and_provinces_are_added_up(tmp_path: Path) -> None:
    rows = "".join(f"2024-01-{day:02d},{who},{day * k}\n" for day in range(1, 30) for k, who in ((1, "p"), (3, "q")))
    (tmp_path / "a.csv").write_text("time,who,x\n" + rows)
    both = BASE.replace("files", 'where = { who = ["p", "q"] }\nfiles')
    found, _ = read(tmp_path, both)
    assert values_of(found["a"])[:3] == [2.0, 4.0, 6.0]
    assert found["a"].stations == 2
    found, _ = read(tmp_path, both.replace("files", "sum = true\nfiles"))
    assert values_of(found["a"])[:3] == [4.0, 8.0, 12.0]
    found, _ = read(tmp_path, BASE.replace("files", 'where = { who = "q" }\nfiles'))
    assert values_of(found["a"])[:3] == [3.0, 6.0, 9.0]


def test_zeros_of_dead_sensors_and_values_out_of_bounds_are_missing_and_counted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(days(1, 28, "{0}") + "2024-01-29,0\n2024-01-30,999\n2024-01-31,NA\n")
    found, _ = read(tmp_path, BASE.replace("files", "zero_is_missing = true\nmost = 99\nscale = 2\noffset = 1\nfiles"))
    values = values_of(found["a"])
    assert values[:2] == [3.0, 5.0]
    assert values[28:] == [None] * 3
    assert found["a"].notes == ("a.csv: 1 values of x outside -inf to 99 left out",)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (days(1, 28) + "2024-01-29,many\n", "a.csv line 30: expected a number in 'x', came 'many'"),
        (days(1, 28) + "2024-01-29,inf\n", "a.csv line 30: expected a number in 'x', came 'inf'"),
        (days(1, 28) + "yesterday,3\n", "a.csv line 30: expected a time as ISO 8601, came 'yesterday'"),
        (days(1, 28) + "2024-01-29,3,4\n", "a.csv line 30: expected 2 cells, came 3"),
        ("date,x\n2024-01-01,3\n", "expected a column 'time'; it has: date, x"),
        ("", "is empty"),
    ],
)
def test_what_cannot_be_read_is_said_with_file_and_line(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError) as raised:
        read(tmp_path, BASE)
    assert complaint in str(raised.value)


def test_a_series_without_file_or_city_or_values_is_skipped_with_the_reason(tmp_path: Path) -> None:
    _, skipped = read(tmp_path, BASE)
    assert skipped == [Skipped("a", f"no file a*.csv in {tmp_path}")]
    _, skipped = read(tmp_path, BASE.replace("bangkok", "atlantis"))
    assert skipped == [Skipped("a", "no city 'atlantis' in the catalogue")]
    (tmp_path / "a.csv").write_text(days(1, 5))
    _, skipped = read(tmp_path, BASE)
    assert skipped == [Skipped("a", "only 5 values in a*.csv; expected at least 24")]
    with pytest.raises(InputError, match="no such directory"):
        Directory(tmp_path / "nowhere")


HOURLY = BASE.replace('"1d"', '"1h"')


def test_hours_counted_to_24_in_columns_belong_to_the_next_day(tmp_path: Path) -> None:
    rows = "".join(f"12,{day},{hour},{hour}\n" for day in (30, 31) for hour in range(1, 25))
    (tmp_path / "a.csv").write_text("m,d,h,x\n" + rows)
    parts = '{ year = 2001, month = "m", day = "d", hour = "h" }'
    found, _ = read(tmp_path, HOURLY.replace('time = "time"', f"time = {parts}").replace("bangkok", "yangon"))
    values = values_of(found["a"])
    assert values[:3] == [None, 1.0, 2.0]
    assert values[23:25] == [23.0, 24.0]
    assert found["a"].record.calendar[-1] == np.datetime64("2002-01-01")
    assert found["a"].edges[0] == 1_009_647_000  # 2001-12-30T00:00+06:30


def test_times_of_another_zone_are_moved_to_the_clock_of_the_city(tmp_path: Path) -> None:
    rows = "".join(f"2024-01-01 {hour:02d}:00:00,{hour}\n" for hour in range(24))
    (tmp_path / "a.csv").write_text("time,x\n" + rows)
    found, _ = read(tmp_path, HOURLY.replace("files", 'timezone = "UTC"\nfiles'))
    assert values_of(found["a"])[7:10] == [0.0, 1.0, 2.0]
    assert found["a"].edges[7] == 1_704_067_200


def test_the_hours_of_a_grid_begin_when_the_clock_says_also_when_it_changes() -> None:
    from simulator.validation.reading import _edges

    grid = np.arange(np.datetime64("2024-03-31T00", "h"), np.datetime64("2024-04-01T00", "h"))
    edges = _edges(grid, ZoneInfo("Europe/London"))
    assert edges[0] == 1_711_843_200  # midnight in UTC; from 01:00 on one hour less has passed
    assert np.diff(edges).tolist() == [3600, 0, *[3600] * 22]


def test_months_across_are_read_newest_first_and_spans_left_out(tmp_path: Path) -> None:
    months = [f"{name} {year} r" for year in (2020, 2019, 2018) for name in
              ["DEC", "NOV", "OCT", "SEP", "AUG", "JUL", "JUN", "MAY", "APR", "MAR", "FEB", "JAN"]]  # fmt: skip
    cells = [str(number) for number in range(36, 0, -1)]
    (tmp_path / "a.csv").write_text(f'Bank\n"Table, one"\n,,{",".join(months)},\n1,"1. Arrivals ",{",".join(cells)},\n')
    mapping = BASE.replace('"1d"', '"1mo"').replace('"x"', '"1"').replace('time = "time"', 'time = "month"')
    mapping = mapping.replace('"pm25"', '"visitor_arrivals"').replace("files", 'layout = "months-across"\nfiles')
    out = 'leave_out = [{ since = "2020-01-01", until = "2020-06-30", why = "closed" }]\n'
    found, _ = read(tmp_path, mapping + out)
    assert values_of(found["a"]) == [*[float(month) for month in range(1, 25)], *[None] * 6, *range(31, 37)]
    found, _ = read(tmp_path, mapping + "totals = true\n")
    assert values_of(found["a"])[0] == pytest.approx(1 / 31)


def test_tickets_are_read_with_their_classes(tmp_path: Path) -> None:
    rows = "".join(
        f"1/{1 + at % 28}/2025 9:{at % 60:02d},{f'1/{1 + at % 28}/2025 11:00' if at % 9 else ''},Dead Animal\n"
        for at in range(300)
    )
    (tmp_path / "t1.csv").write_text("Created,Closed,Kind\n" + rows)
    (tmp_path / "t2.csv").write_text("Created,Closed,Kind\n" + rows[-400:].split("\n", 1)[1])  # rows that came before
    found, _ = read(
        tmp_path,
        '[[tickets]]\nname = "t"\ncity = "bangkok"\nfiles = "t*.csv"\nopened = "Created"\nclosed = "Closed"\n'
        'class = "Kind"\nformat = "%m/%d/%Y %H:%M"\nsource = "s"\nlicence = "l"\n',
    )
    record = found["t"].record
    assert isinstance(record, Tickets)
    assert record.classes == ("Dead Animal",)
    assert found["t"].classes == ("dead-animal",)
    assert len(record.hour) == 300
    assert np.isnan(record.hours).sum() == 34


def test_a_pair_is_of_the_days_both_have(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(days(1, 29, "{0}"))
    (tmp_path / "b.csv").write_text(days(3, 30, "{0}"))
    other = BASE.replace('"a"', '"b"').replace("a*.csv", "b*.csv")
    found, skipped = read(tmp_path, BASE + other + '[[pair]]\nseries = ["a", "b"]\n')
    assert skipped == []
    assert len(found["a and b"].record.calendar) == 27
    found, skipped = read(tmp_path, BASE + other.replace("b*.csv", "c*.csv") + '[[pair]]\nseries = ["a", "b"]\n')
    assert [one.why for one in skipped][-1] == "b skipped"
