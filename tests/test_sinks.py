"""Consumers of every kind, read as their sink file says: each holds the same readings, and each is faultless."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb
import numpy as np
import pytest
from parts import entry_of

from collector.auditing.findings import Findings
from collector.language.codec import encode
from collector.language.errors import InputError, StoreError
from collector.language.ledger import Header, Ledger
from collector.language.messages import Message, Readings
from collector.language.topics import Address
from collector.sinks.file import parse_sink
from collector.sinks.reading import audit_sink
from collector.stores import secrets

START = 1_772_352_000
INDICATORS = ("pm25", "air_temperature")


def made() -> Ledger:
    chance = np.random.default_rng(11)
    entries = []
    for city in ("chiang-mai", "rayong"):
        for seq in range(60):
            times = np.array([START + 900 * seq], dtype=np.int64).view("datetime64[s]")
            columns = {name: np.round(chance.normal(30, 5, 1), 2) for name in INDICATORS}
            message = Message(Address("run", city, "environment", "aq-01"), "9f3c", seq, Readings(times, columns))
            entries.append(replace(entry_of(message, encode(message)), at=1.8e9 + seq))
    return Ledger(Header("run", "9f3c", "simulated"), entries, closed=True, torn=False)


LEDGER = made()


def wide_rows() -> list[dict[str, Any]]:
    """What the messages say, a row each, as a customer may keep it."""
    rows = []
    for entry in LEDGER.entries:
        told = json.loads(entry.said or "")
        kept = {"site": entry.address.city, "device": entry.address.station, "ts": told["time"], "got": entry.at}
        rows.append(kept | {name: told[name] for name in INDICATORS})
    return rows


def long_rows() -> list[dict[str, Any]]:
    head = ("site", "device", "ts", "got")
    return [
        {name: row[name] for name in head} | {"metric": name, "value": row[name]}
        for row in wide_rows()
        for name in INDICATORS
    ]


LONG = """
[columns]
city = "site"
station = "device"
time = "ts"
indicator = "metric"
value = "value"
received = "got"
[received]
format = "s"
"""
WIDE = """
[columns]
city = "site"
station = "device"
time = "ts"
received = "got"
[received]
format = "s"
[indicators]
pm25 = "pm25"
air_temperature = "air_temperature"
"""


def audited(source: str, columns: str) -> Findings:
    return audit_sink(LEDGER, parse_sink(f"[sink]\n{source}\n{columns}", "sink.toml"))


def faultless(source: str, columns: str) -> None:
    findings = audited(source, columns)
    assert findings.accounted_for, (findings.total, findings.diagnoses, findings.doubts)
    assert findings.total.right == findings.total.published == 240
    assert not findings.diagnoses


def write_csv(path: Path, rows: Sequence[dict[str, Any]], delimiter: str = ",") -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def test_csv_long_and_wide_in_one_file_or_several(tmp_path: Path) -> None:
    write_csv(tmp_path / "long.csv", long_rows())
    faultless(f'kind = "csv"\nfile = "{tmp_path}/long.csv"', LONG)
    for part in range(2):
        write_csv(tmp_path / f"wide-{part}.csv", wide_rows()[part::2], ";")
    faultless(f'kind = "csv"\nfile = "{tmp_path}/wide-*.csv"\ndelimiter = ";"', WIDE)


def test_json_lines_with_nested_fields_and_a_torn_end(tmp_path: Path) -> None:
    lines = [json.dumps({"meta": {"site": row["site"], "device": row["device"]}} | row) for row in wide_rows()]
    (tmp_path / "out.jsonl").write_text("\n".join(lines) + '\n{"meta": {"si')
    columns = WIDE.replace('"site"', '"meta.site"').replace('"device"', '"meta.device"')
    faultless(f'kind = "jsonl"\nfile = "{tmp_path}/out.jsonl"', columns)


def test_a_table_and_a_query_of_sqlite(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "city.db")) as connection:
        connection.execute("CREATE TABLE readings (site, device, ts, got, metric, value)")
        rows = [tuple(row[name] for name in ("site", "device", "ts", "got", "metric", "value")) for row in long_rows()]
        connection.executemany("INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.commit()
    source = f'kind = "sql"\nurl = "sqlite://{tmp_path}/city.db"'
    faultless(f'{source}\ntable = "readings"', LONG)
    faultless(f'{source}\nquery = "SELECT * FROM readings WHERE value IS NOT NULL"', LONG)
    with pytest.raises(InputError, match=r"no column 'metrc' in .*; did you mean 'metric'"):
        audited(f'{source}\ntable = "readings"', LONG.replace('"metric"', '"metrc"'))
    with pytest.raises(StoreError, match="no such table"):
        audited(f'{source}\ntable = "readngs"', LONG)
    with pytest.raises(InputError, match="no database"):
        audited('kind = "sql"\nurl = "sqlite:///nowhere.db"\ntable = "readings"', LONG)


def test_a_table_of_duckdb_with_local_timestamps(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "city.duckdb")) as connection:
        connection.execute("CREATE TABLE r (site TEXT, device TEXT, ts TIMESTAMP, got DOUBLE, pm25 DOUBLE, "
                           "air_temperature DOUBLE)")  # fmt: skip
        local = [
            [row["site"], row["device"], datetime.fromisoformat(row["ts"]).replace(tzinfo=None) + timedelta(hours=7),
             row["got"], row["pm25"], row["air_temperature"]]
            for row in wide_rows()
        ]  # fmt: skip
        connection.executemany("INSERT INTO r VALUES (?, ?, ?, ?, ?, ?)", local)
    source = f'kind = "sql"\nurl = "duckdb://{tmp_path}/city.duckdb"\ntable = "r"'
    faultless(source, WIDE + '\n[time]\ntimezone = "Asia/Bangkok"\n')
    assert [one.name for one in audited(source, WIDE).diagnoses] == ["time_zone_shifted"]


def test_units_names_and_forms_that_the_file_declares_are_no_fault(tmp_path: Path) -> None:
    rows = [
        {"asset": f"{row['site']}/{row['device']}", "when": f"{datetime.fromisoformat(row['ts']):%d.%m.%Y %H:%M}",
         "PM2.5": row["pm25"] / 1000, "temp": row["air_temperature"] * 1.8 + 32}
        for row in wide_rows()
    ]  # fmt: skip
    write_csv(tmp_path / "own.csv", rows)
    columns = """
