"""A capture of `nakhon listen` against a ledger: every message by its number, with its bytes."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from test_examine import made

from collector.auditing.findings import Findings
from collector.language.errors import InputError
from collector.language.ledger import Effect, Fault
from collector.sinks.capture import audit_capture, is_capture, read_capture

LEDGER = made(3, 40)
HEAD = '{"capture":1,"broker":"mqtt://localhost:1883"}'


def line(number: int, delay: float = 0.5, payload: str | None = None) -> str:
    """How the message of an entry is told by the recorder."""
    entry = LEDGER.entries[number]
    told = {"received": (entry.at or 0) + delay, "topic": entry.address.topic, "qos": 1, "retain": False, "dup": False}
    return json.dumps(told | {"payload": entry.said if payload is None else payload})


LINES = [line(number) for number in range(len(LEDGER.entries))]


def audited(tmp_path: Path, lines: Sequence[str], faults: tuple[Fault, ...] = ()) -> Findings:
    path = tmp_path / "heard.jsonl"
    path.write_text("\n".join([HEAD, *lines, ""]))
    return audit_capture(replace(LEDGER, faults=faults), path)


def test_when_all_was_heard_all_is_accounted_for_with_its_latency(tmp_path: Path) -> None:
    findings = audited(tmp_path, LINES)
    assert findings.accounted_for
    assert (findings.unit, findings.total.right) == ("messages", 120)
    assert findings.total.latency == (0.5, 0.5, 0.5)
    assert findings.total.reordered == 0


def test_lost_doubled_changed_and_reordered_messages_are_told_each(tmp_path: Path) -> None:
    lines = [*LINES]
    lines[50] = line(50, payload=(LEDGER.entries[50].said or "").replace('"pm25":', '"pm25":9'))
    lines[60], lines[61] = lines[61], lines[60]
    findings = audited(tmp_path, [*lines[:10], *lines[12:], lines[0]])
    total = findings.total
    assert (total.lost, total.corrupted, total.duplicated, total.reordered) == (2, 1, 1, 1)
    (gap,) = findings.gaps
    assert (gap.station, gap.first, gap.last) == ("chiang-mai/environment/aq-00", 10, 11)
    assert not findings.accounted_for


def test_faults_explain_what_is_missing_and_doubled(tmp_path: Path) -> None:
    station = "chiang-mai/environment/aq-00"
    faults = (
        Fault("silence", "f1", (station,), Effect.MISSING, seq={station: (10, 11)}),
        Fault("duplicate", "f2", (station,), Effect.DUPLICATED, seq={station: (0, 0)}),
    )
    findings = audited(tmp_path, [*LINES[:10], *LINES[12:], LINES[0]], faults)
    assert findings.accounted_for
    assert (findings.total.injected, findings.total.duplicates_injected) == (2, 1)


def test_other_runs_sessions_and_retained_messages_are_ignored_and_strangers_are_not(tmp_path: Path) -> None:
    said = LEDGER.entries[0].said or ""
    other = LINES[0].replace("nakhon/v1/run/", "nakhon/v1/other/")
    session = line(0, payload=said.replace("9f3c", "aaaa"))
    retained = LINES[0].replace('"retain": false', '"retain": true')
    assert audited(tmp_path, [*LINES, other, session, retained]).ignored == 3
    findings = audited(tmp_path, [*LINES, line(0, payload=said.replace('"seq":0', '"seq":99'))])
    assert findings.total.strangers == 1
    assert not findings.accounted_for


def test_payloads_that_are_no_text_a_torn_end_and_a_compressed_file_are_read(tmp_path: Path) -> None:
    binary = json.dumps({"topic": "a/b", "base64": b64encode(b"\xff\x00").decode(), "received": 1.5})
    path = tmp_path / "heard.jsonl"
    path.write_text(f'{HEAD}\n{binary}\n{{"topic": "a/c", "pay')
    (one,) = read_capture(path)
    assert (one.topic, one.payload, one.received) == ("a/b", b"\xff\x00", 1.5)
    packed = tmp_path / "heard.jsonl.gz"
    packed.write_bytes(gzip.compress("\n".join([HEAD, *LINES, ""]).encode()))
    assert is_capture(packed)
    assert audit_capture(LEDGER, packed).accounted_for
    packed.write_bytes(packed.read_bytes()[:-200])
    assert audit_capture(LEDGER, packed).total.lost > 0


def test_what_is_no_capture_is_named(tmp_path: Path) -> None:
    path = tmp_path / "heard.jsonl"
    path.write_text(f"{HEAD}\nnonsense\n")
    with pytest.raises(InputError, match="line 2: expected a message"):
        list(read_capture(path))
    path.write_text("[sink]\n")
    assert not is_capture(path)
    assert not is_capture(tmp_path / "none")
