"""Ingest, on a real DuckDB store: every delivery has one fate, and the accounts add up."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts import wait_for

from collector.intake import apart
from collector.intake.ingest import Delivery, Ingest
from collector.language.errors import StoreError
from collector.serving.metrics import Metrics
from collector.stores import open_store
from collector.stores.duckdb.store import DuckDBStore
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


def bad(number: int, size: int = 10) -> Delivery:
    return Delivery(TOPIC, f"{number:010d}".encode() * (size // 10), 1.8e9)


def test_what_is_kept_of_a_flood_of_bad_messages_is_bounded_and_all_are_counted(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(apart, "MESSAGES_OF_A_RUN", 20)
    monkeypatch.setattr(apart, "BYTES_OF_A_RUN", 1_000)
    ingest = Ingest(store)
    for number in range(50):
        ingest.process([bad(number, 100), tick(number, minute=number)])
    kept = store.rejections("run")
    assert [len(one.payload) for one in kept] == [100] * 10 + [0] * 10
    assert {one.size for one in kept} == {100}
    assert store.counts("run")[Fate.REJECTED] == 50
    assert store.counts("run")[Fate.STORED] == 50
    assert "without their payloads" in caplog.text and "no more are kept" in caplog.text
    assert ingest.committed("run", "9f3c") == 100
    again = Ingest(store)
    assert again.committed("run", "9f3c") == 100
    again.process([bad(99)])
    assert len(store.rejections("run")) == 20


class Failing(DuckDBStore):
    """A store that fails when it is asked what it knows, or is to tidy up."""

    failing = True

    def known(self, messages: object) -> list:
        if self.failing:
            raise StoreError("not now")
        return super().known(messages)

    def maintain(self) -> None:
        if self.failing:
            raise StoreError("not now")
        super().maintain()


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[Failing]:
    opened = Failing(f"duckdb://{tmp_path}/failing.duckdb", tmp_path / "failing.duckdb")
    yield opened
    opened.close()


def test_a_store_that_cannot_say_what_it_knows_is_asked_until_it_can(failing: Failing) -> None:
    metrics = Metrics()
    ingest = Ingest(failing, metrics=metrics)
    thread = threading.Thread(target=lambda: ingest.process([tick(None)]))
    thread.start()
    wait_for(lambda: ingest.trouble == "not now", 10, "trouble")
    failing.failing = False
    thread.join(20)
    assert values(failing) == [1.0]
    assert ingest.trouble is None
    assert metrics.value("nakhon_store_refusals_total") >= 1


def test_a_store_that_cannot_tidy_up_is_used_all_the_same(failing: Failing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.intake.ingest.MAINTAIN_EVERY", 0.0)
    ingest = Ingest(failing)
    ingest.maintain()
    ingest.process([tick(0)])
    assert values(failing) == [1.0]


def test_a_wall_clock_that_goes_back_changes_nothing(store: Store) -> None:
    metrics = Metrics()
    ingest = Ingest(store, metrics=metrics)
    for seq, wall in enumerate((1.8e9, 4e9, 0.0, 1.0)):
        ingest.process([Delivery(TOPIC, tick(seq, minute=seq).payload, wall)])
    assert len(values(store)) == 4
    assert metrics.value("nakhon_lag_seconds_sum") >= 0
