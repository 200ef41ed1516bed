"""Connections harmed on purpose, over a real Mosquitto: outages, half-open ones, births that fail to come, lies."""

from __future__ import annotations

import time

import pytest
from fleets import CITY, Brokers, Listen, Publishing, heard, say
from parts import wait_for

from collector.language.broker import parse_broker
from simulator.faults.outlet import Links

pytestmark = pytest.mark.system


def test_what_is_said_in_an_outage_arrives_after_it(
    mosquitto: Brokers,
    listen: Listen,
    publishing: Publishing,
) -> None:
    broker = mosquitto()
    listener = listen(broker.url)
    one, made, _ = publishing(parse_broker(broker.url))
    one.connections.reconnect_storm(Links((CITY,)), 3, 10.0)
    say(one, made, 200)
    wait_for(lambda: one.account.losses >= 3 and one.lines[0].up, 20, "three breaks")
    heard(listener, made, 200)


def test_a_half_open_connection_goes_on_afterwards(
    mosquitto: Brokers,
    listen: Listen,
    publishing: Publishing,
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
    mosquitto: Brokers,
    listen: Listen,
    publishing: Publishing,
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
    mosquitto: Brokers,
    listen: Listen,
    publishing: Publishing,
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
