"""Ingest, on a real DuckDB store: every delivery has one fate, and the accounts add up."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.ingest import Delivery, Ingest
from collector.metrics import Metrics
from collector.stores import open_store
from collector.stores.protocol import Fate, Selection, Store

TOPIC = "nakhon/v1/run/chiang-mai/environment/aq-01"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"duckdb://{tmp_path}/city.duckdb")
    yield opened
    opened.close()


def tick(seq: int | None, value: float | None = 1.0, minute: int = 0, **more: object) -> Delivery:
    told: dict[str, object] = {} if seq is None else {"session": "9f3c", "seq": seq}
    told |= {"time": f"2026-03-01T08:{minute:02d}:00Z", "pm25": value} | more
    return Delivery(TOPIC, json.dumps(told).encode(), 1.8e9)


def values(store: Store) -> list[float]:
    return store.read(Selection(("pm25",), flagged=True)).column("value").to_pylist()


def test_what_is_new_is_stored_once_however_often_it_comes(store: Store) -> None:
    ingest = Ingest(store)
    ingest.process([tick(0), tick(1, minute=1), tick(0)])
    ingest.process([tick(1, minute=1), tick(2, minute=2)])
    assert len(values(store)) == 3
    assert store.counts("run")[Fate.STORED] == 3
    assert store.counts("run")[Fate.DUPLICATE] == 2


def test_a_duplicate_is_recognised_after_a_restart(store: Store) -> None:
    Ingest(store).process([tick(0), tick(1, minute=1)])
    Ingest(store).process([tick(0), tick(1, minute=1)])
    assert len(values(store)) == 2
    assert store.counts("run")[Fate.DUPLICATE] == 2


def test_the_same_number_with_other_bytes_is_kept_apart_as_a_conflict(store: Store) -> None:
    Ingest(store).process([tick(0, 1.0), tick(0, 2.0)])
    assert values(store) == [1.0]
    (kept,) = store.rejections("run")
    assert kept.fate is Fate.CONFLICT
    assert json.loads(kept.payload)["pm25"] == 2.0
    assert "number 0" in kept.reason


def test_a_conflict_delivered_again_is_a_duplicate_also_after_a_restart(store: Store) -> None:
    Ingest(store).process([tick(0, 1.0), tick(0, 2.0)])
    Ingest(store).process([tick(0, 2.0)])
    assert len(store.rejections("run")) == 1
    assert store.counts("run") == {Fate.STORED: 1, Fate.REJECTED: 0, Fate.DUPLICATE: 1, Fate.CONFLICT: 1}


def test_what_does_not_follow_the_wire_is_kept_with_its_bytes_and_does_not_block_its_neighbours(store: Store) -> None:
    nonsense = Delivery(TOPIC, b"\xff\xfe nonsense", 1.8e9)
    elsewhere = Delivery("nakhon/v1/RUN/somewhere", b"{}", 1.8e9)
    Ingest(store).process([tick(0), nonsense, elsewhere, tick(1, minute=1), nonsense])
    assert len(values(store)) == 2
    kept = {one.topic: one for one in store.rejections()}
    assert kept[TOPIC].payload == b"\xff\xfe nonsense"
    assert "UTF-8" in kept[TOPIC].reason
    assert (
        "lower-case" in kept["nakhon/v1/RUN/somewhere"].reason or "expected" in kept["nakhon/v1/RUN/somewhere"].reason
    )


def test_a_huge_payload_is_kept_only_in_part_and_its_size_told(store: Store) -> None:
    Ingest(store).process([Delivery(TOPIC, b"[" * 3_000_000, 1.8e9)])
    (kept,) = store.rejections("run")
    assert kept.size == 3_000_000
    assert len(kept.payload) <= 64 * 1024


def test_a_value_outside_its_bounds_is_stored_and_flagged(store: Store) -> None:
    Ingest(store).process([tick(0, 99_999.0), tick(1, 20.0, minute=1)])
    assert values(store) == [99_999.0, 20.0]
    assert store.read(Selection(("pm25",))).column("value").to_pylist() == [20.0]


def test_an_indicator_nobody_registered_is_kept(store: Store) -> None:
    Ingest(store).process([tick(0, 1.0, cosmic_rays=7.5)])
    rows = {row["indicator"]: row for row in store.series("run").to_pylist()}
    assert rows["cosmic_rays"]["registered"] is False
    assert rows["pm25"]["registered"] is True
    assert store.read(Selection(("cosmic_rays",))).column("value").to_pylist() == [7.5]


def test_a_device_without_numbers_is_known_by_station_indicator_and_time(store: Store) -> None:
    Ingest(store).process([tick(None), tick(None), tick(None, 5.0, minute=1)])
    Ingest(store).process([tick(None), tick(None, 3.0), tick(None, 1.0, pm10=9.0)])
    assert sorted(values(store)) == [1.0, 5.0]
    assert store.read(Selection(("pm10",))).column("value").to_pylist() == [9.0]
    assert store.counts("run") == {Fate.STORED: 3, Fate.REJECTED: 0, Fate.DUPLICATE: 2, Fate.CONFLICT: 1}


def test_the_accounts_of_the_metrics_add_up(store: Store) -> None:
    metrics = Metrics()
    ingest = Ingest(store, metrics=metrics)
    deliveries = [tick(0), tick(0), tick(0, 2.0), Delivery(TOPIC, b"", 1.8e9), tick(1, minute=1)]
    metrics.received(len(deliveries))
    ingest.process(deliveries)
    counted = {
        name: metrics.value(f"nakhon_messages_{name}_total")
        for name in ("received", "stored", "rejected", "duplicate", "conflict")
    }
    assert counted == {"received": 5, "stored": 2, "rejected": 1, "duplicate": 1, "conflict": 1}


def test_the_word_counts_distinct_messages_that_are_safe(store: Store) -> None:
    ingest = Ingest(store)
    ingest.process([tick(0), tick(0), tick(1, minute=1), Delivery(TOPIC, b"", 1.8e9)])
    assert ingest.committed("run", "9f3c") == 3
    assert Ingest(store).committed("run", "9f3c") == 3
