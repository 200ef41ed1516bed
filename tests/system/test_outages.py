"""Every outage, for real: at its end the audit asks for each message, and nothing is lost unless it is named."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from outages import Mouth, audited, away, here, refuse, said, small_disk, stored, verdict
from parts import Mosquitto, need, wait_for

from collector.auditing.audit import audit
from collector.intake import intake
from collector.language import connection
from collector.language.errors import NakhonError
from collector.language.ledger import read_ledger
from collector.stores import open_store
from collector.stores.duckdb.store import DuckDBStore
from collector.stores.protocol import Batch
from nakhon.fault_proxy import FaultProxy

pytestmark = pytest.mark.system

Start = Callable[..., Mosquitto]
FLOOD = int(os.environ.get("NAKHON_FLOOD", "20000"))  # by hand: a million


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience in seconds rather than half minutes."""
    monkeypatch.setattr(connection, "KEEPALIVE", 2)
    monkeypatch.setattr(connection, "LONGEST_BACKOFF", 1.0)
    monkeypatch.setattr("collector.intake.ingest.LONGEST_RETRY", 0.5)


@pytest.fixture
def proxied(mosquitto: Start) -> Iterator[tuple[Mosquitto, FaultProxy]]:
    broker = mosquitto()
    with FaultProxy(broker.port) as proxy:
        yield broker, proxy


def test_a_full_disk_loses_nothing_and_the_collector_says_so_and_goes_on_when_there_is_room(
    tmp_path: Path, mosquitto: Start, hurry: None
) -> None:
    broker = mosquitto()
    with small_disk(tmp_path, "24m") as disk:
        with here(broker.url, disk) as collector, Mouth(broker.url, tmp_path / "run.ledger") as mouth:
            mouth.say(300)
            wait_for(lambda: stored(collector) >= 300, 30, "the store")
            ballast = disk / "ballast"
            ballast.write_bytes(bytes(shutil.disk_usage(disk).free - 300_000))
            for _ in range(40):
                mouth.say(100, ticks=20)
                mouth.wait()
                if collector.subscriber.not_ready():
                    break
            wait_for(lambda: collector.subscriber.not_ready() is not None, 20, "the collector to say that it is full")
            with pytest.raises(HTTPError):
                urlopen(f"{collector.server.url}/ready")
            ballast.unlink()
            wait_for(lambda: not collector.subscriber.waiting, 30, "the store")
            assert collector.subscriber.not_ready() is None
        assert verdict(disk, tmp_path / "run.ledger").accounted_for


@pytest.mark.parametrize("spool", [False, True], ids=["without a spool", "with a spool"])
def test_ended_by_sigterm_while_the_store_refuses_nothing_is_lost(
    tmp_path: Path, mosquitto: Start, spool: bool
) -> None:
    broker = mosquitto()
    more = ("--spool", "spool") if spool else ()
    with small_disk(tmp_path, "24m") as disk:
        (tmp_path / "city.duckdb").symlink_to(disk / "city.duckdb")
        with Mouth(broker.url, tmp_path / "run.ledger") as mouth:
            with away(broker.url, tmp_path, *more) as process:
                ballast = disk / "ballast"
                ballast.write_bytes(bytes(shutil.disk_usage(disk).free))
                mouth.say(3_000)
                mouth.wait()
                wait_for(lambda: said(tmp_path / "collect.log", "the store refuses") > 0, 30, "the refusal")
                if spool:
                    wait_for(lambda: said(tmp_path / "collect.log", "go to the spool") > 0, 30, "the spool")
                    wait_for(lambda: received(tmp_path) >= 3_000, 30, "the collector to have everything")
                process.send_signal(signal.SIGTERM)
                process.wait(60)
            log = (tmp_path / "collect.log").read_text()
            assert ("wait in the spool" in log) is spool
            assert ("stay with the broker" in log) is not spool
            ballast.unlink()
            if spool:
                broker.stop()  # what is in the spool needs no broker that remembers
                (broker_state(tmp_path)).unlink()
                broker.start()
            with away(broker.url, tmp_path, *more) as process:
                wait_for(lambda: audited_here(tmp_path), 60, "everything")
        process.wait(10)
    assert not list((tmp_path / "spool").glob("*.spool"))


def page(folder: Path) -> str:
    """The address of the newest collector."""
    return (folder / "collect.log").read_text().rpartition("the page is at ")[2].split()[0]


