"""From the unit that a device speaks to the catalogue's, both as UCUM codes.

Only what scale and offset can do: a concentration in µg/m³ is not a fraction in ppb without a temperature.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass

from collector.language.errors import InputError
from collector.language.indicators import indicator


@dataclass(frozen=True, slots=True)
class Conversion:
    """value x scale + offset."""

    scale: float = 1.0
    offset: float = 0.0

    def __call__(self, value: float) -> float:
        """The value in the catalogue's unit, to 6 decimals. Raises `InputError` where it is too large a number."""
        if self.scale == 1.0 and self.offset == 0.0:
            return value
        converted = round(value * self.scale + self.offset, 6)
        if not math.isfinite(converted):
            raise InputError(f"{value:g} is too large to convert")
        return converted


SAME = Conversion()

# Code: the dimension, and the factor to its first unit (exact by definition).
_FACTORS = {
    "Pa": ("pressure", 1.0), "hPa": ("pressure", 100.0), "kPa": ("pressure", 1e3), "bar": ("pressure", 1e5),
    "mbar": ("pressure", 100.0),
    "g/m3": ("mass in air", 1.0), "mg/m3": ("mass in air", 1e-3), "ug/m3": ("mass in air", 1e-6),
    "ng/m3": ("mass in air", 1e-9),
    "[ppm]": ("parts", 1e-6), "[ppb]": ("parts", 1e-9),
    "1": ("share", 1.0), "%": ("share", 0.01), "[ppth]": ("share", 1e-3),
    "m/s": ("speed", 1.0), "cm/s": ("speed", 0.01), "km/h": ("speed", 1 / 3.6), "[kn_i]": ("speed", 1852 / 3600),
    "[mi_i]/h": ("speed", 0.44704), "[ft_i]/s": ("speed", 0.3048),
    "m": ("length", 1.0), "cm": ("length", 0.01), "mm": ("length", 1e-3), "km": ("length", 1e3),
    "[in_i]": ("length", 0.0254), "[ft_i]": ("length", 0.3048),
    "mm/h": ("rain", 1.0), "cm/h": ("rain", 10.0), "m/h": ("rain", 1e3), "mm/min": ("rain", 60.0),
    "mm/d": ("rain", 1 / 24), "[in_i]/h": ("rain", 25.4),
    "W": ("power", 1.0), "kW": ("power", 1e3), "MW": ("power", 1e6), "GW": ("power", 1e9),
    "g/L": ("mass in water", 1.0), "mg/L": ("mass in water", 1e-3), "ug/L": ("mass in water", 1e-6),
    "s": ("time", 1.0), "ms": ("time", 1e-3), "min": ("time", 60.0), "h": ("time", 3600.0), "d": ("time", 86_400.0),
    "/s": ("rate", 3600.0), "/min": ("rate", 60.0), "/h": ("rate", 1.0), "/d": ("rate", 1 / 24),
    "t/a": ("mass a year", 1.0), "kg/a": ("mass a year", 1e-3),
    "dB[SPL]": ("sound", 1.0),
}  # fmt: skip

# Code: scale and offset to degrees Celsius.
_TEMPERATURES = {"Cel": (1.0, 0.0), "K": (1.0, -273.15), "[degF]": (5 / 9, -160 / 9)}


def conversion(unit: str, to: str) -> Conversion:
    """What brings a value in one unit to another. Raises `InputError` with what is possible."""
    if unit == to:
        return SAME
    if unit in _TEMPERATURES and to in _TEMPERATURES:
        (scale, offset), (back, shift) = _TEMPERATURES[unit], _TEMPERATURES[to]
        return Conversion(scale / back, (offset - shift) / back)
    dimension, factor = _FACTORS.get(unit, ("", 1.0))
    wanted, divisor = _FACTORS.get(to, (None, 1.0))
    if dimension != wanted:
        raise InputError(_refusal(unit, to))
    return Conversion(factor / divisor)


def to_catalogue(unit: str, name: str) -> Conversion:
    """What brings a value in a unit to that of an indicator of the catalogue. Raises `InputError`."""
    return conversion(unit, indicator(name).ucum)


def _refusal(unit: str, to: str) -> str:
    wanted = _FACTORS.get(to, (None,))[0]
    fit = [code for code, (dimension, _) in _FACTORS.items() if dimension == wanted] if wanted else [to]
    fit = list(_TEMPERATURES) if to in _TEMPERATURES else fit
    near = difflib.get_close_matches(unit, [*_FACTORS, *_TEMPERATURES], n=1)
    hint = f" (did you mean {near[0]}?)" if near and unit not in _FACTORS and unit not in _TEMPERATURES else ""
    return f"expected a unit that converts to {to} ({', '.join(fit)}), came {unit!r}{hint}; or give scale and offset"
