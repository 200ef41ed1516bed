"""The DuckLake: what two collectors stored is seen once, sealing changes no answer, and errors say what to do."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from parts import free_port
from postgres import PASSWORD, lake_url, made_lake_url, shared
from test_stores import START, accepted, address, birth, event, readings, statistic

from collector.language.errors import InputError, StoreError, StoreTooNew
from collector.language.topics import CityAddress
from collector.stores import open_store, secrets
from collector.stores.ducklake.schema import TABLES
from collector.stores.ducklake.seal import seal
from collector.stores.ducklake.store import DuckLakeStore
from collector.stores.ducklake.store import open_store as open_lake
from collector.stores.protocol import Accepted, Batch, Fate, Rejection, Selection, Store

EVERYTHING = Selection((), flagged=True)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Get a lake that is not made yet."""
    return lake_url(tmp_path)


@pytest.fixture
def made(tmp_path: Path) -> str:
    return made_lake_url(tmp_path)


@pytest.fixture
def collector(made: str) -> Iterator[Callable[[], DuckLakeStore]]:
    """Get one more collector of the same lake."""
    opened: list[DuckLakeStore] = []

    def one() -> DuckLakeStore:
        opened.append(open_lake(made))
        return opened[-1]

    yield one
    for store in opened:
        store.close()


def stored(*messages: Accepted) -> Batch:
    return Batch(messages, counts={("run-1", Fate.STORED): len(messages)})


def sealed(store: DuckLakeStore) -> None:
    seal(store._lake)
    with store._lake.reading() as connection:
        assert connection.execute("SELECT count(*) FROM lake.receipts").fetchall() == [(0,)]


def answers(store: Store) -> list[object]:
    """What can be asked of a run, without the places that the digests of two numbers may share."""
    hourly = store.read(Selection((), bucket=3600))
    tables = [store.read(EVERYTHING), hourly, store.series("run-1"), store.latest("run-1")]
    held = {position.stream: (position.ranges, position.recent) for position in store.positions("run-1")}
    return [*(table.to_pylist() for table in tables), held, store.counts("run-1"), store.runs()]


def test_a_message_that_two_collectors_stored_is_seen_once(collector: Callable[[], DuckLakeStore]) -> None:
    one, other = collector(), collector()
    bodies = [readings([START], pm25=[7.0]), event("1", "service_request.closed", resolution_time=2.0), statistic(4.2)]
    messages = [accepted(body, seq) for seq, body in enumerate(bodies)]
    one.write(stored(*messages))
    before = [table.to_pylist() for table in (one.read(EVERYTHING), one.series(), one.latest("run-1"))]
    other.write(stored(*messages))
    for _ in range(2):
        assert [table.to_pylist() for table in (one.read(EVERYTHING), one.series(), one.latest("run-1"))] == before
        assert other.counts("run-1") == {Fate.STORED: 3, Fate.DUPLICATE: 3, Fate.REJECTED: 0, Fate.CONFLICT: 0}
        assert [position.ranges for position in one.positions()] == [((0, 2),)]
        sealed(other)
    one.write(stored(*messages))  # what is sealed is known, too
    assert [table.to_pylist() for table in (one.read(EVERYTHING), one.series(), one.latest("run-1"))] == before
    assert other.counts("run-1")[Fate.DUPLICATE] == 6


def test_collectors_that_store_the_same_in_any_order_answer_as_one_duckdb_file(
    collector: Callable[[], DuckLakeStore], tmp_path: Path
) -> None:
    chance = random.Random(11)
    messages = [message for seq in range(60) for message in _spoken(seq)]
    births = [(CityAddress("run-1", "chiang-mai"), birth())]
    file = open_store(f"duckdb://{tmp_path}/city.duckdb")
    file.write(Batch(messages, births=births, counts={("run-1", Fate.STORED): len(messages)}))
    collectors = [collector() for _ in range(3)]
    again = 0
    for first in range(0, len(messages), 15):
        part = messages[first : first + 15]
        for store in chance.sample(collectors, chance.randint(1, 3)):
            store.write(Batch(part, births=births, counts={("run-1", Fate.STORED): len(part)}))
            again += len(part)
        if chance.random() < 0.4:
            sealed(chance.choice(collectors))
    file.write(Batch(counts={("run-1", Fate.DUPLICATE): again - len(messages)}))
    expected = answers(file)
    file.close()
    assert again > len(messages)
    assert answers(collectors[0]) == expected
    sealed(collectors[1])
    assert answers(collectors[2]) == expected


