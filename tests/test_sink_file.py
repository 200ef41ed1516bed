"""The sink file: what it means, and every error in it at once with what may have been meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.auditing.expected import Scope
from collector.auditing.found import Tolerance
from collector.language.errors import InputError
from collector.language.gathered import LARGEST_FILE
from collector.sinks.file import load_sink, parse_sink

LONG = """
[sink]
kind = "csv"
file = "out/*.csv"
[columns]
city = "site"
station = "device"
time = "ts"
indicator = "metric"
value = "value"
"""
WIDE = """
[sink]
kind = "sql"
url = "sqlite://city.db"
table = "readings"
[columns]
station = "device"
form = "{city}_{station}"
time = "ts"
[indicators]
pm25 = "PM2.5"
air_temperature = { name = "temp_f", unit = "[degF]" }
[tolerance]
time = "2s"
absolute = 0.05
late = "1min"
[where]
run = "{run}"
"""


def test_one_reading_a_row_and_one_indicator_a_column_are_read() -> None:
    long, wide = parse_sink(LONG, "long.toml"), parse_sink(WIDE, "wide.toml")
    assert long.wanted == ["device", "site", "ts", "metric", "value"]
    assert wide.wanted == ["device", "ts", "PM2.5", "temp_f", "run"]
    assert wide.tolerance.tolerance == Tolerance(time=2_000, absolute=0.05, late=60.0)
    assert wide.kept == Scope((), ("pm25", "air_temperature"))
    assert long.kept == Scope()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('kind = "csv"', 'kind = "excel"', "sink.kind: Input should be 'csv', 'jsonl', 'sql', 'influxdb' or 'http'"),
        ('file = "out/*.csv"', 'fil = "out/*.csv"', "sink.fil: no such key; did you mean file?"),
        ('station = "device"', 'staton = "device"', "columns.staton: no such key; did you mean station?"),
        ('time = "ts"\n', "", "columns.time: missing"),
        ('indicator = "metric"\n', "", "expected indicator beside value"),
        ('indicator = "metric"\nvalue = "value"\n', "", "expected columns.indicator (one reading a row)"),
        ('time = "ts"', 'time = "ts"\nform = "{town}"', "columns.form: expected {station}"),
        ("[columns]", '[time]\nformat = "iso"\ntimezone = "Bangkok"\n[columns]', "no IANA zone 'Bangkok'"),
        ("[columns]", '[time]\nformat = "epoch"\n[columns]', "expected iso, s, ms, us, ns"),
        ("[columns]", '[tolerance]\ntime = "2"\n[columns]', "tolerance.time: expected a time such as 500ms"),
        ("[columns]", "[tolerance]\nabsolute = -1\n[columns]", "tolerance.absolute: Input should be greater"),
        ("[columns]", '[indicators]\npm2 = "x"\n[columns]', "no indicator 'pm2' in the catalogue; did you mean pm25"),
        ("[columns]", '[indicators]\npm25 = { name = "x", unit = "kg" }\n[columns]', "unit that converts to ug/m3"),
        ("[columns]", '[scope]\nindicators = ["pm2"]\n[columns]', "did you mean pm25"),
        ("[columns]", "[columns", "is not TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(old: str, new: str, complaint: str) -> None:
    assert old in LONG
    with pytest.raises(InputError) as caught:
        parse_sink(LONG.replace(old, new), "sink.toml")
    assert complaint in str(caught.value)
    assert str(caught.value).startswith("sink.toml")


def test_every_error_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        parse_sink('[sink]\nkind = "csv"\n[columns]\nstatoin = "a"\ntime = 3\n[tolerance]\nlate = "soon"\n', "s.toml")
    lines = str(caught.value).splitlines()
    assert len(lines) == 6, lines


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [("csv", "file"), ("jsonl", "file"), ("sql", "url"), ("influxdb", "url and query"), ("http", "url")],
)
def test_each_kind_says_what_it_needs(kind: str, complaint: str) -> None:
    with pytest.raises(InputError, match=f"sink: expected {complaint} with kind {kind}"):
        parse_sink(f'[sink]\nkind = "{kind}"\n[columns]\nstation = "a"\ntime = "b"\nindicator = "c"\n', "s.toml")


def test_a_password_in_a_url_is_not_in_the_title() -> None:
    text = WIDE.replace("sqlite://city.db", "postgres://me:secret@host/db?x=secret")
    assert parse_sink(text, "s.toml").title == "sql postgres://host/db"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "large.toml").write_bytes(b"#" * (LARGEST_FILE + 1))
    for name, said in (("none", "cannot read"), ("bytes", "expected UTF-8"), ("large", "is this a sink file")):
        with pytest.raises(InputError, match=said) as caught:
            load_sink(tmp_path / f"{name}.toml")
        assert f"{name}.toml" in str(caught.value)