def received(folder: Path) -> float:
    """How many messages the running collector has received."""
    with urlopen(f"{page(folder)}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("nakhon_messages_received_total "))


def audited_here(folder: Path) -> bool:
    """Whether the running collector accounts for everything."""
    try:
        store = open_store(page(folder))
        found = audit(read_ledger(folder / "run.ledger"), store)
    except NakhonError:  # it does not answer yet, or has stored nothing of the run
        return False
    return found.accounted_for and found.total.published == found.total.stored > 0


def pending(folder: Path) -> int:
    """How many messages the running collector has not stored yet, by an audit of it."""
    return audit(read_ledger(folder / "run.ledger"), open_store(page(folder))).pending


def broker_state(folder: Path) -> Path:
    (state,) = folder.glob("mosquitto-*/mosquitto.db")
    return state


def test_killed_again_and_again_while_the_store_refuses_what_the_spool_has_is_not_lost(
    tmp_path: Path, mosquitto: Start
) -> None:
    chance = random.Random(6)
    broker = mosquitto()
    with small_disk(tmp_path, "24m") as disk, Mouth(broker.url, tmp_path / "run.ledger") as mouth:
        (tmp_path / "city.duckdb").symlink_to(disk / "city.duckdb")
        ballast = disk / "ballast"
        for _ in range(3):
            with away(broker.url, tmp_path, "--spool", "spool"):
                ballast.write_bytes(bytes(shutil.disk_usage(disk).free))
                mouth.say(500)
                time.sleep(chance.uniform(0.0, 3.0))
            ballast.unlink()
        mouth.wait()
        with away(broker.url, tmp_path, "--spool", "spool"):
            wait_for(lambda: audited_here(tmp_path), 60, "everything")


class Slow(DuckDBStore):
    """A store that takes its time for each batch."""

    seconds = 0.0

    def write(self, batch: Batch) -> None:
        if batch.accepted:
            time.sleep(self.seconds)
        super().write(batch)


def test_a_store_that_is_slow_holds_the_broker_back_and_keeps_the_inbox_small(
    tmp_path: Path, mosquitto: Start, hurry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = mosquitto()
    monkeypatch.setattr(intake, "INBOX_BYTES", 200_000)
    monkeypatch.setattr(intake, "BATCH_BYTES", 50_000)
    monkeypatch.setattr(connection, "REST", 0.5)
    monkeypatch.setattr("nakhon.collect.open_store", lambda url: Slow(url, tmp_path / "city.duckdb"))
    monkeypatch.setattr(Slow, "seconds", 2.0)
    with here(broker.url, tmp_path) as collector, Mouth(broker.url, tmp_path / "run.ledger") as mouth:
        generation = collector.subscriber.connection.generation
        most = 0
        mouth.say(200, ticks=400)
        mouth.wait()
        wait_for(lambda: not collector.subscriber.connection.up.is_set(), 20, "the collector to leave the broker")
        most = max(most, collector.subscriber.waiting)
        monkeypatch.setattr(Slow, "seconds", 0.0)
        wait_for(lambda: stored(collector) >= 200, 60, "the store")
        assert collector.subscriber.connection.generation > generation
        assert most < 100
        wait_for(lambda: not collector.subscriber.waiting, 30, "the end")
    assert verdict(tmp_path).accounted_for


def test_a_broker_restarted_with_its_state_loses_nothing(tmp_path: Path, mosquitto: Start, hurry: None) -> None:
    broker = mosquitto()
    with here(broker.url, tmp_path) as collector, Mouth(broker.url, tmp_path / "run.ledger") as mouth:
        for _ in range(3):
            mouth.say(500)
            broker.stop()
            mouth.say(200)
            broker.start()
        mouth.wait()
        wait_for(lambda: stored(collector) >= 2_100 and not collector.subscriber.waiting, 30, "the store")
    assert verdict(tmp_path).accounted_for


def test_a_broker_restarted_without_its_state_loses_what_it_had_taken_and_the_audit_names_just_that(
    tmp_path: Path, mosquitto: Start, hurry: None, caplog: pytest.LogCaptureFixture
) -> None:
    broker = mosquitto()
    with (
        FaultProxy(broker.port) as proxy,
        here(f"mqtt://127.0.0.1:{proxy.port}", tmp_path) as collector,
        Mouth(broker.url, tmp_path / "run.ledger") as mouth,
    ):
        mouth.say(300)
        mouth.wait()
        wait_for(lambda: stored(collector) >= 300, 30, "the store")
        proxy.cut()
        wait_for(lambda: not collector.subscriber.connection.up.is_set(), 10, "the cut")
        mouth.say(90)
        mouth.wait()  # the broker has them, and is to forget them
        broker.stop()
        broker_state(tmp_path).unlink()
        mouth.say(60)  # these the broker has not: they are said again
        proxy.heal()
        broker.start()
        wait_for(lambda: collector.subscriber.not_ready() is None, 20, "the collector")
        mouth.say(60)
        mouth.wait()
        wait_for(lambda: not collector.subscriber.waiting, 30, "the store")
    found = verdict(tmp_path)
    assert not found.accounted_for
    assert found.total.published == 510
    assert 90 <= found.total.missing <= 150  # those said again reach a broker that knows nobody, or us: a race
    assert {(loss.station, loss.first) for loss in found.losses} == {
        (f"rayong/environment/aq-{n}", 100) for n in (1, 2, 3)
    }
    assert sum(loss.messages for loss in found.losses) == found.total.missing
    assert "has forgotten us" in caplog.text


@pytest.mark.parametrize("fault", ["cut", "stall", "half_open", "delay"])
def test_a_network_that_fails_in_the_middle_loses_nothing(
    tmp_path: Path, proxied: tuple[Mosquitto, FaultProxy], hurry: None, fault: str
) -> None:
    _, proxy = proxied
    url = f"mqtt://127.0.0.1:{proxy.port}"
    with here(url, tmp_path) as collector, Mouth(url, tmp_path / "run.ledger") as mouth:
        mouth.say(500)
        if fault == "delay":
            proxy.delay(0.2)
        else:
            getattr(proxy, fault)()
        mouth.say(500)
        if fault != "delay":
            wait_for(lambda: not collector.subscriber.connection.up.is_set(), 20, "the collector to notice")
        proxy.heal()
        mouth.say(500)
        mouth.wait()
        wait_for(lambda: stored(collector) >= 1_500 and not collector.subscriber.waiting, 60, "the store")
    assert verdict(tmp_path).accounted_for


def test_a_wall_clock_that_is_stepped_to_and_fro_changes_nothing(tmp_path: Path, mosquitto: Start) -> None:
    need("faketime")
    library = next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)
    if library is None:
        pytest.skip("libfaketime is not where Debian has it")
    broker = mosquitto()
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    steps = {
        "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
    with Mouth(broker.url, tmp_path / "run.ledger") as mouth, away(broker.url, tmp_path, **steps):
        for step in ("+400d", "-3650d", "+0"):
            mouth.say(300)
            young = clock.with_suffix(".new")
            young.write_text(f"{step}\n")
            young.rename(clock)
            before = said(tmp_path / "collect.log", "connected to")
            broker.stop()  # so that there is something to wait for, and to time
            broker.start()
            wait_for(lambda before=before: said(tmp_path / "collect.log", "connected to") > before, 60, "the collector")
            mouth.say(300)
            mouth.wait()
        wait_for(lambda: audited_here(tmp_path), 60, "everything")
        assert "2016-" in (tmp_path / "collect.log").read_text()  # the clock was stepped indeed


def test_a_flood_of_bad_messages_is_counted_and_bounded_and_the_good_ones_between_are_stored(
    tmp_path: Path, mosquitto: Start
) -> None:
    broker = mosquitto()
    bad = FLOOD
    with here(broker.url, tmp_path) as collector, Mouth(broker.url, tmp_path / "run.ledger") as mouth:
        began = time.monotonic()
        for number in range(bad):
            mouth.shout("nakhon/v1/outage/rayong/environment/aq-9", b'{"seq": %d, "nonsense' % number)
            if number % 100 == 0:
                mouth.say(1)
        mouth.wait(200)
        good = -(-bad // 100)
        wait_for(lambda: stored(collector) >= good and not collector.subscriber.waiting, 120, "the store")
        print(f"{bad / (time.monotonic() - began):,.0f} bad messages/s")
        assert collector.metrics.value("nakhon_messages_rejected_total") == bad
        assert collector.metrics.unaccounted() == 0
    found = verdict(tmp_path)
    assert found.accounted_for
    assert found.deliveries["rejected"] == bad
    assert (tmp_path / "city.duckdb").stat().st_size < 64 << 20


@pytest.mark.parametrize(
    ("ticks", "messages"),
    [(1, 8_640), (2_000, 44)],
    ids=["every ten seconds, as single messages", "every second, in packs"],
)
def test_a_station_that_sends_a_day_at_once_is_stored(
    tmp_path: Path, mosquitto: Start, ticks: int, messages: int
) -> None:
    broker = mosquitto()
    with here(broker.url, tmp_path) as collector, Mouth(broker.url, tmp_path / "run.ledger") as mouth:
        mouth.say(messages, ticks=ticks, stations=["aq-1"])
        mouth.wait(120)
        wait_for(lambda: stored(collector) >= messages and not collector.subscriber.waiting, 120, "the store")
    found = verdict(tmp_path)
    assert found.accounted_for
    assert found.total.values_stored == ticks * messages


def test_what_is_pending_keeps_the_audit_of_a_running_collector_from_saying_yes(
    tmp_path: Path, mosquitto: Start
) -> None:
    broker = mosquitto()
    with Mouth(broker.url, tmp_path / "run.ledger") as mouth, away(broker.url, tmp_path, "--spool", "spool") as process:
        mouth.say(30)
        mouth.wait()
        wait_for(lambda: audited_here(tmp_path), 30, "everything")
        url = page(tmp_path)
        heal = refuse(process)
        mouth.say(30)
        wait_for(lambda: pending(tmp_path) == 30, 30, "30 to be pending")
        code, told = audited(tmp_path, "--api", url)
        assert code == 1
        assert json.loads(json.dumps(told))["total"]["missing"] == 30
        heal()
        wait_for(lambda: audited_here(tmp_path), 60, "everything")
