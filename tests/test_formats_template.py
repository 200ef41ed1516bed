"""Templates: strict, safe, escaped, and nothing is dropped without a word."""

from __future__ import annotations

import json
from collections.abc import Collection

import numpy as np
import pytest
from format_samples import (
    CITY,
    COMPANY,
    NOON,
    STATIONS,
    Company,
    any_event,
    any_readings,
    facts,
    few,
    message,
    readings,
    say,
)
from hypothesis import given
from hypothesis import strategies as st

from collector.language.errors import InputError
from collector.language.messages import Event, Readings, Statistic
from collector.language.topics import Kind
from simulator.formats import Format, format_of
from simulator.formats.patterns import Raw, parse_pattern
from simulator.formats.template import FIELDS

TOPIC = "city/{city}/{station}/{indicator}"
QUIET = Company("demo", COMPANY.births, {CITY.id: [STATIONS["weather"], STATIONS["air-quality"]]})


def template(payload: str, company: Company = QUIET, only: Collection[Kind] = ()) -> Format:
    """A template for stations that tell readings only, unless others are given."""
    return format_of("template", topic=TOPIC, payload=payload, only=only)(company)


def test_the_example_of_the_help() -> None:
    told = message("weather", readings([NOON], rain=[1.25], wind_speed=[float("nan")]))
    (_, rain), (_, wind) = say(template('{"v": {value}, "t": "{time}"}'), told)
    assert (rain.topic, rain.payload) == ("city/chiang-mai/wx-01/rain", b'{"v": 1.25, "t": "2026-03-01T12:00:00Z"}')
    assert (wind.topic, wind.payload) == (
        "city/chiang-mai/wx-01/wind_speed",
        b'{"v": null, "t": "2026-03-01T12:00:00Z"}',
    )
    assert rain.content_type == "application/json"


def test_nested_json_and_plain_text() -> None:
    told = message("weather", readings([NOON], rain=[1.25]))
    ((_, nested),) = say(template('{"d":{"n":"{station_name}","a":[{value},{epoch}],"x":{}}}'), told)
    assert json.loads(nested.payload) == {"d": {"n": STATIONS["weather"].name, "a": [1.25, NOON], "x": {}}}
    ((_, plain),) = say(template("{epoch_ms};{value};{unit}"), told)
    assert (plain.payload, plain.content_type) == (b"1772366400000;1.25;mm/h", "text/plain")


@few
@given(told=any_readings())
def test_every_reading_survives(told: tuple[str, Readings]) -> None:
    kind, body = told
    all_fields = "{" + ", ".join(f'"{name}": "{{{name}}}"' for name in FIELDS if name not in ("value", "fields"))
    said = say(template(all_fields + ', "value": {value}, "fields": {fields}}', COMPANY), message(kind, body))
    heard = [json.loads(sent.payload) for _, sent in said]
    found = {(one["indicator"], int(one["epoch"]), one["value"]) for one in heard if one["value"] is not None}
    assert found == facts(body)
    assert all(one["city_name"] == CITY.name and one["seq"] for one in heard)


@few
@given(event=any_event)
def test_events_are_told_with_all_their_fields(event: Event) -> None:
    speaker = template('{"i": "{indicator}", "id": "{id}", "type": "{type}", "f": {fields}, "p": "{period}"}', COMPANY)
    ((_, sent),) = say(speaker, message("service-desk", event))
    assert json.loads(sent.payload) == {
        "i": "events", "id": event.id, "type": event.type, "f": event.fields, "p": "",
    }  # fmt: skip


def test_statistics_are_told_with_period_and_revision() -> None:
    told = Statistic("unemployment", "2026-01", np.datetime64(NOON, "s"), 2, 1.5)
    speaker = template('["{indicator}", "{period}", {revision}, {value}, "{time}", {fields}]', COMPANY)
    ((_, sent),) = say(speaker, message("statistics-office", told))
    assert json.loads(sent.payload) == ["unemployment", "2026-01", 2, 1.5, "2026-03-01T12:00:00Z", {}]


def test_what_a_payload_has_no_place_for_is_refused_at_the_start() -> None:
    with pytest.raises(InputError) as caught:
        template('{"v": {value}}', COMPANY)
    told = str(caught.value)
    assert "no place for the events that chiang-mai/br-01" in told
    assert "add {fields}" in told
    assert "no place for the statistics that chiang-mai/so-01 tell of: add {period}" in told


def test_a_payload_needs_no_place_for_what_will_not_be_said() -> None:
    told = message("weather", readings([NOON], rain=[1.25]))
    ((_, rain),) = say(template('{"v": {value}}', COMPANY, {Kind.READINGS}), told)
    assert rain.payload == b'{"v": 1.25}'
    with pytest.raises(InputError) as caught:
        template('{"v": {value}}', COMPANY, {Kind.READINGS, Kind.EVENTS})
    assert "add {fields}" in str(caught.value)
    assert "statistics" not in str(caught.value)


@pytest.mark.parametrize(
    "payload",
    [
        "{value.__class__}", "{value!r}", "{value:.2f}", "{0}", "{__import__}", "{city[0]}", "{{value}}",
        '{"t": {time}}', '{"v": "{value}"', "", '{"v": {value} {value}}',
    ],
)  # fmt: skip
def test_what_is_no_field_or_no_json_is_refused(payload: str) -> None:
    with pytest.raises(InputError, match="--payload"):
        template(payload)


@given(text=st.text(max_size=30), value=st.text(max_size=20))
def test_text_is_escaped_and_whatever_is_no_field_stays_as_it_is(text: str, value: str) -> None:
    pattern, wrong = parse_pattern(f'{text}"{{x}}"', ["x"], "--payload")
    assert pattern.text == f'{text}"{{x}}"'
    if not wrong and "{x}" not in text:
        filled = pattern.fill_json({"x": value})
        assert filled.startswith(text)
        assert json.loads(filled[len(text) :]) == value
    assert pattern.fill_json(dict.fromkeys(pattern.fields, Raw("1"))).count("{x}") == 0
