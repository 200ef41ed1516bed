"""The catalogue of indicators: what each one is, its unit and bounds, which way is better, how it rolls up."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from collector.language.checking import suggestion
from collector.language.errors import InputError


class Pillar(StrEnum):
    """The three strategies asked of a smart city."""

    ENVIRONMENT = "environment"
    ECONOMY = "economy"
    GOVERNANCE = "governance"


class IndicatorKind(StrEnum):
    """How values of an indicator come about."""

    SENSOR = "sensor"
    COUNT = "count"
    EVENT = "event"
    STATISTIC = "statistic"


class Better(StrEnum):
    """Which way is better; a target is neither."""

    LOWER = "lower"
    HIGHER = "higher"
    TARGET = "target"


class Rollup(StrEnum):
    """How the values of an interval combine into one."""

    MEAN = "mean"
    SUM = "sum"
    LAST = "last"
    MAX = "max"
    SHARE = "share"
    ENERGETIC_MEAN = "energetic_mean"


class Origin(StrEnum):
    """Where a value comes from: of readings, measured or simulated; of parameters, measured, derived or assumed."""

    MEASURED = "measured"
    DERIVED = "derived"
    ASSUMED = "assumed"
    SIMULATED = "simulated"


@dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class Indicator:
    """One entry of the catalogue.

    `minimum` and `maximum` are plausible bounds in `unit` (`ucum` is its UCUM code): a value outside is stored and
    flagged. `rollup` is how values combine over time, `across` how those of a city's stations do: as their values over
    time unless the catalogue says otherwise, and last values by their mean. `extensive` indicators grow with the size
    of a city and are ranked per person only. `standard_code` is the standard's own code, `code_verified` whether it was
    checked in the standard's text. `event` is the type of event that carries an indicator of kind event.
    """

    id: str
    name: str
    pillar: Pillar
    kind: IndicatorKind
    unit: str
    ucum: str
    minimum: float
    maximum: float
    better: Better
    rollup: Rollup
    across: Rollup
    definition: str
    standard: str
    cadence: str
    standard_code: str = ""
    code_verified: bool = False
    extensive: bool = False
    event: str = ""
    fiware_model: str = ""
    fiware_attribute: str = ""


@cache
def indicators() -> Mapping[str, Indicator]:
    """The catalogue by id, in its own order (by pillar)."""
    return _read("indicators.toml")


@cache
def derived() -> Mapping[str, Indicator]:
    """What no device tells and results of experiments hold beside the catalogue: made of what events carry, by id."""
    return _read("derived.toml")


def _read(name: str) -> Mapping[str, Indicator]:
    tables = tomllib.loads(files(__package__).joinpath(name).read_text("utf-8"))
    entries = [{"id": key, "across": _usual(table.get("rollup"))} | table for key, table in tables.items()]
    checked = TypeAdapter(list[Indicator]).validate_python(entries)
    return MappingProxyType({entry.id: entry for entry in checked})


def summed() -> list[str]:
    """The indicators whose value of a city is the sum of its stations' values."""
    return [entry.id for entry in indicators().values() if entry.across is Rollup.SUM]


def indicator(identity: str) -> Indicator:
    """The entry of an indicator, also of a derived one. Raises `InputError` with a suggestion where there is none."""
    try:
        return derived()[identity] if identity in derived() else indicators()[identity]
    except KeyError:
        hint = suggestion(identity, indicators(), "`nakhon catalogue indicators` lists them")
        raise InputError(f"no indicator {identity!r} in the catalogue; {hint}") from None


def _usual(rollup: object) -> object:
    """How stations combine where an entry does not say it."""
    return "mean" if rollup == "last" else rollup
