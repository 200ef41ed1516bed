"""The mapping file: which measured series there are, what their columns mean, and what to compare them with.

A TOML file of `[[series]]`, `[[tickets]]` and `[[pair]]`; `docs/validate.md` explains every key. All that is wrong is
said at once.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collector.language.errors import InputError
from collector.language.gathered import text_of
from collector.language.indicators import indicators
from simulator.scenario import StationCounts
from simulator.validation.families import FAMILIES, TICKETS, Family, default_families
from simulator.validation.judgement import Declared

SHIPPED = "open"
ERRORS_SHOWN = 40
FIRES = "fire_hotspots"
INTERVALS = {"1h": "h", "1d": "D", "1mo": "M"}
MISSING = ("", "NA", "NaN", "nan", "null", "-", "NULL", "None")
STATION_KINDS = {
    "pm25": "air_quality", "pm10": "air_quality", "no2": "air_quality", "o3": "air_quality",
    "air_temperature": "weather", "relative_humidity": "weather", "rain": "weather", "wind_speed": "weather",
    "traffic_flow": "traffic", "travel_time_index": "traffic", "electricity_demand": "feeder",
    "hotel_occupancy": "statistics_office", "visitor_arrivals": "statistics_office",
    "service_requests": "service_desk", FIRES: "",
}  # fmt: skip
"""The kind of station that measures an indicator; a mapping may name another one."""

Text = Annotated[str, Field(min_length=1, max_length=400)]
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^:\n]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class YearSpread(_Strict):
    """The spread of a family of statistics from year to year, known from elsewhere."""

    sd: Annotated[float, Field(gt=0)]
    scale: Literal["ln", "linear"] = "ln"
    source: Text

    def declared(self) -> Declared:
        """Get it as the judgement takes it."""
        return Declared(self.sd, self.scale == "ln", self.source)


class TimeColumns(_Strict):
    """The columns that make up a time, or a number that stands for one (a typical year has no year)."""

    year: Text | int
    month: Text | int = 1
    day: Text | int = 1
    hour: Text | int = 0

    def names(self) -> list[str]:
        """Get the columns among them."""
        return [part for part in (self.year, self.month, self.day, self.hour) if isinstance(part, str)]


class Span(_Strict):
    """Days to leave out, both included, and why."""

    since: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    until: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    why: Text


class _Entry(_Strict):
    name: Name
    city: Text
    files: Text
    format: Text | None = None
    timezone: Text | None = None
    where: dict[str, str | list[str]] = {}
    missing: tuple[str, ...] = MISSING
    source: Text
    licence: Text
    year_spread: dict[str, YearSpread] = {}
    statistics: tuple[str, ...] | None = None


class SeriesEntry(_Entry):
    """A measured series: one number at each time."""

    indicator: Text
    time: Text | TimeColumns
    interval: Literal["1h", "1d", "1mo"]
    columns: Annotated[tuple[Text, ...], Field(min_length=1)]
    layout: Literal["rows", "months-across"] = "rows"
    sum: bool = False
    totals: bool = False
    scale: float = 1.0
    offset: float = 0.0
    zero_is_missing: bool = False
    least: float | None = None
    most: float | None = None
    leave_out: tuple[Span, ...] = ()
    station_kind: Text | None = None
    companion: Text | None = None
    maximum: Text | None = None
    minimum: Text | None = None

    @property
    def families(self) -> dict[str, Family]:
        """Get the families of statistics of the series, by name."""
        names = self.statistics or default_families(self.indicator, INTERVALS[self.interval])
        return {name: FAMILIES[name] for name in names}

    @property
    def kind(self) -> str:
        """Get the kind of station that measures it, as a scenario names it; empty for none."""
        return self.station_kind or STATION_KINDS.get(self.indicator, "")

    @property
    def value_columns(self) -> tuple[str, ...]:
        """Get all columns with values."""
        others = (self.companion, self.maximum, self.minimum)
        return (*self.columns, *(name for name in others if name is not None))

    @property
    def time_columns(self) -> list[str]:
        """Get the columns with times."""
        return [self.time] if isinstance(self.time, str) else self.time.names()


class TicketsEntry(_Entry):
    """Requests of citizens: one row each, with the time it was opened and the time it was closed."""

    opened: Text
    closed: Text
    kind: Annotated[str | None, Field(alias="class")] = None
    classes: dict[str, str] = {}

    @property
    def families(self) -> dict[str, Family]:
        """Get the families of statistics of the tickets, by name."""
        return {name: TICKETS[name] for name in self.statistics or TICKETS}


class PairEntry(_Strict):
    """Two series whose residuals are correlated."""

    series: Annotated[tuple[str, str], Field(min_length=2, max_length=2)]
    year_spread: YearSpread | None = None

    @property
    def name(self) -> str:
        """Get the name under which the pair is judged."""
        return " and ".join(self.series)


class DrivenEntry(_Strict):
    """A driver experiment: a series of daily PM2.5, and the series of hotspots that drives it."""

    series: Text
    fires: Text

    @property
    def name(self) -> str:
        """Get the name under which the experiment is judged."""
        return f"{self.series} driven by {self.fires}"


class ValidationMap(_Strict):
    """A whole mapping file."""

    title: str = ""
    series: tuple[SeriesEntry, ...] = ()
    tickets: tuple[TicketsEntry, ...] = ()
    pair: tuple[PairEntry, ...] = ()
    driven: tuple[DrivenEntry, ...] = ()


def load_map(path: Path | None = None) -> tuple[str, ValidationMap]:
    """Get the name and the content of a mapping file, the shipped one without a path. Raises `InputError`."""
    if path is None:
        shipped = files("scenarios") / "validation" / f"{SHIPPED}.toml"
        return f"{SHIPPED}.toml", parse_map(shipped.read_text("utf-8"), f"{SHIPPED}.toml")
    return str(path), parse_map(text_of(path, "a mapping"), str(path))


def parse_map(text: str, where: str) -> ValidationMap:
    """Get the mapping written in a TOML text. Raises `InputError` with every error in it."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{where}: expected TOML, came something else: {error}") from None
    errors: list[str] = []
    try:
        found = ValidationMap.model_validate(table)
        errors += _faults(found)
    except ValidationError as error:
        errors += [_said(one, table) for one in error.errors()]
    if errors:
        raise InputError(f"{where}:\n  " + "\n  ".join(errors[:ERRORS_SHOWN]))
    return found


