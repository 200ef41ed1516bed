"""Fleets against a real Mosquitto, and against brokers that refuse, hang, drop or talk nonsense."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from listener import Listener
from parts import Mosquitto, free_port, listening, nakhon, need, wait_for

from collector.language.broker import Broker, parse_broker
from collector.language.errors import BrokerError
from collector.language.indicators import Origin
from collector.language.ledger import Effect, Header, LedgerWriter, read_ledger
from collector.language.messages import Message, Readings
from collector.language.profile import StationProfile, Status
from collector.language.topics import Address
from simulator.cities import cities
from simulator.faults.outlet import Links
from simulator.fleet import Cast, Fleet
from simulator.publisher import Publisher, new_session
from simulator.service import Service
from simulator.spread import Spread

pytestmark = pytest.mark.system

CITY = "chiang-mai"


def cast(session: str, stations: int = 3) -> Cast:
    birth = Status(True, session, cities()[CITY].profile(), Origin.SIMULATED)
    profiles = [
        StationProfile(f"aq-{number}", CITY, "environment", "air-quality", "a mast", 60, ("pm25",))
        for number in range(stations)
    ]
    return Cast(f"fleet-{session}", {CITY: birth}, {CITY: profiles})


def messages(made: Cast, session: str, count: int) -> Iterator[Message]:
    stations = len(made.stations[CITY])
    for number in range(count):
        time = np.array([np.datetime64("2026-03-01T00:00:00", "s") + number])
        address = Address(made.run, CITY, "environment", f"aq-{number % stations}")
        yield Message(address, session, number // stations, Readings(time, {"pm25": np.array([float(number)])}))


class Ear(Listener):
    """A listener that reads what it heard."""

    def readings(self) -> list[tuple[str, float]]:
        return [(one.topic, json.loads(one.payload)["pm25"]) for one in self.messages if one.topic.count("/") == 5]

    def statuses(self, name: str) -> list[object]:
        return [told["online"] for told in self._told(name)]

    def session(self, name: str) -> str:
        """The session that the newest status tells of."""
        return str(self._told(name)[-1]["session"])

    def _told(self, name: str) -> list[dict[str, object]]:
        return [json.loads(one.payload) for one in self.messages if one.topic.endswith(f"{name}/status")]


@pytest.fixture
def listen() -> Iterator[Callable[[str], Ear]]:
    heard: list[Ear] = []

    def start(url: str) -> Listener:
        heard.append(Ear(url, qos=2))
        return heard[-1]

    yield start
    for one in heard:
        one.close()


@pytest.fixture
def publishing() -> Iterator[Callable[..., tuple[Publisher, Cast, list[str]]]]:
    """Start publishers of a small city; what they tell is kept, and they leave at the end."""
    started: list[Publisher] = []

    def start(broker: Broker, stations: int = 3, **more: object) -> tuple[Publisher, Cast, list[str]]:
        session, told = new_session(), []
        made = cast(session, stations)
        one = Publisher(broker, made, session, tell=told.append, **more)  # type: ignore[arg-type]
        one.start()
        started.append(one)
        return one, made, told

    yield start
    for one in started:
        one.finish(1.0)


def say(publisher: Publisher, made: Cast, count: int) -> None:
    session = made.births[CITY].session
    for message in messages(made, session, count):
        assert publisher.publish(message)


def heard(listener: Ear, made: Cast, count: int) -> None:
    """All messages arrived, each under its own topic."""
    wait_for(lambda: len(set(listener.readings())) >= count, 20, "all readings")
    wanted = {(m.address.topic, float(m.body.columns["pm25"][0])) for m in messages(made, "s", count)}  # type: ignore[union-attr]
    assert set(listener.readings()) == wanted


@pytest.mark.parametrize("transport", ["tcp", "websocket"])
@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_every_version_transport_and_quality_delivers(
    mosquitto: Callable[..., Mosquitto],
    listen: Callable[[str], Ear],
    publishing: Callable[..., tuple[Publisher, Cast, list[str]]],
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


def test_wss_with_a_client_certificate(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto], publishing: Callable[..., tuple[Publisher, Cast, list[str]]]
) -> None:
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
    mosquitto: Callable[..., Mosquitto],
    listen: Callable[[str], Ear],
    publishing: Callable[..., tuple[Publisher, Cast, list[str]]],
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
    mosquitto: Callable[..., Mosquitto],
    listen: Callable[[str], Ear],
    publishing: Callable[..., tuple[Publisher, Cast, list[str]]],
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
    mosquitto: Callable[..., Mosquitto],
    listen: Callable[[str], Ear],
    publishing: Callable[..., tuple[Publisher, Cast, list[str]]],
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


def test_messages_at_qos_0_are_counted_when_there_is_no_connection_and_hold_nothing_up(
    mosquitto: Callable[..., Mosquitto], publishing: Callable[..., tuple[Publisher, Cast, list[str]]]
) -> None:
    broker = mosquitto()
    one, made, _ = publishing(parse_broker(broker.url), service=Service(qos=0, window=10))
    one.connections.outage(Links((CITY,)), 30.0)
    wait_for(lambda: not one.lines[0].up, 10, "the break")
    before = one.account.unsent
    say(one, made, 100)
    wait_for(lambda: one.account.unsent - before == 100, 10, "all of them to be counted")
    assert any("no connection" in line for line in one.account.lines)


def written(folder: Path, made: Cast) -> LedgerWriter:
    session = made.births[CITY].session
    return LedgerWriter(folder / "run.ledger", Header(made.run, session, "simulated"))


def named(folder: Path, kind: str) -> dict[str, tuple[int, int]]:
    """The numbers that the ledger says were not sent, or may not have been, by station."""
    return {
        name.split("/")[-1]: span
        for fault in read_ledger(folder / "run.ledger").faults
        if fault.kind == kind and fault.effect is Effect.MISSING
        for name, span in fault.seq.items()
    }


def test_what_may_have_gone_down_with_a_connection_at_qos_0_is_named_in_the_ledger(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.unsent.ASK_EVERY", 0.02)
    broker = mosquitto()
    made = cast(new_session())
    session = made.births[CITY].session
    with written(tmp_path, made) as ledger:
        one = Publisher(parse_broker(broker.url), made, session, service=Service(qos=0), ledger=ledger)
        one.start()
        said = list(messages(made, session, 90))
        client = one.lines[0].connection.client
        answered = client._handle_pingresp
        answers: list[int] = []
        monkeypatch.setattr(client, "_handle_pingresp", lambda: (answered(), answers.append(len(answers)))[0])
        for message in said[:30]:
            one.publish(message)
        wait_for(lambda: bool(answers), 10, "the broker to prove that it has them")
        broker._process.send_signal(signal.SIGSTOP)  # type: ignore[union-attr]
        for message in said[30:60]:
            one.publish(message)
        assert one.flow.wait_until_taken(10) == 0  # the system has them, the broker not
        broker._process.kill()  # type: ignore[union-attr]
        wait_for(lambda: not one.lines[0].up, 10, "the break")
        for message in said[60:]:
            one.publish(message)
        wait_for(lambda: one.account.unsent == 30, 10, "those without a connection")
        one.finish(1.0)
    assert named(tmp_path, "connection_lost") == {f"aq-{number}": (10, 29) for number in range(3)}


def test_a_message_that_is_larger_than_the_broker_takes_is_kept_back_and_named(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto], listen: Callable[[str], Ear]
) -> None:
    broker = mosquitto("max_packet_size 2000")
    listener = listen(broker.url)
    made = cast(new_session())
    with written(tmp_path, made) as ledger:
        one = Publisher(parse_broker(broker.url), made, made.births[CITY].session, ledger=ledger)
        one.start()
        for number, message in enumerate(messages(made, made.births[CITY].session, 30)):
            one.publish(message, (lambda payload: payload * 100) if number % 3 == 1 and number < 12 else None)
        assert one.finish() == 0
    assert (one.account.refused, one.account.losses) == (4, 0)
    assert "at most 2,000 bytes" in one.account.refusal
    assert named(tmp_path, "packet_too_large") == {"aq-1": (0, 3)}
    wait_for(lambda: len(listener.readings()) == 26, 10, "the others")


def test_what_is_said_in_an_outage_arrives_after_it(
    mosquitto: Callable[..., Mosquitto],
    listen: Callable[[str], Ear],
    publishing: Callable[..., tuple[Publisher, Cast, list[str]]],
) -> None:
    broker = mosquitto()
    listener = listen(broker.url)
    one, made, _ = publishing(parse_broker(broker.url))
    one.connections.reconnect_storm(Links((CITY,)), 3, 10.0)
    say(one, made, 200)
    wait_for(lambda: one.account.losses >= 3 and one.lines[0].up, 20, "three breaks")
    heard(listener, made, 200)


def test_a_half_open_connection_goes_on_afterwards(
    mosquitto: Callable[..., Mosquitto],
    listen: Callable[[str], Ear],
    publishing: Callable[..., tuple[Publisher, Cast, list[str]]],
) -> None:
    broker = mosquitto()
    listener = listen(broker.url)
    one, made, _ = publishing(parse_broker(broker.url))
    one.connections.half_open(Links((CITY,)), 0.8)
    began = time.monotonic()
    wait_for(lambda: one.lines[0].connection.events == 0, 5, "nothing to be watched")
    say(one, made, 100)
    heard(listener, made, 100)
    assert time.monotonic() - began > 0.7
    assert one.account.losses == 0


def test_a_connection_half_open_for_longer_than_the_keepalive_has_its_will_and_loses_nothing(
    mosquitto: Callable[..., Mosquitto],
    listen: Callable[[str], Ear],
    publishing: Callable[..., tuple[Publisher, Cast, list[str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("collector.language.connection.KEEPALIVE", 1)
    monkeypatch.setattr("collector.language.network.ROUND", 1)  # or a sign of life comes too late for that
    broker = mosquitto()
    listener = listen(broker.url)
    one, made, _ = publishing(parse_broker(broker.url))
    assert one.flow.wait_until_taken(10) == 0
    one.connections.half_open(Links((CITY,)), 8.0)  # Mosquitto looks every five seconds
    wait_for(lambda: one.lines[0].connection.events == 0, 5, "nothing to be watched")
    say(one, made, 50)
    wait_for(lambda: listener.statuses(CITY) == [True, False], 10, "the will")
    assert not listener.readings()
    heard(listener, made, 50)
    wait_for(lambda: listener.statuses(CITY) == [True, False, True], 10, "the birth")
    assert one.account.losses == 1


def test_a_birth_may_be_missing_and_a_status_may_lie(
    mosquitto: Callable[..., Mosquitto],
    listen: Callable[[str], Ear],
    publishing: Callable[..., tuple[Publisher, Cast, list[str]]],
) -> None:
    broker = mosquitto()
    listener = listen(broker.url)
    one, made, _ = publishing(parse_broker(broker.url))
    assert one.flow.wait_until_taken(10) == 0  # a birth that is under way is sent again, as any message
    one.connections.missing_birth(Links((CITY,)), 1.0)
    wait_for(lambda: listener.statuses(CITY) == [True, False, True], 20, "the will, and the birth at last")
    _, will, birth = [one.timestamp for one in listener.messages if one.topic.endswith(f"{CITY}/status")]
    assert birth - will > 0.8
    one.connections.stale_status(Links((CITY,)), online=True)
    wait_for(lambda: len(listener.statuses(CITY)) == 4, 10, "the lie")
    assert listener.session(CITY).startswith("old-")
    late = listen(broker.url)
    wait_for(lambda: late.statuses(CITY) == [True], 10, "what a consumer finds that comes later")
    assert late.session(CITY).startswith("old-")  # nobody takes such a lie back
    one.connections.kill(Links((CITY,)))
    wait_for(lambda: late.statuses(CITY)[-2:] == [False, True], 20, "the will, and the birth of a new connection")
    assert late.session(CITY) == made.births[CITY].session


def test_without_statuses_only_messages_are_said(
    mosquitto: Callable[..., Mosquitto],
    listen: Callable[[str], Ear],
    publishing: Callable[..., tuple[Publisher, Cast, list[str]]],
) -> None:
    broker = mosquitto()
    listener = listen(broker.url)
    one, made, _ = publishing(parse_broker(broker.url), service=Service(statuses=False))
    say(one, made, 10)
    heard(listener, made, 10)
    assert one.finish() == 0
    assert Counter(message.topic.count("/") for message in listener.messages) == {5: 10}


ACCEPT_5 = bytes((0x20, 3, 0, 0, 0))
NOT_AUTHORIZED = bytes((0x20, 3, 0, 0x87, 0))


def hostile(answer: Callable[[socket.socket], None]) -> tuple[Broker, socket.socket]:
    """A broker that answers every connection in its own way."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=guest, args=[listening.accept()[0]], daemon=True).start()

    def guest(client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            client.settimeout(30)
            client.recv(1000)
            answer(client)

    threading.Thread(target=serve, daemon=True).start()
    return Broker("127.0.0.1", listening.getsockname()[1]), listening


def hang(client: socket.socket) -> None:
    while client.recv(1000):
        pass


def dribble(client: socket.socket) -> None:
    for _ in range(300):
        client.send(b"H")
        threading.Event().wait(0.1)


BAD: dict[str, tuple[Callable[[socket.socket], None], str]] = {
    "refuses": (lambda client: client.sendall(NOT_AUTHORIZED), "refuses the connection: Not authorized"),
    "hangs": (hang, "no answer from"),
    "drops": (lambda client: client.close(), "closed the connection before it answered"),
    "talks HTTP": (lambda client: client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "closed|not understood"),
    "sends half an answer": (lambda client: client.sendall(ACCEPT_5[:3]), "closed the connection before"),
    "sends a broken answer": (lambda client: client.sendall(bytes((0x20, 3, 0, 0, 9))), "not understood|closed"),
    "sends noise": (lambda client: client.sendall(bytes(range(255, 0, -1)) * 9), "not understood|closed"),
}


@pytest.mark.parametrize("how", list(BAD))
def test_a_broker_that_does_not_take_us_gives_a_clear_end_in_time(how: str) -> None:
    answer, said = BAD[how]
    broker, server = hostile(answer)
    session = new_session()
    one = Publisher(broker, cast(session), session, service=Service(statuses=False))
    began = time.monotonic()
    with server, pytest.raises(BrokerError, match=said):
        one.start(2.0)
    assert time.monotonic() - began < 15


def test_a_websocket_that_never_ends_its_greeting_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.language.connection.CONNECT_TIMEOUT", 1.0)
    broker, server = hostile(dribble)
    websocket = parse_broker(f"ws://127.0.0.1:{broker.port}")
    session = new_session()
    one = Publisher(websocket, cast(session), session, service=Service(statuses=False))
    with server, pytest.raises(BrokerError, match="does not answer as a WebSocket"):
        one.start(10.0)


@pytest.mark.parametrize("after", ["takes nothing", "hangs up", "talks nonsense"])
def test_a_broker_that_fails_after_its_welcome_ends_the_run_with_counts(after: str) -> None:
    def welcome(client: socket.socket) -> None:
        client.sendall(ACCEPT_5)
        if after == "takes nothing":
            hang(client)
        elif after == "talks nonsense":
            client.sendall(b"\xff\xff\xff\xff\xff\x01")
            hang(client)

    broker, server = hostile(welcome)
    session, told = new_session(), []
    made = cast(session)
    service = Service(window=20, patience=1.5, statuses=False)
    one = Publisher(broker, made, session, service=service, tell=told.append)
    with server:
        with contextlib.suppress(BrokerError):
            one.start(5.0)
        said = sum(one.publish(message) for message in messages(made, session, 100))
        assert said == 20
        assert one.finish() == 20
    assert one.account.gave_up
    assert any("the broker has taken nothing for" in text for text in told)


def test_a_fleet_that_is_refused_says_how_many_stand() -> None:
    broker, server = hostile(lambda client: client.sendall(NOT_AUTHORIZED))
    session = new_session()
    one = Publisher(broker, cast(session, 20), session, fleet=Fleet(Spread.STATION), service=Service(statuses=False))
    with server, pytest.raises(BrokerError, match=r"0 of 21 connections stand; .*refuses the connection"):
        one.start(5.0)


SCENARIO = """
name = "fleet"
start = 2026-03-01T00:00:00Z
duration = "2h"
cadence = "15min"
[cities]
include = ["rayong"]
"""


def test_the_command_spreads_a_city_over_connections_and_tells_how_late_it_was(
    tmp_path: Path, mosquitto: Callable[..., Mosquitto]
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
