"""From a table and a mapping to messages, and rows that cannot be taken with the reason of each."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Named
from dataclasses import dataclass, field
from hashlib import blake2b
from zoneinfo import ZoneInfo

import numpy as np

from collector.language.errors import InputError
from collector.language.indicators import indicators
from collector.language.messages import Readings, Statistic
from collector.language.profile import CityProfile, StationProfile
from collector.language.topics import is_segment
from nakhon.importing.cells import Cell, CellError, number_of, period_of, text_of
from nakhon.importing.mapping import Column, Mapping, Station
from nakhon.importing.tables import Table
from nakhon.importing.words import city_named, indicator_named

PACK = 500
Place = tuple[str, str, str]
"""City, pillar and station."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A row (or a cell of it) that cannot be taken: its number in the file, its text, and the reason."""

    file: str
    row: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Said:
    """What one station of a file says."""

    profile: StationProfile
    bodies: tuple[Readings | Statistic, ...]


@dataclass(slots=True)
class Imported:
    """What a file says: its cities and stations, the rows that cannot be taken, how many rows and values there were."""

    file: str
    cities: dict[str, CityProfile] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    rows: int = 0
    values: int = 0
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Gathered:
    """What is known of one station while a table is read; `at` are the rows in which a value was said."""

    station: Station
    profile: CityProfile
    readings: dict[str, dict[int, float]] = field(default_factory=dict)
    statistics: dict[tuple[str, str, int], Statistic] = field(default_factory=dict)
    at: dict[tuple[str, object], int] = field(default_factory=dict)


class Reading:
    """Reads the rows of a table by a mapping. `published` is when statistics were, where no column says it."""

    def __init__(self, mapping: Mapping, table: Table, published: int) -> None:
        self._mapping, self._table, self._published = mapping, table, published
        self._missing = frozenset({*mapping.file.missing, ""})
        self._profiles = mapping.profiles()
        self._stations: dict[tuple[str, str, str], _Gathered] = {}
        self._imported = Imported(table.file, notes=table.notes)

    def read(self) -> Imported:
        """What the table says."""
        for number, cells in self._table.rows:
            self._imported.rows += 1
            try:
                self._take(number, cells)
            except InputError as error:
                self._refuse(number, cells, str(error))
        for one in self._stations.values():
            self._imported.cities[one.profile.id] = one.profile
            self._imported.said += _said(one, int(self._mapping.file.cadence.total_seconds()))
        return self._imported

    def _take(self, number: int, cells: Sequence[Cell]) -> None:
        reasons: list[str] = []
        for one in self._concerned(cells):
            key: int | tuple[str, int, int] = self._key(cells, one.profile)
            for name, cell, column in self._values(cells, one.station):
                try:
                    self._put(number, one, key, column, cell, self._unit(cells))
                except InputError as error:
                    reasons.append(f"{name}: {error}")
        if reasons:
            self._refuse(number, cells, "; ".join(reasons))

    def _refuse(self, number: int, cells: Sequence[Cell], reason: str) -> None:
        self._imported.bad.append(Bad(self._table.file, number, row_of(cells), reason))

    def _cell(self, cells: Sequence[Cell], name: str | None) -> Cell:
        if name is None:
            return None
        place = self._table.columns[text_of(name)]
        return cells[place] if place < len(cells) else None

    def _concerned(self, cells: Sequence[Cell]) -> Iterator[_Gathered]:
        """The stations that a row is about."""
        source = self._mapping.file
        told = text_of(self._cell(cells, source.station))
        known = [
            one
            for one in self._mapping.station
            if all(text_of(self._cell(cells, name)) == text for name, text in one.where.items())
            and (one.named is None or one.named == told)
        ]
        if source.station is not None and not any(one.named for one in known):
            if not told:
                raise CellError(f"{source.station}: expected the name of a station")
            kind = known[0].kind if known else "imported"
            known = [Station(id=slug(told), name=told[:200], kind=kind, city=known[0].city if known else None)]
        for one in known or ([Station(id="imported")] if not self._mapping.station else []):
            city = self._city(text_of(self._cell(cells, source.city))) if source.city else one.city
            assert city is not None  # noqa: S101 - the mapping was checked
            key = (city, one.id, one.name)
            if key not in self._stations:
                self._stations[key] = _Gathered(one, self._profiles[city])
            yield self._stations[key]

    def _city(self, told: str) -> str:
        name = self._mapping.cities.get(told) or (told if told in self._profiles else city_named(told))
        if name is None or name not in self._profiles:
            raise CellError(f"{self._mapping.file.city}: no city {told[:40]!r} is known; name it under [cities]")
        return name

    def _key(self, cells: Sequence[Cell], city: CityProfile) -> int | tuple[str, int, int]:
        """When a row is about: a time, or a period, its publication and its revision (-1 where no column says it)."""
        source, zone = self._mapping.file, ZoneInfo(self._mapping.file.timezone or city.timezone)
        try:
            if source.time is not None:
                return source.clock.epoch(self._cell(cells, source.time), zone)
            period = period_of(self._cell(cells, source.period), source.clock, source.period_length)
            told = self._cell(cells, source.published)
            published = source.clock.epoch(told, zone) if text_of(told) else self._published
            revision = number_of(self._cell(cells, source.revision), ".", self._missing)
        except CellError as error:
            raise CellError(f"{source.time or source.period}: {error}") from None
        if revision is not None and (revision < 0 or revision != int(revision)):
            raise CellError(f"{source.revision}: expected a whole number from 0, came {revision:g}")
        return period, published, -1 if revision is None else int(revision)

    def _values(self, cells: Sequence[Cell], station: Station) -> Iterator[tuple[str, Cell, Column]]:
        source = self._mapping.file
        for name, column in (station.columns or self._mapping.columns).items():
            yield name, self._cell(cells, name), column
        if source.indicator is not None:
            told = text_of(self._cell(cells, source.indicator))
            found = self._mapping.indicators.get(told) or _column(told)
            if found is None:
                raise CellError(f"{source.indicator}: no indicator {told[:40]!r} is known; name it under [indicators]")
            yield source.value or "", self._cell(cells, source.value), found

    def _unit(self, cells: Sequence[Cell]) -> str | None:
        return text_of(self._cell(cells, self._mapping.file.unit)) or None

    def _put(
        self, number: int, one: _Gathered, key: int | tuple[str, int, int], column: Column, cell: Cell, unit: str | None
    ) -> None:
        told = unit or column.unit or indicators()[column.indicator].unit
        value = number_of(cell, self._mapping.file.decimal, self._missing, told)
        if value is None:
            return
        try:
            value = round(column.conversion(unit)(value), 6)
        except ValueError as error:
            raise CellError(str(error)) from None
        name = column.indicator
        fact: object = key if isinstance(key, int) else (key[0], key[2])
        if (before := one.at.get((name, fact))) is not None:
            if self._held(one, name, key) != value:
                raise CellError(f"row {before} says another value of {name} for that time")
            return
        one.at[name, fact] = number
        self._imported.values += 1
        if isinstance(key, int):
            one.readings.setdefault(name, {})[key] = value
        else:
            period, published, revision = key
            stamp = np.datetime64(published, "s")
            one.statistics[name, period, revision] = Statistic(name, period, stamp, revision, value)

    def _held(self, one: _Gathered, name: str, key: int | tuple[str, int, int]) -> float:
        return one.readings[name][key] if isinstance(key, int) else one.statistics[name, key[0], key[2]].value


