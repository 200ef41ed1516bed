"""The levels that days, hours and years are counted against: of WHO, of a nation (`limits.toml`), or one's own."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from collector.comparing.guidelines import micrograms_per_unit, who_guidelines
from collector.language.checking import suggestion
from collector.language.errors import InputError
from collector.language.indicators import Indicator

_EVER = date(1900, 1, 1)
_OWN = re.compile(r"(-?\d{1,9}(?:\.\d{1,6})?)(?:/(1h|8h|24h|year))?", re.ASCII)
_UNREPRESENTED = {"peak season"}  # six months of 8-hour maxima: not counted here


class Averaging(StrEnum):
    """The mean that a level is of; that of 8 hours is the highest of its day."""

    HOUR = "1 h"
    EIGHT_HOURS = "8 h"
    DAY = "24 h"
    YEAR = "annual"


_SHORT = {"1h": Averaging.HOUR, "8h": Averaging.EIGHT_HOURS, "24h": Averaging.DAY, "year": Averaging.YEAR}


@dataclass(frozen=True, slots=True)
class Limit:
    """A level of an indicator, in `unit`, since a local day. One unit of the indicator is `factor` of `unit`."""

    name: str
    averaging: Averaging
    level: float
    unit: str
    factor: float
    valid_from: date
    source: str
    checked: bool


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class _National:
    pollutant: str
    averaging: Averaging
    valid_from: date
    level: float
    checked: bool
    source: str


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class _Authority:
    name: str
    limits: tuple[_National, ...]


def limits(told: str, entry: Indicator) -> list[tuple[Limit, ...]]:
    """The limits that a text names for an indicator: for each averaging its versions, the oldest first; maybe none.

    `who`, the name of an authority (`thailand`, `us`), or one's own level in the indicator's unit: `40` (means of 24
    hours), `40/1h`, `40/8h`, `40/year`. Raises `InputError` for anything else.
    """
    if own := _OWN.fullmatch(told):
        averaging = _SHORT[own[2] or "24h"]
        return [(Limit(f"own {told}", averaging, float(own[1]), entry.unit, 1.0, _EVER, "the reader", checked=True),)]
    if told == "who":
        return _who(entry)
    return _national(told, entry)


def authorities() -> Sequence[str]:
    """What may be asked for beside one's own level."""
    return ("who", *_page())


def _who(entry: Indicator) -> list[tuple[Limit, ...]]:
    source = "WHO global air quality guidelines, 2021"
    return [
        (Limit("WHO 2021", Averaging(one.averaging), one.level, "µg/m³", _factor(entry), _EVER, source, checked=True),)
        for one in who_guidelines()
        if one.pollutant == entry.id and one.averaging not in _UNREPRESENTED
    ]


def _national(told: str, entry: Indicator) -> list[tuple[Limit, ...]]:
    if told not in _page():
        hint = suggestion(told, authorities(), f"there are {', '.join(authorities())}")
        raise InputError(f"expected a limit such as who, thailand, 40 or 40/1h, came {told[:40]!r}; {hint}")
    found: dict[Averaging, list[Limit]] = {}
    for one in sorted(_page()[told].limits, key=lambda one: one.valid_from):
        if one.pollutant == entry.id:
            found.setdefault(one.averaging, []).append(
                Limit(told, one.averaging, one.level, "µg/m³", _factor(entry), one.valid_from, one.source, one.checked)
            )
    return [tuple(versions) for versions in found.values()]


def _factor(entry: Indicator) -> float:
    return micrograms_per_unit(entry.id)


@cache
def _page() -> Mapping[str, _Authority]:
    text = files(__package__).joinpath("limits.toml").read_text("utf-8")
    return TypeAdapter(dict[str, _Authority]).validate_python(tomllib.loads(text))
