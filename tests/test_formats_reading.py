"""One reading a message: readings survive, and the collector reads what is said."""

from __future__ import annotations

import json

import jsonschema
from format_samples import NOON, SCHEMAS, any_readings, facts, few, message, opened, readings, say
from hypothesis import given

from collector.formats.single import SingleReading
from collector.language.messages import Readings
from collector.language.time import parse_time


@few
@given(told=any_readings())
def test_each_reading_is_a_message_and_missing_ones_are_null(told: tuple[str, Readings]) -> None:
    kind, body = told
    said = [json.loads(sent.payload) for _, sent in say(opened("reading"), message(kind, body))]
    for one in said:
        jsonschema.validate(one, SCHEMAS["reading"], cls=jsonschema.Draft202012Validator)
    found = {(one["indicator"], parse_time(one["time"]), one["value"]) for one in said if one["value"] is not None}
    assert found == facts(body)
    assert len(said) == len(body.times) * len(body.columns)
    assert [one["seq"] for one in said] == list(range(7, 7 + len(said)))


@few
@given(told=any_readings())
def test_the_collector_reads_every_message(told: tuple[str, Readings]) -> None:
    kind, body = told
    heard = []
    for part, sent in say(opened("reading"), message(kind, body)):
        answer = SingleReading().decode(sent.topic, sent.payload, None)
        assert answer is not None
        ((again,)) = answer.messages
        assert (again.address, again.session, again.seq) == (part.address, part.session, part.seq)
        heard.append(again.body)
    assert facts(*heard) == facts(body)


def test_what_it_looks_like() -> None:
    told = message("air-quality", readings([NOON], pm25=[83.2], no2=[float("nan")]))
    (_, first), (_, second) = say(opened("reading"), told)
    assert first.payload.decode() == (
        '{"session":"9f3c21","seq":7,"indicator":"pm25","time":"2026-03-01T12:00:00Z","value":83.2,"unit":"ug/m3"}'
    )
    assert json.loads(second.payload)["value"] is None
    ((_, sent),) = say(
        opened("reading", topic="city/{city}/{station}/{indicator}"), message("weather", readings([NOON], rain=[1]))
    )
    assert sent.topic == "city/chiang-mai/wx-01/rain"
