"""The page speaks English and Thai: every phrase it uses is there in both."""

import re
from pathlib import Path

import pytest

from collector.language.indicators import indicators

WEB = Path(__file__).parent.parent / "collector" / "serving" / "web"
TEXT = (WEB / "words.js").read_text("utf-8")
PAIR = re.compile(r'^  "([\w. ]+)": \[\s*"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)"\],$', re.MULTILINE)
SINGLE = re.compile(r'^  "([^"]+)": "([^"]+)",$', re.MULTILINE)
PHRASES = {key: (english, thai) for key, english, thai in PAIR.findall(TEXT)}
SAME = {"compare.chosen", "map.level"}  # nothing but what is put in


def scripts() -> str:
    return "\n".join(path.read_text("utf-8") for path in WEB.rglob("*.js") if path.name != "words.js")


def test_every_phrase_is_read_here():
    assert len(PHRASES) == len(re.findall(r'^  "[^"]+": \[', TEXT, re.MULTILINE)) > 200


@pytest.mark.parametrize("key", sorted(PHRASES))
def test_a_phrase_is_in_thai_with_the_same_places(key):
    english, thai = PHRASES[key]
    assert english
    assert key in SAME or re.search("[\u0e00-\u0e7f]", thai)
    assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", thai))


def test_every_phrase_that_is_asked_for_is_there():
    asked = set(re.findall(r'\bt\("([^"]+)"', scripts())) | set(re.findall(r'"note", text: t\("([^"]+)"', scripts()))
    html = (WEB / "index.html").read_text("utf-8")
    asked |= {f"frame.{word}" for word in re.findall(r'data-words="(\w+)"', html)}
    assert sorted(asked - set(PHRASES)) == []
    families = set(re.findall(r"\bt\(`([a-z]+\.)\$", scripts()))
    assert all(any(key.startswith(family) for key in PHRASES) for family in families)


def test_every_indicator_and_every_unit_that_is_a_word_has_a_thai_name():
    named = dict(SINGLE.findall(TEXT))
    assert [name for name in indicators() if name not in named] == []
    words = {entry.unit for entry in indicators().values() if re.search(r"[a-z]{4,}", entry.unit)}
    assert sorted(words - set(named)) == []


def test_no_script_puts_text_from_outside_into_markup():
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", scripts()) == []