def _spoken(seq: int) -> list[Accepted]:
    """What three stations say at a time, each under its own number."""
    at = [START + 600 * seq, START + 600 * seq + 300]
    values = readings(at, pm25=[float(seq), -1.0], noise_laeq=[50.0 + seq % 7, float("nan")])
    told = [accepted(values, seq, address(station)) for station in "ab"]
    if seq % 3 == 0:
        told.append(accepted(event(str(seq), "service_request.opened", at[0]), seq // 3, address("desk")))
    if seq % 20 == 0:
        told.append(accepted(statistic(float(seq), revision=seq), seq // 20, address("office")))
    return told


def contradicting(value: float, digest: int) -> Accepted:
    told = accepted(readings([START], pm25=[value]), 0)
    return Accepted(told.message, digest, received=1.5)


@pytest.mark.parametrize("known_to_be_sealed", [False, True])
def test_of_two_messages_of_one_number_the_first_stays_and_the_other_is_a_conflict(
    collector: Callable[[], DuckLakeStore], known_to_be_sealed: bool
) -> None:
    one, other = collector(), collector()
    one.write(stored(contradicting(1.0, 2**63 + 5)))
    if known_to_be_sealed:
        sealed(one)
    other.write(stored(contradicting(2.0, 7)))
    for _ in range(2):
        assert one.read(EVERYTHING)["value"].to_pylist() == [1.0]
        assert one.counts("run-1") == {Fate.STORED: 1, Fate.CONFLICT: 1, Fate.DUPLICATE: 0, Fate.REJECTED: 0}
        (kept,) = one.rejections("run-1")
        assert (kept.fate, kept.digest, kept.run) == (Fate.CONFLICT, 7, "run-1")
        assert kept.topic == "nakhon/v1/run-1/chiang-mai/environment/a"
        assert "number 0 of session s1" in kept.reason
        assert json.loads(kept.payload)["pm25"] == [2.0]
        assert one.positions()[0].recent == {0: 5}
        assert other.rejections("another") == []
        sealed(other)


def test_a_contradicting_event_is_shown_with_its_fields(collector: Callable[[], DuckLakeStore]) -> None:
    one, other = collector(), collector()
    for store, category in ((one, "road"), (other, "water")):
        told = accepted(event("7", "service_request.opened", category=category), 3)
        store.write(stored(Accepted(told.message, len(category), 1.0)))
    (kept,) = one.rejections()
    assert kept.topic.endswith("/a/events")
    assert json.loads(kept.payload)["category"] == "water"
    sealed(one)
    assert one.rejections() == [kept]
    assert one.read(EVERYTHING)["value"].to_pylist() == [1.0]


def test_what_two_collectors_rejected_is_kept_once(collector: Callable[[], DuckLakeStore]) -> None:
    one, other = collector(), collector()
    bad = Rejection("nakhon/v1/run-1/x", b"\x00\xff", 2, 2**64 - 1, "no JSON", 1.0, Fate.REJECTED, "run-1")
    for store in (one, other):
        store.write(Batch(rejected=[bad], counts={("run-1", Fate.REJECTED): 1}))
    for _ in range(2):
        assert one.rejections() == [bad]
        assert one.counts("run-1") == {Fate.REJECTED: 1, Fate.DUPLICATE: 1, Fate.STORED: 0, Fate.CONFLICT: 0}
        sealed(one)


def test_messages_without_a_number_stored_twice_are_seen_once(collector: Callable[[], DuckLakeStore]) -> None:
    one, other = collector(), collector()
    told = accepted(readings([START], pm25=[3.0]), None)
    for store in (one, other):
        store.write(stored(told))
    for _ in range(2):
        assert one.read(EVERYTHING)["value"].to_pylist() == [3.0]
        assert one.counts("run-1")[Fate.DUPLICATE] == 1
        assert one.positions() == []
        sealed(one)


def test_a_batch_that_was_kept_although_its_write_failed_is_not_kept_twice(
    collector: Callable[[], DuckLakeStore],
) -> None:
    store = collector()
    batch = stored(*(accepted(readings([START + i], pm25=[1.0]), None if i % 2 else i) for i in range(2)))
    store.write(batch)
    with store._lake.reading() as connection:
        number = connection.execute("SELECT max(batch) FROM lake.counts").fetchall()[0][0]
    store._doubtful = (batch, number)
    store.write(batch)
    assert store.counts("run-1")[Fate.STORED] == 2
    store.write(batch)  # the same said again, and known to be
    assert store.counts("run-1") == {Fate.STORED: 2, Fate.DUPLICATE: 2, Fate.REJECTED: 0, Fate.CONFLICT: 0}


def test_folding_keeps_ranges_digests_counts_and_names(collector: Callable[[], DuckLakeStore]) -> None:
    store = collector()
    numbers = [*range(1300), *range(1400, 2700)]
    for part in (numbers[::2], numbers[1::2]):
        store.write(stored(*(accepted(readings([START + i], pm25=[float(i)]), i) for i in part)))
        sealed(store)
    store._names = type(store._names)()  # a collector started anew says its names again
    store.write(stored(accepted(readings([START], pm25=[1.0]), 5000)))
    sealed(store)
    (position,) = store.positions()
    assert position.ranges == ((0, 1299), (1400, 2699), (5000, 5000))
    assert sorted(position.recent) == [*numbers, 5000][-1000:]
    assert store.series().num_rows == 1
    assert store.counts("run-1")[Fate.STORED] == 2601


def test_collectors_that_start_at_once_make_one_lake(url: str) -> None:
    opened: list[DuckLakeStore] = []
    troubles: list[BaseException] = []

    def start() -> None:
        try:
            opened.append(open_lake(url))
        except BaseException as error:  # noqa: BLE001 - told to the test
            troubles.append(error)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert troubles == []
    for place, store in enumerate(opened):
        store.write(stored(accepted(readings([START + place], pm25=[1.0]), place)))
    assert opened[0].counts("run-1")[Fate.STORED] == 3
    for store in opened:
        store.close()


def test_readers_see_whole_batches_while_another_collector_seals(collector: Callable[[], DuckLakeStore]) -> None:
    writer, reader = collector(), collector()
    seen: list[int] = []
    done = threading.Event()
    troubles: list[BaseException] = []

    def look() -> None:
        try:
            while not done.is_set():
                seen.append(reader.read(EVERYTHING).num_rows)
        except BaseException as error:  # noqa: BLE001 - told to the test
            troubles.append(error)

    thread = threading.Thread(target=look)
    thread.start()
    for seq in range(12):
        writer.write(stored(*(accepted(readings([START + seq], pm25=[1.0]), seq, address(f"s{i}")) for i in range(60))))
        if seq % 4 == 3:
            sealed(writer)
    done.set()
    thread.join(60)
    assert troubles == []
    assert seen == sorted(seen)
    assert {rows % 60 for rows in seen} == {0}


def test_reading_only_makes_nothing_and_writes_nothing(url: str) -> None:
    with pytest.raises(StoreError, match="is empty: collect into it first"):
        open_store(url, read_only=True)
    open_store(url).close()
    known = "SELECT count(*), coalesce(sum(record_count), 0) FROM ducklake_table_stats"  # or each is asked for, often
    assert shared().sql(known, url.partition("?")[0].rpartition("/")[2]) == f"{len(TABLES)}|1"
    store = open_store(url, read_only=True)
    assert store.runs() == []
    with pytest.raises(StoreError, match="for reading only"):
        store.write(stored(accepted(readings([START], pm25=[1.0]))))
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        store.runs()


def test_a_wrong_password_is_named_but_not_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = "quite ' wrong"
    monkeypatch.setattr(secrets, "_provided", {secrets.POSTGRES_PASSWORD: wrong})
    with pytest.raises(StoreError, match=r"refuses the user collector.*NAKHON_POSTGRES_PASSWORD") as caught:
        open_store(url)
    monkeypatch.setattr(secrets, "_provided", {})
    with pytest.raises(StoreError, match="NAKHON_POSTGRES_PASSWORD"):
        open_store(url)
    told = repr(caught.value) + repr(caught.getrepr())
    assert "quite" not in str(caught.value)
    assert PASSWORD not in told


def test_a_database_or_a_server_that_is_not_there_is_named(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no database absent .*create it"):
        open_store(f"ducklake:postgres://collector@127.0.0.1:{shared().port}/absent?data={tmp_path}")
    with pytest.raises(StoreError, match=r"does not answer: start it"):
        open_store(f"ducklake:postgres://collector@127.0.0.1:{free_port()}/city?data={tmp_path}")


def test_a_directory_that_is_missing_or_of_another_store_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no directory .*create it, or mount"):
        open_store(url.partition("?")[0] + f"?data={tmp_path}/absent")
    open_store(url).close()
    marker = tmp_path / "lake" / ".nakhon-store"
    kept = marker.read_text()
    marker.write_text("another\n")
    with pytest.raises(StoreError, match="holds the data of another store"):
        open_store(url)
    marker.unlink()
    with pytest.raises(StoreError, match="is the shared directory mounted"):
        open_store(url, read_only=True)
    marker.write_text(kept)
    with pytest.raises(StoreError, match="name their directory"):
        open_store(url.partition("?")[0] + f"?data={tmp_path}")


def test_an_older_store_is_brought_up_a_newer_says_upgrade_and_another_lake_is_refused(made: str) -> None:
    store = open_lake(made)
    with store._lake.writing() as connection:
        connection.execute("DROP TABLE lake.flags; UPDATE lake.meta SET version = 1")
    with pytest.raises(StoreError, match="open it once with a collector, which brings it up"):
        open_store(made, read_only=True)
    store.close()
    store = open_lake(made)
    assert store.flags().num_rows == 0
    with store._lake.writing() as connection:
        connection.execute("UPDATE lake.meta SET version = 99")
    with pytest.raises(StoreTooNew, match=r"99.*upgrade Nakhon"):
        open_store(made)
    with store._lake.writing() as connection:
        connection.execute("DROP TABLE lake.meta")
    store.close()
    with pytest.raises(StoreError, match="not a store of Nakhon"):
        open_store(made)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ducklake:postgres://host/city?data=/srv", "expected user, host and database"),
        ("ducklake:postgres://me@host/?data=/srv", "expected user, host and database"),
        ("ducklake:postgres://me@host/city", r"expected \?data="),
        ("ducklake:postgres://me@host/city?data=here", "absolute"),
        ("ducklake:postgres://me@host/city?data=s3://bucket/x", "a mounted share"),
        ("ducklake:postgres://me@host:99999/city?data=/srv", "port"),
        ("ducklake:postgres://me@host/city?data=/srv&password=x", "expected"),
        ("ducklake:postgres://me@host/city?data=/srv&sslmode=maybe", "sslmode"),
        ("ducklake:sqlite://city", "expected the URL of a store"),
    ],
)
def test_a_url_that_is_not_one_is_refused(url: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        open_store(url)


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputError, match="without a password") as caught:
        open_store("ducklake:postgres://me:hidden@host/city?data=/srv")
    assert "hidden" not in str(caught.value)


def test_a_refused_encryption_is_told(url: str) -> None:
    with pytest.raises(StoreError, match="SSL"):
        open_store(f"{url}&sslmode=require")


def test_values_keep_every_bit(collector: Callable[[], DuckLakeStore]) -> None:
    store = collector()
    values = [0.1 + 0.2, 1e-300, 1.7e308, -0.0, 5e-324]
    few = readings([START + i for i in range(5)], radon=values)
    many = readings([START + 100 + i for i in range(300)], radon=values * 60)
    store.write(stored(accepted(few, 0), accepted(many, 1)))
    for _ in range(2):
        told = np.array(store.read(EVERYTHING)["value"].to_pylist())
        np.testing.assert_array_equal(told.view(np.int64), np.array(values * 61).view(np.int64))
        sealed(store)
