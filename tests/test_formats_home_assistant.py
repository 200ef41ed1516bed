"""Home Assistant: configurations that its rules allow, and states that its templates find."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
from format_samples import (
    NOON,
    SCHEMAS,
    STATIONS,
    any_event,
    any_readings,
    any_statistic,
    facts,
    few,
    message,
    opened,
    readings,
    say,
)
from hypothesis import given

from collector.language.codec import decode
from collector.language.indicators import indicators
from collector.language.messages import Event, Readings, Statistic

TOPIC = re.compile(r"homeassistant/(sensor|event)/([a-zA-Z0-9_-]+)/([a-zA-Z0-9_-]+)/config")
# https://developers.home-assistant.io/docs/core/entity/sensor: the units of the device classes that are used
UNITS = {
    "pm25": {"µg/m³"}, "pm10": {"µg/m³"}, "temperature": {"°C", "°F", "K"}, "humidity": {"%"},
    "precipitation_intensity": {"mm/d", "mm/h", "in/d", "in/h"}, "wind_speed": {"m/s", "km/h", "mph", "kn", "ft/s"},
    "sound_pressure": {"dB", "dBA"}, "distance": {"mm", "cm", "m", "km", "in", "ft", "yd", "mi"},
}  # fmt: skip


def configurations() -> dict[str, dict[str, Any]]:
    """Every configuration by its topic."""
    return {sent.topic: json.loads(sent.payload) for sent in opened("home-assistant").session_started()}


def found(template: str, payload: dict[str, Any]) -> object:
    """What a template of ours finds in a payload."""
    matched = re.fullmatch(r"\{\{ value_json\.(\w+) \}\}", template)
    assert matched
    return payload[matched[1]]


def test_configurations_are_valid_retained_and_each_its_own() -> None:
    told = configurations()
    for topic, one in told.items():
        jsonschema.validate(one, SCHEMAS["discovery"], cls=jsonschema.Draft202012Validator)
        assert TOPIC.fullmatch(topic), topic
    assert all(sent.retain for sent in opened("home-assistant").session_started())
    assert len({one["unique_id"] for one in told.values()}) == len(told)


def test_a_device_class_has_a_unit_that_it_takes() -> None:
    classes = {
        one["device_class"]: one["unit_of_measurement"] for one in configurations().values() if "device_class" in one
    }
    assert set(classes) == set(UNITS)
    assert all(unit in UNITS[name] for name, unit in classes.items())


def test_every_indicator_is_a_sensor_or_told_by_the_events_of_its_station() -> None:
    topics = set(configurations())
    for station in STATIONS.values():
        device = f"nakhon_{station.city}_{station.id}"
        for name in station.indicators:
            sensor = f"homeassistant/sensor/{device}/{name}/config" in topics
            assert sensor != bool(indicators()[name].event), name
            assert sensor or f"homeassistant/event/{device}/events/config" in topics


@few
@given(told=any_readings())
def test_every_sensor_finds_its_value_in_the_state_and_a_missing_one_is_null(told: tuple[str, Readings]) -> None:
    kind, body = told
    sensors = {topic.split("/")[3]: one for topic, one in configurations().items() if STATIONS[kind].id in topic}
    again = []
    for part, sent in say(opened("home-assistant"), message(kind, body)):
        payload = json.loads(sent.payload)
        assert not sent.retain
        for name, column in part.body.columns.items():  # type: ignore[union-attr]
            assert sensors[name]["state_topic"] == sensors[name]["json_attributes_topic"] == sent.topic
            value = found(sensors[name]["value_template"], payload)
            assert value == column.item() or (value is None and column.item() != column.item())
        again.append(decode(part.address, sent.payload).body)
    assert facts(*again) == facts(body)


@few
@given(told=any_statistic)
def test_a_statistic_is_retained_where_its_sensor_looks(told: Statistic) -> None:
    ((_, sent),) = say(opened("home-assistant"), message("statistics-office", told))
    sensor = configurations()[f"homeassistant/sensor/nakhon_chiang-mai_so-01/{told.indicator}/config"]
    assert (sensor["state_topic"], sent.retain) == (sent.topic, True)
    assert found(sensor["value_template"], json.loads(sent.payload)) == told.value


@few
@given(event=any_event)
def test_an_event_is_of_a_type_that_was_announced(event: Event) -> None:
    kind = next(kind for kind in STATIONS if event.type in _types(kind))
    ((_, sent),) = say(opened("home-assistant"), message(kind, event))
    payload = json.loads(sent.payload)
    assert payload.pop("event_type") == event.type
    assert event.fields.items() <= payload.items()
    assert _config(kind)["state_topic"] == sent.topic


def test_whether_a_city_is_online_is_read_from_its_birth() -> None:
    (first, *_) = configurations().values()
    assert first["availability_topic"] == "nakhon/v1/demo/chiang-mai/status"
    ((_, sent),) = say(opened("home-assistant"), message("weather", readings([NOON], rain=[1])))
    assert sent.topic == "nakhon/home-assistant/demo/chiang-mai/environment/wx-01"


def _config(kind: str) -> dict[str, Any]:
    topic = f"homeassistant/event/nakhon_chiang-mai_{STATIONS[kind].id}/events/config"
    return configurations().get(topic, {})


def _types(kind: str) -> list[str]:
    types: list[str] = _config(kind).get("event_types", [])
    return types
