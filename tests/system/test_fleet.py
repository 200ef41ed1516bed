"""Fleets over a real Mosquitto: every version and transport, their connections, aliases, windows and the command."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from fleets import CITY, Brokers, Listen, Publishing, heard, say
from parts import free_port, listening, nakhon, need, wait_for

from collector.language.broker import parse_broker
from simulator.faults.outlet import Links
from simulator.fleet import Fleet
from simulator.service import Service
from simulator.spread import Spread

pytestmark = pytest.mark.system


@pytest.mark.parametrize("transport", ["tcp", "websocket"])
@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_every_version_transport_and_quality_delivers(
    mosquitto: Brokers,
    listen: Listen,
    publishing: Publishing,
    version: str,
    qos: int,
    transport: str,
) -> None:
    port = free_port()
    broker = mosquitto(f"max_queued_messages 0\nlistener {port} 127.0.0.1\nprotocol websockets")
    wait_for(lambda: listening(port), 10, "the websocket listener")
    listener = listen(broker.url)
    url = broker.url if transport == "tcp" else f"ws://127.0.0.1:{port}/mqtt"
    one, made, told = publishing(parse_broker(url, protocol=version), service=Service(qos=qos))
    say(one, made, 60)
    assert one.finish() == 0
    heard(listener, made, 60)
    readings = [message for message in listener.messages if message.topic.count("/") == 5]
    assert {message.qos for message in readings} == {qos}
    assert qos == 1 or len(readings) == 60  # at least once may double, the others not
    wait_for(lambda: listener.statuses(CITY) == [True, False], 10, "the birth and the goodbye")
    assert not told


def test_wss_with_a_client_certificate(tmp_path: Path, mosquitto: Brokers, publishing: Publishing) -> None:
    key, certificate, port = tmp_path / "key.pem", tmp_path / "own.pem", free_port()
    subprocess.run(
        [need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    mosquitto(
        f"listener {port} 127.0.0.1\nprotocol websockets\ncertfile {certificate}\nkeyfile {key}\n"
        f"cafile {certificate}\nrequire_certificate true"
    )
    wait_for(lambda: listening(port), 10, "the listener with TLS")
    own = {"authority": str(certificate), "certificate": str(certificate), "key": str(key)}
    one, made, _ = publishing(parse_broker(f"wss://127.0.0.1:{port}", **own))
    say(one, made, 30)
    assert one.finish() == 0


def test_a_fleet_has_a_connection_a_birth_and_a_will_for_each_station(
    mosquitto: Brokers,
    listen: Listen,
    publishing: Publishing,
) -> None:
    broker = mosquitto()
    listener = listen(broker.url)
    one, made, told = publishing(parse_broker(broker.url), 200, fleet=Fleet(Spread.STATION, ramp=400))
    assert len(one.lines) == 201
    assert one.account.seconds >= 0.49  # 200 at 400 a second
    say(one, made, 400)
    heard(listener, made, 400)
    killed = one.connections.kill(Links((), ((CITY, "aq-7"), (CITY, "aq-8"))))
    assert killed == [f"{CITY}/aq-7", f"{CITY}/aq-8"]
    wait_for(lambda: listener.statuses("aq-7") == [True, False, True], 20, "the will, and the birth again")
    assert listener.statuses("aq-9") == [True]
    wait_for(lambda: any("and 1 more: connection lost" in text for text in told), 5, "one line for both")
    assert one.finish() == 0
    wait_for(lambda: listener.statuses("aq-9")[-1:] == [False], 10, "the goodbye")
    wait_for(lambda: listener.statuses(CITY)[-1:] == [False], 10, "the city's goodbye")


@pytest.mark.parametrize("qos", [0, 1])
def test_topics_said_by_alias_arrive_whole_also_after_a_break(
    mosquitto: Brokers,
    listen: Listen,
    publishing: Publishing,
    qos: int,
) -> None:
    broker = mosquitto("max_queued_messages 0\nmax_inflight_messages 0")
    listener = listen(broker.url)
    one, made, _ = publishing(parse_broker(broker.url), 15, service=Service(qos=qos, aliases=100))  # the broker: 10
    say(one, made, 150)
    if qos:
        one.connections.kill(Links((CITY,)))
        say(one, made, 150)
        wait_for(lambda: one.account.losses == 1 and one.lines[0].up, 20, "the connection again")
    say(one, made, 150)
    heard(listener, made, 150)
    assert one.finish() == 0
    assert one.account.losses == (1 if qos else 0)  # a broker that does not know an alias hangs up


def test_a_broker_never_has_more_under_way_than_it_allows_also_after_a_break(
    mosquitto: Brokers,
    listen: Listen,
    publishing: Publishing,
) -> None:
    broker = mosquitto("max_queued_messages 0\nmax_inflight_messages 4")
    listener = listen(broker.url)
    one, made, _ = publishing(parse_broker(broker.url), service=Service(window=300))
    assert one.lines[0].connection.limits.under_way == 4
    one.connections.outage(Links((CITY,)), 0.5)
    wait_for(lambda: not one.lines[0].up, 10, "the break")
    say(one, made, 250)
    heard(listener, made, 250)
    assert one.finish() == 0
    assert one.account.losses == 1  # a broker that gets more than it allows hangs up


def test_without_statuses_only_messages_are_said(
    mosquitto: Brokers,
    listen: Listen,
    publishing: Publishing,
) -> None:
    broker = mosquitto()
    listener = listen(broker.url)
    one, made, _ = publishing(parse_broker(broker.url), service=Service(statuses=False))
    say(one, made, 10)
    heard(listener, made, 10)
    assert one.finish() == 0
    assert Counter(message.topic.count("/") for message in listener.messages) == {5: 10}


SCENARIO = """
name = "fleet"
start = 2026-03-01T00:00:00Z
duration = "2h"
cadence = "15min"
[cities]
include = ["rayong"]
"""


def test_the_command_spreads_a_city_over_connections_and_tells_how_late_it_was(
    tmp_path: Path, mosquitto: Brokers
) -> None:
    broker = mosquitto()
    (tmp_path / "fleet.toml").write_text(SCENARIO)
    told = (
        "--connections", "station", "--client-id", "sensor-{city}-{station}", "--pace", "7200", "--qos", "2",
        "--format", "reading", "--only", "readings", "--ledger", "fleet.ledger", "--topic-alias", "5",
        "--message-expiry", "10min", "--user-property", "site=north",
    )  # fmt: skip
    process = nakhon("simulate", "fleet.toml", "--broker", broker.url, *told, folder=tmp_path)
    assert process.wait(90) == 0, (tmp_path / "simulate.log").read_text()
    lines = [json.loads(line) for line in (tmp_path / "fleet.ledger").read_text().splitlines()]
    assert (lines[0]["format"], lines[0]["connections"], lines[0]["message_expiry"]) == ("reading", "station", 600)
    assert {line["kind"] for line in lines[1:-1]} == {"readings"}
    assert all(line["values"] <= 1 for line in lines[1:-1])
    assert lines[-1]["connections"] == 18
    schedule = lines[-1]["schedule"]
    assert 0 <= schedule["p50"] <= schedule["p95"] <= schedule["p99"] <= schedule["largest"]
    assert schedule["messages"] == lines[-1]["messages"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--broker", "none", "--store", "duckdb://x.duckdb", "--format", "influx"), "or name a broker"),
        (("--mqtt", "3.1.1", "--topic-alias", "5"), "3.1.1 has no --topic-alias"),
        (("--connections", "station", "--client-id", "a"), "put {city} and {station} into it"),
        (("--ramp", "0"), "expected connections a second"),
        (("--format", "sparkplug"), "no format"),
        (("--payload", "x"), "--payload goes with --format template"),
        (("--ca", "x.pem"), "write mqtts:// for mqtt://"),
    ],
)
def test_the_command_refuses_what_makes_no_sense(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    (tmp_path / "fleet.toml").write_text(SCENARIO)
    target = () if "--broker" in options else ("--broker", "mqtt://127.0.0.1:1")
    process = nakhon("simulate", "fleet.toml", *target, *options, folder=tmp_path)
    assert process.wait(60) == 2
    assert said in " ".join((tmp_path / "simulate.log").read_text().split())
    assert not (tmp_path / "x.duckdb").exists()
