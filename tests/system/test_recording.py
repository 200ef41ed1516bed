"""Recording and replaying over a real Mosquitto: what was said, said again and recorded again, is the same."""

from __future__ import annotations

import io
import json
import math
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from parts import Mosquitto, nakhon, need, wait_for
from processes import Running
from rich.console import Console

from collector.language.broker import parse_broker
from collector.language.errors import BrokerError, InputError
from nakhon.captures import capture_commands as commands
from nakhon.captures.capture import Captured, CaptureReader, MessageProperties
from nakhon.captures.capture_replay import Mouth
from nakhon.captures.recording import Ear, Recorder
from nakhon.captures.rewriting import parse_rewriting

pytestmark = pytest.mark.system

EVERYTHING = MessageProperties("text/plain", 1, 5000, "plant/answer", b"\xff\x00id", (("unit", "Cel"), ("unit", "K")))
SAID = [
    Captured("plant/1", "21.5 °C".encode(), 1, properties=EVERYTHING),
    Captured("plant/2", b"\xff\xfe\x00", 1),
    Captured("plant/1", b"", 1, retain=True),
    Captured("plant/3", b"exactly once", 2, properties=MessageProperties(user=(("a", ""),))),
    Captured("plant/3", b"x" * 300_000, 2, retain=True),
    Captured("plant/2", b"perhaps", 0),
]
SPACING = 0.15
SCENARIO = """
name = "taped"
start = 2026-03-01T00:00:00Z
duration = "6h"
cadence = "15min"
[cities]
include = ["chiang-mai"]
"""


def recording(broker: Mosquitto, folder: Path, out: str, *options: str) -> Running:
    process = nakhon("record", *options, "--broker", broker.url, "--out", out, folder=folder)
    log = folder / "record.log"
    wait_for(lambda: "listening to" in log.read_text() or process.poll() is not None, 60, "the recording to begin")
    return process


def ended(process: Running, folder: Path) -> int:
    process.send_signal(signal.SIGINT)
    code = process.wait(60)
    (folder / "record.log").unlink()
    return code


def replay(broker: Mosquitto, file: Path, *rewrite: str, **asked: Any) -> tuple[bool, str]:
    console = Console(file=io.StringIO(), width=200)
    done = commands.replay(
        commands.Replaying(file, rewriting=parse_rewriting(rewrite), **asked), parse_broker(broker.url), console
    )
    return done, cast("io.StringIO", console.file).getvalue()


def compared(messages: list[Captured]) -> dict[str, list[tuple[object, ...]]]:
    """Everything of the messages but their times, in order for each topic (QoS 2 arrives after its handshake)."""
    found: dict[str, list[tuple[object, ...]]] = {}
    for one in messages:
        found.setdefault(one.topic, []).append((one.payload, one.qos, one.retain, one.properties))
    return found


def say(broker: Mosquitto, messages: list[Captured], spacing: float = 0.0) -> None:
    mouth = Mouth(parse_broker(broker.url))
    mouth.start()
    began = time.monotonic()
    for number, one in enumerate(messages):
        wait_for(lambda due=began + number * spacing: time.monotonic() >= due, 10, "the next message to be due")  # type: ignore[misc]
        assert mouth.say(one)
    mouth.finish()
    assert (mouth.taken, mouth.refused) == (len(messages), 0)


