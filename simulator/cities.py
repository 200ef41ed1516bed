"""The catalogue of cities, and which of them belong to a network on a date.

The facts are data: `scenarios/cities/<country>.toml`, `scenarios/networks.toml` and, for where each fact comes
from, `scenarios/sources.toml`. A fact nobody has substantiated is absent (None or empty), never guessed.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from textwrap import shorten
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from collector.language.errors import InputError
from collector.language.profile import CityProfile
from collector.language.topics import is_segment

Climate = Literal["equatorial", "monsoon-burning", "monsoon-coastal", "monsoon-inland", "subtropical", "temperate"]
PopulationKind = Literal[
    "city state",
    "city with provincial rank",
    "city proper",
    "municipality",
    "prefecture",
    "town",
    "unknown",
]
FocusArea = Literal[
    "civic and social",
    "health and well-being",
    "safety and security",
    "quality environment",
    "built infrastructure",
    "industry and innovation",
]
DepaDimension = Literal["environment", "economy", "mobility", "energy", "people", "living", "governance"]
Text = Annotated[str, Field(min_length=1)]

FACTS = MappingProxyType(
    {
        "position": ("latitude", "longitude"),
        "timezone": ("timezone",),
        "population": ("population",),
        "area": ("area_km2",),
        "koppen": ("koppen",),
        "climate": ("climate",),
        "weather_region": ("weather_region",),
        "focus_areas": ("focus_areas",),
        "depa_dimensions": ("depa_dimensions",),
        "projects": ("projects",),
    }
)
"""The facts that need a source, and the fields of `City` each one covers."""


def _segment(name: str) -> str:
    if not is_segment(name):
        raise ValueError("expected a-z, 0-9 and - (63 characters at most), and no word the topics reserve")
    return name


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (OSError, LookupError, ValueError) as error:
        raise ValueError("expected an IANA time zone, like Asia/Bangkok") from error


Slug = Annotated[str, AfterValidator(_segment)]
Timezone = Annotated[str, AfterValidator(_zone)]


class UnknownNameError(InputError):
    """A city or a network that the catalogue does not have; the message names the nearest ones."""


@dataclass(frozen=True, slots=True)
class City:
    """A city (or a smart-city area) as the catalogue knows it.

    Latitude and longitude in degrees (WGS 84), `area_km2` in square kilometres, `country` as ISO 3166 alpha-2,
    `timezone` as an IANA name. `population_kind` says what `population` counts; "unknown" where its publisher
    does not. `climate` names the parameters of the models, `weather_region` the cities that share weather and
    haze: both are choices of this project. `sources` names, for each fact, a key of `sources()`.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    id: Slug
    name: Text
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    timezone: Timezone
    climate: Climate
    weather_region: Slug
    sources: Annotated[dict[str, str], Field(min_length=1)] = field(hash=False)
    population: Annotated[int, Field(gt=0)] | None = None
    population_kind: PopulationKind | None = None
    area_km2: Annotated[float, Field(gt=0)] | None = None
    koppen: Annotated[str, Field(pattern=r"^[A-E][A-Za-z]{1,2}$")] | None = None
    focus_areas: tuple[FocusArea, ...] = ()
    depa_dimensions: tuple[DepaDimension, ...] = ()
    projects: tuple[Text, ...] = ()
    note: Text | None = None

    @property
    def population_source(self) -> str | None:
        """Get where the population figure comes from, as a citation."""
        key = self.sources.get("population")
        return sources()[key].title if key else None

    def profile(self) -> CityProfile:
        """Get the city as its birth message describes it."""
        return CityProfile(
            id=self.id,
            name=self.name,
            country=self.country,
            latitude=self.latitude,
            longitude=self.longitude,
            timezone=self.timezone,
            population=self.population,
            population_kind=self.population_kind,
            climate=self.climate,
            area_km2=self.area_km2,
        )


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact comes from: a citation, its licence where one is stated, and what to know before trusting it."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    title: Text
    licence: Text | None = None
    note: Text | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """A city's membership of a network since a date.

    `precision` says how well the date is known: the "day", or only the "year" (then `since` is its first day).
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    city: Slug
    since: date
    precision: Literal["day", "year"]
    source: str


@dataclass(frozen=True, slots=True)
class Network:
    """A network of cities with its dated memberships, oldest first."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    id: Slug
    name: Text
    source: str
    members: tuple[Membership, ...]
    note: Text | None = None


