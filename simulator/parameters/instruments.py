"""The parameters of instruments."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated

from pydantic import Field

from simulator.parameters.tables import ParameterSet, table, valid


class Instrument(ParameterSet):
    """An instrument: gain and offset (drawn once per station), noise, steps per unit, limits."""

    gain: float = 1.0
    gain_sd: float = 0.0
    offset_sd: float = 0.0
    relative: float = 0.0
    absolute: float = 0.0
    steps: Annotated[int, Field(gt=0)]
    least: float | None = None
    most: float | None = None


@cache
def instruments() -> Mapping[str, Instrument]:
    """Get the instrument of each indicator that is measured by one."""
    return {key: valid(Instrument, entry, f"instruments.toml: {key}") for key, entry in table("instruments").items()}
