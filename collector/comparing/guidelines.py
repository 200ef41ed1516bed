"""What authorities say of air quality: breakpoint tables by date, categories, guideline levels (`guidelines.toml`)."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from collector.language.errors import InputError


class Scheme(StrEnum):
    """Whose air quality index."""

    US_EPA = "us-epa"
    THAI_PCD = "thai-pcd"


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class Category:
    """A range of an index up to `last` (the worst has no end), its name and the colour it is shown in (`#rrggbb`)."""

    last: int
    name: str
    colour: str


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class Breakpoints:
    """A table from concentration to index, in force from `valid_from` (a local day) until its successor.

    `ends` are the upper ends of the bands (particles in µg/m³, gases in ppb), `indices` the index at each. A band
    begins one `resolution`, and one index, above the end of the band before. `averaging` says which mean is meant;
    `checked` whether ends and date were compared with the authority's text, and if not `note` tells on what they rest.
    Above the last end the index goes on along the last band where the table is `open_ended`.
    """

    pollutant: str
    averaging: str
    valid_from: date
    resolution: float
    ends: tuple[float, ...]
    indices: tuple[int, ...]
    checked: bool
    source: str
    note: str = ""
    open_ended: bool = False


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class Index:
    """An air quality index: its categories from the best, and its tables."""

    name: str
    source: str
    categories: tuple[Category, ...]
    tables: tuple[Breakpoints, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class Guideline:
    """A guideline level in µg/m³ and its interim targets, the most lenient first."""

    pollutant: str
    averaging: str
    level: float
    interim: tuple[float, ...]


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class _Guidelines:
    source: str
    guidelines: tuple[Guideline, ...]


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class _Page:
    schemes: Mapping[Scheme, Index]
    who: _Guidelines
    micrograms: Mapping[str, float]


def index_of(scheme: Scheme) -> Index:
    """The index of a scheme: its name, categories and tables. Raises `InputError` for an unknown scheme."""
    _known(scheme, Scheme, "air quality index")
    return _page().schemes[Scheme(scheme)]


@cache
def breakpoints(pollutant: str, scheme: Scheme) -> tuple[Breakpoints, ...]:
    """The tables of a pollutant, the oldest first. Raises `InputError` where the scheme has none."""
    tables = index_of(scheme).tables
    _known(pollutant, (table.pollutant for table in tables), f"pollutant of the {scheme} index")
    return tuple(sorted((table for table in tables if table.pollutant == pollutant), key=lambda one: one.valid_from))


def who_guideline(pollutant: str, averaging: str) -> Guideline:
    """The WHO 2021 guideline for a pollutant and a mean (`annual`, `24 h`, `8 h`, `peak season`), in µg/m³.

    Raises `InputError` where WHO gives none.
    """
    _known(pollutant, (one.pollutant for one in who_guidelines()), "pollutant with a WHO guideline")
    levels = {one.averaging: one for one in who_guidelines() if one.pollutant == pollutant}
    _known(averaging, levels, f"mean of {pollutant} with a WHO guideline")
    return levels[averaging]


def who_guidelines() -> tuple[Guideline, ...]:
    """All guideline levels of WHO 2021."""
    return _page().who.guidelines


def micrograms_per_unit(pollutant: str) -> float:
    """The µg/m³ that one unit of a pollutant is: 1 for particles, for gases µg/m³ per ppb at 25 °C and 1013 hPa."""
    factors = _page().micrograms
    _known(pollutant, factors, "pollutant with a known mass")
    return factors[pollutant]


def _known(name: str, names: Iterable[str], what: str) -> None:
    known = list(dict.fromkeys(str(one) for one in names))
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InputError(f"no {what} is called {name!r}: expected one of {', '.join(known)}{hint}")


@cache
def _page() -> _Page:
    text = files(__package__).joinpath("guidelines.toml").read_text("utf-8")
    return TypeAdapter(_Page).validate_python(tomllib.loads(text))
