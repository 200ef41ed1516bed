"""AsyncAPI: what the document says of a scenario, and that its examples keep to its schemas."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from collector.language.codec import decode
from collector.language.errors import InputError
from collector.language.indicators import IndicatorKind, indicators
from collector.language.topics import parse_topic
from nakhon.documents.asyncapi import describe, write_schemas
from nakhon.documents.wire_schemas import wire_schemas
from simulator.formats import FORMATS
from simulator.scenario import load_scenario
from simulator.stations import KINDS

NOON = "2026-03-01T12:00:00Z"
DEMO = load_scenario("demo")
NAMES = ("wire", "senml-json", "home-assistant")
SENSORS = [entry for entry in indicators().values() if entry.kind in (IndicatorKind.SENSOR, IndicatorKind.COUNT)]


@cache
def document(name: str) -> dict[str, Any]:
    """The document of the demo in a format."""
    return describe(DEMO, name)


def valid(payload: object, schema: dict[str, Any]) -> bool:
    """Whether a payload keeps to a schema of the document (draft 7)."""
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema).is_valid(payload)


def messages(name: str) -> dict[str, dict[str, Any]]:
    """Every message of a document by channel and name."""
    return {
        f"{channel}/{key}": message
        for channel, one in document(name)["channels"].items()
        for key, message in one["messages"].items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_examples_keep_to_their_schemas(name: str) -> None:
    shown = 0
    for key, message in messages(name).items():
        for example in message.get("examples", []):
            assert valid(example["payload"], message["payload"]), key
            shown += 1
    assert shown > (20 if name == "wire" else 2)


def test_every_kind_of_station_has_a_tick_and_a_pack_with_an_example() -> None:
    told = messages("wire")
    spoken = {kind for kind, made in KINDS.items() if any(indicators()[name] in SENSORS for name in made.indicators)}
    for kind in spoken - {"air-quality-node"}:  # the demo has none
        key = re.sub(r"-(\w)", lambda found: found[1].upper(), kind)
        assert told[f"readings/{key}Tick"]["examples"]
        assert told[f"readings/{key}Pack"]["examples"]


def test_a_channel_for_each_thing_that_is_said_and_an_operation_for_each_channel_but_replies() -> None:
    wire = document("wire")
    assert wire["asyncapi"] == "3.0.0"
    assert set(wire["channels"]) == {
        "readings", "events", "statistics", "cityStatus", "stationStatus", "control", "replies", "committed",
    }  # fmt: skip
    assert set(wire["operations"]) == set(wire["channels"]) - {"replies"}
    assert wire["operations"]["control"]["reply"]["channel"]["$ref"] == "#/channels/replies"
    assert wire["operations"]["cityStatus"]["bindings"]["mqtt"]["retain"] is True
    filled = wire["channels"]["readings"]["address"].format(run="r", city="c", pillar="environment", station="s")
    assert parse_topic(filled)
    assert wire["channels"]["readings"]["parameters"]["city"]["enum"] == list(DEMO.cities)


@pytest.mark.parametrize("entry", SENSORS, ids=lambda entry: entry.id)
def test_every_indicator_has_its_unit_and_bounds(entry: Any) -> None:
    found = [
        schema["properties"][entry.id]
        for name, schema in wire_schemas().items()
        if name.endswith("-tick") and entry.id in schema["properties"]
    ]
    assert found
    for schema in found:
        assert (schema["x-ucum"], schema["minimum"], schema["maximum"]) == (entry.ucum, entry.minimum, entry.maximum)
        assert schema["description"].startswith(f"{entry.id}: {entry.definition}")


@pytest.mark.parametrize(
    "wrong",
    [
        {"pm25": 12.5}, {"time": NOON}, {"time": "yesterday", "pm25": 1}, {"time": NOON, "pm25": "12"},
        {"time": NOON, "pm25": 99_999}, {"time": NOON, "pm25": 1, "rain": 2}, {"time": NOON, "pm25": 1, "seq": 4},
        {"time": [NOON], "pm25": 1},
    ],
)  # fmt: skip
def test_a_wrong_message_does_not_validate(wrong: dict[str, Any]) -> None:
    told = messages("wire")["readings/airQualityTick"]["payload"]
    assert valid({"time": NOON, "pm25": 12.5, "session": "a", "seq": 0}, told)
    assert not valid(wrong, told)


def test_a_statistic_is_held_to_the_bounds_of_its_own_indicator() -> None:
    schema = messages("wire")["statistics/statistic"]["payload"]
    told = {"indicator": "unemployment", "period": "2026-01", "published": "2026-03-01T00:00:00Z", "value": 25}
    assert valid(told, schema)
    assert not valid(told | {"value": 31}, schema)
    assert valid(told | {"indicator": "hotel_occupancy", "value": 31}, schema)


def test_examples_are_what_the_collector_reads() -> None:
    address = parse_topic("nakhon/v1/r/c/environment/s")
    for message in document("wire")["channels"]["readings"]["messages"].values():
        for example in message.get("examples", []):
            decode(address, json.dumps(example["payload"]).encode())  # type: ignore[arg-type]


def test_schemas_are_written_a_file_each_and_are_schemas(tmp_path: Path) -> None:
    written = write_schemas(tmp_path / "schemas")
    assert {path.stem for path in written} >= {"air-quality-tick", "permit.decided", "statistic", "status", "senml"}
    for path in written:
        schema = json.loads(path.read_text("utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$id"].startswith("urn:nakhon:")
    with pytest.raises(InputError, match="cannot write schemas into"):
        write_schemas(written[0])


def test_another_format_is_refused() -> None:
    with pytest.raises(InputError, match=f"expected --format {', '.join(FORMATS)}, came 'xml'"):
        describe(DEMO, "xml")
