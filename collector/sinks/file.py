"""The sink file: TOML that says where a consumer keeps what it received, and which column is what.

[sink]
kind = "csv"
file = "received/*.csv"

[columns]
station = "device"
time = "ts"
indicator = "metric"
value = "value"

`docs/audit.md` explains every key.
"""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from collector.auditing.expected import Scope
from collector.auditing.found import Tolerance
from collector.language.checking import check_zone, checked
from collector.language.errors import InputError
from collector.language.gathered import Strict, gathered, text_of
from collector.language.indicators import indicator
from collector.mapping.times import check_format
from collector.mapping.units import to_catalogue

PLACES = ("run", "city", "pillar", "station")
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|min|h)")
_UNITS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000}
_NEEDED = {
    "csv": ("file",), "jsonl": ("file",), "sql": ("url",), "influxdb": ("url", "query"), "http": ("url",),
}  # fmt: skip

Text = Annotated[str, Field(min_length=1, max_length=4096)]


def _form(text: str) -> None:
    try:
        fields = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:
        raise InputError(f"expected a form such as {{city}}/{{station}}, came {text!r}") from None
    if not fields <= set(PLACES) or "station" not in fields:
        raise InputError(f"expected {{station}}, and besides it only {{{'}, {'.join(PLACES)}}}, came {text!r}")


def _duration(told: object) -> object:
    found = _DURATION.fullmatch(told) if isinstance(told, str) else None
    if found is None:
        raise ValueError("expected a time such as 500ms, 2s, 1min or 1h")
    return float(found[1]) * _UNITS[found[2]]


def _named(told: object) -> object:
    return {"name": told} if isinstance(told, str) else told


def _several(told: object) -> object:
    return told if isinstance(told, list) else [told]


Milliseconds = Annotated[float, BeforeValidator(_duration)]
Zone = Annotated[Text, checked(check_zone)]
Format = Annotated[Text, checked(check_format)]
Size = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Source(Strict):
    """Where it is kept: a file (or several, by a pattern), a database, a server."""

    kind: Literal["csv", "jsonl", "sql", "influxdb", "http"]
    title: Text | None = None
    file: Text | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    url: Text | None = None
    table: Text | None = None
    query: Text | None = None
    rows: Text | None = None
    next: Text | None = None
    answer: Literal["json", "csv"] = "json"
    token: bool = False

    @model_validator(mode="after")
    def _fitting(self) -> Source:
        lacking = [name for name in _NEEDED[self.kind] if getattr(self, name) is None]
        if lacking:
            raise ValueError(f"expected {' and '.join(lacking)} with kind {self.kind}")
        if self.kind == "sql" and (self.table is None) == (self.query is None):
            raise ValueError("expected either table or query with kind sql")
        return self


class Columns(Strict):
    """Which column is what. Without `indicator` every indicator has a column of its own, named in [indicators]."""

    station: Text
    form: Annotated[Text, checked(_form)] = "{station}"
    city: Text | None = None
    time: Text
    received: Text | None = None
    indicator: Text | None = None
    value: Text | None = None
    unit: Text | None = None


class Named(Strict):
    """What the sink calls an indicator, and in which unit (UCUM) it keeps it."""

    name: Text
    unit: Text | None = None


class Clock(Strict):
    """How times are written: a format, and the zone of times that name none."""

    format: Format = "iso"
    timezone: Zone = "UTC"


class Allowed(Strict):
    """What may differ."""

    time: Milliseconds = 0.0
    absolute: Size = 0.0
    relative: Size = 1e-9
    late: Milliseconds | None = None

    @property
    def tolerance(self) -> Tolerance:
        """The same for the comparison."""
        late = None if self.late is None else self.late / 1_000
        return Tolerance(round(self.time), self.absolute, self.relative, late)


class Kept(Strict):
    """What of a run the consumer is meant to keep: patterns of `city/pillar/station`, and indicators; empty is all."""

    stations: tuple[Text, ...] = ()
    indicators: tuple[Annotated[Text, checked(indicator)], ...] = ()


class Sink(Strict):
    """A whole sink file."""

    sink: Source
    columns: Columns
    indicators: dict[Text, Annotated[Named, BeforeValidator(_named)]] = Field(default_factory=dict)
    time: Clock = Clock()
    received: Clock = Clock()
    tolerance: Allowed = Allowed()
    scope: Kept = Kept()
    where: dict[Text, Annotated[tuple[str | int | float, ...], BeforeValidator(_several)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> Sink:
        for identity, named in self.indicators.items():
            try:
                indicator(identity)
                if named.unit is not None:
                    to_catalogue(named.unit, identity)
            except InputError as error:
                raise ValueError(f"indicators.{identity}: {error}") from None
        if self.columns.indicator is None and (self.columns.value or self.columns.unit):
            raise ValueError("columns: expected indicator beside value (one reading a row), or neither")
        if self.columns.indicator is None and not self.indicators:
            raise ValueError(
                "expected columns.indicator (one reading a row), or [indicators] that name a column each (pm25 = "
                '"PM2.5")'
            )
        return self

    @property
    def wanted(self) -> list[str]:
        """The columns to read, each once."""
        one = self.columns
        wide = [] if one.indicator else [named.name for named in self.indicators.values()]
        names = [one.station, one.city, one.time, one.received, one.indicator, one.value, one.unit]
        return list(dict.fromkeys([name for name in names if name] + wide + list(self.where)))

    @property
    def kept(self) -> Scope:
        """What it is meant to keep; where every indicator has a column, those that have one."""
        wide = () if self.columns.indicator else tuple(self.indicators)
        return Scope(self.scope.stations, self.scope.indicators or wide)

    @property
    def title(self) -> str:
        """What the report calls it; nothing of a URL that may be secret."""
        source = self.sink
        place = source.file or re.sub(r"//[^/@]*@", "//", (source.url or "").partition("?")[0])
        return source.title or f"{source.kind} {place}"


_TABLES: dict[str, type[Strict]] = {
    "sink": Source, "columns": Columns, "indicators": Named, "time": Clock, "received": Clock, "tolerance": Allowed,
    "scope": Kept,
}  # fmt: skip


def load_sink(path: Path) -> Sink:
    """The sink file at a path. Raises `InputError` with every error, its path in the file, and what may be meant."""
    return parse_sink(text_of(path, "a sink file"), str(path))


def parse_sink(text: str, where: str) -> Sink:
    """The sink file in a text; `where` names it in errors."""
    return gathered(text, where, Sink, _TABLES)
