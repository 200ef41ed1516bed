"""Alerts over a real Mosquitto and a real webhook, with the collector killed in the middle of one."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from parts import Mosquitto, free_port, listening, nakhon, wait_for
from processes import Running

pytestmark = pytest.mark.system

RULES = """
[[rule]]
id = "smoke"
indicator = "pm25"
above = 50
clear = 40
for = "10min"
message = "smoke at {station}: {value:.0f}"
"""
STATION = "nakhon/v1/run/chiang-mai/environment/aq-01"
SECRET = "a-secret-of-the-webhook"


class Hook:
    """A webhook that notes what it is told; it refuses while `down`."""

    def __init__(self) -> None:
        self.taken: list[dict[str, object]] = []
        self.tries = 0
        self.headers: list[dict[str, str]] = []
        self.down = False
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.tries += 1
                if not hook.down:
                    hook.taken.append(json.loads(body))
                    hook.headers.append(dict(self.headers))
                self.send_response(503 if hook.down else 204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/alerts"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Voice:
    """A station that speaks, and an ear for alerts; retained ones are what a newcomer hears."""

    def __init__(self, broker: Mosquitto) -> None:
        self.heard: list[tuple[str, str]] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _c, _u, message: self.heard.append(
            (message.topic, json.loads(message.payload)["state"])
        )
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        self._client.subscribe("nakhon/v1/+/alerts/#", 1)

    def tell(self, minute: int, value: float) -> None:
        told = {"session": "9f3c", "seq": minute, "time": f"2026-03-01T08:{minute:02d}:00Z", "pm25": value}
        self._client.publish(STATION, json.dumps(told), qos=1).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def collector(broker: Mosquitto, folder: Path, hook: Hook) -> Iterator[tuple[Running, str]]:
    port = free_port()
    (folder / "rules.toml").write_text(RULES)
    process = nakhon(
        "collect", "--broker", broker.url, "--store", "duckdb://city.duckdb", "--port", str(port), "--alerts",
        "rules.toml", "--alerts-webhook", hook.url, folder=folder, NAKHON_ALERTS_TOKEN=SECRET,
    )  # fmt: skip
    try:
        wait_for(lambda: listening(port), 30, "the collector to listen")
        wait_for(lambda: ready(port), 30, "the collector to be ready")
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(10)


def ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def alerts(url: str) -> dict[str, object]:
    with urlopen(f"{url}/api/v1/alerts", timeout=10) as answer:
        told: dict[str, object] = json.load(answer)
        return told


def nothing_waits(url: str) -> bool:
    return alerts(url)["waiting"] == {"mqtt": 0, "webhook": 0}


@pytest.fixture
def hook() -> Iterator[Hook]:
    one = Hook()
    yield one
    one.close()


def states(hook: Hook) -> list[object]:
    return [told["state"] for told in hook.taken]


def test_a_collector_killed_in_the_middle_of_an_alert_neither_repeats_nor_loses_it(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto], hook: Hook
) -> None:
    broker = mosquitto()
    voice = Voice(broker)
    topic = "nakhon/v1/run/alerts/smoke/chiang-mai/aq-01"
    try:
        with collector(broker, tmp_path, hook) as (process, url):
            voice.tell(0, 60.0)
            voice.tell(5, 70.0)
            wait_for(lambda: "pm25" in urlopen(f"{url}/api/v1/series").read().decode(), 30, "the readings")
            process.send_signal(signal.SIGKILL)  # while it is pending
            process.wait(10)
        with collector(broker, tmp_path, hook) as (process, url):
            voice.tell(10, 80.0)
            wait_for(lambda: states(hook) == ["raised"] and nothing_waits(url), 20, "the alert")
            assert voice.heard == [(topic, "raised")]
            process.send_signal(signal.SIGKILL)  # while it stands
            process.wait(10)
        voice.tell(15, 45.0)  # not cleared yet, while nobody listens
        with collector(broker, tmp_path, hook) as (process, url):
            voice.tell(20, 55.0)
            wait_for(lambda: json.loads(urlopen(f"{url}/api/v1/runs").read())["runs"][0]["readings"] == 5, 20, "all")
            (standing,) = alerts(url)["alerts"]  # type: ignore[misc]
            assert standing["message"] == "smoke at aq-01: 80"
            hook.down = True
            voice.tell(25, 30.0)
            wait_for(lambda: hook.tries > 2, 20, "the webhook to be tried")
            process.send_signal(signal.SIGKILL)  # while the webhook is down
            process.wait(10)
        hook.down = False
        with collector(broker, tmp_path, hook) as (process, url):
            wait_for(lambda: states(hook) == ["raised", "cleared"] and nothing_waits(url), 20, "the alert to be over")
            assert voice.heard == [(topic, "raised"), (topic, "cleared")]
            assert alerts(url)["alerts"] == []
        newcomer = Voice(broker)
        wait_for(lambda: newcomer.heard == [(topic, "cleared")], 10, "what is retained")
        newcomer.close()
    finally:
        voice.close()
    assert hook.headers[0]["Authorization"] == f"Bearer {SECRET}"
    assert hook.headers[0]["Idempotency-Key"] == "run/smoke/chiang-mai/aq-01/1772352000/raised"
    log = (tmp_path / "collect.log").read_text()
    assert SECRET not in log
    assert "Traceback" not in log


def test_a_broker_that_forgot_is_told_again_what_stands(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto], hook: Hook
) -> None:
    broker = mosquitto("persistence false")
    voice = Voice(broker)
    with collector(broker, tmp_path, hook) as (_, url):
        voice.tell(0, 60.0)
        voice.tell(10, 70.0)
        wait_for(lambda: bool(hook.taken) and nothing_waits(url), 20, "the alert")
        voice.close()
        broker.stop()
        for kept in broker._configuration.parent.glob("*.db"):
            kept.unlink()
        broker.start()
        newcomer = Voice(broker)
        wait_for(lambda: [state for _, state in newcomer.heard] == ["raised"], 30, "the alert to be said again")
        newcomer.close()
    assert states(hook) == ["raised"]


def test_a_collector_takes_no_alert_for_a_reading(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto], hook: Hook
) -> None:
    broker = mosquitto()
    voice = Voice(broker)
    with collector(broker, tmp_path, hook) as (_, url):
        voice.tell(0, 60.0)
        voice.tell(10, 70.0)
        wait_for(lambda: bool(hook.taken) and nothing_waits(url), 20, "the alert")
        with urlopen(f"{url}/api/v1/rejections") as answer:
            assert json.load(answer)["rejections"] == []
        assert [told for told in json.load(urlopen(f"{url}/api/v1/runs"))["runs"] if told["run"] != "run"] == []
    voice.close()