def _said(error: Any, table: Mapping[str, Any]) -> str:
    place, given = [part for part in error["loc"] if part not in {"TimeColumns", "str"}], error["input"]
    where = ".".join(str(part) for part in place)
    if len(place) > 1 and isinstance(place[1], int):
        entry = table[str(place[0])][place[1]]
        where += f" ({entry['name']})" if isinstance(entry, dict) and "name" in entry else ""
    if error["type"] != "extra_forbidden":
        shown = "" if isinstance(given, dict | list) else f", came {given!r}"
        return f"{where}: {error['msg']}{shown}"
    return f"{where}: unknown key{_near(str(place[-1]), _known(str(place[0]), len(place)))}"


def _known(part: str, depth: int) -> list[str]:
    models: dict[str, type[BaseModel]] = {
        "series": SeriesEntry,
        "tickets": TicketsEntry,
        "pair": PairEntry,
        "driven": DrivenEntry,
    }
    model = models.get(part) if depth == 3 else ValidationMap if depth == 1 else None
    return [entry.alias or name for name, entry in model.model_fields.items()] if model else []


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _faults(found: ValidationMap) -> Iterator[str]:
    """Find what each entry alone cannot see, or pydantic cannot know."""
    names: set[str] = set()
    entries: list[tuple[str, SeriesEntry | TicketsEntry]] = []
    entries += [(f"series.{number} ({entry.name})", entry) for number, entry in enumerate(found.series)]
    entries += [(f"tickets.{number} ({entry.name})", entry) for number, entry in enumerate(found.tickets)]
    for where, entry in entries:
        if entry.name in names:
            yield f"{where}: the name is taken; every name must be its own"
        names.add(entry.name)
        yield from (f"{where}.{fault}" for fault in _entry_faults(entry))
    known = [entry.name for entry in found.series]
    for number, pair in enumerate(found.pair):
        for name in pair.series:
            if name not in known:
                yield f"pair.{number}: no series is named {name!r}{_near(name, known)}"
    kinds = {entry.name: (entry.indicator, entry.interval) for entry in found.series}
    for number, driven in enumerate(found.driven):
        for name, expected in ((driven.series, "pm25"), (driven.fires, FIRES)):
            if name not in known:
                yield f"driven.{number}: no series is named {name!r}{_near(name, known)}"
            elif kinds[name] != (expected, "1d"):
                yield f"driven.{number}: expected daily {expected}, {name!r} is {' at '.join(kinds[name])}"


def _entry_faults(entry: SeriesEntry | TicketsEntry) -> Iterator[str]:
    if entry.timezone is not None:
        try:
            ZoneInfo(entry.timezone)
        except (OSError, LookupError, ValueError):
            yield f"timezone: expected an IANA zone such as Asia/Bangkok, came {entry.timezone!r}"
    families = FAMILIES if isinstance(entry, SeriesEntry) else TICKETS
    for key, chosen in (("statistics", entry.statistics or ()), ("year_spread", entry.year_spread)):
        for name in chosen:
            if name not in families:
                yield f"{key}: no statistics are named {name!r}{_near(name, families)}; there are {', '.join(families)}"
    if isinstance(entry, SeriesEntry):
        yield from _series_faults(entry)


def _series_faults(entry: SeriesEntry) -> Iterator[str]:
    if entry.indicator not in indicators() and entry.indicator != FIRES:
        known = (*indicators(), FIRES)
        yield f"indicator: {entry.indicator!r} is not in the catalogue{_near(entry.indicator, known)}"
    kinds = [field.name for field in fields(StationCounts)]
    if entry.station_kind is not None and entry.station_kind not in kinds:
        yield f"station_kind: expected one of {', '.join(kinds)}, came {entry.station_kind!r}"
    elif not entry.kind and entry.indicator in indicators():
        yield f"station_kind: missing; say which kind of station measures {entry.indicator}: {', '.join(kinds)}"
    for name in entry.statistics or ():
        if name in FAMILIES and INTERVALS[entry.interval] not in FAMILIES[name].intervals:
            yield f"statistics: {name!r} makes no sense at an interval of {entry.interval}"
