"""Flux in text: a name is a literal and can be nothing else."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from collector.stores.influx.flux import literal, points, tagged

NASTY = st.text(st.sampled_from(list('"\\${}\n\r\t\x00นคร')) | st.characters(exclude_categories=["Cs"]), max_size=20)
SIGNS = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def understood(written: str) -> str:
    """A literal as Flux reads it: nothing in it ends it, and nothing is interpolated."""
    inside = written[1:-1]
    assert written[0] == written[-1] == '"'
    parts = re.findall(r'\\x([0-9a-f]{2})|\\(["\\nrt])|([^\\"$\x00-\x1f])', inside, re.DOTALL)
    assert sum(len(a) + 2 * bool(a) + len(b) + bool(b) + len(c) for a, b, c in parts) == len(inside)
    return "".join(chr(int(a, 16)) if a else SIGNS[b] if b else c for a, b, c in parts)


@given(NASTY)
def test_a_literal_is_the_text_and_nothing_else(text: str) -> None:
    assert understood(literal(text)) == text


@given(st.text(st.characters(exclude_categories=()), max_size=10))
def test_a_literal_can_always_be_encoded(text: str) -> None:
    assert literal(text).encode()


def test_no_values_mean_all() -> None:
    assert tagged("run", []) == "true"
    assert "true" not in points("b", "readings", [tagged("run", [])])


def test_times_outside_those_of_the_wire_and_empty_spans_still_make_a_range() -> None:
    assert "range(start: 1900-01-01T00:00:00Z, stop: 2200-01-01T00:00:01Z)" in points(
        "b", "m", start=-(2**62), end=2**62
    )
    assert "range(start: 1970-01-01T00:00:09Z, stop: 1970-01-01T00:00:10Z)" in points("b", "m", start=9, end=9)
