"""The audit, on a real DuckDB store: each loss named, every term counted on its own."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from parts import entry_of

from collector.auditing.audit import audit
from collector.intake.ingest import Delivery, Ingest
from collector.language.codec import encode
from collector.language.errors import InputError
from collector.language.ledger import Effect, Fault, Header, Ledger
from collector.language.messages import Message, Readings
from collector.language.topics import Address
from collector.serving.api import application
from collector.serving.live import Live
from collector.serving.metrics import Metrics
from collector.serving.serve import serve
from collector.stores import open_store
from collector.stores.protocol import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"duckdb://{tmp_path}/city.duckdb")
    yield opened
    opened.close()


def message(seq: int, station: str = "aq-01", value: float = 1.0) -> Message:
    times = np.array([1_772_352_000 + 900 * seq], dtype=np.int64).view("datetime64[s]")
    readings = Readings(times, {"pm25": np.array([value + seq]), "pm10": np.array([np.nan])})
    return Message(Address("run", "chiang-mai", "environment", station), "9f3c", seq, readings)


SAID = [message(seq, station) for seq in range(20) for station in ("aq-01", "aq-02")]
LEDGER = Ledger(
    Header("run", "9f3c", "simulated"), [entry_of(one, encode(one)) for one in SAID], closed=True, torn=False
)


def deliver(store: Store, messages: list[Message]) -> None:
    Ingest(store).process([Delivery(one.address.topic, encode(one), 1.8e9) for one in messages])


def test_when_all_arrived_all_is_accounted_for(store: Store) -> None:
    deliver(store, SAID)
    verdict = audit(LEDGER, store)
    assert verdict.accounted_for
    assert (verdict.total.published, verdict.total.stored, verdict.total.missing) == (40, 40, 0)
    assert verdict.total.values_published == verdict.total.values_stored == 40
    assert not verdict.losses
    assert not verdict.doubts


def test_a_loss_is_named_by_station_numbers_and_times(store: Store) -> None:
    deliver(store, [one for one in SAID if not (one.address.station == "aq-02" and one.seq in (5, 6, 7, 12))])
    verdict = audit(LEDGER, store)
    assert not verdict.accounted_for
    assert verdict.missing["unexplained"] == 4
    first, second = verdict.losses
    assert (first.station, first.first, first.last) == ("chiang-mai/environment/aq-02", 5, 7)
    assert (first.since, first.until) == ("2026-03-01T09:15:00Z", "2026-03-01T09:45:00Z")
    assert (second.first, second.last) == (12, 12)
    assert verdict.stations["chiang-mai/environment/aq-01"].missing == 0


def test_a_message_that_was_rejected_is_not_missing(store: Store) -> None:
    payload = b"not what was meant"
    entries = [*LEDGER.entries, replace(entry_of(message(20), payload), values=0)]
    deliver(store, SAID)
    Ingest(store).process([Delivery(message(20).address.topic, payload, 1.8e9)])
    verdict = audit(replace(LEDGER, entries=entries), store)
    assert verdict.accounted_for
    assert (verdict.total.stored, verdict.total.rejected, verdict.total.missing) == (40, 1, 0)


def test_a_stored_message_with_other_bytes_is_told(store: Store) -> None:
    deliver(store, [message(0, value=7.0), *SAID[1:]])
    verdict = audit(LEDGER, store)
    assert verdict.total.differing == 1
    assert not verdict.accounted_for


def test_a_conflict_spoils_the_verdict(store: Store) -> None:
    deliver(store, [*SAID, message(3, value=9.0)])
    verdict = audit(LEDGER, store)
    assert verdict.conflicts == 1
    assert not verdict.accounted_for


def test_a_stored_message_that_the_ledger_does_not_know_is_told(store: Store) -> None:
    deliver(store, SAID)
    verdict = audit(replace(LEDGER, entries=LEDGER.entries[:-3]), store)
    assert verdict.unrecorded == 3
    assert not verdict.accounted_for


def test_pending_messages_of_a_running_collector_spoil_the_verdict(store: Store) -> None:
    deliver(store, SAID)
    metrics = Metrics()
    with serve(application(store, Live(), metrics, lambda: None), port=0) as server:
        remote = open_store(server.url)
        assert audit(LEDGER, remote).accounted_for
        metrics.pending(3)
        verdict = audit(LEDGER, remote)
    assert verdict.pending == 3
    assert not verdict.accounted_for


def test_a_publisher_that_did_not_end_in_order_is_told(store: Store) -> None:
    deliver(store, SAID)
    verdict = audit(replace(LEDGER, closed=False, torn=True), store)
    assert len(verdict.doubts) == 2


def test_a_store_that_knows_nothing_of_the_run_is_the_wrong_store(store: Store) -> None:
    with pytest.raises(InputError, match="knows nothing of the run 'run'"):
        audit(LEDGER, store)


def test_deliveries_are_counted_each(store: Store) -> None:
    deliver(store, [*SAID, *SAID[:3]])
    assert audit(LEDGER, store).deliveries == {"stored": 40, "rejected": 0, "duplicate": 3, "conflict": 0}


def test_a_fault_explains_what_is_missing_and_what_is_rejected_as_it_should_be(store: Store) -> None:
    station = "chiang-mai/environment/aq-02"
    silence = Fault("silence", "f1", ("*/aq-02",), Effect.MISSING, seq={station: (5, 6)})
    spoilt = Fault("malformed", "f2", ("*/aq-02",), Effect.MALFORMED, seq={station: (20, 20)})
    payload = b"spoilt on purpose"
    entries = [*LEDGER.entries, replace(entry_of(message(20, "aq-02"), payload), values=0)]
    deliver(store, [one for one in SAID if not (one.address.station == "aq-02" and one.seq in (5, 6))])
    Ingest(store).process([Delivery(message(20, "aq-02").address.topic, payload, 1.8e9)])
    verdict = audit(replace(LEDGER, entries=entries, faults=(silence, spoilt)), store)
    assert verdict.accounted_for
    assert verdict.missing == {"injected": 2, "expired": 0, "unexplained": 0}
    assert (verdict.total.rejected, verdict.total.malformed) == (1, 1)
    assert verdict.losses[0].cause == "silence (f1)"


def test_a_fault_explains_no_loss_beside_it(store: Store) -> None:
    silence = Fault("silence", "f1", ("*/aq-02",), Effect.MISSING, "2026-03-01T08:00:00Z", "2026-03-01T08:30:00Z")
    deliver(store, [one for one in SAID if one.seq is not None and one.seq >= 4])
    verdict = audit(replace(LEDGER, faults=(silence,)), store)
    assert verdict.missing == {"injected": 3, "expired": 0, "unexplained": 5}
    assert not verdict.accounted_for
    assert [loss.cause for loss in verdict.losses] == ["unexplained", "unexplained", "silence (f1)"]
