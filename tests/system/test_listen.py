"""`nakhon listen` at a real broker: what it writes, what a kill costs, how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
import paho.mqtt.publish as publish
import pytest
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from parts import Mosquitto, nakhon, wait_for
from processes import Running

from collector.language.broker import parse_broker
from collector.language.codec import encode
from collector.language.ledger import Header, LedgerWriter, read_ledger
from collector.language.messages import Message, Readings
from collector.language.topics import Address
from collector.sinks.capture import audit_capture, read_capture
from nakhon.captures.capture_commands import Recording, record
from nakhon.captures.recording import Ear
from nakhon.terminal.console import told

pytestmark = pytest.mark.system
PATIENCE = 60.0


def listening(folder: Path, broker: Mosquitto, *options: str, out: str = "heard.jsonl") -> Running:
    """A listener under way, once the broker has it."""
    (folder / "listen.log").unlink(missing_ok=True)
    process = nakhon("listen", "--broker", broker.url, "--out", out, *options, folder=folder)
    wait_for(lambda: "listening to" in log(folder), PATIENCE, "the listener to stand")
    return process


def log(folder: Path) -> str:
    path = folder / "listen.log"
    return path.read_text() if path.exists() else ""


def lines(path: Path) -> list[dict[str, Any]]:
    """The messages in a capture; a torn line is left out."""
    told = path.read_text().split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in told[1:]]


def say(broker: Mosquitto, messages: list[tuple[str, bytes]], **settings: Any) -> None:
    told = [(topic, payload, 1, settings.get("retain", False)) for topic, payload in messages]
    publish.multiple(told, "127.0.0.1", broker.port)


def test_everything_about_a_message_is_written(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> None:
    broker = mosquitto()
    say(broker, [("kept/before", b"old")], retain=True)
    process = listening(tmp_path, broker)
    properties = Properties(PacketTypes.PUBLISH)
    properties.ContentType = "text/plain"
    properties.UserProperty = [("published", "2026-03-01T08:00:00Z")]
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.publish("a/b", "ไทย", qos=1, properties=properties).wait_for_publish(PATIENCE)
    client.disconnect()
    client.loop_stop()
    say(broker, [("a/c", b"\xff\x00")])
    heard = tmp_path / "heard.jsonl"
    wait_for(lambda: len(lines(heard)) == 3, PATIENCE, "three messages")
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0
    assert "3 messages in heard.jsonl" in log(tmp_path)
    kept, text, binary = lines(heard)
    assert (kept["topic"], kept["payload"], kept["retain"]) == ("kept/before", "old", True)
    assert (text["payload"], text["qos"], text["dup"], text["retain"]) == ("ไทย", 1, False, False)
    assert text["properties"]["ContentType"] == "text/plain"
    assert text["properties"]["UserProperty"] == [["published", "2026-03-01T08:00:00Z"]]
    assert (binary["base64"], "payload" in binary) == ("/wA=", False)


def test_a_killed_listener_with_a_name_loses_nothing(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> None:
    broker = mosquitto()
    said = [("a/b", str(number).encode()) for number in range(600)]
    process = listening(tmp_path, broker, "--client-id", "ear", out="one.jsonl")
    say(broker, said[:200])
    wait_for(lambda: len(lines(tmp_path / "one.jsonl")) > 20, PATIENCE, "some messages")
    process.kill()
    process.wait(PATIENCE)
    say(broker, said[200:400])
    process = listening(tmp_path, broker, "--client-id", "ear", out="two.jsonl")
    say(broker, said[400:])
    numbers: set[int] = set()

    def all_there() -> bool:
        both = [one for name in ("one", "two") for one in lines(tmp_path / f"{name}.jsonl")]
        numbers.update(int(one["payload"]) for one in both)
        return len(numbers) == 600

    wait_for(all_there, PATIENCE, "every message in one of the two captures")
    process.terminate()
    assert process.wait(PATIENCE) == 0


def test_it_ends_at_its_time_at_its_size_and_refuses_what_makes_no_sense(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto()
    assert nakhon("listen", "--broker", broker.url, "--out", "a.jsonl", "--for", "1s", folder=tmp_path).wait(30) == 0
    assert nakhon("listen", "--broker", broker.url, "--out", "a.jsonl", "--for", "1s", folder=tmp_path).wait(30) == 2
    assert "a capture is never overwritten" in log(tmp_path)
    process = listening(tmp_path, broker, "--limit", "1KiB", "--mqtt", "3.1.1", out="b.jsonl")
    say(broker, [("a/b", b"x" * 100)] * 30)
    assert process.wait(PATIENCE) == 1
    assert "has reached its limit of 1,024 bytes" in log(tmp_path)
    assert 1024 <= (tmp_path / "b.jsonl").stat().st_size < 1500
    nowhere = nakhon("listen", "--broker", "mqtt://127.0.0.1:1", "--out", "c.jsonl", folder=tmp_path)
    assert nowhere.wait(30) == 2
    assert "nothing listens at mqtt://127.0.0.1:1" in log(tmp_path)


def test_a_full_disk_is_said_and_what_was_not_written_is_not_acknowledged(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto()
    script = "import resource, signal, sys; from nakhon.cli import main; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    script += "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); sys.argv = ['nakhon', 'listen', '--broker',"
    script += f"{broker.url!r}, '--out', 'small.jsonl', '--client-id', 'ear']; main()"
    with (tmp_path / "listen.log").open("w") as file:
        process = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stderr=file)
    wait_for(lambda: "listening to" in log(tmp_path), PATIENCE, "the listener to stand")
    say(broker, [("a/b", f"{number:04d}".encode() * 20) for number in range(100)])
    assert process.wait(PATIENCE) == 1
    assert "cannot write any more: File too large" in log(tmp_path)
    written = {one["payload"][:4] for one in lines(tmp_path / "small.jsonl")}
    assert 5 < len(written) < 40
    process = listening(tmp_path, broker, "--client-id", "ear", out="rest.jsonl")
    wait_for(lambda: len(written | {one["payload"][:4] for one in lines(tmp_path / "rest.jsonl")}) == 100, PATIENCE,
             "the rest")  # fmt: skip
    process.kill()
    process.wait(PATIENCE)


def test_two_listeners_of_a_group_share_what_is_said(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> None:
    broker = mosquitto()
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    processes = [listening(folder, broker, "--group", "ears", "--topic", "a/#") for folder in folders]
    say(broker, [("a/b", str(number).encode()) for number in range(100)])
    heard = [folder / "heard.jsonl" for folder in folders]
    wait_for(lambda: sum(len(lines(path)) for path in heard) == 100, PATIENCE, "all messages")
    assert all(lines(path) for path in heard)
    for process in processes:
        process.terminate()
        process.wait(PATIENCE)


def test_a_capture_of_a_run_is_audited_message_by_message(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> None:
    broker = mosquitto()
    process = listening(tmp_path, broker)
    with LedgerWriter(tmp_path / "run.ledger", Header("run", "9f3c", "simulated")) as ledger:
        said = []
        for seq in range(100):
            times = np.array([1_772_352_000 + 900 * seq], dtype=np.int64).view("datetime64[s]")
            body = Readings(times, {"pm25": np.array([seq / 2])})
            message = Message(Address("run", "chiang-mai", "environment", "aq-01"), "9f3c", seq, body)
            payload = encode(message)
            ledger.record(message, payload)
            if seq not in (40, 41):
                said.append((message.address.topic, payload))
        ledger.close("2026-03-01T09:00:00Z")
    say(broker, [*said, said[3]])
    wait_for(lambda: len(lines(tmp_path / "heard.jsonl")) == 99, PATIENCE, "what was said")
    process.terminate()
    process.wait(PATIENCE)
    findings = audit_capture(read_ledger(tmp_path / "run.ledger"), tmp_path / "heard.jsonl")
    assert (findings.total.right, findings.total.lost, findings.total.duplicated) == (98, 2, 1)
    assert (findings.gaps[0].first, findings.gaps[0].last) == (40, 41)
    junit = nakhon("audit", "run.ledger", "--sink", "heard.jsonl", "--junit", "out.xml", folder=tmp_path)
    assert junit.wait(PATIENCE) == 1
    assert 'failures="1"' in (tmp_path / "out.xml").read_text()


def test_the_recorder_works_in_this_process_too(tmp_path: Path, mosquitto: Callable[..., Mosquitto]) -> None:
    broker = mosquitto()
    say(broker, [("a/b", b"kept")], retain=True)
    out = tmp_path / "heard.jsonl"
    assert record(Recording(Ear(("a/#",)), out, 2.0), parse_broker(broker.url), told)
    assert [one.payload for one in read_capture(out)] == [b"kept"]
