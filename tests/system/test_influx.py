"""Over a real InfluxDB: killed, restarted, written to twice, refused; and the same figures as from DuckDB."""

from __future__ import annotations

import json
import logging
import random
import re
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from influx import ORGANIZATION, TOKEN, Influxd, VictoriaMetrics
from parts import nakhon
from test_stores import (
    CITY,
    START,
    accepted,
    address,
    birth,
    event,
    readings,
    statistic,
    values,
)

from collector.intake.ingest import Delivery, Ingest
from collector.language.codec import encode
from collector.language.errors import StoreError
from collector.language.messages import Message, Readings
from collector.language.topics import Address, CityAddress
from collector.stores import open_store, secrets
from collector.stores.influx import windows as influx_windows
from collector.stores.influx.flux import literal
from collector.stores.influx.url import parse
from collector.stores.protocol import Accepted, Batch, Fate, Rejection, Selection, Store, Stream

pytestmark = pytest.mark.system
DOCS = Path(__file__).parents[2] / "docs" / "influxdb.md"


@pytest.fixture
def url(influxd: Influxd) -> str:
    return influxd.url()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()


def said(seq: int, session: str = "s1") -> Delivery:
    message = Message(address(), session, seq, readings([START + 900 * seq], pm25=[float(seq)]))
    return Delivery(message.address.topic, encode(message), received=float(seq))


def bodies() -> list[Accepted]:
    told = [readings([START, START + 900], pm25=[1.0, -2.0]), event("1", "service_request.opened")]
    told += [event("2", "service_request.opened"), statistic(4.2), statistic(4.4, 1, START + 100)]  # type: ignore[list-item]
    return [accepted(body, seq) for seq, body in enumerate(told)]


def points(influxd: Influxd, url: str) -> dict[str, int]:
    told = {name: influxd.points(url, name) for name in ("readings", "events", "statistics")}
    return told | {"receipts": influxd.points(url, "receipts", accounts=True)}


def test_what_is_delivered_again_after_a_restart_overwrites_itself(influxd: Influxd, url: str) -> None:
    for _ in range(2):
        store = open_store(url)
        store.write(Batch(bodies()))
        store.close()
    assert points(influxd, url) == {"readings": 2, "events": 4, "statistics": 2, "receipts": 5}


def test_a_collector_started_again_knows_what_is_stored(url: str) -> None:
    Ingest(open_store(url)).process([said(seq) for seq in range(5)])
    store = open_store(url)
    batch = Ingest(store).process([said(seq) for seq in range(3, 7)])
    assert batch.counts == {("run-1", Fate.STORED): 2, ("run-1", Fate.DUPLICATE): 2}
    assert (store.counts("run-1")[Fate.STORED], values(store)) == (7, [float(seq) for seq in range(7)])


def test_another_message_under_the_same_number_is_a_conflict(url: str) -> None:
    Ingest(open_store(url)).process([said(0)])
    store = open_store(url)
    other = Delivery(said(0).topic, said(0).payload.replace(b"0.0", b"9.0"), 1.0)
    assert Ingest(store).process([other]).counts == {("run-1", Fate.CONFLICT): 1}
    assert [one.payload for one in store.rejections("run-1")] == [other.payload]
    assert values(store) == [0.0]


def test_a_batch_half_written_overwrites_itself_when_it_is_written_again(influxd: Influxd, url: str) -> None:
    store = open_store(url)
    batch = Batch(bodies(), counts={("run-1", Fate.STORED): 5, ("run-1", Fate.DUPLICATE): 1})
    with influxd.client() as client:
        client.buckets_api().delete_bucket(client.buckets_api().find_bucket_by_name(parse(url).accounts))
        with pytest.raises(StoreError, match="not found"):
            store.write(batch)
    assert influxd.points(url, "readings") == 2
    influxd.create_bucket(parse(url).accounts)
    for _ in range(2):
        store.write(batch)
    assert points(influxd, url) == {"readings": 2, "events": 4, "statistics": 2, "receipts": 5}
    assert (store.counts("run-1")[Fate.STORED], store.counts("run-1")[Fate.DUPLICATE]) == (5, 1)


