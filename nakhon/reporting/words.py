"""What a report says, in the language of its reader: `words.toml` holds every phrase in English and in Thai."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Formatter

from collector.answers.totals import COUNTS, Statistic
from collector.language.indicators import derived, indicators
from nakhon.reporting.manner import Language

Phrases = Mapping[str, Mapping[str, str]]


@cache
def phrases() -> Mapping[str, Phrases]:
    """Get all phrases: section, key, language."""
    found: dict[str, Phrases] = tomllib.loads(files(__package__).joinpath("words.toml").read_text("utf-8"))
    return found


def places_in(phrase: str) -> set[str]:
    """Get the names of what is put into a phrase."""
    return {name for _, name, _, _ in Formatter().parse(phrase) if name}


@dataclass(frozen=True, slots=True)
class Words:
    """The phrases of one language. What is not in the list (a title, a source) stays as it was written."""

    language: Language

    def say(self, key: str, /, **given: object) -> str:
        """Get a phrase, with what is put into it."""
        return phrases()["phrases"][key][self.language].format(**given)

    def month(self, number: int, *, short: bool = False) -> str:
        """Get the name of a month, 1 to 12."""
        return phrases()["short_months" if short else "months"][str(number)][self.language]

    def indicator(self, identity: str) -> str:
        """Get the name of an indicator."""
        known = phrases()["indicators"].get(identity)
        if known and self.language in known:
            return known[self.language]
        entry = indicators().get(identity) or derived().get(identity)
        return identity.replace("_", " ") if entry is None else entry.name

    def unit(self, unit: str) -> str:
        """Get a unit; symbols are the same in every language."""
        return self._known("units", unit)

    def driver(self, name: str, meaning: str) -> str:
        """Get what a driver is, or its meaning as it was written."""
        return phrases()["drivers"].get(name, {}).get(self.language, meaning)

    def station(self, name: str) -> str:
        """Get what stations of a kind are called; the id of a single one is its name."""
        return self._known("stations", name)

    def setting(self, path: str, meaning: str) -> str:
        """Get what a setting of a scenario is, by its path; its path or meaning where that is not in the list."""
        if found := phrases()["settings"].get(path):
            return found[self.language]
        if strength := re.fullmatch(r"interventions\[([^\[\]]+)\]\.strength", path):
            return self.say("strength_of", name=strength[1])
        return path if meaning == path else f"{path}: {meaning}"

    def said(self, sentence: str) -> str:
        """Get a sentence of the answers, which are written in English."""
        return self._known("said", sentence)

    def statistic(self, statistic: Statistic, unit: str, bucket: str) -> str:
        """Get the name of a statistic, such as "days over 37.5 µg/m³"."""
        if statistic.kind in COUNTS:
            return self.say(f"statistic_{statistic.kind}", what=self.unit(bucket), limit=f"{statistic.limit:g} {unit}")
        return self.say(f"statistic_{statistic.kind}")

    def _known(self, section: str, text: str) -> str:
        return phrases()[section].get(text, {}).get(self.language, text)
