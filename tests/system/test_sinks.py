"""A customer's consumer at a real broker, its table audited; and tables of PostgreSQL and InfluxDB."""

from __future__ import annotations

import csv
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from influx import ORGANIZATION, Influxd
from parts import Mosquitto, nakhon, wait_for
from postgres import PASSWORD, shared
from test_sinks import LONG, audited, faultless, long_rows

from collector.language.errors import InputError, StoreError
from collector.language.ledger import read_ledger
from collector.stores import secrets
from collector.stores.influx.url import parse

pytestmark = pytest.mark.system
PATIENCE = 60.0
SINK = """
[sink]
kind = "csv"
file = "kept.csv"
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
SCENARIO = """
name = "acceptance"
start = 2026-03-01T00:00:00Z
duration = "3h"
cadence = "15min"
[cities]
include = ["khon-kaen", "rayong"]
"""
TABLE = """
[sink]
kind = "sql"
url = "sqlite://kept.db"
table = "air"
[columns]
station = "device"
form = "{city}:{station}"
time = "ts"
[indicators]
pm25 = "pm25"
pm10 = "pm10"
"""


class Consumer:
    """What a customer may write: it takes readings, forgets their numbers, keeps a CSV and a table."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.rows: list[tuple[str, str, str, str, float, float]] = []
        self.folder = folder
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.on_message = self._hear
        self._client.on_subscribe = lambda *_told: setattr(self, "ready", True)
        self.ready = False
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        self._client.subscribe("nakhon/v1/+/+/+/+", 1)
        wait_for(lambda: self.ready, PATIENCE, "the consumer to be subscribed")

    def _hear(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        parts, got = message.topic.split("/"), time.time()
        told = json.loads(message.payload)
        for name, value in told.items():
            if name not in ("session", "seq", "time") and value is not None:
                self.rows.append((parts[3], parts[5], told["time"], name, value, got))

    def keep(self) -> None:
        """Write what was heard."""
        self._client.disconnect()
        self._client.loop_stop()
        with (self.folder / "kept.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["site", "device", "ts", "metric", "value", "got"])
            writer.writerows(self.rows)
        with sqlite3.connect(self.folder / "kept.db") as connection:
            connection.execute("CREATE TABLE air (device TEXT, ts TEXT, pm25 REAL, pm10 REAL)")
            both: dict[tuple[str, str], dict[str, float]] = {}
            for city, station, when, name, value, _ in self.rows:
                both.setdefault((f"{city}:{station}", when), {})[name] = value
            air = [(*key, one.get("pm25"), one.get("pm10")) for key, one in both.items() if {"pm25", "pm10"} & set(one)]
            connection.executemany("INSERT INTO air VALUES (?, ?, ?, ?)", air)
        connection.close()


def asked(folder: Path, *arguments: str) -> tuple[int, str]:
    """The exit code of an audit, and what it printed."""
    code = nakhon("audit", "run.ledger", *arguments, folder=folder).wait(PATIENCE)
    return code, (folder / "audit.out").read_text() + (folder / "audit.log").read_text()


def test_what_a_consumer_keeps_of_a_run_is_audited_whole_and_broken(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto()
    consumer = Consumer(tmp_path, broker)
    (tmp_path / "acceptance.toml").write_text(SCENARIO)
    said = ("simulate", "acceptance.toml", "--broker", broker.url, "--ledger", "run.ledger", "--run", "acceptance")
    assert nakhon(*said, folder=tmp_path).wait(PATIENCE) == 0, (tmp_path / "simulate.log").read_text()
    ledger = read_ledger(tmp_path / "run.ledger")
    count = sum(entry.values for entry in ledger.entries if entry.address.kind == "readings")
    assert count > 100
    wait_for(lambda: len(consumer.rows) >= count, PATIENCE, "all readings at the consumer")
    consumer.keep()
    (tmp_path / "sink.toml").write_text(SINK)
    (tmp_path / "table.toml").write_text(TABLE)

    code, text = asked(tmp_path, "--sink", "sink.toml", "--json")
    assert code == 0, text
    told = json.loads((tmp_path / "audit.out").read_text())
    assert told["total"]["right"] == told["total"]["published"] == count
    assert told["total"]["latency"][0] >= 0
    assert told["diagnoses"] == []
    code, text = asked(tmp_path, "--sink", "table.toml")
    assert code == 0, text
    assert "all accounted for" in text

    whole = (tmp_path / "kept.csv").read_text().splitlines()
    lost = [line for line in whole if not (line.startswith("rayong,aq-01,") and "T00:1" in line)]
    (tmp_path / "kept.csv").write_text("\n".join([*lost, ""]))
    code, text = asked(tmp_path, "--sink", "sink.toml", "--junit", "junit.xml")
    assert code == 1
    assert f"lost {len(whole) - len(lost)}" in text
    assert "rayong/environment/aq-01 seq 1 to 1" in text
    assert 'failures="1"' in (tmp_path / "junit.xml").read_text()

    later = [line.replace("2026-03-01T", "2026-03-01 ").replace("Z,", "+01:00,") for line in whole]
    (tmp_path / "kept.csv").write_text("\n".join([*later, ""]))
    code, text = asked(tmp_path, "--sink", "sink.toml")
    assert code == 1
    assert "times are 1:00 h behind the truth for all of the readings found: a shifted time zone" in text


@contextmanager
def provided(**more: str) -> Iterator[None]:
    before = secrets._provided
    secrets.provide({**before, **more})
    try:
        yield
    finally:
        secrets.provide(before)


def test_a_table_and_a_query_of_postgresql() -> None:
    server = shared()
    url = server.database("sinks")
    rows = ", ".join(
        f"('{row['site']}', '{row['device']}', '{row['ts']}', {row['got']}, '{row['metric']}', {row['value']})"
        for row in long_rows()
    )
    server.sql(
        "CREATE TABLE r (site text, device text, ts timestamptz, got float8, metric text, value numeric(10,2)); "
        f"INSERT INTO r VALUES {rows}",
        "sinks",
    )
    source = f'kind = "sql"\nurl = "{url}"'
    with provided(NAKHON_POSTGRES_PASSWORD=PASSWORD):
        faultless(f'{source}\ntable = "public.r"', LONG)
        faultless(f"{source}\nquery = \"SELECT * FROM r WHERE metric <> 'none'\"", LONG)
        with pytest.raises(InputError, match="no column 'metrc'"):
            audited(f'{source}\ntable = "r"', LONG.replace('"metric"', '"metrc"'))
        with pytest.raises(InputError, match="does not answer"):
            audited(f'{source}\ntable = "nothing"', LONG)
    with provided(NAKHON_POSTGRES_PASSWORD="wrong"), pytest.raises(StoreError, match="cannot open") as caught:
        audited(f'{source}\ntable = "r"', LONG)
    assert "wrong" not in str(caught.value)


def test_a_bucket_of_influxdb_in_the_customers_own_layout(influxd: Influxd) -> None:
    url = influxd.url().partition("?")[0]
    bucket = parse(url).bucket
    influxd.create_bucket(bucket)
    points = [
        f"air,site={row['site']},device={row['device']},metric={row['metric']} v={row['value']},got={row['got']} "
        + str(epoch(row["ts"]))
        for row in long_rows()
    ]
    with influxd.client() as client:
        client.write_api().write(bucket, ORGANIZATION, "\n".join(points), write_precision="s")
        client.write_api().close()
    query = (
        f'from(bucket: \\"{bucket}\\") |> range(start: 2026-01-01T00:00:00Z, stop: 2027-01-01T00:00:00Z)'
        ' |> pivot(rowKey: [\\"_time\\"], columnKey: [\\"_field\\"], valueColumn: \\"v\\")'
    ).replace('valueColumn: \\"v\\"', 'valueColumn: \\"_value\\"')
    columns = LONG.replace('"ts"', '"_time"').replace('"value"', '"v"')
    source = f'kind = "influxdb"\nurl = "{url}"\nquery = "{query}"'
    wait_for(lambda: _whole(source, columns), PATIENCE, "the points to be there")
    faultless(source, columns)


def _whole(source: str, columns: str) -> bool:
    try:
        return audited(source, columns).accounted_for
    except (InputError, StoreError):
        return False


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def test_a_check_of_a_sink_file_says_what_it_means(tmp_path: Path) -> None:
    (tmp_path / "sink.toml").write_text(SINK)
    assert nakhon("check", "sink.toml", folder=tmp_path).wait(PATIENCE) == 0
    assert "csv kept.csv: indicators in 'metric', stations in 'device'" in (tmp_path / "check.out").read_text()
    (tmp_path / "sink.toml").write_text(SINK.replace("station", "staton"))
    assert nakhon("check", "sink.toml", folder=tmp_path).wait(PATIENCE) == 2
    assert "did you mean station?" in (tmp_path / "check.log").read_text()
