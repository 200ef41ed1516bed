"""SenML in JSON and CBOR: readings survive, other implementations read what is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cbor2
import jsonschema
import pycddl
import pytest
from format_samples import NOON, SCHEMAS, any_readings, facts, few, message, opened, readings, say
from hypothesis import given
from hypothesis import strategies as st

from collector.formats.senml import SenML
from collector.language.errors import InputError
from collector.language.messages import Message, Readings
from simulator.formats.senml_cbor import LABELS

CDDL = pycddl.Schema((Path(__file__).parent / "reference" / "senml.cddl").read_text("utf-8"))
NAMES = {label: name for name, label in LABELS.items()}


def records(name: str, told: Message) -> list[dict[str, Any]]:
    """The records of a message, and its number; none where nothing was said."""
    said = say(opened(name), told)
    if not said:
        return []
    ((_, sent),) = said
    if name == "senml-json":
        assert (sent.content_type, sent.text) == ("application/senml+json", True)
        return json.loads(sent.payload)
    assert (sent.content_type, sent.text) == ("application/senml+cbor", False)
    CDDL.validate_cbor(sent.payload)
    return [{NAMES.get(label, label): value for label, value in one.items()} for one in cbor2.loads(sent.payload)]


@pytest.mark.parametrize("name", ["senml-json", "senml-cbor"])
@few
@given(told=any_readings())
def test_every_reading_survives_and_missing_ones_have_no_record(name: str, told: tuple[str, Readings]) -> None:
    kind, body = told
    pack = records(name, message(kind, body))
    if not pack:
        assert not facts(body)
        return
    jsonschema.validate(pack, SCHEMAS["senml"], cls=jsonschema.Draft202012Validator)
    start = pack[0]["bt"]
    assert {(one["n"], start + one.get("t", 0), one["v"]) for one in pack} == facts(body)
    assert len(pack) == len(facts(body))
    assert (pack[0]["session"], pack[0]["seq"]) == ("9f3c21", 7)


@few
@given(told=any_readings(st.floats(-1e15, 1e15)))
def test_the_collector_reads_every_pack(told: tuple[str, Readings]) -> None:
    kind, body = told
    sent = message(kind, body)
    for _, outgoing in say(opened("senml-json"), sent):
        heard = SenML().decode(outgoing.topic, outgoing.payload, None)
        assert heard is not None
        (again,) = heard.messages
        assert (again.address, again.session, again.seq) == (sent.address, sent.session, sent.seq)
        assert facts(again.body) == facts(body)


def test_what_it_looks_like() -> None:
    body = readings([NOON, NOON + 900], pm25=[83.2, float("nan")], no2=[12.0, 11.5])
    assert records("senml-json", message("air-quality", body)) == [
        {"bn": "chiang-mai/aq-01/", "bt": NOON, "bver": 26, "session": "9f3c21", "seq": 7,
         "n": "pm25", "v": 83.2, "u": "ug/m3"},
        {"n": "no2", "v": 12.0},
        {"n": "no2", "v": 11.5, "t": 900},
    ]  # fmt: skip


def test_a_version_is_announced_for_secondary_units_only() -> None:
    (only,) = records("senml-json", message("river-gauge", readings([NOON], water_level=[0.26])))
    assert "bver" not in only
    assert only["u"] == "m"


def test_a_device_that_does_not_number_has_no_number() -> None:
    (only,) = records("senml-json", message("river-gauge", readings([NOON], water_level=[0.26]), seq=None))
    assert not {"session", "seq"} & only.keys()


def test_a_time_that_senml_would_take_as_relative_is_refused() -> None:
    with pytest.raises(InputError, match="no times before 1978-07-04T21:24:16Z"):
        say(opened("senml-json"), message("weather", readings([200_000_000], rain=[1.0])))


def test_cbor_is_smaller_than_json() -> None:
    told = message("weather", readings([NOON], air_temperature=[17.5], relative_humidity=[71.25], rain=[0]))
    sizes = [len(sent.payload) for name in ("senml-cbor", "senml-json") for _, sent in say(opened(name), told)]
    assert sizes[0] < 0.7 * sizes[1]
