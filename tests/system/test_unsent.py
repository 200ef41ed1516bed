"""What a broker has not got or does not take, counted and named in the ledger, over a real Mosquitto."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from fleets import CITY, Brokers, Listen, Publishing, cast, messages, say, written
from parts import wait_for

from collector.intake.decoder import Heard
from collector.language.broker import parse_broker
from collector.language.codec import encode
from collector.language.errors import BrokerError
from collector.language.ledger import Effect, read_ledger
from collector.stores.protocol import Rejection
from nakhon.mending import Outcome, to_broker
from simulator.faults.outlet import Links
from simulator.publisher import Publisher, new_session
from simulator.service import Service

pytestmark = pytest.mark.system


def named(folder: Path, kind: str) -> dict[str, tuple[int, int]]:
    """The numbers that the ledger says were not sent, or may not have been, by station."""
    return {
        name.split("/")[-1]: span
        for fault in read_ledger(folder / "run.ledger").faults
        if fault.kind == kind and fault.effect is Effect.MISSING
        for name, span in fault.seq.items()
    }


def test_messages_at_qos_0_are_counted_when_there_is_no_connection_and_hold_nothing_up(
    mosquitto: Brokers, publishing: Publishing
) -> None:
    broker = mosquitto()
    one, made, _ = publishing(parse_broker(broker.url), service=Service(qos=0, window=10))
    one.connections.outage(Links((CITY,)), 30.0)
    wait_for(lambda: not one.lines[0].up, 10, "the break")
    before = one.account.unsent
    say(one, made, 100)
    wait_for(lambda: one.account.unsent - before == 100, 10, "all of them to be counted")
    assert any("no connection" in line for line in one.account.lines)


def test_what_may_have_gone_down_with_a_connection_at_qos_0_is_named_in_the_ledger(
    tmp_path: Path, mosquitto: Brokers, monkeypatch: pytest.MonkeyPatch
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
    tmp_path: Path, mosquitto: Brokers, listen: Listen
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


@pytest.fixture
def denying(tmp_path: Path, mosquitto: Brokers) -> str:
    """The URL of a broker that denies what the station aq-1 says."""
    rights = tmp_path / "acl"
    rights.write_text("topic readwrite nakhon/#\ntopic deny nakhon/v1/+/+/+/aq-1\n")
    rights.chmod(0o700)
    return mosquitto(f"max_queued_messages 100000\nacl_file {rights}").url  # 0: it hangs up instead (before 2.0.22)


@pytest.mark.parametrize("qos", [1, 2])
def test_a_message_that_is_answered_with_a_refusal_is_named(
    tmp_path: Path, denying: str, listen: Listen, qos: int
) -> None:
    listener = listen(denying)
    made = cast(new_session())
    with written(tmp_path, made) as ledger:
        one = Publisher(parse_broker(denying), made, made.births[CITY].session, service=Service(qos=qos), ledger=ledger)
        one.start()
        say(one, made, 30)
        assert one.finish() == 0
    assert (one.account.refused, one.account.refusal) == (10, "Not authorized")
    assert named(tmp_path, "broker_refused") == {"aq-1": (0, 9)}
    wait_for(lambda: len(listener.readings()) == 20, 10, "the others")
    assert not one.lines[0].under_way


def test_a_replay_of_what_was_rejected_says_what_the_broker_refuses(denying: str) -> None:
    said = messages(cast(new_session()), "s1", 3)
    outcomes = [
        Outcome(Rejection(one.address.topic, encode(one), 0, number, "late", 0.0), "new", heard=Heard("x", (one,)))
        for number, one in enumerate(said)
    ]
    with pytest.raises(BrokerError, match="refuses 1 of 3 messages: Not authorized"):
        to_broker(parse_broker(denying), outcomes)
