"""Formats and their description before judges from outside: a broker, AsyncAPI's parser, the Smart Data Models."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import format_samples as samples
import jsonschema
import paho.mqtt.client as mqtt
import pytest
from listener import Listener
from npm import installed
from parts import Mosquitto, nakhon, need, wait_for

from collector.language.indicators import indicators
from collector.language.messages import Event, Statistic
from nakhon.documents.asyncapi import describe
from simulator.formats import FORMATS
from simulator.scenario import parse_scenario

pytestmark = pytest.mark.system

SCENARIO = """
name = "talk"
start = 2026-03-01T00:00:00Z
duration = "1d"
cadence = "15min"
[cities]
include = ["chiang-mai"]
"""
PARSE = """
import { Parser } from '@asyncapi/parser';
import { readFileSync } from 'fs';
const parser = new Parser();
let wrong = 0;
for (const file of process.argv.slice(2)) {
  const { document, diagnostics } = await parser.parse(readFileSync(file, 'utf-8'));
  const errors = diagnostics.filter(one => one.severity === 0);
  for (const one of errors) console.log(file, one.path.join('/'), one.message);
  if (!document || errors.length) wrong++;
}
process.exit(wrong);
"""


@pytest.fixture
def listener(mosquitto: Callable[..., Mosquitto]) -> Iterator[tuple[str, Listener]]:
    """The address of a broker, and what it says."""
    broker = mosquitto()
    one = Listener(broker.url, "#")
    yield broker.url, one
    one.close()


def described(folder: Path, *options: str) -> dict[str, Any]:
    """The document that the command prints."""
    (folder / "talk.toml").write_text(SCENARIO)
    assert nakhon("asyncapi", "talk.toml", *options, folder=folder).wait(60) == 0
    told: dict[str, Any] = json.loads((folder / "asyncapi.out").read_text("utf-8"))
    return told


def test_the_official_parser_takes_every_document(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    place = installed("@asyncapi/parser@3", pytestconfig, tmp_path)
    if place != tmp_path:
        (tmp_path / "node_modules").symlink_to(place / "node_modules")
    for name in FORMATS:
        (tmp_path / f"{name}.json").write_text(json.dumps(describe(parse_scenario(SCENARIO, "talk"), name)))
    broken = json.loads((tmp_path / "wire.json").read_text())
    del broken["operations"]["readings"]["channel"]
    (tmp_path / "broken.json").write_text(json.dumps(broken))
    (tmp_path / "parse.mjs").write_text(PARSE)

    command = [need("node"), "parse.mjs", "broken.json", *(f"{name}.json" for name in FORMATS)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"broken.json"}, done.stdout + done.stderr
    assert done.returncode == 1, done.stdout + done.stderr  # as many as are wrong


class Described:
    """A document that messages are held to."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._channels = {
            one["address"]: [jsonschema.Draft7Validator(told["payload"]) for told in one["messages"].values()]
            for one in document["channels"].values()
        }

    def address(self, topic: str) -> str:
        """The address of the one channel that a topic belongs to, literal segments first."""
        fitting = [
            address
            for address in self._channels
            if re.fullmatch(re.sub(r"\\{\w+\\}", r"[^/]+", re.escape(address)), topic)
        ]
        assert fitting, f"no channel for {topic}"
        return min(fitting, key=lambda address: address.count("{"))

    def fits(self, topic: str, payload: bytes) -> bool:
        """Whether a message is one of those that its channel has."""
        return any(one.is_valid(json.loads(payload)) for one in self._channels[self.address(topic)])


@pytest.mark.parametrize("pack", ["1", "4"])
def test_every_message_seen_on_a_broker_is_as_described(
    tmp_path: Path, listener: tuple[str, Listener], pack: str
) -> None:
    url, heard = listener
    document = Described(described(tmp_path))
    assert nakhon("simulate", "talk.toml", "--broker", url, "--pack", pack, folder=tmp_path).wait(120) == 0
    said = (tmp_path / "simulate.log").read_text()
    count = int(re.search(r"said ([\d,]+) messages", " ".join(said.split()))[1].replace(",", ""))  # type: ignore[index]
    plain = ("status", "control", "committed", "replies")

    def bodies() -> list[mqtt.MQTTMessage]:
        return [one for one in heard.messages if one.topic.split("/")[-1] not in plain]

    wait_for(lambda: len(bodies()) >= count > 200, 30, "the last messages")
    wrong = [(one.topic, one.payload) for one in heard.messages if not document.fits(one.topic, bytes(one.payload))]
    assert not wrong, wrong[:3]
    kinds = {document.address(one.topic).split("/")[-1] for one in heard.messages}
    assert kinds == {"{station}", "events", "statistics", "status"}

    reading = next(one for one in bodies() if one.topic.endswith("/aq-01"))
    told = json.loads(reading.payload)
    for spoiled in (told | {"pm25": "12"}, told | {"pm25": 1e6}, {"pm25": told["pm25"]}, told | {"speed": 3}):
        assert not document.fits(reading.topic, json.dumps(spoiled).encode())
    assert not document.fits(reading.topic.replace("aq-01", "aq-01/events"), reading.payload)


