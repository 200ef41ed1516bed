"""Rejected messages: listed, shown without harm to a terminal, mended and replayed once, and accounted for."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from parts import entry_of

from collector.auditing.audit import audit
from collector.intake.ingest import Delivery, Ingest
from collector.language.codec import digest, encode
from collector.language.errors import InputError
from collector.language.ledger import Entry, Header, Ledger
from collector.language.messages import Message, Readings
from collector.language.topics import Address
from collector.stores import open_store
from collector.stores.protocol import Fate, Selection, Store
from nakhon import mapping
from nakhon.mending import replay
from nakhon.rejected import Choice, chosen, identity, show_list, show_one

MEND = """
[[device]]
topic = "nakhon/v1/{run}/{city}/{pillar}/{station}"
run = "{run}"
city = "{city}"
pillar = "{pillar}"
session = "session"
number = "seq"
time = "time"
columns = { pm25 = "pm25", pm10 = "pm10" }
"""
ALL = Choice()


def message(seq: int, station: str) -> Message:
    times = np.array([1_772_352_000 + 900 * seq], dtype=np.int64).view("datetime64[s]")
    readings = Readings(times, {"pm25": np.array([1.5 + seq]), "pm10": np.array([2.5])})
    return Message(Address("run", "chiang-mai", "environment", station), "9f3c", seq, readings)


def broken(seq: int) -> tuple[Delivery, Entry]:
    """What a publisher says that writes the numbers of a station as text, and what its ledger holds."""
    right = message(seq, "aq-02")
    payload = re.sub(rb'("pm\d+"):([\d.]+)', rb'\1:"\2"', encode(right))
    return Delivery(right.address.topic, payload, 1.79e9), replace(entry_of(right, payload), digest=digest(payload))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"duckdb://{tmp_path}/city.duckdb"


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Entry]]:
    """A store that was given 40 messages, 20 of them rejected, and what a ledger holds of them."""
    file = tmp_path_factory.mktemp("rejected") / "city.duckdb"
    rights = [message(seq, "aq-01") for seq in range(20)]
    wrongs = [broken(seq) for seq in range(20)]
    entries = [entry_of(one, encode(one)) for one in rights] + [entry for _, entry in wrongs]
    deliveries = [Delivery(one.address.topic, encode(one), 1.79e9) for one in rights] + [one for one, _ in wrongs]
    reject(f"duckdb://{file}", *deliveries)
    return file, entries


@pytest.fixture
def ledger(given: tuple[Path, list[Entry]], tmp_path: Path) -> Ledger:
    """The ledger of the messages that the store was given; and a mapping that mends those that were rejected."""
    file, entries = given
    shutil.copy(file, tmp_path)
    (tmp_path / "mend.toml").write_text(MEND)
    return Ledger(Header("run", "9f3c", "simulated"), entries, closed=True, torn=False)


class opened:  # noqa: N801 - reads as a function
    def __init__(self, url: str) -> None:
        self._store = open_store(url)

    def __enter__(self) -> Store:
        return self._store

    def __exit__(self, *_: object) -> None:
        self._store.close()


def reject(url: str, *deliveries: Delivery) -> None:
    with opened(url) as store:
        Ingest(store).process(deliveries)


def values(store: Store) -> int:
    return store.read(Selection(("pm25", "pm10"), flagged=True)).num_rows


def test_what_a_mapping_mends_is_stored_in_its_place_once_and_the_accounts_hold(
    url: str, ledger: Ledger, tmp_path: Path
) -> None:
    with opened(url) as store:
        before = audit(ledger, store)
    assert (before.total.stored, before.total.rejected, before.total.mended) == (20, 20, 0)
    maps = [str(tmp_path / "mend.toml")]
    for _ in range(2):
        assert replay(url, ALL, maps, None, dry=False)
    with opened(url) as store:
        verdict = audit(ledger, store)
        assert verdict.accounted_for
        total = verdict.total
        assert (total.published, total.stored, total.rejected, total.missing) == (40, 40, 0, 0)
        assert (total.mended, total.differing) == (20, 0)
        assert "20 of the stored messages were rejected first, then mended and replayed." in verdict.doubts
        assert values(store) == 80
        assert store.counts("run") == {Fate.STORED: 40, Fate.REJECTED: 20, Fate.DUPLICATE: 0, Fate.CONFLICT: 0}
        Ingest(store, decoders=mapping.decoders(maps)).process([broken(3)[0]])
        assert values(store) == 80
        assert store.counts("run")[Fate.DUPLICATE] == 1


def test_a_dry_run_says_what_would_come_out_and_changes_nothing(
    url: str, ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay(url, ALL, [str(tmp_path / "mend.toml")], None, dry=True)
    told = capsys.readouterr().out
    assert "20 rejected: 20 would be replayed, 0 stored already, 0 cannot be" in told
    assert '"pm25":1.5' in told
    with opened(url) as store:
        assert audit(ledger, store).total.rejected == 20


def test_what_still_cannot_be_understood_is_left_and_told(
    url: str, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not replay(url, ALL, (), None, dry=False)
    told = capsys.readouterr().out
    assert "20  cannot be replayed: expected numbers or null for pm25" in told
    assert "0 to be replayed" in told
    with opened(url) as store:
        assert store.counts("run")[Fate.DUPLICATE] == 0
        assert len(store.rejections("run")) == 20


def test_one_may_be_replayed_by_the_beginning_of_its_id(url: str, ledger: Ledger, tmp_path: Path) -> None:
    with opened(url) as store:
        one = store.rejections("run")[7]
    maps = [str(tmp_path / "mend.toml")]
    assert replay(url, Choice(ids=(identity(one)[:8],)), maps, None, dry=False)
    with opened(url) as store:
        assert audit(ledger, store).total.mended == 1


def test_devices_that_were_not_mapped_are_replayed_with_their_births(url: str, tmp_path: Path) -> None:
    payload = b'{"Time": "2026-03-01T07:00:00", "BME280": {"Temperature": 31.5}, "TempUnit": "C"}'
    reject(url, Delivery("tele/Hall/SENSOR", payload, 1.79e9))
    maps = ["tasmota@chiang-mai"]
    for _ in range(2):
        assert replay(url, ALL, maps, None, dry=False)
    with opened(url) as store:
        (row,) = store.read(Selection(("air_temperature",))).to_pylist()
        assert (row["city"], row["origin"], row["value"]) == ("chiang-mai", "measured", 31.5)
        assert [profile.name for profile, _ in store.cities("devices")] == ["Chiang Mai"]
        assert [station.name for station in store.stations("devices")] == ["Hall"]


def test_a_payload_that_was_kept_in_part_cannot_be_replayed(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    reject(url, Delivery("nakhon/v1/run/chiang-mai/environment/aq-01", b" " * 70_000 + b"[", 1.79e9))
    assert not replay(url, ALL, (), None, dry=False)
    assert "only N of its N bytes were kept" in capsys.readouterr().out
    show_list(url, ALL, None, as_json=False)
    assert "70,001 cut" in capsys.readouterr().out


def test_a_running_collector_is_written_to_through_a_broker() -> None:
    with pytest.raises(InputError, match="give --broker"):
        replay("http://localhost:1", ALL, (), None, dry=False)


def test_an_id_stays_while_others_come_and_must_be_of_one(url: str, ledger: Ledger) -> None:
    with opened(url) as store:
        first = chosen(store, ALL)[0]
    reject(url, Delivery("nakhon/v1/run/chiang-mai/environment/aq-03", b"?", 1.79e9))
    with opened(url) as store:
        assert chosen(store, Choice(ids=(identity(first)[:8],))) == [first]
        for wrong in ("", "0", "zzzz", identity(first)[:3]):
            with pytest.raises(InputError, match="expected the id of one rejection"):
                chosen(store, Choice(ids=(wrong,)))
        assert len(chosen(store, Choice(limit=5))) == 5
        assert chosen(store, Choice(reason="JSON"))[0].payload == b"?"
        assert chosen(store, Choice(run="other")) == []


def test_rejections_are_counted_by_what_they_have_in_common(
    url: str, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    reject(url, *(Delivery(f"no/{n}", b"x", 1.79e9) for n in range(3)))
    show_list(url, ALL, "reason", as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "20  expected numbers or null for pm25"
    assert lines[1].strip().startswith("3  expected nakhon/v1/<run>")
    assert lines[-1].split() == ["23", "in", "all"]
    show_list(url, ALL, "fate", as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"fate": "rejected", "messages": 23}]
    with pytest.raises(InputError, match="--by reason, topic, run, fate"):
        show_list(url, ALL, "colour", as_json=False)


@pytest.fixture
def hostile(url: str) -> list[str]:
    """The ids of messages that try to steer the terminal, in topic, reason and payload."""
    reject(
        url,
        Delivery("nakhon/v1/run/chiang-mai/environment/\u001b[2J\u202eevil", b'{"a\x1b[31m": "[red]x[/red]"}', 1.79e9),
        Delivery("nakhon/v1/run/chiang-mai/environment/aq-01", b"\xff\xfe\x00\x1b[2J", 1.79e9),
        Delivery("nakhon/v1/run/chiang-mai/environment/aq-01", '{"\u009b31m": 1}\n\u0007[bold]'.encode(), 1.79e9),
    )
    with opened(url) as store:
        return [identity(one) for one in store.rejections()]


def test_nothing_of_a_stranger_reaches_the_terminal_raw(
    url: str, hostile: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for as_json in (False, True):
        for by in (None, "topic", "reason"):
            show_list(url, ALL, by, as_json=as_json)
        for one in hostile:
            show_one(url, one, as_json=as_json)
    told = capsys.readouterr().out
    assert not set(told) & set("\u001b\u0007\u009b\u202e\x00")
    assert "[red]x[/red]" in told
    assert "00000000  ff fe 00 1b 5b 32 4a" in told
