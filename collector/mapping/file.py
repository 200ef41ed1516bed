"""The mapping file: TOML that says what devices publish. `docs/devices.md` explains every key.

run = "devices"

[[device]]
topic = "tele/{station}/SENSOR"
city = "chiang-mai"
time = "Time"
columns = { "AM2301.Temperature" = "air_temperature" }
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Named
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.fields import FieldInfo

from collector.language.checking import check_zone, checked, suggestion
from collector.language.errors import InputError
from collector.language.gathered import Strict, parsed, refusal, wrong_line
from collector.language.indicators import indicator
from collector.language.profile import CityProfile, Id, Latitude, Longitude, Text
from collector.language.topics import is_segment
from collector.mapping.names import parse_pattern, parse_template
from collector.mapping.paths import parse_path
from collector.mapping.times import check_format
from collector.mapping.units import to_catalogue

RECEIVED = "received"
_DURATION = re.compile(r"(\d{1,6})(s|min|h|d)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
Scalar = bool | int | float | str


def _segment(text: str) -> str:
    if "{" not in text and not is_segment(text):
        raise InputError(f"expected lower-case letters, digits and hyphens, came {text!r}")
    return text


def _known_city(name: str, info: ValidationInfo) -> str:
    known = (info.context or {})["cities"]
    if "{" not in name and name not in known:
        raise InputError(f"no city {name!r}; {suggestion(name, known, 'describe it in a [[city]] table')}")
    return name


def _duration(told: object) -> object:
    found = _DURATION.fullmatch(told) if isinstance(told, str) else None
    if found is None:
        raise ValueError("expected a time such as 30s, 5min, 1h or 1d")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def _column(told: object) -> object:
    return {"indicator": told} if isinstance(told, str) else told


def _columns(told: object) -> object:
    return told if isinstance(told, list) else [told]


def _check_city(value: str, info: ValidationInfo) -> str:
    try:
        return _known_city(value, info)
    except InputError as error:
        raise ValueError(str(error)) from None


PathText = Annotated[Text, checked(parse_path)]
ZoneName = Annotated[Text, checked(check_zone)]
SegmentText = Annotated[Text, checked(_segment)]
Cadence = Annotated[timedelta, BeforeValidator(_duration), Field(ge=timedelta(0), le=timedelta(days=366))]


class Column(Strict):
    """Which indicator a path holds, and how to get to its unit: from the UCUM code of another, or x scale + offset."""

    indicator: Annotated[Text, checked(indicator)]
    unit: Text | None = None
    scale: Annotated[float, Field(allow_inf_nan=False)] = 1.0
    offset: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    where: dict[PathText, Scalar] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _units(self) -> Column:
        if self.unit is not None:
            if (self.scale, self.offset) != (1.0, 0.0):
                raise ValueError("expected either a unit, or scale and offset")
            try:
                to_catalogue(self.unit, self.indicator)
            except InputError as error:
                raise ValueError(str(error)) from None
        return self


Columns = Annotated[tuple[Annotated[Column, BeforeValidator(_column)], ...], BeforeValidator(_columns)]


class Device(Strict):
    """One kind of message: which topic, whose, when, what."""

    topic: Annotated[Text, checked(parse_pattern)]
    station: Text = "{station}"
    run: SegmentText | None = None
    city: Annotated[
        SegmentText,
        AfterValidator(_check_city),
        Field(description="the id of a city (or MAPPING@CITY on the command line)"),
    ]
    pillar: SegmentText = "environment"
    kind: Text = "sensor"
    time: Annotated[PathText, Field(description=f'the path of the time, or "{RECEIVED}" for when a message comes')]
    format: Annotated[Text, checked(check_format)] = "iso"
    timezone: ZoneName | None = None
    cadence: Cadence = timedelta(0)
    missing: tuple[str, ...] = ("", "NA", "NaN", "nan", "null", "-")
    payload: Literal["json", "senml"] = "json"
    each: PathText | None = None
    where: dict[PathText, Scalar] = Field(default_factory=dict)
    columns: Annotated[dict[PathText, Columns], Field(min_length=1)]
    ignore: tuple[PathText, ...] = ()
    others: Literal["reject", "ignore"] = "reject"
    counter: PathText | None = None
    session: PathText | None = None
    number: PathText | None = None

    @model_validator(mode="before")
    @classmethod
    def _senml(cls, told: Any) -> Any:
        """The records of SenML have a time of their own."""
        clocks = {"time": "time", "format": "s"}
        return clocks | told if isinstance(told, dict) and told.get("payload") == "senml" else told

    @model_validator(mode="after")
    def _fields(self) -> Device:
        if (self.session is None) != (self.number is None):
            raise ValueError("expected session and number together, or neither")
        if self.payload == "senml" and (self.each or self.session):
            raise ValueError("expected neither each nor session with senml: its records say it themselves")
        for name in ("station", "city", "pillar", "run"):
            text = getattr(self, name)
            try:
                parse_template(text or "devices", parse_pattern(self.topic))
            except InputError as error:
                raise ValueError(f"{name}: {error}") from None
        return self


class City(Strict):
    """A city that the catalogue does not have, as its birth describes it."""

    id: Id
    name: Text
    country: Text
    latitude: Latitude
    longitude: Longitude
    timezone: ZoneName
    population: int | None = None
    population_kind: Text | None = None
    climate: Text | None = None


class Station(Strict):
    """What is known of one device beside what it says; `device` is its name as it comes."""

    device: Text
    id: SegmentText | None = None
    name: Text | None = None
    kind: Text | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None


class File(Strict):
    """A whole mapping file."""

    run: SegmentText = "devices"
    title: Text = ""
    source: Text = ""
    city: tuple[City, ...] = ()
    device: tuple[Device, ...] = ()
    station: tuple[Station, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> File:
        if not self.device:
            raise ValueError("expected at least one [[device]] table")
        for what, names in (
            ("city", [one.id for one in self.city]),
            ("device", [one.device for one in self.station]),
            ("id", [one.id for one in self.station if one.id is not None]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"expected every {what} once, came twice: {', '.join(twice)}")
        return self


_MODELS: dict[str, type[Strict]] = {"city": City, "device": Device, "station": Station}


def parse_file(text: str, where: str, known: Named[str, CityProfile], city: str | None = None) -> File:
    """The mapping file in a text; `known` are cities that need no table, `city` that of devices that name none.

    Raises `InputError` with every error, its path in the file and what may have been meant.
    """
    told = parsed(text, where)
    devices = told.get("device")
    if city is not None and isinstance(devices, list):
        for device in devices:
            if isinstance(device, dict):
                device.setdefault("city", city)
    own = [one.get("id") for one in told.get("city", ()) if isinstance(one, dict)]
    cities = [*known, *(name for name in own if isinstance(name, str))]
    try:
        return File.model_validate(told, context={"cities": cities})
    except ValidationError as error:
        raise refusal(where, [_line(one) for one in error.errors()]) from None


def _line(error: Any) -> str:
    place = [str(step) for step in error["loc"] if step != "[key]"]
    return wrong_line(error, ".".join(place) or "file", _fields(place))


def _fields(place: list[str]) -> dict[str, FieldInfo]:
    if len(place) > 5 and place[0] == "device" and place[2] == "columns":
        return dict(Column.model_fields)
    return dict(_MODELS.get(place[0], File).model_fields if len(place) > 1 else File.model_fields)
