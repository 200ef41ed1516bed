"""Recorded data instead of a model: a CSV file and a mapping that says what its columns are.

The mapping is a TOML file:

    [file]
    time = "date"                      # the column with the times
    format = "%Y-%m-%d"                # as in strptime; ISO 8601 if left out
    timezone = "Asia/Bangkok"          # of times without an offset; UTC if left out
    cadence = "1d"                     # between two readings of a station
    missing = ["", "NA"]               # cells that say nothing
    source = "Thai Pollution Control Department"

    [[station]]
    id = "35t"
    city = "chiang-mai"                # of the catalogue
    kind = "air-quality"
    columns = { 35T = "pm25" }         # column = indicator, or { indicator = "pm25", scale = 1.9, offset = 0.0 }
    where = { stationID = "35t" }      # only rows in which these columns hold these texts (long files)
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from collector.language.errors import InputError
from collector.language.indicators import indicators
from collector.language.messages import Readings, Times, Values
from collector.language.profile import CityProfile, StationProfile
from collector.language.topics import is_segment
from simulator.cities import city
from simulator.speaker import Said, Speaker

MAXIMUM_ROWS = 20_000_000
ERRORS_SHOWN = 20

Text = Annotated[str, Field(max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """Which indicator a column holds, and how to get to its unit: value x scale + offset."""

    indicator: Text
    scale: float = 1.0
    offset: float = 0.0


class Source(_Strict):
    """What the file is like."""

    time: Text
    format: Text | None = None
    timezone: Text = "UTC"
    cadence: timedelta
    missing: tuple[str, ...] = ("", "NA", "NaN", "nan", "null", "-")
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    source: Text = ""


class Station(_Strict):
    """A station of the file."""

    id: Text
    city: Text
    pillar: Text = "environment"
    kind: Text = "air-quality"
    name: Text = ""
    latitude: float | None = None
    longitude: float | None = None
    columns: dict[str, Column]
    where: dict[str, str] = {}


class Mapping(_Strict):
    """A whole mapping file."""

    file: Source
    station: Annotated[tuple[Station, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded: per station its times (n,) in UTC and columns (n,); `notes` say what was left out."""

    stations: tuple[StationProfile, ...]
    series: tuple[Readings, ...]
    source: str
    notes: tuple[str, ...]

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last time, in seconds since 1970."""
        ends = [one.times.view(np.int64)[[0, -1]] for one in self.series if len(one.times)]
        return min(int(first) for first, _ in ends), max(int(last) for _, last in ends)

    def cities(self) -> dict[str, CityProfile]:
        """The cities of the stations."""
        return {station.city: city(station.city).profile() for station in self.stations}

    def say(self, speaker: Speaker, pack: int = 1, shift: int = 0) -> Iterator[Said]:
        """The messages of the recording in time order, all times moved by `shift` seconds."""
        planned: list[tuple[int, int, int]] = []
        for at, one in enumerate(self.series):
            lasts = np.minimum(np.arange(0, len(one.times), pack) + pack, len(one.times)) - 1
            said = one.times.view(np.int64)[lasts]
            planned += (
                (int(time), at, first) for time, first in zip(said, range(0, len(one.times), pack), strict=True)
            )
        for time, at, first in sorted(planned):
            one, rows = self.series[at], slice(first, first + pack)
            moved = one.times[rows] + np.timedelta64(shift, "s")
            columns = {name: column[rows] for name, column in one.columns.items()}
            for part in speaker.parts(Readings(moved, columns)):
                yield Said(time + shift, speaker.number(self.stations[at], part))


def read_mapping(path: Path) -> Mapping:
    """The mapping in a file. Raises `InputError` with every error and its path."""
    try:
        told = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the mapping {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}") from None
    for station in told.get("station", []):
        columns = station.get("columns") if isinstance(station, dict) else None
        if isinstance(columns, dict):
            station["columns"] = {k: {"indicator": v} if isinstance(v, str) else v for k, v in columns.items()}
    if isinstance(told.get("file"), dict) and isinstance(told["file"].get("cadence"), str):
        told["file"]["cadence"] = _iso_duration(told["file"]["cadence"])
    try:
        mapping = TypeAdapter(Mapping).validate_python(told)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise InputError(f"{path}:\n  " + "\n  ".join(lines[:ERRORS_SHOWN])) from None
    _check_names(path, mapping)
    return mapping


def _iso_duration(text: str) -> str:
    """15min, 1h, 1d as pydantic reads durations."""
    for unit, form in (("min", "PT{}M"), ("s", "PT{}S"), ("h", "PT{}H"), ("d", "P{}D")):
        if text.endswith(unit) and text.removesuffix(unit).isdigit():
            return form.format(text.removesuffix(unit))
    return text


def _check_names(path: Path, mapping: Mapping) -> None:
    errors = []
    for number, station in enumerate(mapping.station):
        where = f"station.{number}"
        if not is_segment(station.id):
            errors.append(f"{where}.id: expected lower-case letters, digits and hyphens, came {station.id!r}")
        try:
            city(station.city)
        except InputError as error:
            errors.append(f"{where}.city: {error}")
        errors += [
            f"{where}.columns.{name}: {column.indicator!r} is not in the catalogue (nakhon catalogue indicators)"
            for name, column in station.columns.items()
            if column.indicator not in indicators()
        ]
    try:
        ZoneInfo(mapping.file.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        errors.append(f"file.timezone: no IANA zone {mapping.file.timezone!r}")
    if errors:
        raise InputError(f"{path}:\n  " + "\n  ".join(errors[:ERRORS_SHOWN]))


def read_recording(path: Path, mapping: Mapping) -> Recording:
    """The recording in a CSV file. Raises `InputError` that names the line of what cannot be read."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, rows = _rows(path, csv.reader(file, delimiter=mapping.file.delimiter))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file in UTF-8: {error}") from None
    places = _places(path, header, mapping)
    epochs = _epochs(path, rows, places[mapping.file.time], mapping.file)
    notes: list[str] = []
    series = tuple(_series(path, rows, epochs, places, station, mapping.file, notes) for station in mapping.station)
    if not any(len(one.times) for one in series):
        raise InputError(f"{path} holds no value for any station of the mapping")
    return Recording(
        tuple(_profile(one, mapping) for one in mapping.station), series, mapping.file.source, tuple(notes)
    )


