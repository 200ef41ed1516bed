"""Recorded data: read with its mapping, its errors named, said again in time order."""

from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest

from collector.language.errors import InputError
from collector.language.messages import Readings
from simulator.replay import Recording, read_mapping, read_recording
from simulator.speaker import Speaker

MAPPING = """
[file]
time = "when"
timezone = "Asia/Yangon"
cadence = "1h"
[[station]]
id = "a"
city = "yangon"
where = { site = "A" }
columns = { pm = "pm25" }
[[station]]
id = "b"
city = "yangon"
where = { site = "B" }
columns = { pm = { indicator = "no2", scale = 2.0, offset = 1.0 } }
"""
ROWS = """when,site,pm
2024-01-01 01:00:00,A,12.5
2024-01-01 00:00:00,A,10
2024-01-01 00:00:00,B,3
2024-01-01 01:00:00,A,99
2024-01-01 02:00:00,A,NA
2024-01-01 02:00:00+00:00,B,4
"""


def recording(folder: Path, rows: str = ROWS, mapping: str = MAPPING) -> Recording:
    (folder / "map.toml").write_text(mapping)
    (folder / "rows.csv").write_text(rows)
    return read_recording(folder / "rows.csv", read_mapping(folder / "map.toml"))


def test_rows_become_the_series_of_their_stations_in_utc_and_in_the_catalogues_units(tmp_path: Path) -> None:
    read = recording(tmp_path)
    a, b = read.series
    assert [str(time) for time in a.times] == ["2023-12-31T17:30:00", "2023-12-31T18:30:00"]
    assert a.columns["pm25"].tolist() == [10.0, 12.5]
    assert [str(time) for time in b.times] == ["2023-12-31T17:30:00", "2024-01-01T02:00:00"]
    assert b.columns["no2"].tolist() == [7.0, 9.0]
    assert read.notes == ("a: 1 rows with a time that had been before were left out",)
    assert read.stations[0].cadence == 3600


def test_a_recording_is_said_in_time_order_with_numbers_and_may_be_moved(tmp_path: Path) -> None:
    said = list(recording(tmp_path).say(Speaker("run", "s"), shift=3600))
    assert [one.time for one in said] == sorted(one.time for one in said)
    assert [(one.message.address.station, one.message.seq) for one in said] == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert isinstance(said[0].message.body, Readings)
    assert str(said[0].message.body.times[0]) == "2023-12-31T18:30:00"


def test_packs_hold_the_same_values(tmp_path: Path) -> None:
    read = recording(tmp_path)
    packed = [one.message for one in read.say(Speaker("run", "s"), pack=10)]
    assert [message.values for message in packed] == [2, 2]


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("", "empty"),
        ("when,site\n", "no column 'pm'"),
        ("when,site,pm\nyesterday,A,1\n", "line 2: expected a time"),
        ("when,site,pm\n2024-01-01 00:00:00,A,much\n", "line 2: expected a number for pm25, came 'much'"),
        ("when,site,pm\n2024-01-01 00:00:00,A,1e999\n", "finite"),
        ("when,site,pm\n2024-01-01 00:00:00,A\n", "line 2: expected 3 cells, came 2"),
        ("when,site,pm\n0001-01-01 00:00:00,A,1\n", "1900 to 2199"),
        ("when,site,pm\n2024-01-01 00:00:00,C,1\n", "holds no value"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, rows: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        recording(tmp_path, rows)


def test_every_error_of_a_mapping_is_told_at_once(tmp_path: Path) -> None:
    wrong = MAPPING.replace('"yangon"', '"yangoon"', 1).replace('"pm25"', '"pm2"').replace("Yangon", "Atlantis")
    with pytest.raises(InputError) as refusal:
        recording(tmp_path, mapping=wrong)
    text = str(refusal.value)
    assert "station.0.city" in text
    assert "station.0.columns.pm" in text
    assert "file.timezone" in text


@pytest.mark.parametrize("mapping", ["nonsense", "[file]\ntime = 1\n", MAPPING + "\nmore = 1\n"])
def test_a_mapping_that_makes_no_sense_is_refused(tmp_path: Path, mapping: str) -> None:
    with pytest.raises(InputError, match=r"map\.toml"):
        recording(tmp_path, mapping=mapping)


def test_the_recording_that_ships_reads_whole() -> None:
    shipped = files("scenarios") / "recordings"
    with as_file(shipped / "singapore-2018.csv") as rows, as_file(shipped / "singapore-2018.toml") as mapping:
        read = read_recording(rows, read_mapping(mapping))
    (changi,) = read.series
    assert len(changi.times) == 365
    rain_mm = np.nansum(changi.columns["rain"]) * 24
    assert rain_mm == pytest.approx(1708.2, abs=0.5)  # the year's total in the file
    assert "Meteorological Service Singapore" in read.source
