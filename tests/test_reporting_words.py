"""Every phrase in both languages, with the same things put in, and every phrase that the report asks for."""

import re
from pathlib import Path

import pytest

from collector.answers.cost import cost_per_unit
from collector.answers.intervals import Interval
from collector.language.indicators import derived, indicators
from nakhon.experimenting.design_file import KINDS
from nakhon.reporting.manner import Language
from nakhon.reporting.words import Words, phrases, places_in
from simulator.interventions import DRIVERS, STATIONS
from simulator.scenario_parts import ASSUMPTIONS, POLICIES

ROOT = Path(__file__).parents[1] / "nakhon" / "reporting"
THAI_LETTERS = re.compile(r"[\u0e00-\u0e7f]")
SAME = {"column_percent", "effect_neutral", "fact_versions", "sheet_variant"}
ALL = [(section, key) for section, entries in phrases().items() for key in entries]


@pytest.mark.parametrize(("section", "key"), ALL)
def test_a_phrase_is_there_in_both_languages_with_the_same_places(section: str, key: str) -> None:
    entry = phrases()[section][key]
    assert set(entry) == {language.value for language in Language}
    assert places_in(entry["en"]) == places_in(entry["th"])
    assert key in SAME or THAI_LETTERS.search(entry["th"]), entry["th"]
    assert not THAI_LETTERS.search(entry["en"])


def test_every_phrase_that_is_asked_for_exists_and_none_is_idle() -> None:
    text = "\n".join(path.read_text("utf-8") for path in ROOT.glob("*.py"))
    asked = set(re.findall(r"""say\(\s*f?"([a-z0-9_-]+)"[,)\s]""", text))
    known = phrases()["phrases"]
    assert asked <= set(known)
    quoted = set(re.findall(r"""["'_]([a-z0-9_-]+)["']""", text))
    stems = [*re.findall(r"""say\(\s*f["']([a-z]+_)\{""", text), "target_", "reached_", "missed_"]
    idle = [key for key in known if key not in quoted | asked and not key.startswith(tuple(stems))]
    assert not idle


def test_indicators_drivers_settings_designs_and_verdicts_have_words() -> None:
    assert set(indicators()) | set(derived()) == set(phrases()["indicators"])
    assert set(DRIVERS) == set(phrases()["drivers"])
    assert set(STATIONS) == set(phrases()["stations"])
    settings = {f"assumptions.{name}" for name in ASSUMPTIONS} | {f"policies.{name}" for name in POLICIES}
    assert settings == set(phrases()["settings"])
    assert all(f"design_{kind}" in phrases()["phrases"] for kind in KINDS)
    for improvement in (Interval(-2, -3, -1, 5), Interval(1, float("nan"), float("nan"), 1), Interval(1, -1, 3, 5)):
        assert cost_per_unit(1.0, improvement).why in phrases()["said"]


def test_what_is_not_in_the_list_stays_as_it_was_written() -> None:
    words = Words(Language.THAI)
    assert words.unit("µg/m³") == "µg/m³"
    assert words.setting("stations.x.feeder", "stations of a kind") == "stations.x.feeder: stations of a kind"
    assert words.setting("interventions[burning-ban].strength", "") == "ความเข้มข้นของ burning-ban"
    assert words.driver("unknown", "a meaning") == "a meaning"
