"""docs/formats.md: its examples are what is said, its tables name every format and field."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from format_samples import COMPANY, NOON, message, readings, say

from collector.language.messages import Event, Statistic
from simulator.formats import FORMATS, format_of
from simulator.formats.template import FIELDS

PAGE = (Path(__file__).parents[1] / "docs" / "formats.md").read_text("utf-8")
SHOWN = re.findall(r"```text (\S+) (\S+)\n(.*?)\n```", PAGE, re.DOTALL)
TOLD = {
    "readings": message("air-quality", readings([NOON], pm25=[83.2], no2=[12.0])),
    "pack": message("air-quality", readings([NOON, NOON + 900], pm25=[83.2, float("nan")], no2=[12.0, 11.5])),
    "event": message(
        "service-desk",
        Event(
            np.datetime64(NOON, "s"),
            "2026-02-27-007-closed",
            "service_request.closed",
            {"request": "2026-02-27-007", "resolution_time": 30.5, "category": "road"},
        ),
    ),
    "statistic": message("statistics-office", Statistic("unemployment", "2026-01", np.datetime64(NOON, "s"), 1, 1.02)),
}
TEMPLATE = {
    "topic": "city/{city}/{station}/{indicator}",
    "payload": '{"v": {value}, "t": "{time}", "about": "{period}{type}", "more": {fields}}',
}


def shown(name: str, what: str) -> str:
    """A message as the page shows it: topic and payload of each part, binary ones in hexadecimal."""
    speaker = format_of(name, **TEMPLATE if name == "template" else {})(COMPANY)
    said = speaker.session_started()[:1] if what == "discovery" else [sent for _, sent in say(speaker, TOLD[what])]
    return "\n".join(f"{one.topic}\n{one.payload.decode() if one.text else one.payload.hex()}" for one in said)


@pytest.mark.parametrize(("name", "what", "text"), SHOWN)
def test_an_example_is_what_is_said(name: str, what: str, text: str) -> None:
    assert text == shown(name, what)


def test_every_format_has_an_example_a_row_and_every_field_its_meaning() -> None:
    assert {name for name, *_ in SHOWN} == {*FORMATS, "template"}
    for name, entry in FORMATS.items():
        assert f"| `{name}` | {entry.title} | `{entry.content_type}` |" in PAGE
    for name, meaning in FIELDS.items():
        assert f"| `{{{name}}}` | {meaning} |" in PAGE
    assert TEMPLATE["payload"] in PAGE
