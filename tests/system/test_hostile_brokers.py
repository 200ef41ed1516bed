"""Fleets against brokers that refuse, hang, drop or talk nonsense."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

import pytest
from fleets import cast, messages

from collector.language.broker import Broker, parse_broker
from collector.language.errors import BrokerError
from simulator.fleet import Fleet
from simulator.publisher import Publisher, new_session
from simulator.service import Service
from simulator.spread import Spread

pytestmark = pytest.mark.system


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
