"""The units of indicators in the vocabularies of other formats."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from collector.language.indicators import indicators

SECONDARY = frozenset({"ug/m3", "/100", "mm/h", "h", "min"})
"""Units of `units.toml` that a SenML pack may only use when it says so (RFC 8798, RFC 9100)."""


@cache
def _table() -> dict[str, dict[str, str]]:
    return tomllib.loads(files(__package__).joinpath("units.toml").read_text("utf-8"))


@cache
def senml_unit(indicator: str) -> str | None:
    """The SenML unit of an indicator; None where the registry has none."""
    if indicator == "relative_humidity":
        return "%RH"
    return _lookup(indicator, "senml")


@cache
def unece_code(indicator: str) -> str | None:
    """The UN/CEFACT common code of an indicator's unit; None where there is none."""
    return _lookup(indicator, "unece")


@cache
def ucum_code(indicator: str) -> str | None:
    """The UCUM code of an indicator's unit; None for an indicator outside the catalogue."""
    entry = indicators().get(indicator)
    return None if entry is None else entry.ucum


def _lookup(indicator: str, vocabulary: str) -> str | None:
    entry = indicators().get(indicator)
    return None if entry is None else _table().get(entry.unit, {}).get(vocabulary)