def test_events_of_one_second_and_every_revision_are_kept(store: Store) -> None:
    store.write(Batch(bodies()))
    store.write(Batch(bodies()))
    assert values(store, "service_requests") == [1.0, 1.0]
    assert values(store, "unemployment") == [4.4]
    assert values(store, "unemployment", known_at=START + 50) == [4.2]


def test_several_collectors_at_once_leave_one_point_of_each_value(influxd: Influxd, url: str) -> None:
    stores = [open_store(url) for _ in range(3)]
    parts = [[said(seq) for seq in range(first, 60)] for first in (0, 10, 20)]
    threads = [
        threading.Thread(target=Ingest(store).process, args=(part,)) for store, part in zip(stores, parts, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert influxd.points(url, "readings") == 60
    assert stores[0].positions() == [one for one in stores[1].positions() if one.ranges == ((0, 59),)]
    assert stores[0].counts("run-1")[Fate.STORED] == 60 + 50 + 40  # an estimate: each counts what it was given


def test_the_same_message_rejected_by_two_collectors_is_told_once(url: str) -> None:
    for received in (1.0, 2.0):
        store = open_store(url)
        store.write(Batch(rejected=[Rejection("t", b"?", 1, 7, "bad", received)]))
    assert [one.received for one in store.rejections()] == [1.0]


def test_a_payload_of_64_kib_comes_back_whole(store: Store) -> None:
    kept = Rejection("t/\ud800", random.Random(1).randbytes(65_536), 99_999, 7, 'a "reason",\n\\', 1e9 + 1 / 3)
    store.write(Batch(rejected=[kept]))
    (told,) = store.rejections()
    assert told == kept


def test_only_the_newest_rejections_are_told_where_there_is_a_limit(store: Store) -> None:
    day = 86_400.0
    store.write(Batch(rejected=[Rejection("t", b"", 0, i, "bad", day * i + 0.25) for i in range(1, 30)]))
    assert [one.digest for one in store.rejections(limit=3)] == [27, 28, 29]
    assert store.rejections(limit=0) == []


def test_positions_are_read_in_pieces_with_gaps_and_numbers_of_any_size(store: Store) -> None:
    numbers = [*range(2500), *range(2**40, 2**40 + 3), 2**53 - 1]
    store.write(Batch([accepted(readings([START], pm25=[1.0]), seq) for seq in numbers]))
    store.write(Batch([accepted(readings([START], pm25=[1.0]), seq, address("b"), "s2") for seq in (0, 7)]))
    first, second = store.positions()
    assert first.ranges == ((0, 2499), (2**40, 2**40 + 2), (2**53 - 1, 2**53 - 1))
    assert list(first.recent) == numbers[-1000:]
    assert (second.stream, second.ranges) == (Stream("run-1", "chiang-mai", "b", "s2"), ((0, 0), (7, 7)))


def test_many_messages_without_numbers_are_known_by_what_they_say(store: Store) -> None:
    told = [accepted(readings([START + i], pm25=[float(i)]), None, address(f"s{i % 7}")) for i in range(250)]
    told += [accepted(event(f"e{i}", "service_request.opened", START + i), None) for i in range(120)]
    store.write(Batch(told[::2]))
    held = store.known([one.message for one in told])
    assert [body is not None for body in held] == [i % 2 == 0 for i in range(len(told))]


def test_a_server_killed_in_the_middle_of_writes_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    server = Influxd(tmp_path)
    server.start()
    try:
        ingest, kept = Ingest(open_store(server.url())), threading.Event()
        store = open_store(f"influxdb://127.0.0.1:{server.port}/{ORGANIZATION}/bucket-1")
        writer = threading.Thread(target=write_all, args=(ingest, kept))
        writer.start()
        for _ in range(2):
            kept.wait(chance.uniform(0.05, 0.8))
            server.kill()
            server.start()
        writer.join(120)
        assert kept.is_set()
        server.kill()
        server.start()
        assert store.positions()[0].ranges == ((0, MESSAGES - 1),)
        assert values(store, flagged=True) == [float(seq) for seq in range(MESSAGES)]
        assert store.counts("run-1")[Fate.STORED] == MESSAGES
    finally:
        server.kill()


MESSAGES = 1000


def write_all(ingest: Ingest, kept: threading.Event) -> None:
    for first in range(0, MESSAGES, 10):
        ingest.process([said(seq) for seq in range(first, first + 10)])
    kept.set()


def test_a_write_is_answered_after_the_log_is_synced(influxd: Influxd) -> None:
    with influxd.client() as client:
        told, *_ = client.api_client.call_api("/api/v2/config", "GET", response_type="object")
    assert told["config"]["storage-wal-fsync-delay"] in ("0s", 0, "")


def test_buckets_and_retention_are_made_when_asked_for(influxd: Influxd) -> None:
    url = influxd.url("create=true&retention=90d")
    store = open_store(url)
    with influxd.client() as client:
        kept = [
            sum(rule.every_seconds for rule in client.buckets_api().find_bucket_by_name(name).retention_rules)
            for name in (parse(url).bucket, parse(url).accounts)
        ]
    assert kept == [90 * 86_400, 0]
    with pytest.raises(StoreError, match=r"dropped 1 points outside retention policy.*retention 0"):
        store.write(Batch([accepted(readings([0], pm25=[1.0]), 0)]))
    assert store.positions() == []
    with pytest.raises(StoreError, match="for 30d, it keeps them for 90d"):
        open_store(url.replace("90d", "30d"))


def test_what_a_bucket_is_too_young_for_is_rejected_and_blocks_nothing(influxd: Influxd) -> None:
    store = open_store(influxd.url("create=true&retention=90d"))
    now = int(time.time()) // 900 * 900
    address = Address("run-1", "chiang-mai", "environment", "a")
    said = [Message(address, "s1", seq, readings([at], pm25=[1.0])) for seq, at in enumerate((now, 0, now + 900))]
    batch = Ingest(store).process([Delivery(one.address.topic, encode(one), 1.5) for one in said])
    assert [one.message.seq for one in batch.accepted] == [0, 2]
    assert [one.reason for one in store.rejections()] == [batch.rejected[0].reason]
    assert "1970-01-01T00:00:00Z is older than bucket" in batch.rejected[0].reason
    assert sum(store.series("run-1")["readings"].to_pylist()) == 2


def test_a_missing_bucket_is_made_only_when_asked_for(influxd: Influxd) -> None:
    url = influxd.url("")
    for read_only, option in ((False, ""), (True, "create=true")):
        with pytest.raises(StoreError, match=r"has no bucket bucket-\d+-accounts: add \?create=true"):
            open_store(url + option, read_only=read_only)
    open_store(url + "create=true").close()
    reader = open_store(url, read_only=True)
    with pytest.raises(StoreError, match="reading only"):
        reader.write(Batch(bodies()))
    assert points(influxd, url) == {"readings": 0, "events": 0, "statistics": 0, "receipts": 0}


def test_what_cannot_be_reached_or_is_not_allowed_says_what_to_do(
    influxd: Influxd, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = influxd.url()
    for wrong, expected in (
        (f"influxdb://127.0.0.1:{influxd.port}/nobody/b", "nobody.* not found; check organization"),
        ("influxdb://127.0.0.1:1/city/b", "is InfluxDB running there"),
        (url.replace("influxdb", "influxdbs"), "no secure connection"),
    ):
        with pytest.raises(StoreError, match=expected):
            open_store(wrong)
    monkeypatch.setattr(secrets, "_provided", {secrets.INFLUX_TOKEN: "hush-hush"})
    with pytest.raises(StoreError, match="does not accept the token in NAKHON_INFLUX_TOKEN") as caught:
        open_store(url)
    assert "hush" not in str(caught.value)
    monkeypatch.setattr(secrets, "_provided", {})
    with pytest.raises(StoreError, match="set NAKHON_INFLUX_TOKEN"):
        open_store(url)


SIGNS = st.one_of(st.sampled_from(list(' ,="\\\n\r\t#%${}\x00\x85\u2028นคร')), st.characters(exclude_categories=["Cs"]))
NASTY = st.text(SIGNS, max_size=12)


RUNS = count()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NASTY, min_size=1, max_size=8, unique=True))
@example(['$"', "${r.city}", "$\\", "$"])
def test_any_text_goes_in_as_a_name_and_comes_out_the_same(store: Store, influxd: Influxd, texts: list[str]) -> None:
    run = f"run-{next(RUNS)}"
    told = [accepted(readings([START], pm25=[1.0]), 0, Address(run, text, text, text), f"{text}") for text in texts]
    told += [accepted(event(text, f"t{text}", note=text), 1, Address(run, text, text, text), text) for text in texts]
    store.write(Batch(told))
    assert sorted(row["city"] for row in store.series(run).to_pylist()) == sorted(texts)
    assert sorted(position.stream.session for position in store.positions(run)) == sorted(texts)
    for text in texts:
        assert values(store, runs=(run,), cities=(text,), stations=(text,)) == [1.0]
    assert all(body is not None for body in store.known([one.message for one in told]))
    rows = ", ".join(f"{{v: {literal(text)}}}" for text in texts)
    echoed = influxd.query(f'import "array"\narray.from(rows: [{rows}])')
    assert [without_breaks(row["v"] or "") for row in echoed] == [without_breaks(text) for text in texts]


def without_breaks(text: str) -> str:
    """Line breaks do not survive the CSV that answers come in."""
    return text.replace("\r", "").replace("\n", "")


SPAN = 3 * 86_400
CITIES = {"chiang-mai": "Asia/Bangkok", "kathmandu": "Asia/Kathmandu", "london": "Europe/London", "unborn": None}
INDICATORS = ("pm25", "business_registrations", "water_level", "service_backlog", "noise_laeq", "portal_uptime")
MARCH_28 = 1_774_656_000  # 2026-03-28: summer time begins in London on the second day


def said_by_cities() -> Batch:
    chance = np.random.default_rng(7)
    told, births = [], []
    for city, zone in CITIES.items():
        if zone:
            profile = CITY.__class__(city, city, "x", 0.0, 0.0, zone)
            births.append((CityAddress("run-1", city), birth().__class__(True, "s1", profile, birth().origin)))
        for station in ("a", "b"):
            times = (MARCH_28 + np.sort(chance.choice(SPAN, 200, replace=False))).astype("datetime64[s]")
            columns = {name: chance.uniform(-0.5, 90, 200).round(2) for name in INDICATORS}
            at = Address("run-1", city, "environment", station)
            told.append(accepted(Readings(times, columns), 0, at))
            told += [
                accepted(event(str(i), "service_request.opened", int(times[i].astype(int))), i + 1, at)
                for i in range(9)
            ]
            told.append(accepted(statistic(4.0, 0, MARCH_28, "2026-03"), 99, at))
    return Batch(told, births=births)


def test_every_read_tells_the_same_as_from_duckdb(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(influx_windows, "SAVES", 0)  # in windows wherever they can tell the same
    beside = open_store(f"duckdb://{tmp_path / 'city.duckdb'}")
    batch = said_by_cities()
    for one in (store, beside):
        one.write(batch)
    beside.maintain()
    for selection in selections():
        same(store.read(selection).to_pydict(), beside.read(selection).to_pydict())
    same(store.series().to_pydict(), beside.series().to_pydict())
    same(store.latest("run-1").to_pydict(), beside.latest("run-1").to_pydict())
    assert store.runs() == beside.runs()
    beside.close()


def test_many_values_are_combined_where_they_are_stored(influxd: Influxd) -> None:
    store = open_store(influxd.url())
    times = list(range(START, START + 86_400, 20))
    store.write(Batch([accepted(readings(times, pm25=[float(time % 900) for time in times]))]))
    selection = Selection(("pm25",), start=START, end=START + 86_400, bucket=6 * 3600)
    tables = store._reader._windowed(selection, store._reader._origins(()))  # type: ignore[attr-defined]
    assert tables["rollup"]["n"].to_pylist() == [1080] * 4
    assert tables["readings"].num_rows == 0
    assert store.read(selection)["value"].to_pylist() == [440.0] * 4


def selections() -> Iterator[Selection]:
    """Buckets that Flux combines and such that it does not, of spans that cut half hours and buckets."""
    merging = (*(name for name in INDICATORS if name != "noise_laeq"), "service_requests", "unemployment")
    spans = [(None, None), (MARCH_28 + 1234, MARCH_28 + SPAN - 4321), (MARCH_28, MARCH_28 + 86_400)]
    for start, end in spans:
        for bucket, local in ((3600, True), (4 * 3600, False), (86_400, True), (7 * 86_400, True)):
            yield Selection(merging, start=start, end=end, bucket=bucket, local=local)
        yield Selection((), start=start, end=end, flagged=True)
    yield Selection((), bucket=86_400)
    yield Selection(INDICATORS, bucket=86_400, flagged=True)
    yield Selection(("pm25",), cities=("london", "unborn"), stations=("b",), bucket=86_400)
    yield Selection(("pm25",), cities=("kathmandu",), start=MARCH_28 + 7, bucket=86_400)
    yield Selection(("pm25",), start=9, end=9, bucket=86_400)


def same(told: dict[str, list[object]], expected: dict[str, list[object]]) -> None:
    assert told.pop("value", []) == pytest.approx(expected.pop("value", []), rel=1e-9)
    assert told == expected


SCENARIO = """
name = "one-day"
start = 2026-03-01T00:00:00Z
duration = "12h"
cadence = "30min"
[cities]
include = ["chiang-mai", "rayong"]
"""


def test_a_simulated_run_is_accounted_for_and_compares_as_from_duckdb(
    influxd: Influxd, url: str, tmp_path: Path
) -> None:
    (tmp_path / "one-day.toml").write_text(SCENARIO)
    for name, place in (("influx", url), ("duck", "duckdb://city.duckdb")):
        told = ("--broker", "none", "--store", place, "--run", "a", "--ledger", f"{name}.ledger")
        assert command(tmp_path, "simulate", "one-day.toml", *told) == 0, (tmp_path / "simulate.log").read_text()
    assert command(tmp_path, "audit", "influx.ledger", "--store", url) == 0
    asked = [option for name in ("pm25", "noise_laeq", "service_requests") for option in ("--indicator", name)]
    figures = []
    for place in (url, "duckdb://city.duckdb"):
        assert command(tmp_path, "compare", "--store", place, *asked, "--bucket", "6h", "--json") == 0
        figures.append(list(numbers(json.loads((tmp_path / "compare.out").read_text()))))
    assert len(figures[0]) > 50
    assert figures[0] == pytest.approx(figures[1], rel=1e-9)


def command(folder: Path, *arguments: str) -> int:
    return nakhon(*arguments, folder=folder, NAKHON_INFLUX_TOKEN=TOKEN).wait(120)


def numbers(told: object) -> Iterator[float]:
    if isinstance(told, dict):
        told = list(told.values())
    if isinstance(told, list):
        for one in told:
            yield from numbers(one)
    elif isinstance(told, int | float):
        yield float(told)


def test_the_flux_of_the_documentation_tells_the_mean_of_the_hour(influxd: Influxd, url: str, store: Store) -> None:
    (flux,) = re.findall(r"```flux\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    store.write(Batch([accepted(readings([START, START + 900, START + 3600], pm25=[10.0, 20.0, -5.0]))]))
    rows = influxd.query(flux.replace('bucket: "readings"', f'bucket: "{parse(url).bucket}"'))
    assert [(row["city"], row["_value"]) for row in rows] == [("chiang-mai", 15.0)]


@pytest.fixture
def victoria(tmp_path: Path) -> Iterator[VictoriaMetrics]:
    server = VictoriaMetrics(tmp_path)
    server.start()
    yield server
    server.kill()


def test_victoriametrics_takes_the_same_lines_and_says_what_it_cannot(
    victoria: VictoriaMetrics, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        store = open_store(victoria.url())
    assert "opened for writing only" in caplog.text
    ingest = Ingest(store)
    ingest.process([said(seq) for seq in range(50)])
    store.write(Batch([accepted(event("1", "service_request.closed", resolution_time=4.5))]))
    (series,) = victoria.rows('readings_value{station="a",indicator="pm25"}')
    assert (series["values"], series["timestamps"][0]) == ([float(seq) for seq in range(50)], START * 1000)
    assert [row["values"] for row in victoria.rows("events_resolution_time")] == [[4.5]]
    for refused in (lambda: store.read(Selection(())), store.series, lambda: store.counts("run-1")):
        with pytest.raises(StoreError, match="speaks no Flux"):
            refused()
    store.close()