def every_message() -> list[Any]:
    """A message of every kind of station, an event and a statistic."""
    told = [
        samples.message(
            kind,
            samples.readings(
                [samples.NOON, samples.NOON + 900],
                **{name: [1.5, 2.5] for name in station.indicators if not indicators()[name].event},
            ),
        )
        for kind, station in samples.STATIONS.items()
        if kind in samples.SPEAKING
    ]
    noon = samples.readings([samples.NOON], x=[0]).times[0]
    told.append(
        samples.message("service-desk", Event(noon, "a-1", "service_request.closed", {"resolution_time": 30.5}))
    )
    told.append(samples.message("statistics-office", Statistic("unemployment", "2026-01", noon, 1, 1.5)))
    return told


@pytest.mark.parametrize("name", FORMATS)
def test_a_broker_passes_on_every_payload_with_its_properties(name: str, listener: tuple[str, Listener]) -> None:
    _, heard = listener
    speaker = samples.opened(name)
    sent = [*speaker.session_started(), *(one for told in every_message() for _, one in samples.say(speaker, told))]
    for one in sent:
        properties = mqtt.Properties(mqtt.PacketTypes.PUBLISH)  # type: ignore[attr-defined, no-untyped-call]
        properties.ContentType = one.content_type
        properties.PayloadFormatIndicator = int(one.text)
        heard.connection.client.publish(one.topic, one.payload, qos=1, retain=one.retain, properties=properties)
    wait_for(lambda: len(heard.messages) >= len(sent), 20, "every payload")
    assert sorted((one.topic, bytes(one.payload)) for one in heard.messages) == sorted(
        (one.topic, one.payload) for one in sent
    )
    types = {one.properties.ContentType for one in heard.messages if one.properties}
    assert types == {one.content_type for one in sent}


EXTRA = {"session", "seq", "travelTimeIndex", "period", "revision", "dateObserved"}
PICK = """
import gzip, json, sys, zipfile
wheel, models = zipfile.ZipFile(sys.argv[1]), set(sys.argv[2:])
name = "pysmartdatamodels/model-assets/"
rows = json.loads(gzip.decompress(wheel.read(name + "smartdatamodels.json.gz")))
kept = [(one["dataModel"], one["property"], one.get("type"), one.get("typeNGSI"), "parentId" in one)
        for one in rows if one.get("dataModel") in models]
about = json.loads(wheel.read(name + "datamodels_metadata.json"))
needed = {one["dataModel"]: [one["required"], one["@context"]] for one in about if one["dataModel"] in models}
print(json.dumps([kept, needed]))
"""


@pytest.fixture(scope="module")
def smart_data_models(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[tuple[str, str], list[Any]], Any]:
    """Of each attribute of the models its type and NGSI type, of each model what it requires and its context."""
    folder = tmp_path_factory.mktemp("models")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), "pysmartdatamodels>=0.8"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    if done.returncode:
        pytest.skip(f"pip cannot download pysmartdatamodels: {done.stderr[-200:]}")
    from simulator.formats.smart_data_models import models

    (wheel,) = folder.glob("*.whl")
    picked = subprocess.run(
        [sys.executable, "-c", PICK, str(wheel), *models()], capture_output=True, text=True, timeout=120, check=True
    )
    rows, needed = json.loads(picked.stdout)
    return {(model, name): more for model, name, *more in rows if not more[2]}, needed


def test_entities_are_those_of_the_smart_data_models(smart_data_models: tuple[Any, Any]) -> None:
    attributes, needed = smart_data_models
    speaker = samples.opened("ngsi-ld")
    kinds = {"string": str, "number": float, "object": dict, "array": list, "boolean": bool}
    seen = set()
    for told in every_message():
        for _, sent in samples.say(speaker, told):
            entity = json.loads(sent.payload)
            model = entity["type"]
            if model == "CityEvent":
                continue
            required, context = needed[model]
            assert set(required) <= entity.keys(), model
            assert entity["@context"][0] == context
            for name, one in entity.items():
                if name in ("id", "type", "@context") or ((model, name) not in attributes and name in EXTRA):
                    continue
                kind, ngsi, _ = attributes[model, name]
                assert one["type"] == ngsi, (model, name)
                value = one["value"]
                value = value["@value"] if isinstance(value, dict) and "@value" in value else value
                assert isinstance(value, kinds[kind]) or name == "kpiValue", (model, name, kind, value)
                seen.add((model, name))
    assert ("AirQualityObserved", "pm25") in seen
    assert len({model for model, _ in seen}) == len(needed)
