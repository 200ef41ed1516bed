"""The files of parameters (`scenarios/parameters/*.toml`): sets with an origin and a source, and which set a city has.

What was measured in a city itself (`cities.toml`) replaces what its weather region has (`regions.toml`), that replaces
what its country has (`countries.toml`), and that the default. A set is replaced as a whole.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from textwrap import shorten
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collector.language.errors import InputError
from simulator.cities import City

Twelve = Annotated[tuple[float, ...], Field(min_length=12, max_length=12)]
Hours = Annotated[tuple[float, ...], Field(min_length=24, max_length=24)]
Week = Annotated[tuple[float, ...], Field(min_length=7, max_length=7)]
Origin = Literal["measured", "derived", "assumed"]
Model = TypeVar("Model", bound=BaseModel)


class ParameterSet(BaseModel):
    """Parameters that belong together: where they come from, and the citation."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    origin: Origin
    source: Annotated[str, Field(min_length=1)]


class Group(BaseModel):
    """Sets of parameters that are read together."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MemoryTerms(Group):
    """A memory of variance 1: shares of a fast term and of a daily cycle that comes and goes, the rest a slow term.

    Time constants in hours.
    """

    fast_share: Annotated[float, Field(ge=0, le=1)]
    fast_hours: Annotated[float, Field(gt=0)]
    slow_hours: Annotated[float, Field(gt=0)]
    cycle_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    cycle_hours: Annotated[float, Field(gt=0)] = 24.0

    @property
    def slow_share(self) -> float:
        """Get the share of the slow term."""
        return 1.0 - self.fast_share - self.cycle_share


class Memory(ParameterSet):
    """How something that moves remembers."""

    terms: MemoryTerms


@cache
def table(name: str) -> dict[str, Any]:
    """Get a file of parameters."""
    page = files("scenarios") / "parameters" / f"{name}.toml"
    return tomllib.loads(page.read_text(encoding="utf-8"))


def own_sets(city: City, names: Mapping[str, Any]) -> dict[str, Any]:
    """Get the sets of these names that a city does not take from the default."""
    places = (("countries", city.country), ("regions", city.weather_region), ("cities", city.id))
    found: dict[str, Any] = {}
    for page, place in places:
        found |= {name: made for name, made in table(page).get(place, {}).items() if name in names}
    return found


def valid(model: type[Model], entry: Mapping[str, Any], where: str) -> Model:
    """Get a set or a group from its table. Raises `InputError` with all that is wrong with it."""
    try:
        return model.model_validate(entry)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}, came {shorten(repr(e['input']), 60)}" for e in error.errors()
        )
        raise InputError(f"{where}: {wrong}") from error
