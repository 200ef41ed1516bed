"""What the columns of a table are: a TOML file. `docs/import.md` explains every key.

A mapping of `nakhon replay csv` is one of `nakhon import` too: the keys that both have mean the same.
"""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from collector.language.checking import check_zone, checked
from collector.language.errors import InputError
from collector.language.indicators import indicator, indicators
from collector.language.profile import CityProfile, Text
from collector.language.topics import is_segment
from collector.mapping.file import Cadence
from collector.mapping.units import Conversion, conversion
from nakhon.importing.cells import MISSING, Clock
from simulator.cities import cities, city

ERRORS_SHOWN = 20
LARGEST_MAPPING = 1 << 20
UNITS = {
    "µg/m³": "ug/m3", "μg/m³": "ug/m3", "µg/m3": "ug/m3", "μg/m3": "ug/m3", "ug/m³": "ug/m3", "mg/m³": "mg/m3",
    "°C": "Cel", "C": "Cel", "degC": "Cel", "°F": "[degF]", "F": "[degF]", "degF": "[degF]", "ppb": "[ppb]",
    "ppm": "[ppm]", "kt": "[kn_i]", "knots": "[kn_i]", "mph": "[mi_i]/h", "kph": "km/h", "mm/hr": "mm/h",
    "dB": "dB[SPL]", "dBA": "dB[SPL]", "dB(A)": "dB[SPL]", "mg/l": "mg/L", "hour": "h", "hours": "h", "minutes": "min",
}  # fmt: skip
"""How people write units, and their UCUM codes."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _is_id(text: str) -> None:
    if not is_segment(text):
        raise InputError(f"expected lower-case letters, digits and hyphens, came {text!r}")


Segment = Annotated[Text, checked(_is_id)]
Zone = Annotated[Text, checked(check_zone)]


class Column(_Strict):
    """Which indicator a column holds, and how to get to its unit: from another unit, or x scale + offset."""

    indicator: Annotated[Text, checked(indicator)]
    unit: Text | None = None
    scale: Annotated[float, Field(allow_inf_nan=False)] = 1.0
    offset: Annotated[float, Field(allow_inf_nan=False)] = 0.0

    @model_validator(mode="after")
    def _one_way(self) -> Column:
        if self.unit is not None and (self.scale, self.offset) != (1.0, 0.0):
            raise ValueError("expected either a unit, or scale and offset")
        self.conversion()
        return self

    def conversion(self, unit: str | None = None) -> Conversion:
        """What brings a value (in `unit`, if the row says one) to the catalogue's unit. Raises `ValueError`."""
        given = unit or self.unit
        if given is None:
            return Conversion(self.scale, self.offset)
        entry = indicators()[self.indicator]
        try:
            return conversion(entry.ucum if given == entry.unit else UNITS.get(given, given), entry.ucum)
        except InputError as error:
            raise ValueError(str(error)) from None


def _column(told: object) -> object:
    return {"indicator": told} if isinstance(told, str) else told


Columns = dict[Text, Annotated[Column, BeforeValidator(_column)]]


class Source(_Strict):
    """What the file is like: where the time is, how things are written, and which columns say what a row is about."""

    time: Text | None = None
    format: Text = "iso"
    calendar: Literal["gregorian", "buddhist"] = "gregorian"
    timezone: Zone | None = None
    cadence: Cadence = timedelta(0)
    decimal: Literal[".", ","] = "."
    missing: tuple[str, ...] = MISSING
    encoding: Text | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    sheet: Text | None = None
    header: Annotated[int, Field(ge=1)] | None = None
    header_rows: Annotated[int, Field(ge=1, le=4)] = 1
    source: Text = ""
    city: Text | None = None
    station: Text | None = None
    indicator: Text | None = None
    value: Text | None = None
    unit: Text | None = None
    period: Text | None = None
    period_length: Literal["year", "quarter", "month", "day"] | None = None
    published: Text | None = None
    revision: Text | None = None

    @model_validator(mode="after")
    def _whole(self) -> Source:
        if (self.time is None) == (self.period is None):
            raise ValueError("expected either time (readings) or period (statistics): the column that says when")
        if (self.indicator is None) != (self.value is None):
            raise ValueError("expected indicator and value together: the columns of a long table")
        if self.format not in ("iso", "day-first", "month-first", "excel") and "%" not in self.format:
            raise ValueError(
                f'expected iso, day-first, month-first, excel or a form as "%d.%m.%Y", came {self.format!r}'
            )
        return self

    @property
    def clock(self) -> Clock:
        """How its times are written."""
        return Clock(self.format, self.calendar == "buddhist")

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that it names."""
        told = (self.time, self.period, self.city, self.station, self.indicator, self.value, self.unit)
        return tuple(name for name in (*told, self.published, self.revision) if name is not None)


class Station(_Strict):
    """A station: in rows where the columns of `where` hold these texts, or whose station column holds `named`."""

    id: Segment
    city: Text | None = None
    pillar: Text | None = None
    kind: Text = "imported"
    name: Text = ""
    named: Text | None = None
    latitude: float | None = None
    longitude: float | None = None
    columns: Columns = {}
    where: dict[Text, Text] = {}


class Mapping(_Strict):
    """A whole mapping: `columns` are those of every station, `cities` the names of cities in the file by their ids."""

    file: Source
    columns: Columns = {}
    indicators: Columns = {}
    cities: dict[Text, Text] = {}
    city: tuple[CityProfile, ...] = ()
    station: tuple[Station, ...] = ()

    @model_validator(mode="after")
    def _places(self) -> Mapping:
        if not (self.columns or self.file.indicator or any(one.columns for one in self.station)):
            raise ValueError("expected [columns] with indicators, or indicator and value of a long table")
        if not self.file.city and not (self.station and all(one.city for one in self.station)):
            raise ValueError("expected [file] city (a column), or a [[station]] with the city that the file is about")
        described = {one.id for one in self.city}
        for name in (*self.cities.values(), *(one.city for one in self.station if one.city)):
            if name not in described:
                city(name)
        return self

    @property
    def wanted(self) -> set[str]:
        """Every column that it names."""
        own = (name for one in self.station for name in (*one.columns, *one.where))
        return {*self.file.named, *self.columns, *own}

    def profiles(self) -> dict[str, CityProfile]:
        """The cities that can be named: those of the catalogue, and its own."""
        return {name: one.profile() for name, one in cities().items()} | {one.id: one for one in self.city}


def read_mapping(path: Path) -> Mapping:
    """The mapping in a file. Raises `InputError` with every error and its path in the file."""
    try:
        if path.stat().st_size > LARGEST_MAPPING:
            raise InputError(f"{path}: expected at most {LARGEST_MAPPING:,} bytes; is this a mapping?")
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read the mapping {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not TOML: {error}") from None
    return parse_mapping(text, str(path))


def parse_mapping(text: str, where: str) -> Mapping:
    """The mapping in a text; `where` names it in errors. Raises `InputError` with every error."""
    try:
        told: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where} is not TOML: {error}") from None
    try:
        return TypeAdapter(Mapping).validate_python(told)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}".lstrip(": ") for one in error.errors()]
        raise InputError(f"{where}:\n  " + "\n  ".join(lines[:ERRORS_SHOWN])) from None
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