def row_of(cells: Sequence[Cell]) -> str:
    """The cells of a row as a line of CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([text_of(cell) for cell in cells])
    return line.getvalue()


def slug(text: str) -> str:
    """An id for a name: as it is where it may be one, else its Latin letters and digits, with a mark of the rest."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    short = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50].strip("-")
    if is_segment(short) and not any(ord(letter) > 0x24F and letter.isalpha() for letter in text):
        return short
    mark = blake2b(text.encode(), digest_size=3).hexdigest()
    return f"{short}-{mark}" if short else f"station-{mark}"


def _column(told: str) -> Column | None:
    name = told if told in indicators() else indicator_named(told)
    return None if name is None else Column(indicator=name)


def _said(one: _Gathered, cadence: int) -> Iterator[Said]:
    """What a station says, for each pillar as a station of its own where its indicators are of several."""
    names = list(dict.fromkeys([*one.readings, *(name for name, _, _ in one.statistics)]))
    pillars = {name: one.station.pillar or indicators()[name].pillar.value for name in names}
    several = one.station.pillar is None and one.station.columns == {} and len(set(pillars.values())) > 1
    for pillar in dict.fromkeys(pillars.values()):
        mine = [name for name in names if pillars[name] == pillar]
        identity = f"{one.station.id[:50]}-{pillar}" if several else one.station.id
        name = one.station.name or one.station.id
        profile = StationProfile(
            identity, one.profile.id, pillar, one.station.kind, name, cadence, tuple(mine),
            one.station.latitude, one.station.longitude,
        )  # fmt: skip
        statistics = [said for (about, _, _), said in one.statistics.items() if about in mine]
        yield Said(profile, (*_packs({about: one.readings.get(about, {}) for about in mine}), *statistics))


def _packs(readings: Named[str, Named[int, float]]) -> Iterator[Readings]:
    times = sorted({time for column in readings.values() for time in column})
    for first in range(0, len(times), PACK):
        some = times[first : first + PACK]
        columns = {
            name: np.array([column.get(time, np.nan) for time in some], np.float64)
            for name, column in readings.items()
            if column
        }
        yield Readings(np.array(some, np.int64).view("datetime64[s]"), columns)
