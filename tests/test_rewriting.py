"""Captured messages made new: only what is asked for changes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.language.errors import InputError
from nakhon.captures.capture import Captured, MessageProperties
from nakhon.captures.recording import check_filters
from nakhon.captures.rewriting import Rewriter, Rewriting, parse_rewriting

NOW = 1_780_000_000.5
TICK = b'{"session":"9f3c","seq":4,"time":"2026-03-01T08:00:00Z","pm25":83.20,"pm10":null}'
READING = Captured(
    "nakhon/v1/one/chiang-mai/environment/aq-01",
    TICK,
    properties=MessageProperties(
        user=(("run", "one"), ("published", "2026-03-01T08:00:00.000+00:00"), ("schema", "1"))
    ),
)


def rewriter(*texts: str) -> Rewriter:
    return Rewriter(parse_rewriting(texts), now=lambda: NOW)


@given(st.text(min_size=1), st.binary())
def test_nothing_asked_changes_nothing(topic: str, payload: bytes) -> None:
    captured = Captured(topic, payload)
    assert Rewriter(Rewriting())(captured) is captured


def test_a_run_is_new_in_topic_property_and_discovery_and_the_payload_keeps_its_bytes() -> None:
    told = rewriter("run=again")(READING)
    assert told.topic == "nakhon/v1/again/chiang-mai/environment/aq-01"
    assert told.payload == TICK
    assert dict(told.properties.user) == {"run": "again", "published": "2026-03-01T08:00:00.000+00:00", "schema": "1"}
    config = '{"state_topic":"nakhon/home-assistant/one/x/y/z","availability_topic":"nakhon/v1/one/x/status"}'
    seen = rewriter("run=again")(Captured("homeassistant/sensor/n/pm25/config", config.encode()))
    assert seen.topic == "homeassistant/sensor/n/pm25/config"
    assert seen.payload.decode() == config.replace("/one/", "/again/")


def test_equal_sessions_stay_equal_and_different_ones_different() -> None:
    make = rewriter("session=new")
    sessions = [
        json.loads(make(Captured(READING.topic, json.dumps({"session": one, "seq": 1}).encode())).payload)["session"]
        for one in ("a", "b", "a")
    ]
    assert sessions[0] == sessions[2]
    assert len({*sessions, "a", "b"}) == 4


def test_the_first_time_becomes_now_and_the_others_keep_their_distance() -> None:
    make = rewriter("time=now")
    first = json.loads(make(READING).payload)
    pack = Captured(READING.topic, b'{"time":["2026-03-01T08:15:00Z","2026-03-01T08:30:00Z"],"pm25":[1.0,2.0]}')
    later = json.loads(make(pack).payload)
    assert first["time"] == "2026-05-28T20:26:40Z"
    assert later["time"] == ["2026-05-28T20:41:40Z", "2026-05-28T20:56:40Z"]
    assert first | {"time": ""} == json.loads(TICK) | {"time": ""}
    assert dict(make(READING).properties.user)["published"] == "2026-05-28T20:26:40.500+00:00"


def test_what_is_not_nakhons_own_json_is_left_and_counted() -> None:
    make = rewriter("session=new", "time=now")
    for payload in (b"\xff", b"[1]", b'{"time":"soon"}', b"readings,run=one pm25=1 1"):
        assert make(Captured("nakhon/v1/one/x/y/z", payload)).payload == payload
    assert make.unknown == 4
    assert make(Captured("tele/x", TICK)).payload == TICK
    assert make.unknown == 4


def test_a_prefix_is_before_every_topic_and_where_the_answer_goes() -> None:
    told = rewriter("prefix=copy/")(Captured("tele/x", b"", properties=MessageProperties(response_topic="tele/answer")))
    assert (told.topic, told.properties.response_topic) == ("copy/tele/x", "copy/tele/answer")
    with pytest.raises(InputError, match="longer than MQTT allows"):
        rewriter("prefix=copy")(Captured("x" * 65_534, b""))


@pytest.mark.parametrize(
    "texts",
    [["run"], ["run=A B"], ["run=status"], ["session=x"], ["time=then"], ["prefix="], ["prefix=/"], ["prefix=a/#"],
     ["prefix=$SYS"], ["speed=2"], ["run=a", "run=b"]],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(texts: list[str]) -> None:
    with pytest.raises(InputError, match="--rewrite"):
        parse_rewriting(texts)


@pytest.mark.parametrize("topics", [[], [""], ["a#"], ["a/#/b"], ["a+/b"], ["a/#", "a/b"], ["a/+", "a/+"], ["#", "a"]])
def test_topics_that_cannot_be_recorded_are_refused(topics: list[str]) -> None:
    with pytest.raises(InputError, match=r"expected|twice"):
        check_filters(topics)


def test_topics_beside_each_other_are_fine() -> None:
    assert check_filters(["a/+", "a/+/b", "c/#"]) == ("a/+", "a/+/b", "c/#")
