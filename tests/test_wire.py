"""docs/wire.md: every example is valid under its JSON Schema, and the codec takes it."""

import json
import re
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from collector.language.codec import decode, encode
from collector.language.control import (
    Reply,
    decode_committed,
    decode_request,
    encode_committed,
    encode_reply,
    encode_request,
)
from collector.language.profile import decode_status, encode_status
from collector.language.topics import Address, Kind

PAGE = (Path(__file__).parents[1] / "docs" / "wire.md").read_text("utf-8")
EXAMPLES = re.findall(r"```json (\w+)\n(.*?)```", PAGE, re.DOTALL)
SCHEMAS = {
    path.name.removesuffix(".json"): json.loads(path.read_text("utf-8"))
    for path in files("collector.language").joinpath("schemas").iterdir()
}
BODIES = {"tick": Kind.READINGS, "pack": Kind.READINGS, "event": Kind.EVENTS, "statistic": Kind.STATISTICS}


def test_every_schema_has_a_worked_example() -> None:
    assert {name for name, _ in EXAMPLES} == set(SCHEMAS)


@pytest.mark.parametrize(("name", "text"), EXAMPLES)
def test_example_is_valid_under_its_schema(name: str, text: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    jsonschema.validate(json.loads(text), SCHEMAS[name], cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize(("name", "text"), EXAMPLES)
def test_example_survives_decoding_and_encoding(name: str, text: str) -> None:
    payload = text.encode()
    match name:
        case "status":
            again = encode_status(decode_status(payload))
        case "request":
            again = encode_request(decode_request(payload))
        case "committed":
            again = encode_committed(decode_committed(payload))
        case "reply":
            told = json.loads(text)
            again = encode_reply(Reply(told["id"], told["ok"], told["result"]))
        case _:
            again = encode(decode(Address("run", "city", "environment", "st-01", BODIES[name]), payload))
    assert json.loads(again) == json.loads(text)
