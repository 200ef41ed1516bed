"""The parameters of instruments: by class and indicator, the class by kind of station, and what they leave out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated

from pydantic import Field

from collector.language.errors import InputError
from simulator.parameters.tables import Group, ParameterSet, table, valid

_NOT_CLASSES = frozenset({"kinds", "lapses"})


class Instrument(ParameterSet):
    """An instrument: gain and offset (drawn once per station), noise, steps per unit, limits.

    `drift_sd` of the gain after a month, `kappa` of the growth in humid air, `dead_time` (s) of a counter;
    `calibrates` whether calibration costs it samples, `says_zero` whether it says 0 when it is broken.
    """

    gain: float = 1.0
    gain_sd: float = 0.0
    offset_sd: float = 0.0
    relative: float = 0.0
    absolute: float = 0.0
    drift_sd: float = 0.0
    kappa: float = 0.0
    dead_time: float = 0.0
    steps: Annotated[int, Field(gt=0)]
    least: float | None = None
    most: float | None = None
    calibrates: bool = False
    says_zero: bool = False


class Calibration(ParameterSet):
    """Calibration of gas analysers: time from one to the next and how long each takes (h)."""

    every_hours: Annotated[float, Field(gt=0)]
    hours: Annotated[float, Field(gt=0)]


class Zeros(ParameterSet):
    """Spells in which all sensors of a station say 0: mean time between (h), lognormal length (median h, sd of ln)."""

    every_hours: Annotated[float, Field(gt=0)]
    hours: Annotated[float, Field(gt=0)]
    sd: float
    most: Annotated[float, Field(gt=0)]


class Dead(ParameterSet):
    """Dead sensors, which say 0: their share, and the mean time until one is replaced (days)."""

    share: Annotated[float, Field(ge=0, lt=1)]
    days: Annotated[float, Field(gt=0)]


class Lapses(Group):
    """What instruments leave out, or say wrongly."""

    calibration: Calibration
    zeros: Zeros
    dead: Dead


@cache
def instruments(kind: str) -> Mapping[str, Instrument]:
    """Get the instrument of each indicator that stations of a kind measure with one.

    Raises
    ------
    InputError
        If the kind has no class of instruments, or an instrument of its class is wrong.
    """
    page = table("instruments")
    name = page["kinds"].get(kind)
    if name not in page.keys() - _NOT_CLASSES:
        classes = ", ".join(sorted(page.keys() - _NOT_CLASSES))
        raise InputError(f"instruments.toml: expected one of the classes {classes} in kinds.{kind}, came {name!r}")
    return {key: valid(Instrument, made, f"instruments.toml: {name}.{key}") for key, made in page[name].items()}


@cache
def lapses() -> Lapses:
    """Get what instruments leave out or say wrongly: calibration, spells of zeros, dead sensors."""
    return valid(Lapses, table("instruments")["lapses"], "instruments.toml: lapses")
