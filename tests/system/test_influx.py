"""Over a real InfluxDB: killed, restarted, written to twice, refused; and over what speaks its lines only."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from influx import ORGANIZATION, Influxd, VictoriaMetrics
from store_samples import START, accepted, address, event, readings, statistic, values

from collector.intake.ingest import Delivery, Ingest
from collector.language.codec import encode
from collector.language.errors import StoreError
from collector.language.messages import Message
from collector.language.topics import Address
from collector.stores import open_store, secrets
from collector.stores.influx.url import parse
from collector.stores.protocol import Accepted, Batch, Fate, Rejection, Selection, Store, Stream

pytestmark = pytest.mark.system


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
