"""Captures: what is written is read, byte for byte; what is torn or wrong is said."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.language.errors import InputError
from collector.sinks import capture
from nakhon.captures.capture import (
    Captured,
    CaptureReader,
    CaptureWriter,
    MessageProperties,
    decode_captured,
    encode_captured,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TOPIC = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="+#\0"), min_size=1, max_size=20)
PROPERTIES = st.builds(
    MessageProperties,
    content_type=st.none() | TEXT,
    payload_format=st.none() | st.sampled_from([0, 1]),
    expiry=st.none() | st.integers(0, 2**32 - 1),
    response_topic=st.none() | TEXT,
    correlation=st.none() | st.binary(max_size=20),
    user=st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
)
CAPTURED = st.builds(
    Captured,
    topic=TOPIC,
    payload=st.binary(max_size=50) | TEXT.map(str.encode),
    qos=st.integers(0, 2),
    retain=st.booleans(),
    dup=st.booleans(),
    received=st.integers(0, 4_000_000_000_000_000).map(lambda us: us / 1e6),
    elapsed=st.none() | st.integers(0, 10**12).map(lambda us: us / 1e6),
    properties=PROPERTIES,
)


@given(CAPTURED)
def test_a_message_is_read_as_it_was_written(captured: Captured) -> None:
    line = encode_captured(captured)
    told = decode_captured(line)
    assert b"\n" not in line
    assert told.received == pytest.approx(captured.received, abs=2e-6)
    assert encode_captured(told) == line
    names = ("topic", "payload", "qos", "retain", "dup", "elapsed", "properties")
    assert all(getattr(told, name) == getattr(captured, name) for name in names)


@pytest.mark.parametrize("name", ["c.jsonl", "c.jsonl.gz"])
def test_a_file_that_was_cut_off_gives_all_but_its_last_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    told = [Captured("a/b", bytes([one] * 40), elapsed=float(one)) for one in range(200)]
    with CaptureWriter(path) as writer:
        for one in told:
            writer.write(one)
        writer.flush()
        whole = path.read_bytes()
    assert writer.messages == 200
    path.write_bytes(whole[:-7])
    reader = CaptureReader(path)
    read = list(reader)
    assert reader.torn
    assert 190 <= len(read) < 200
    assert [one.payload for one in read] == [one.payload for one in told[: len(read)]]


def test_a_whole_file_is_not_called_torn_and_none_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl.gz"
    with CaptureWriter(path) as writer:
        writer.write(Captured("a", b"1"))
    reader = CaptureReader(path)
    assert [one.topic for one in reader] == ["a"]
    assert not reader.torn
    with pytest.raises(InputError, match="exists"):
        CaptureWriter(path)


def test_a_capture_that_is_being_written_is_not_read(tmp_path: Path) -> None:
    with CaptureWriter(tmp_path / "c.jsonl"), pytest.raises(InputError, match="is being recorded"):
        list(CaptureReader(tmp_path / "c.jsonl"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"{}", "topic"),
        (b'{"topic": "a"}', "payload or base64"),
        (b'{"topic": "a", "payload": "", "base64": ""}', "payload or base64"),
        (b'{"topic": "a", "base64": "%"}', "base64"),
        (b'{"topic": "a/+", "payload": ""}', "without"),
        (b'{"topic": "a", "payload": "", "qos": 3}', "qos"),
        (b'{"topic": "a", "payload": "", "elapsed": -1}', "elapsed"),
        (b"\xff", "captured message"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: bytes, expected: str) -> None:
    path = tmp_path / "c.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"topic": "a", "payload": ""}\n' + line + b"\n"))
    with pytest.raises(InputError, match=rf"gz:2: .*{expected}"):
        list(CaptureReader(path))


def test_a_line_needs_only_a_topic_and_a_payload() -> None:
    assert decode_captured(b'{"topic": "tele/x/SENSOR", "payload": "{}", "who": "cares"}') == Captured(
        "tele/x/SENSOR", b"{}"
    )


def test_the_audit_reads_a_recording_too(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    told = [Captured("a/b", payload, 1, received=1e9 + 0.5) for payload in (b"text", b"\xff\0")]
    with CaptureWriter(path, broker="mqtt://localhost:1883") as writer:
        for one in told:
            writer.write(one)
    read = [(one.topic, one.payload, one.received) for one in capture.read_capture(path)]
    assert read == [(one.topic, one.payload, one.received) for one in told]
    assert list(CaptureReader(path)) == told


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        list(CaptureReader(tmp_path / "none.jsonl"))
    (tmp_path / "no.gz").write_bytes(b"plain")
    with pytest.raises(InputError, match="cannot read"):
        list(CaptureReader(tmp_path / "no.gz"))
