"""The ledger: what was written is read, a torn end is told, a wrong line is named."""

from pathlib import Path

import numpy as np
import pytest

from collector.language.codec import encode
from collector.language.errors import LedgerError
from collector.language.ledger import Header, LedgerWriter, entry_of, read_ledger
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
            ledger.record(entry_of(message(seq), encode(message(seq))))
        if close:
            ledger.close("2026-03-01T09:00:00Z")


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write(tmp_path / "ledger", 3, close=True)
    ledger = read_ledger(tmp_path / "ledger")
    assert ledger.header == HEADER
    assert ledger.closed
    assert not ledger.torn
    assert ledger.entries == [entry_of(message(seq), encode(message(seq))) for seq in range(3)]
    assert ledger.entries[0].values == 3
    assert (ledger.entries[0].first, ledger.entries[0].last) == ("2026-03-01T08:00:00Z", "2026-03-01T08:15:00Z")


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