def test_what_is_recorded_replayed_and_recorded_again_is_the_same(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    first, second = mosquitto(), mosquitto()
    tapes = [tmp_path / "tape.jsonl.gz", tmp_path / "again.jsonl"]
    process = recording(first, tmp_path, tapes[0].name, "plant/#")
    say(first, SAID, SPACING)
    assert ended(process, tmp_path) == 0
    process = recording(second, tmp_path, tapes[1].name, "plant/#")
    replayed = nakhon("replay", "capture", tapes[0].name, "--broker", second.url, folder=tmp_path)
    assert replayed.wait(60) == 0, (tmp_path / "replay.log").read_text()
    assert ended(process, tmp_path) == 0
    tape, again = (list(CaptureReader(path)) for path in tapes)
    assert compared(tape) == compared(SAID)
    assert compared(again) == compared(tape)
    spans = [many[-1].at - many[0].at for many in (tape, again)]
    assert spans[0] == pytest.approx(5 * SPACING, abs=0.3)
    assert spans[1] == pytest.approx(spans[0], abs=0.3)


def test_ten_times_as_fast_is_a_tenth_of_the_time_and_max_is_at_once(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto()
    lines = [{"topic": "t", "payload": str(n), "elapsed": n * 10.0 + 500} for n in range(3)]
    (tmp_path / "tape.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    heard: list[Captured] = []
    recorder = Recorder(parse_broker(broker.url), Ear(["t"]), heard.append)
    recorder.start()
    try:
        assert replay(broker, tmp_path / "tape.jsonl", pace=10)[0]
        wait_for(lambda: len(heard) == 3, 10, "three messages")
        assert heard[2].at - heard[0].at == pytest.approx(2.0, abs=0.3)
        assert replay(broker, tmp_path / "tape.jsonl", pace=math.inf)[0]
        wait_for(lambda: len(heard) == 6, 10, "three more")
        assert heard[5].at - heard[3].at < 0.3
        done, text = replay(broker, tmp_path / "tape.jsonl", limit=1)
        assert (done, "said 1 messages" in text) == (False, True), text
    finally:
        recorder.stop()


def test_a_run_is_said_again_under_other_ids_and_its_commands_are_left_out(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto()
    (tmp_path / "taped.toml").write_text(SCENARIO)
    process = recording(broker, tmp_path, "tape.jsonl", "nakhon/#")
    simulate = nakhon("simulate", "taped.toml", "--broker", broker.url, "--run", "one", folder=tmp_path)
    assert simulate.wait(90) == 0, (tmp_path / "simulate.log").read_text()
    stop = ("-t", "nakhon/v1/one/control", "-m", '{"id":"1","command":"stop"}', "-q", "1")
    subprocess.run([need("mosquitto_pub"), "-p", str(broker.port), *stop], check=True, timeout=20)
    wait_for(lambda: "control" in (tmp_path / "tape.jsonl").read_text(), 20, "the command on the tape")
    assert ended(process, tmp_path) == 0
    tape = [one for one in CaptureReader(tmp_path / "tape.jsonl") if not one.topic.endswith(("control", "committed"))]

    heard: list[Captured] = []
    recorder = Recorder(parse_broker(broker.url), Ear(["copy/#", "nakhon/v1/two/#"]), heard.append)
    recorder.start()
    try:
        ids = ("run=two", "session=new", "time=now", "prefix=copy")
        done, text = replay(broker, tmp_path / "tape.jsonl", *ids, pace=math.inf)
        assert done, text
        assert "1 messages on topics of the broker, or commands" in text
        wait_for(lambda: len(heard) == len(tape), 20, "every message")
    finally:
        recorder.stop()
    by_topic: dict[str, list[Captured]] = {}
    for one in tape:
        by_topic.setdefault(one.topic.replace("nakhon/v1/one/", "copy/nakhon/v1/two/"), []).append(one)
    sessions = set()
    for one in heard:
        was, now = json.loads(by_topic[one.topic].pop(0).payload), json.loads(one.payload)
        sessions.add((was.pop("session"), now.pop("session")))
        times = {name for name in ("time", "published") if name in was}
        assert {name: was[name] for name in was if name not in times} == {
            name: now[name] for name in now if name not in times
        }
        assert all(now[name] != was[name] for name in times)
    assert len(sessions) == 1
    assert len(set(next(iter(sessions)))) == 2


def test_a_recording_that_is_killed_can_be_replayed_and_one_that_runs_cannot(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto()
    process = recording(broker, tmp_path, "tape.jsonl.gz", "#")
    with pytest.raises(InputError, match="is being recorded"):
        replay(broker, tmp_path / "tape.jsonl.gz")
    say(broker, [Captured(f"t/{n}", b"x" * 50, 1) for n in range(500)])
    said = time.monotonic()
    wait_for(lambda: time.monotonic() > said + 1.5, 5, "the recorder to hand over what it has")
    process.kill()
    process.wait(10)
    reader = CaptureReader(tmp_path / "tape.jsonl.gz")
    assert len(list(reader)) == 500
    assert reader.torn


def test_it_ends_at_a_size_or_a_time_and_says_what_cannot_be(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker, console = mosquitto(), Console(file=io.StringIO())
    say(broker, [Captured(f"t/{n}", b"x" * 50, 1, retain=True) for n in range(100)])
    at = parse_broker(broker.url)
    assert commands.record(commands.Recording(Ear(("#",)), tmp_path / "tape.jsonl", most=2000), at, console)
    assert 2000 <= (tmp_path / "tape.jsonl").stat().st_size < 2300
    assert commands.record(commands.Recording(Ear(("none",)), tmp_path / "empty.jsonl", limit=0.2), at, console)
    assert not list(CaptureReader(tmp_path / "empty.jsonl"))
    with pytest.raises(InputError, match="exists"):
        commands.record(commands.Recording(Ear(("#",)), tmp_path / "tape.jsonl"), at, console)
    with pytest.raises(BrokerError, match="nothing listens"):
        commands.record(
            commands.Recording(Ear(("#",)), tmp_path / "b.jsonl"), parse_broker("mqtt://127.0.0.1:1"), console
        )
    assert not (tmp_path / "b.jsonl").exists()
    (tmp_path / "wrong.jsonl").write_text('{"topic": "a", "payload": "1"}\n{"topic": 5}\n')
    heard: list[Captured] = []
    recorder = Recorder(at, Ear(["a"]), heard.append)
    recorder.start()
    with pytest.raises(InputError, match=r"wrong\.jsonl:2"):
        replay(broker, tmp_path / "wrong.jsonl")
    say(broker, [Captured("a", b"the first")])
    wait_for(lambda: len(heard) > 0, 10, "a message")
    recorder.stop()
    assert [one.payload for one in heard] == [b"the first"]


def test_topics_that_the_broker_does_not_grant_and_messages_that_it_does_not_take_are_said(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic read open/#\ntopic write open/#\n")
    acl.chmod(0o700)
    broker = mosquitto(f"acl_file {acl}")
    (tmp_path / "tape.jsonl").write_text(
        '{"topic": "open/a", "payload": "", "qos": 1}\n{"topic": "closed/a", "payload": "", "qos": 1}\n'
    )
    done, text = replay(broker, tmp_path / "tape.jsonl")
    assert (done, "1 messages were refused by the broker" in text) == (False, True), text