[columns]
station = "asset"
form = "{city}/{station}"
time = "when"
[time]
format = "%d.%m.%Y %H:%M"
[indicators]
pm25 = { name = "PM2.5", unit = "mg/m3" }
air_temperature = { name = "temp", unit = "[degF]" }
"""
    faultless(f'kind = "csv"\nfile = "{tmp_path}/own.csv"', columns)


def test_a_column_of_units_counts_row_by_row(tmp_path: Path) -> None:
    rows = [row | {"unit": "µg/m³" if row["metric"] == "pm25" else "[degF]"} for row in long_rows()]
    rows = [row | {"value": row["value"] * 1.8 + 32} if row["unit"] == "[degF]" else row for row in rows]
    write_csv(tmp_path / "units.csv", rows)
    faultless(f'kind = "csv"\nfile = "{tmp_path}/units.csv"', LONG.replace("[received]", 'unit = "unit"\n[received]'))


def test_only_rows_of_the_run_count_where_the_file_says_so(tmp_path: Path) -> None:
    rows = [row | {"run": "run"} for row in long_rows()]
    other = [row | {"run": "old", "value": 1.0} for row in long_rows()]
    write_csv(tmp_path / "both.csv", rows + other)
    source = f'kind = "csv"\nfile = "{tmp_path}/both.csv"'
    assert audited(source, LONG).total.duplicated == 240
    faultless(source, LONG + '\n[where]\nrun = "{run}"\n')
    with pytest.raises(InputError, match=r"where\.run: no row has 'new'; there are 'run', 'old'"):
        audited(source, LONG + '\n[where]\nrun = "new"\n')


def test_what_is_outside_the_scope_is_not_asked_for(tmp_path: Path) -> None:
    rows = [row for row in long_rows() if row["site"] == "rayong" and row["metric"] == "pm25"]
    write_csv(tmp_path / "some.csv", rows)
    source = f'kind = "csv"\nfile = "{tmp_path}/some.csv"'
    assert audited(source, LONG).total.lost == 180
    findings = audited(source, LONG + '\n[scope]\nstations = ["rayong/*"]\nindicators = ["pm25"]\n')
    assert findings.accounted_for
    assert findings.total.published == 60
    assert list(findings.stations) == ["rayong/environment/aq-01"]
    with pytest.raises(InputError, match="nothing of the ledger is in the scope"):
        audited(source, LONG + '\n[scope]\nstations = ["hanoi/*"]\n')


def test_rows_that_make_no_sense_are_counted_and_empty_cells_are_losses(tmp_path: Path) -> None:
    rows = long_rows()
    rows[3] |= {"value": "much"}
    rows[5] |= {"ts": "yesterday"}
    rows[7] |= {"value": ""}
    write_csv(tmp_path / "odd.csv", rows)
    findings = audited(f'kind = "csv"\nfile = "{tmp_path}/odd.csv"', LONG)
    assert findings.unreadable == 2
    assert findings.total.lost == 3
    assert any("row 4 (its value)" in doubt for doubt in findings.doubts)


def test_files_that_are_not_what_they_should_be_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        audited(f'kind = "csv"\nfile = "{tmp_path}/none*.csv"', LONG)
    (tmp_path / "bad.csv").write_bytes(b"a,b\n1,2,3\n")
    with pytest.raises(InputError, match=r"no column 'device' in bad.csv; it has 'a', 'b'"):
        audited(f'kind = "csv"\nfile = "{tmp_path}/bad.csv"', LONG)
    (tmp_path / "bad.jsonl").write_text('{"a": 1}\nno json\n')
    with pytest.raises(InputError, match=r"bad\.jsonl line 2: expected a JSON object"):
        audited(f'kind = "jsonl"\nfile = "{tmp_path}/bad.jsonl"', LONG)
    (tmp_path / "other.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(InputError, match="no row has anything under 'device'"):
        audited(f'kind = "jsonl"\nfile = "{tmp_path}/other.jsonl"', LONG)


def test_stations_of_one_name_in_two_cities_need_the_city(tmp_path: Path) -> None:
    write_csv(tmp_path / "long.csv", long_rows())
    with pytest.raises(InputError, match="name the column of the city too"):
        audited(f'kind = "csv"\nfile = "{tmp_path}/long.csv"', LONG.replace('city = "site"\n', ""))


class _Pages(BaseHTTPRequestHandler):
    """Rows by page number, by a link to the next page, or as CSV; only for those who know the token."""

    rows: Sequence[dict[str, Any]] = ()

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.path == "/closed" and self.headers["Authorization"] != "Bearer open-sesame":
            self.send_error(401)
            return
        page = int(parse_qs(asked.query).get("page", ["1"])[0])
        part = self.rows[(page - 1) * 100 : page * 100]
        further = f"{asked.path}?page={page + 1}" if page * 100 < len(self.rows) else None
        told: Any = {"data": {"items": part}, "next": further}
        if asked.path == "/away":
            told["next"] = "http://127.0.0.2/elsewhere"
        body = json.dumps(told)
        if asked.path == "/csv":
            head = ",".join(self.rows[0])
            body = "\n".join([head, *(",".join(str(cell) for cell in row.values()) for row in part)])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def serving(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Pages", (_Pages,), {"rows": rows}))
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_pages_of_json_and_csv_over_http() -> None:
    with serving(long_rows()) as url:
        rows = 'rows = "data.items"'
        faultless(f'kind = "http"\nurl = "{url}/?page={{page}}"\n{rows}', LONG)
        faultless(f'kind = "http"\nurl = "{url}/"\n{rows}\nnext = "next"', LONG)
        faultless(f'kind = "http"\nurl = "{url}/csv?page={{page}}"\nanswer = "csv"', LONG)
        assert audited(f'kind = "http"\nurl = "{url}/"\n{rows}', LONG).total.lost == 140
        with pytest.raises(InputError, match='such as rows = "data"'):
            audited(f'kind = "http"\nurl = "{url}/"', LONG)
        with pytest.raises(InputError, match="another server"):
            audited(f'kind = "http"\nurl = "{url}/away"\n{rows}\nnext = "next"', LONG)


def test_a_token_goes_to_the_endpoint_and_into_no_message() -> None:
    with serving(long_rows()) as url:
        source = f'kind = "http"\nurl = "{url}/closed"\nrows = "data.items"\nnext = "next"'
        with pytest.raises(StoreError, match="answered 401"):
            audited(source, LONG)
        with pytest.raises(InputError, match="wants NAKHON_SINK_TOKEN"):
            audited(f"{source}\ntoken = true", LONG)
        before = secrets._provided
        secrets.provide({**before, "NAKHON_SINK_TOKEN": "open-sesame"})
        try:
            faultless(f"{source}\ntoken = true", LONG)
        finally:
            secrets.provide(before)
    with pytest.raises(StoreError, match="no answer from"):
        audited(f'kind = "http"\nurl = "{url}/"', LONG)


def test_the_time_of_arrival_may_have_a_zone_of_its_own(tmp_path: Path) -> None:
    rows = [row | {"got": f"{datetime.fromtimestamp(row['got'] + 2, UTC) + timedelta(hours=7):%Y-%m-%d %H:%M:%S}"}
            for row in long_rows()]  # fmt: skip
    write_csv(tmp_path / "long.csv", rows)
    columns = LONG.replace('format = "s"', 'timezone = "Asia/Bangkok"')
    assert audited(f'kind = "csv"\nfile = "{tmp_path}/long.csv"', columns).total.latency == (2.0, 2.0, 2.0)
