"""The ledger: what was written is read, a torn end is told, a wrong line is named."""

import json
import resource
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from parts import entry_of

from collector.language.codec import digest, encode
from collector.language.errors import LedgerError
from collector.language.ledger import Effect, Fault, Header, LedgerWriter, read_ledger
from collector.language.messages import Message, Readings
from collector.language.topics import Address

ADDRESS = Address("run", "chiang-mai", "environment", "aq-01")
HEADER = Header("run", "9f3c", "simulated", {"scenario": "demo", "seed": 2023})


def message(seq: int) -> Message:
    times = np.array(["2026-03-01T08:00:00", "2026-03-01T08:15:00"], dtype="datetime64[s]")
    return Message(
        ADDRESS, "9f3c", seq, Readings(times, {"pm25": np.array([1.5, np.nan]), "pm10": np.array([2.0, 3.0])})
    )


def write(path: Path, messages: int, *, close: bool) -> None:
    with LedgerWriter(path, HEADER) as ledger:
        for seq in range(messages):
            ledger.record(message(seq), encode(message(seq)))
        if close:
            ledger.close("2026-03-01T09:00:00Z")


def test_a_disk_that_is_full_is_told_with_what_to_do(tmp_path: Path) -> None:
    with LedgerWriter(tmp_path / "ledger", HEADER) as ledger:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
        try:
            with pytest.raises(LedgerError, match=r"takes nothing more .* make room"):
                ledger.record_all([(message(seq), encode(message(seq)), None) for seq in range(20)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    kept = read_ledger(tmp_path / "ledger")
    assert kept.torn
    assert [entry.seq for entry in kept.entries] == [0, 1]


def test_a_block_of_messages_is_written_whole_and_in_order_whoever_else_writes(tmp_path: Path) -> None:
    fault = Fault("silence", "f1", ("*",), Effect.MISSING)
    with LedgerWriter(tmp_path / "ledger", HEADER) as ledger:
        others = [threading.Thread(target=lambda: [ledger.fault(fault) for _ in range(200)]) for _ in range(2)]
        for other in others:
            other.start()
        for first in range(0, 300, 3):
            ledger.record_all([(message(seq), encode(message(seq)), None) for seq in range(first, first + 3)])
        for other in others:
            other.join(10)
        ledger.close("2026-03-01T09:00:00Z")
    read = read_ledger(tmp_path / "ledger")
    assert read.entries == [entry_of(message(seq), encode(message(seq))) for seq in range(300)]
    assert json.loads((tmp_path / "ledger").read_text().splitlines()[-1])["messages"] == 300
    places = [number for number, line in enumerate((tmp_path / "ledger").read_text().splitlines()) if '"to"' in line]
    assert all(last == first + 2 for first, last in zip(places[::3], places[2::3], strict=True))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write(tmp_path / "ledger", 3, close=True)
    ledger = read_ledger(tmp_path / "ledger")
    assert ledger.header == HEADER
    assert ledger.closed
    assert not ledger.torn
    assert ledger.entries == [entry_of(message(seq), encode(message(seq))) for seq in range(3)]
    assert ledger.entries[0].values == 3
    assert (ledger.entries[0].first, ledger.entries[0].last) == ("2026-03-01T08:00:00Z", "2026-03-01T08:15:00Z")


def test_what_the_messages_say_and_when_are_kept_unless_left_out(tmp_path: Path) -> None:
    write(tmp_path / "ledger", 1, close=True)
    (entry,) = read_ledger(tmp_path / "ledger").entries
    assert entry.said == encode(message(0)).decode()
    assert abs((entry.at or 0) - time.time()) < 60
    with LedgerWriter(tmp_path / "small", HEADER, keep=False) as ledger:
        ledger.record(message(0), encode(message(0)))
    (entry,) = read_ledger(tmp_path / "small").entries
    assert entry.said is None


def test_what_is_said_is_json_of_the_wire_whatever_was_sent(tmp_path: Path) -> None:
    with LedgerWriter(tmp_path / "ledger", HEADER) as ledger:
        ledger.record(message(0), b"\xff\x00 not JSON", encode(message(0)))
    (entry,) = read_ledger(tmp_path / "ledger").entries
    assert entry.said == encode(message(0)).decode()
    assert entry.digest == digest(b"\xff\x00 not JSON")


def test_faults_and_steps_are_read_and_the_last_word_on_a_fault_counts(tmp_path: Path) -> None:
    station = "chiang-mai/environment/aq-01"
    first = Fault("silence", "f1", ("*/aq-01",), Effect.MISSING, "2026-03-01T08:00:00Z")
    last = Fault("silence", "f1", ("*/aq-01",), Effect.MISSING, "2026-03-01T08:00:00Z", "2026-03-01T09:00:00Z",
                 {station: (0, 3)}, {"cause": 'a word, "said": twice'})  # fmt: skip
    with LedgerWriter(tmp_path / "ledger", HEADER) as ledger:
        ledger.fault(first)
        ledger.record(message(0), encode(message(0)))
        ledger.step("restart the consumer", exit=0)
        ledger.fault(last)
        ledger.close("2026-03-01T09:00:00Z")
    read = read_ledger(tmp_path / "ledger")
    assert read.faults == (last,)
    assert (read.steps[0].name, read.steps[0].facts) == ("restart the consumer", {"exit": 0})
    assert len(read.entries) == 1
    assert read.faults[0].concerns(station)
    assert not read.faults[0].concerns("chiang-mai/environment/aq-02")


def test_a_ledger_of_before_is_read(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text(
        '{"ledger": 1, "run": "run", "session": "9f3c", "origin": "simulated"}\n'
        '{"to": "chiang-mai/environment/aq-01", "kind": "readings", "seq": 0, "values": 3, '
        '"first": "2026-03-01T08:00:00Z", "last": "2026-03-01T08:15:00Z", "digest": "00000000000000ff"}\n'
        '{"closed": "2026-03-01T08:00:00Z", "messages": 1}\n'
    )
    ledger = read_ledger(tmp_path / "ledger")
    assert ledger.closed
    assert (ledger.entries[0].said, ledger.entries[0].at, ledger.entries[0].digest) == (None, None, 255)
    assert (ledger.faults, ledger.steps) == ((), ())


def test_a_torn_last_line_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    write(path, 3, close=False)
    path.write_bytes(path.read_bytes()[:-20])
    ledger = read_ledger(path)
    assert ledger.torn
    assert not ledger.closed
    assert len(ledger.entries) == 2


def test_a_ledger_is_never_overwritten(tmp_path: Path) -> None:
    write(tmp_path / "ledger", 1, close=True)
    with pytest.raises(LedgerError, match="never overwritten"):
        LedgerWriter(tmp_path / "ledger", HEADER)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not a ledger"),
        (b"hello\n", "not a ledger"),
        (b'{"ledger": 9, "run": "r", "session": "s", "origin": "simulated"}\n', "version 9"),
        (b'{"ledger": 1, "run": "r", "session": "s", "origin": "simulated"}\n{"to": "a/b"}\n', "line 2"),
        (b'{"ledger": 1, "run": "r", "session": "s", "origin": "simulated"}\n{"fault": "silence"}\n', "line 2"),
        (b'{"ledger": 1, "run": "r", "session": "s", "origin": "simulated"}\n{"what": "is this"}\n', "line 2"),
        (b'{"ledger": 1, "run": "r", "session": "s", "origin": "simulated"}\n[]\n', "line 2"),
        (b'{"ledger": 1, "run": "r", "session": "s", "origin": "simulated"}\nnonsense\n', "line 2"),
        (b"\xff\xfe", "cannot read"),
    ],
)
def test_what_is_no_ledger_is_named(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "ledger").write_bytes(content)
    with pytest.raises(LedgerError, match=complaint):
        read_ledger(tmp_path / "ledger")


def test_a_missing_ledger_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no such ledger"):
        read_ledger(tmp_path / "none")
