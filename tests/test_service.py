"""What is asked of a broker: every combination that makes no sense is refused, with what to do."""

from dataclasses import replace

import pytest

from collector.language.broker import Broker, parse_broker
from collector.language.errors import InputError
from simulator.service import Service, check_service, parse_property

FIVE, FOUR = Broker("localhost", 1883), Broker("localhost", 1883, protocol=4)


@pytest.mark.parametrize(
    ("service", "option"),
    [
        (Service(session_expiry=60), "--session-expiry"),
        (Service(message_expiry=60), "--message-expiry"),
        (Service(will_delay=5), "--will-delay"),
        (Service(aliases=10), "--topic-alias"),
        (Service(about=(("a", "b"),)), "--user-property"),
    ],
)
def test_what_only_mqtt_5_can_do_is_refused_with_the_older_version(service: Service, option: str) -> None:
    check_service(service, FIVE)
    with pytest.raises(InputError, match=rf"3\.1\.1 has no {option}.*--mqtt 5"):
        check_service(service, FOUR)


@pytest.mark.parametrize(
    ("service", "said"),
    [
        (Service(will_delay=60, session_expiry=30), "raise --session-expiry"),
        (Service(will_delay=5, statuses=False), "--no-status leaves no will"),
        (Service(message_expiry=0), "expected at least 1 s"),
        (Service(qos=2, session_expiry=0), "--qos 2 cannot keep its promise"),
        (Service(aliases=70_000), "expected 0 to 65,535"),
        (Service(session_expiry=2**32), "expected 0 to 4,294,967,295"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(service: Service, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_service(service, FIVE)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InputError) as refusal:
        check_service(Service(aliases=10, message_expiry=0), FOUR)
    assert "--topic-alias" in str(refusal.value)
    assert "--message-expiry 0" in str(refusal.value)


def test_a_session_is_asked_for_only_where_something_is_remembered() -> None:
    assert Service().remembered(5) > 0
    assert Service().remembered(4) == 0
    assert Service(qos=2).remembered(4) > 0
    assert replace(Service(), session_expiry=7).remembered(5) == 7


def test_a_user_property_has_a_name_and_a_value() -> None:
    assert parse_property("site=north=1") == ("site", "north=1")
    assert parse_property("empty=") == ("empty", "")
    for wrong in ("site", "=north", "a=\n", "a=" + "b" * 1000):
        with pytest.raises(InputError, match="expected name=value"):
            parse_property(wrong)


def test_a_broker_may_be_reached_over_a_websocket() -> None:
    broker = parse_broker("ws://example.org")
    assert (broker.port, broker.path, broker.tls, broker.url) == (80, "/mqtt", False, "ws://example.org:80/mqtt")
    broker = parse_broker("wss://example.org:9001/a/b/")
    assert (broker.port, broker.path, broker.tls, broker.url) == (9001, "/a/b", True, "wss://example.org:9001/a/b")
    for wrong in ("mqtt://h/path", "ws://h/p?token=1", "http://h", "ws://"):
        with pytest.raises(InputError, match="expected a broker such as"):
            parse_broker(wrong)


def test_certificates_without_tls_are_refused() -> None:
    with pytest.raises(InputError, match="write mqtts:// for mqtt://"):
        parse_broker("mqtt://h", authority="ca.pem")
    with pytest.raises(InputError, match="give that too, with --cert"):
        parse_broker("mqtts://h", key="key.pem")