Entry = TypeVar("Entry")
_CITY, _SOURCE, _NETWORK = TypeAdapter(City), TypeAdapter(Source), TypeAdapter(Network)


def city(city_id: str) -> City:
    """Get one city; an unknown id raises `UnknownNameError` with the nearest ids."""
    return _lookup(cities(), city_id, "city")


def network(network_id: str) -> Network:
    """Get one network; an unknown id raises `UnknownNameError` with the nearest ids."""
    return _lookup(networks(), network_id, "network")


def members(network_id: str, on: date) -> tuple[str, ...]:
    """Get the ids of the cities that belong to a network on a date, in the order they joined."""
    return tuple(member.city for member in network(network_id).members if member.since <= on)


def describe_unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Get the sentence that says a name is not known, with the nearest known names."""
    name = shorten(name, 60) if len(name) > 60 else name
    near = difflib.get_close_matches(name.lower().replace(" ", "-").replace("_", "-"), known, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {shorten(', '.join(sorted(known)), 120)}"
    return f'unknown {kind} "{name}"; {hint}'


@cache
def sources() -> Mapping[str, Source]:
    """Get the citations the catalogue's facts refer to, by key."""
    table = _read(files("scenarios") / "sources.toml")
    return MappingProxyType({key: _valid(_SOURCE, entry, f"sources.toml: {key}") for key, entry in table.items()})


@cache
def cities() -> Mapping[str, City]:
    """Get every city of the catalogue by id, sorted by id."""
    folder = files("scenarios") / "cities"
    found: dict[str, City] = {}
    for page in sorted(folder.iterdir(), key=lambda item: item.name):
        if page.name.endswith(".toml"):
            for entry in _cities_of(page):
                if entry.id in found:
                    raise InputError(f"{page.name}: the city id {entry.id} is used twice; ids are unique in the world")
                found[entry.id] = entry
    return MappingProxyType(dict(sorted(found.items())))


@cache
def networks() -> Mapping[str, Network]:
    """Get every network by id."""
    table = _read(files("scenarios") / "networks.toml")
    return MappingProxyType({key: _network(key, entry) for key, entry in table.items()})


def _cities_of(page: Traversable) -> Iterator[City]:
    for key, entry in _read(page).items():
        found = _valid(_CITY, {"id": key, **entry}, f"{page.name}: {key}")
        _check_facts(found, f"{page.name}: {key}")
        yield found


def _check_facts(found: City, where: str) -> None:
    stated = {name for name, given in FACTS.items() if any(getattr(found, field) for field in given)}
    if stated != found.sources.keys():
        odd = ", ".join(sorted(stated ^ found.sources.keys()))
        raise InputError(f"{where}.sources: expected one source for every stated fact and no other; look at {odd}")
    if (found.population is None) != (found.population_kind is None):
        raise InputError(f"{where}: population and population_kind belong together")
    _check_sources(found.sources.values(), where)


def _check_sources(keys: Iterable[str], where: str) -> None:
    for key in keys:
        if key not in sources():
            raise InputError(f"{where}: {describe_unknown('source', key, sources())}")


def _network(key: str, entry: dict[str, Any]) -> Network:
    where = f"networks.toml: {key}"
    found = _valid(_NETWORK, {"id": key, **entry}, where)
    _check_sources((found.source, *(member.source for member in found.members)), where)
    ids = [member.city for member in found.members]
    for name in ids:
        city(name)
    if len(set(ids)) < len(ids):
        raise InputError(f"{where}: a city is listed twice")
    return replace(found, members=tuple(sorted(found.members, key=lambda member: member.since)))


def _lookup(catalogue: Mapping[str, Entry], name: str, kind: str) -> Entry:
    if name not in catalogue:
        raise UnknownNameError(describe_unknown(kind, name, catalogue))
    return catalogue[name]


def _read(page: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(page.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{page.name}: not valid TOML: {error}") from error


def _valid(adapter: TypeAdapter[Entry], entry: Mapping[str, Any], where: str) -> Entry:
    try:
        return adapter.validate_python(entry)
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}, came {e['input']!r}" for e in error.errors())
        raise InputError(f"{where}: {'; '.join(wrong)}") from error
