"""A mapping ready to read with: its patterns, paths, clocks and conversions made once."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Named
from dataclasses import dataclass
from hashlib import blake2b
from zoneinfo import ZoneInfo

from collector.language.profile import CityProfile
from collector.mapping.file import RECEIVED, Column, Device, Scalar, Station, parse_file
from collector.mapping.names import Pattern, Template, parse_pattern, parse_template
from collector.mapping.paths import Form, Path, form, parse_path
from collector.mapping.times import Reader, time_reader
from collector.mapping.units import SAME, Conversion, to_catalogue

Where = tuple[tuple[Path, Scalar], ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Where the values of an indicator are, and how they come to its unit; whether a unit or scale was declared."""

    path: Path
    indicator: str
    conversion: Conversion
    where: Where
    declared: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of message, as `file.Device` with everything parsed; `time` is None for the time of receipt."""

    pattern: Pattern
    station: Template
    run: Template
    city: Template
    pillar: Template
    kind: str
    time: Path | None
    read_time: Reader
    cadence: int
    missing: frozenset[str]
    senml: bool
    each: Path | None
    where: Where
    sources: tuple[Source, ...]
    known: frozenset[Form]
    others: str
    counter: Path | None
    session: Path | None
    number: Path | None


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping: `name` for people, `session` (made of the text) for births, its rules and what is known of places."""

    name: str
    session: str
    rules: tuple[Rule, ...]
    cities: Named[str, CityProfile]
    stations: Named[str, Station]
    title: str = ""
    source: str = ""


def parse_mapping(
    text: str,
    name: str,
    known: Named[str, CityProfile] | None = None,
    city: str | None = None,
    where: str | None = None,
) -> Mapping:
    """The mapping in a TOML text; `name` is what people call it.

    `known` are cities that need no table, `city` is that of devices that name none, `where` names the text in errors.
    Raises `InputError` with every error and its path in the file.
    """
    file = parse_file(text, where or name, known or {}, city)
    cities = dict(known or {}) | {one.id: CityProfile(**one.model_dump()) for one in file.city}
    session = f"map-{blake2b(f'{text}{city}'.encode(), digest_size=6).hexdigest()}"
    rules = tuple(_rule(device, file.run, cities) for device in file.device)
    return Mapping(name, session, rules, cities, {one.device: one for one in file.station}, file.title, file.source)


def _rule(device: Device, run: str, cities: Named[str, CityProfile]) -> Rule:
    pattern = parse_pattern(device.topic)
    zone = device.timezone or (cities[device.city].timezone if device.city in cities else "UTC")
    station, run_text, city, pillar = (
        parse_template(text, pattern) for text in (device.station, device.run or run, device.city, device.pillar)
    )
    return Rule(
        pattern=pattern,
        station=station,
        run=run_text,
        city=city,
        pillar=pillar,
        kind=device.kind,
        time=None if device.time == RECEIVED else parse_path(device.time),
        read_time=time_reader(device.format, ZoneInfo(zone)),
        cadence=int(device.cadence.total_seconds()),
        missing=frozenset(device.missing),
        senml=device.payload == "senml",
        each=_optional(device.each),
        where=_where(device.where),
        sources=tuple(_source(path, column) for path, columns in device.columns.items() for column in columns),
        known=_known(device, (station, run_text, city, pillar)),
        others=device.others,
        counter=_optional(device.counter),
        session=_optional(device.session),
        number=_optional(device.number),
    )


def _source(path: str, column: Column) -> Source:
    made = Conversion(column.scale, column.offset)
    if column.unit is not None:
        made = to_catalogue(column.unit, column.indicator)
    declared = column.unit is not None or made != SAME
    return Source(parse_path(path), column.indicator, made, _where(column.where), declared)


def _where(told: Named[str, Scalar]) -> Where:
    return tuple((parse_path(path), value) for path, value in told.items())


def _known(device: Device, templates: Iterable[Template]) -> frozenset[Form]:
    """Everything the mapping speaks of, also as seen from inside each element: what else comes is left out."""
    paths = [*device.columns, *device.where, *device.ignore]
    paths += [path for columns in device.columns.values() for column in columns for path in column.where]
    paths += [one for one in (device.counter, device.session, device.number) if one is not None]
    paths += [device.time] if device.time != RECEIVED else []
    forms = {form(parse_path(path)) for path in paths}
    forms |= {form(field) for one in templates for field in one.fields if isinstance(field, tuple)}
    if device.each is not None:
        start = (*form(parse_path(device.each)), None)
        forms |= {(*start, *one) for one in forms}
    return frozenset(forms)


def _optional(path: str | None) -> Path | None:
    return None if path is None else parse_path(path)
