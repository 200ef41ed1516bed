"""Units that are mixed up: which value comes out when a sensor says it in the other one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

USUAL = "usual"


@dataclass(frozen=True, slots=True)
class Conversion:
    """From a unit of the catalogue to another: value * factor + offset."""

    unit: str
    other: str
    factor: float
    offset: float = 0.0


CONVERSIONS: Mapping[str, Conversion] = {
    "celsius-to-fahrenheit": Conversion("°C", "°F", 1.8, 32.0),
    "celsius-to-kelvin": Conversion("°C", "K", 1.0, 273.15),
    "microgram-to-milligram": Conversion("µg/m³", "mg/m³", 1e-3),
    "ppb-to-ppm": Conversion("ppb", "ppm", 1e-3),
    "percent-to-share": Conversion("%", "1", 1e-2),
    "mm-to-inch": Conversion("mm/h", "in/h", 1.0 / 25.4),
    "mps-to-kmh": Conversion("m/s", "km/h", 3.6),
    "mps-to-knots": Conversion("m/s", "kn", 3_600.0 / 1_852.0),
    "m-to-cm": Conversion("m", "cm", 100.0),
    "m-to-foot": Conversion("m", "ft", 1.0 / 0.3048),
    "mw-to-kw": Conversion("MW", "kW", 1e3),
    "hour-to-minute": Conversion("h", "min", 60.0),
    "minute-to-second": Conversion("min", "s", 60.0),
}
"""Conversions by name; the first of a unit is its usual mistake (an assumption)."""


def conversion_of(name: str, unit: str) -> Conversion | None:
    """The conversion of that name for values in a unit, or the usual one; None where there is none for this unit."""
    if name == USUAL:
        return next((one for one in CONVERSIONS.values() if one.unit == unit), None)
    found = CONVERSIONS[name]
    return found if found.unit == unit else None
