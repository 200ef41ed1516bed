"""The intake, on real stores: what is safe is said once and in order, whatever the store does."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from parts import wait_for

from collector.intake import intake as module
from collector.intake.delivery import Delivery
from collector.intake.ingest import Ingest
from collector.intake.intake import Arrival, Intake, Outlets
from collector.intake.spool import Spool
from collector.language.errors import StoreError
from collector.serving.metrics import Metrics
from collector.stores.duckdb.store import DuckDBStore
from collector.stores.protocol import Batch, Fate

TOPIC = "nakhon/v1/run/chiang-mai/environment/aq-01"


class Moody(DuckDBStore):
    """A DuckDB store that can be told to refuse, or to take its time."""

    def __init__(self, path: Path) -> None:
        self.taking = threading.Event()
        self.refusing = False
        super().__init__(f"duckdb://{path}", path)
        self.taking.set()

    def write(self, batch: Batch) -> None:
        if self.refusing:
            raise StoreError("the disk is full")
        self.taking.wait(20)
        super().write(batch)


class Told:
    """Notes what an intake says."""

    def __init__(self) -> None:
        self.safe: list[int] = []
        self.stored = 0
        self.rooms = 0

    def outlets(self) -> Outlets:
        return Outlets(self._safe, self._stored, self._room)

    def _safe(self, arrivals: Sequence[Arrival]) -> None:
        self.safe += [one.mid for one in arrivals]

    def _stored(self, batch: Batch) -> None:
        self.stored += len(batch.accepted)

    def _room(self) -> None:
        self.rooms += 1


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Moody]:
    opened = Moody(tmp_path / "city.duckdb")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    monkeypatch.setattr(module, "DRAIN", 2.0)
    monkeypatch.setattr("collector.intake.ingest.LONGEST_RETRY", 0.1)


def said(seq: int) -> Arrival:
    told = {"session": "9f3c", "seq": seq, "time": f"2026-03-01T{seq // 60:02d}:{seq % 60:02d}:00Z", "pm25": 1.0}
    return Arrival(Delivery(TOPIC, json.dumps(told).encode(), 1.8e9), mid=seq)


def held(store: DuckDBStore) -> list[tuple[int, int]]:
    return [pair for position in store.positions("run") for pair in position.ranges]


def test_what_the_store_refuses_is_not_safe_until_it_takes_it(store: Moody) -> None:
    told = Told()
    store.refusing = True
    intake = Intake(Ingest(store), told.outlets())
    intake.start()
    for seq in range(5):
        intake.offer(said(seq))
    wait_for(lambda: intake.trouble is not None, 10, "trouble")
    assert told.safe == [] and intake.waiting == 5
    store.refusing = False
    wait_for(lambda: told.stored == 5, 10, "the store")
    intake.stop()
    assert told.safe == [0, 1, 2, 3, 4]
    assert held(store) == [(0, 4)]


def test_what_a_refusing_store_does_not_take_is_safe_in_the_spool_and_stored_from_there_in_order(
    store: Moody, tmp_path: Path
) -> None:
    told, metrics = Told(), Metrics()
    store.refusing = True
    with Spool(tmp_path / "spool") as spool:
        intake = Intake(Ingest(store, metrics=metrics), told.outlets(), spool)
        intake.start()
        for seq in range(3):
            intake.offer(said(seq))
        wait_for(lambda: told.safe == [0, 1, 2], 10, "the spool")
        for seq in range(3, 300):
            intake.offer(said(seq))
        wait_for(lambda: len(told.safe) == 300, 10, "the spool")
        assert told.safe == list(range(300))
        assert told.stored == 0 and intake.waiting == spool.pending == 300
        store.refusing = False
        wait_for(lambda: told.stored == 300, 10, "the store")
        wait_for(lambda: intake.waiting == 0, 10, "the end of the spool")
        intake.offer(said(300))
        wait_for(lambda: told.stored == 301, 10, "what comes after")
        intake.stop()
        assert not list((tmp_path / "spool").glob("*.spool"))
    assert held(store) == [(0, 300)]
    assert store.counts("run")[Fate.DUPLICATE] == 0
    assert told.safe == list(range(301))


def test_what_a_slow_store_does_not_take_in_time_is_spooled_and_stored_once(store: Moody, tmp_path: Path) -> None:
    told = Told()
    store.taking.clear()
    with Spool(tmp_path / "spool") as spool:
        intake = Intake(Ingest(store), told.outlets(), spool)
        intake.start()
        intake.offer(said(0))
        wait_for(lambda: told.safe == [0], 10, "the spool")
        intake.offer(said(1))
        wait_for(lambda: told.safe == [0, 1], 10, "the spool")
        store.taking.set()
        wait_for(lambda: intake.waiting == 0, 10, "the store")
        intake.stop()
    assert held(store) == [(0, 1)]
    assert store.counts("run") == {Fate.STORED: 2, Fate.REJECTED: 0, Fate.DUPLICATE: 0, Fate.CONFLICT: 0}


def test_stopped_while_the_store_refuses_everything_is_in_the_spool_and_the_next_start_stores_it(
    store: Moody, tmp_path: Path
) -> None:
    told = Told()
    store.refusing = True
    with Spool(tmp_path / "spool") as spool:
        intake = Intake(Ingest(store), told.outlets(), spool)
        intake.start()
        for seq in range(7):
            intake.offer(said(seq))
        intake.stop()
    assert told.safe == list(range(7)) and held(store) == []
    store.refusing = False
    with Spool(tmp_path / "spool") as spool:
        assert spool.pending == 7
        intake = Intake(Ingest(store), Told().outlets(), spool)
        intake.start()
        wait_for(lambda: intake.waiting == 0, 10, "the store")
        intake.stop()
    assert held(store) == [(0, 6)]


def test_stopped_while_the_store_refuses_and_without_a_spool_nothing_is_said_to_be_safe(
    store: Moody, caplog: pytest.LogCaptureFixture
) -> None:
    told = Told()
    store.refusing = True
    intake = Intake(Ingest(store), told.outlets())
    intake.start()
    for seq in range(7):
        intake.offer(said(seq))
    before = time.monotonic()
    intake.stop()
    assert time.monotonic() - before < 5
    assert told.safe == []
    assert "7 messages stay with the broker" in caplog.text


def test_a_full_spool_leaves_what_comes_with_the_broker_and_loses_nothing_when_there_is_room(
    store: Moody, tmp_path: Path
) -> None:
    told = Told()
    store.refusing = True
    with Spool(tmp_path / "spool", limit=1_000) as spool:
        intake = Intake(Ingest(store), told.outlets(), spool)
        intake.start()
        intake.offer(said(0))
        wait_for(lambda: told.safe == [0], 10, "the spool")
        for seq in range(1, 50):
            intake.offer(said(seq))
        wait_for(lambda: "full" in (intake.trouble or ""), 10, "the spool to be full")
        assert intake.waiting == 50 and len(told.safe) < 50
        store.refusing = False
        wait_for(lambda: intake.waiting == 0, 10, "the store")
        wait_for(lambda: intake.trouble is None, 10, "the trouble to be over")
        intake.stop()
    assert told.safe == list(range(50))
    assert held(store) == [(0, 49)]


def test_a_full_inbox_asks_for_no_more_until_there_is_room(store: Moody, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    monkeypatch.setattr(module, "INBOX_BYTES", 1_000)
    monkeypatch.setattr(module, "BATCH_MESSAGES", 1)
    store.taking.clear()
    intake = Intake(Ingest(store), told.outlets())
    intake.start()
    offered = [intake.offer(said(seq)) for seq in range(20)]
    assert offered[0] and not offered[-1]
    assert told.rooms == 0
    store.taking.set()
    wait_for(lambda: told.stored == 20, 10, "the store")
    assert told.rooms == 1
    intake.stop()
    assert told.safe == list(range(20))


def test_an_error_nobody_foresaw_is_said_and_nothing_more_is_safe(
    store: Moody, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told = Told()
    monkeypatch.setattr(Ingest, "process", lambda *_: {}["gone"])
    intake = Intake(Ingest(store), told.outlets())
    intake.start()
    intake.offer(said(0))
    wait_for(lambda: intake.broken is not None, 10, "the intake to say that it is broken")
    assert "gone" in (intake.trouble or "")
    intake.stop()
    assert told.safe == []