def _rows(path: Path, reader: Any) -> tuple[list[str], list[list[str]]]:
    header = next(reader, None)
    if not header:
        raise InputError(f"{path} is empty: expected a header and rows")
    rows = []
    for number, row in enumerate(reader, start=2):
        if len(row) != len(header):
            raise InputError(f"{path} line {number}: expected {len(header)} cells, came {len(row)}")
        rows.append(row)
        if number > MAXIMUM_ROWS:
            raise InputError(f"{path} has over {MAXIMUM_ROWS:,} rows: split it")
    return header, rows


def _places(path: Path, header: Sequence[str], mapping: Mapping) -> dict[str, int]:
    places = {name: place for place, name in enumerate(header)}
    wanted = [mapping.file.time, *(n for one in mapping.station for n in (*one.columns, *one.where))]
    missing = sorted({name for name in wanted if name not in places})
    if missing:
        shown = ", ".join(header[:12])
        raise InputError(f"{path} has no column {', '.join(map(repr, missing))}; it has: {shown}")
    return places


def _epochs(path: Path, rows: Sequence[Sequence[str]], place: int, source: Source) -> list[int]:
    zone, known = ZoneInfo(source.timezone), dict[str, int]()
    epochs = []
    for number, row in enumerate(rows, start=2):
        text = row[place]
        if text not in known:
            known[text] = _epoch(path, number, text, source, zone)
        epochs.append(known[text])
    return epochs


def _epoch(path: Path, number: int, text: str, source: Source, zone: ZoneInfo) -> int:
    try:
        time = datetime.strptime(text, source.format) if source.format else datetime.fromisoformat(text)  # noqa: DTZ007
    except ValueError:
        form = source.format or "ISO 8601"
        raise InputError(f"{path} line {number}: expected a time as {form}, came {text!r}") from None
    if not 1900 <= time.year < 2200:
        raise InputError(f"{path} line {number}: expected a time from 1900 to 2199, came {text!r}")
    return int((time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC).timestamp())


def _series(
    path: Path,
    rows: Sequence[Sequence[str]],
    epochs: Sequence[int],
    places: dict[str, int],
    station: Station,
    source: Source,
    notes: list[str],
) -> Readings:
    where = [(places[name], text) for name, text in station.where.items()]
    mine = [at for at, row in enumerate(rows) if all(row[place] == text for place, text in where)]
    columns = {
        column.indicator: _column(path, rows, mine, places[name], column, source)
        for name, column in station.columns.items()
    }
    times = np.array([epochs[at] for at in mine], dtype=np.int64)
    _, keep = np.unique(times, return_index=True)  # ascending; of equal times the first row
    if len(keep) < len(times):
        notes.append(f"{station.id}: {len(times) - len(keep)} rows with a time that had been before were left out")
    heard = keep[~np.all([np.isnan(column[keep]) for column in columns.values()], axis=0)] if len(keep) else keep
    kept: Times = times[heard].view("datetime64[s]")
    return Readings(kept, {name: column[heard] for name, column in columns.items()})


def _column(
    path: Path, rows: Sequence[Sequence[str]], mine: Sequence[int], place: int, column: Column, source: Source
) -> Values:
    missing = frozenset(source.missing)
    values = np.full(len(mine), np.nan)
    for to, at in enumerate(mine):
        text = rows[at][place].strip()
        if text in missing:
            continue
        try:
            values[to] = float(text)
        except ValueError:
            raise InputError(
                f"{path} line {at + 2}: expected a number for {column.indicator}, came {text[:40]!r}; "
                "list texts that mean a missing value under file.missing"
            ) from None
    if np.isinf(values).any():
        raise InputError(f"{path}: expected finite numbers for {column.indicator}")
    return np.round(values * column.scale + column.offset, 6)


def _profile(station: Station, mapping: Mapping) -> StationProfile:
    names = tuple(dict.fromkeys(column.indicator for column in station.columns.values()))
    return StationProfile(
        station.id,
        station.city,
        station.pillar,
        station.kind,
        station.name or station.id,
        int(mapping.file.cadence.total_seconds()),
        names,
        station.latitude,
        station.longitude,
    )
