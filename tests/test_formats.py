"""The seam of payload formats: names, options, profiles, and what every format owes."""

from __future__ import annotations

from typing import Any

import format_samples as samples
import jsonschema
import pytest
from format_samples import CITY, COMPANY, NOON, RUN, SCHEMAS, SESSION, STATIONS, message, opened, readings, say
from hypothesis import given
from hypothesis import strategies as st

from collector.language.codec import decode
from collector.language.errors import InputError
from collector.language.indicators import indicators
from collector.language.messages import Message, Readings
from simulator.formats import FORMATS, format_of
from simulator.formats.stations import event_types
from simulator.formats.units import SECONDARY, senml_unit, ucum_code, unece_code

ALL = [*FORMATS, "template"]
OPTIONS = {"template": {"topic": "c/{station}", "payload": "{value},{fields},{period}"}}


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_schemas(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("name", ALL)
@samples.few
@given(told=samples.any_readings(st.floats(0, 1e6)), seq=st.one_of(st.none(), st.integers(0, 2**50)))
def test_every_reading_is_in_exactly_one_part_and_every_part_in_at_most_one_payload(
    name: str, told: tuple[str, Readings], seq: int | None
) -> None:
    kind, body = told
    speaker = opened(name, **OPTIONS.get(name, {}))
    parts = speaker.parts(body)
    assert sum(len(samples.facts(part)) for part in parts) == len(samples.facts(body))
    assert samples.facts(*parts) == samples.facts(body)
    for part in parts:
        sent = speaker.encode(message(kind, part, seq))
        assert len(sent) == 1 or not samples.facts(part)


@pytest.mark.parametrize("name", ALL)
@samples.few
@given(one=st.one_of(samples.any_event, samples.any_statistic))
def test_events_and_statistics_are_told_whole_in_one_payload(name: str, one: Any) -> None:
    speaker = opened(name, **OPTIONS.get(name, {}))
    kind = "service-desk" if isinstance(one, samples.Event) else "statistics-office"
    told = message(kind, one)
    ((part, sent),) = say(speaker, told)
    assert part == told
    assert sent.topic
    assert sent.payload


@pytest.mark.parametrize("name", ["wire", "reading", "senml-json", "senml-cbor"])
@samples.few
@given(one=st.one_of(samples.any_event, samples.any_statistic))
def test_where_a_format_has_no_events_and_statistics_of_its_own_they_are_told_as_on_the_wire(
    name: str, one: Any
) -> None:
    told = message("service-desk", one)
    ((_, sent),) = say(opened(name), told)
    assert decode(told.address, sent.payload) == told
    assert sent.topic.endswith(f"/{told.address.kind.value}")


def test_the_wire_is_the_codec_on_its_own_topic() -> None:
    told = message("air-quality", readings([NOON, NOON + 900], pm25=[83.2, 80.0]))
    ((_, sent),) = say(opened("wire"), told)
    assert sent.topic == told.address.topic == "nakhon/v1/demo/chiang-mai/environment/aq-01"
    assert (sent.content_type, sent.text, sent.retain) == ("application/json", True, False)
    again = decode(told.address, sent.payload)
    assert isinstance(again, Message)
    assert samples.facts(again.body) == samples.facts(told.body)


@pytest.mark.parametrize("name", FORMATS)
def test_only_home_assistant_has_births_of_its_own(name: str) -> None:
    assert bool(opened(name).session_started()) == (name == "home-assistant")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"name": "senml"}, "did you mean senml-"),
        ({"name": "xml"}, "no format 'xml'"),
        ({"name": "wire", "topic": "a/{station}"}, "--format wire are given"),
        ({"name": "home-assistant", "topic": "a"}, "--format home-assistant are given"),
        ({"name": "influx", "payload": "{value}"}, "--payload goes with --format template, not influx"),
        ({"name": "influx", "topic": "a/{indicator}"}, "no field {indicator}"),
        ({"name": "reading", "topic": "a/{staton}"}, "did you mean {station}?"),
        ({"name": "reading", "topic": "a/#/{station}"}, "has no '#'"),
        ({"name": "reading", "topic": "$SYS/{station}"}, "belong to the broker"),
        ({"name": "reading", "topic": ""}, "at least one character"),
        ({"name": "reading", "topic": "a" * 1001}, "at most 1,000 bytes"),
        ({"name": "template"}, "needs both --topic and --payload"),
        ({"name": "template", "topic": "{x}/+", "payload": "{valu} {tim}"}, "did you mean {value}?"),
    ],
)
def test_options_that_make_no_sense_are_refused_with_what_to_do(options: dict[str, str], expected: str) -> None:
    with pytest.raises(InputError, match=expected.replace("{", r"\{").replace("?", r"\?").replace("$", r"\$")):
        format_of(**options)


def test_all_errors_come_at_once() -> None:
    with pytest.raises(InputError) as caught:
        format_of("template", topic="$a/{nothing}/+", payload='{"v": {valu}, "t": {tim}}')
    told = str(caught.value)
    assert [part in told for part in ("{nothing}", "'+'", "begin with $", "{valu}", "{tim}")] == [True] * 5


@pytest.mark.parametrize("name", ["reading", "senml-json", "senml-cbor", "influx", "ngsi-ld"])
def test_a_topic_of_the_users_own(name: str) -> None:
    speaker = opened(name, topic="{run}/{session}/{city}/{pillar}/{station}/{station_kind}/{message}")
    ((_, sent),) = say(speaker, message("noise-meter", readings([NOON], noise_laeq=[60.5])))
    assert sent.topic == f"{RUN}/{SESSION}/{CITY.id}/environment/nm-01/noise-meter/readings"


def test_every_unit_of_the_catalogue_has_a_row() -> None:
    rows = samples.KINDS and {entry.unit for entry in indicators().values()}
    from simulator.formats.units import _table

    assert set(_table()) == rows


def test_units_of_an_indicator_in_every_vocabulary() -> None:
    assert (ucum_code("pm25"), senml_unit("pm25"), unece_code("pm25")) == ("ug/m3", "ug/m3", "GQ")
    assert (ucum_code("no2"), senml_unit("no2"), unece_code("no2")) == ("[ppb]", None, "61")
    assert senml_unit("relative_humidity") == "%RH"
    assert (ucum_code("strange"), senml_unit("strange"), unece_code("strange")) == (None, None, None)
    enum = SCHEMAS["senml"]["items"]["properties"]["u"]["enum"]
    assert {senml_unit(name) for name in indicators()} - {None} == set(enum)
    assert set(enum) > SECONDARY


def test_a_station_tells_of_the_events_that_its_indicators_are_about() -> None:
    assert event_types(STATIONS["permit-office"]) == ("permit.submitted", "permit.decided")
    assert len(event_types(STATIONS["service-desk"])) == 3
    assert event_types(STATIONS["weather"]) == ()
    assert len(COMPANY.stations[CITY.id]) == 16
