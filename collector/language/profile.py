"""Births: what a city and a station say of themselves, retained, when they come online; and their wills."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from collector.language.codec import dump, load
from collector.language.errors import PayloadError
from collector.language.indicators import Origin

Text = Annotated[str, StringConstraints(max_length=200)]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


@checked_dataclass(frozen=True, slots=True)
class CityProfile:
    """A city as its birth describes it.

    `population_kind` says what the figure counts (municipality, metropolitan area, province, ...), because
    figures of unlike kinds must not be compared. Latitude and longitude in degrees (WGS 84), the area in km².
    """

    id: Id
    name: Text
    country: Text
    latitude: Latitude
    longitude: Longitude
    timezone: Text
    population: int | None = None
    population_kind: Text | None = None
    climate: Text | None = None
    area_km2: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


@checked_dataclass(frozen=True, slots=True)
class StationProfile:
    """A station: a thing that publishes, with an id unique in its city.

    `cadence` is the time between two ticks in seconds (0 for a station that speaks only when something happens).
    `origins` says for each indicator where the parameters of its model come from (measured, derived or assumed);
    empty for a real station. Latitude and longitude in degrees (WGS 84).
    """

    id: Id
    city: Id
    pillar: Id
    kind: Text
    name: Text
    cadence: Annotated[int, Field(ge=0, le=86_400 * 366)]
    indicators: tuple[Text, ...]
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    origins: dict[Text, Text] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Status:
    """Who is online: the birth of a city or a station (with its profile), or its will (`online` False).

    `origin` says where the readings of the run come from, `scenario` and `digest` which scenario made them.
    """

    online: bool
    session: str
    profile: CityProfile | StationProfile | None = None
    origin: Origin | None = None
    scenario: str | None = None
    digest: str | None = None

    def offline(self) -> Status:
        """The will that belongs to this birth."""
        return Status(online=False, session=self.session)

    def for_station(self, station: StationProfile) -> Status:
        """The birth of a station that shares this birth's connection."""
        return replace(self, profile=station)


_Session = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]


@checked_dataclass(frozen=True, config={"extra": "ignore"})
class _StatusPayload:
    online: bool
    session: _Session
    city: CityProfile | None = None
    station: StationProfile | None = None
    origin: Origin | None = None
    scenario: Text | None = None
    digest: Text | None = None


_STATUS = TypeAdapter(_StatusPayload)


def encode_status(status: Status) -> bytes:
    """The retained payload of a birth or a will."""
    told: dict[str, Any] = {"online": status.online, "session": status.session}
    if status.profile is not None:
        key = "city" if isinstance(status.profile, CityProfile) else "station"
        told[key] = {name: value for name, value in asdict(status.profile).items() if value not in (None, {})}
    for name in ("origin", "scenario", "digest"):
        if (value := getattr(status, name)) is not None:
            told[name] = value
    return dump(told)


def decode_status(payload: bytes) -> Status:
    """The birth or will behind a payload. Raises `PayloadError`."""
    try:
        told = _STATUS.validate_python(load(payload))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PayloadError(f"{where or 'status'}: {first['msg']}"[:300]) from None
    return Status(told.online, told.session, told.city or told.station, told.origin, told.scenario, told.digest)
