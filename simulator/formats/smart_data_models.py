"""The Smart Data Models of indicators: which entity and attribute each one is, and in what it is counted."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from simulator.formats.units import unece_code

KPI = "KeyPerformanceIndicator"
CORE_CONTEXT = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"
HOUR = 3600


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a model; `scale` is "share", "tick" or empty, `extra` whether the model has no such attribute."""

    model: str
    attribute: str
    unece: str | None = None
    scale: str = ""
    extra: bool = False

    def counted(self, value: float, cadence: int) -> float:
        """A value of the indicator as the model counts it, at a station with that cadence (seconds), to 15 digits."""
        if not self.scale:
            return value
        counted = value / 100 if self.scale == "share" else value * cadence / HOUR
        return float(f"{counted:.15g}")


@cache
def attribute_of(indicator: str) -> Attribute:
    """The model and attribute of an indicator."""
    found = _table()["indicators"].get(indicator, {"model": KPI, "attribute": "kpiValue"})
    return Attribute(**({"unece": unece_code(indicator)} | found))


def context_of(model: str) -> list[str]:
    """The JSON-LD context of an entity of a model; the core context alone for one that is no Smart Data Model."""
    contexts = _table()["contexts"]
    return [contexts[model], CORE_CONTEXT] if model in contexts else [CORE_CONTEXT]


def models() -> tuple[str, ...]:
    """The Smart Data Models that are used."""
    return tuple(_table()["contexts"])


@cache
def _table() -> dict[str, dict[str, Any]]:
    return tomllib.loads(files(__package__).joinpath("smart_data_models.toml").read_text("utf-8"))
