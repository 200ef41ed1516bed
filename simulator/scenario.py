"""A scenario file, read into a frozen `Scenario`, or every error in it at once.

Times are integer seconds since 1970-01-01 UTC; `end` is exclusive. The files shipped in `scenarios/` are examples
to copy from; `scenarios/template.toml` explains every key.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path

from collector.language.errors import InputError
from collector.language.time import LATEST
from simulator.cities import cities, describe_unknown, members
from simulator.scenario_file import (
    CADENCE,
    CITY,
    DURATION,
    MOMENT,
    NAME,
    NETWORK,
    ON,
    SEED,
    TEXT,
    Table,
    number,
    shown,
    whole,
)

LARGEST_FILE = 1 << 20
TOO_LARGE = f"expected at most {LARGEST_FILE:,} bytes, came more; is this a scenario?"
LARGEST_RUN = 10**11
COUNT = whole(0, 10_000)
NOT_SCENARIOS = frozenset({"networks", "sources", "template"})


class ScenarioError(InputError):
    """A scenario that cannot be used; `errors` holds every reason, each with its place in the file."""

    def __init__(self, errors: tuple[str, ...], where: str = "scenario") -> None:
        super().__init__(errors, where)
        self.errors = errors
        self.where = where

    def __str__(self) -> str:
        return "\n".join(f"{self.where}: {error}" for error in self.errors)


@dataclass(frozen=True, slots=True)
class StationCounts:
    """How many stations of each kind a city has."""

    air_quality: int = 2
    weather: int = 1
    traffic: int = 2
    feeder: int = 1
    service_desk: int = 1
    statistics_office: int = 1
    permit_office: int = 1
    dispatch_centre: int = 1
    grid_control: int = 1
    business_registry: int = 1
    open_data_portal: int = 1
    noise_meter: int = 1
    river_gauge: int = 1
    payment_gateway: int = 1
    city_portal: int = 1
    air_quality_node: int = 0

    @classmethod
    def only(cls, **counts: int) -> StationCounts:
        """Get these numbers of stations, and none of any other kind."""
        return cls(**{entry.name: counts.pop(entry.name, 0) for entry in fields(cls)}, **counts)

    @property
    def total(self) -> int:
        """Get the number of stations of all kinds."""
        return sum(asdict(self).values())


KINDS = tuple(entry.name for entry in fields(StationCounts))
"""The kinds of stations, as a scenario file names them."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the scenario assumes of the world.

    `burning_severity` multiplies the fire hotspots (1.0 is the mean of 2023 to 2025), `rainfall` the rain amounts.
    """

    burning_severity: float = 1.0
    rainfall: float = 1.0


@dataclass(frozen=True, slots=True)
class Policies:
    """What the scenario changes on purpose.

    `crews` is added to the crews of every service desk. `ambassadors` is a number of digital ambassadors in each
    city; no effect size has been published, so their effect on adoption is an assumption.
    """

    crews: int = 0
    ambassadors: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """What to simulate: which cities, when, with which stations and under which assumptions.

    `start` and `end` (exclusive) in seconds since 1970-01-01 UTC, `cadence` in seconds; `stations` by city id.
    """

    name: str
    title: str
    description: str
    start: int
    end: int
    cadence: int
    seed: int
    cities: tuple[str, ...]
    stations: Mapping[str, StationCounts] = field(hash=False)
    assumptions: Assumptions = field(default_factory=Assumptions)
    policies: Policies = field(default_factory=Policies)

    @property
    def ticks(self) -> int:
        """Get the number of ticks from `start` to before `end`."""
        return (self.end - self.start) // self.cadence

    @property
    def station_count(self) -> int:
        """Get the number of stations in all cities."""
        return sum(counts.total for counts in self.stations.values())

    @property
    def digest(self) -> str:
        """Get the SHA-256 of everything that changes results: all but name, title and description."""
        effective = asdict(self)
        for words in ("name", "title", "description"):
            del effective[words]
        for city, counts in effective["stations"].items():  # kinds that came later do not change what had none
            effective["stations"][city] = {kind: count for kind, count in counts.items() if count}
        return hashlib.sha256(json.dumps(effective, sort_keys=True).encode()).hexdigest()

    def starting(self, start: int) -> Scenario:
        """Get the same scenario, as long, from another start (seconds since 1970-01-01 UTC)."""
        return replace(self, start=start, end=start + self.end - self.start)


def load_scenario(source: str | Path) -> Scenario:
    """Get the scenario in a file, or the shipped one of that name; `ScenarioError` lists all that is wrong."""
    if isinstance(source, str) and source in shipped_scenarios():
        return parse_scenario(_page(source), f"{source}.toml")
    return parse_scenario(_read(Path(source)), str(source))


def parse_scenario(text: str, where: str) -> Scenario:
    """Get the scenario written in a TOML text; `where` names the text in `ScenarioError`."""
    if len(text) > LARGEST_FILE:
        raise ScenarioError((TOO_LARGE,), where)
    try:
        table = Table(tomllib.loads(text))
    except (ValueError, RecursionError) as error:
        raise ScenarioError((f"expected TOML, came something else: {error}",), where) from error
    found = _scenario(table)
    if table.errors:
        raise ScenarioError(tuple(table.errors), where)
    return found


def shipped_scenarios() -> Mapping[str, str]:
    """Get the title of each shipped scenario, by name."""
    pages = {page.name.removesuffix(".toml") for page in files("scenarios").iterdir() if page.name.endswith(".toml")}
    return {name: str(tomllib.loads(_page(name))["title"]) for name in sorted(pages - NOT_SCENARIOS)}


def new_scenario(name: str) -> str:
    """Get the text of a commented scenario file to start from, with that name filled in."""
    try:
        return _page("template").replace("@name@", NAME.read(name))
    except (TypeError, ValueError) as error:
        raise ScenarioError((f"expected {NAME.phrase}, came {shown(name)}",), "name") from error


def _page(name: str) -> str:
    return (files("scenarios") / f"{name}.toml").read_text(encoding="utf-8")


def _read(path: Path) -> str:
    if not path.exists():
        hint = describe_unknown("scenario", str(path), shipped_scenarios())
        raise ScenarioError((f"no such file; as a shipped scenario: {hint}",), str(path))
    if not path.is_file():
        raise ScenarioError(("expected a file, came something else",), str(path))
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise ScenarioError((TOO_LARGE,), str(path))
        return content.decode("utf-8-sig")
    except OSError as error:
        raise ScenarioError((f"cannot be read: {error.strerror}",), str(path)) from error
    except UnicodeDecodeError as error:
        raise ScenarioError(
            (f"expected UTF-8 text, came another byte at position {error.start}",), str(path)
        ) from error


def _scenario(table: Table) -> Scenario:
    table.allow(*(entry.name for entry in fields(Scenario)), "duration")
    name = table.take("name", NAME, "unnamed", required=True)
    start, end, cadence = _period(table)
    chosen = _cities(table)
    found = Scenario(
        name=name,
        title=table.take("title", TEXT, name),
        description=table.take("description", TEXT, ""),
        start=start,
        end=end,
        cadence=cadence,
        seed=table.take("seed", SEED, 2023),
        cities=chosen,
        stations=_stations(table.table("stations"), chosen, all_known=table.fine("cities")),
        assumptions=_assumptions(table.table("assumptions")),
        policies=_policies(table.table("policies")),
    )
    _check_size(table, found)
    return found


def _period(table: Table) -> tuple[int, int, int]:
    start = table.take("start", MOMENT, 0, required=True)
    cadence = table.take("cadence", CADENCE, 900)
    given = [key for key in ("end", "duration") if key in table]
    if len(given) != 1:
        table.note("end", f"expected either end or duration, came {'both' if given else 'neither'}")
    end = table.take("end", MOMENT, start) if "end" in given else start + table.take("duration", DURATION, 0)
    if table.fine("start", "end", "duration"):
        _check_period(table, given[0], start, end, cadence)
    return start, end, cadence


def _check_period(table: Table, given: str, start: int, end: int, cadence: int) -> None:
    if end > LATEST:
        table.note(given, "expected an end in the year 2199 or before")
    elif end <= start:
        table.note(given, f"expected a time after start, {_utc(start)}; came {_utc(end)}")
    elif table.fine("cadence") and (end - start) % cadence:
        table.note(given, f"expected a whole number of steps of {cadence} s, came {end - start} s from start")


def _cities(table: Table) -> tuple[str, ...]:
    if "cities" not in table:
        table.note("cities", "missing; expected a table with include, networks or both")
    section = table.table("cities")
    section.allow("include", "networks")
    chosen = section.take_each("include", CITY, "")
    for entry in section.tables("networks"):
        chosen += _members(entry)
    if not chosen and table.fine("cities"):
        table.note("cities", "expected at least one city, in include or networks")
    return tuple(dict.fromkeys(chosen))


def _members(entry: Table) -> list[str]:
    entry.allow("network", "on")
    network = entry.take("network", NETWORK, "", required=True)
    on = entry.take("on", ON, date.min, required=True)
    if not entry.fine("network", "on"):
        return []
    found = list(members(network, on))
    if not found:
        entry.note("on", f"the network {network} has no members on {on}; expected a later day")
    return found


def _stations(section: Table, chosen: tuple[str, ...], *, all_known: bool) -> dict[str, StationCounts]:
    every_city = _counts(section, StationCounts())
    counts = dict.fromkeys(chosen, every_city)
    for key, given in section.others(KINDS):
        if not isinstance(given, dict):
            section.note(key, describe_unknown("kind of station", key, KINDS))
        elif key not in cities():
            section.note(key, describe_unknown("city", key, cities()))
        elif key not in counts and all_known:
            section.note(key, "not among the cities of this scenario; add it to cities.include, or leave it out")
        else:
            own = section.table(key)
            own.allow(*KINDS)
            counts[key] = _counts(own, every_city)
    return counts


def _counts(section: Table, default: StationCounts) -> StationCounts:
    return StationCounts(**{kind: section.take(kind, COUNT, getattr(default, kind)) for kind in KINDS})


def _assumptions(section: Table) -> Assumptions:
    section.allow("burning_severity", "rainfall")
    return Assumptions(
        burning_severity=section.take("burning_severity", number(0, 10), 1.0),
        rainfall=section.take("rainfall", number(0, 5), 1.0),
    )


def _policies(section: Table) -> Policies:
    section.allow("crews", "ambassadors")
    return Policies(
        crews=section.take("crews", whole(0, 1_000), 0),
        ambassadors=section.take("ambassadors", whole(0, 10_000), 0),
    )


def _check_size(table: Table, found: Scenario) -> None:
    ticks, stations = found.ticks, found.station_count
    if not table.errors and ticks * stations > LARGEST_RUN:
        table.note(
            "end",
            f"{ticks:,} steps x {stations:,} stations = {ticks * stations:,} readings, more than {LARGEST_RUN:,}; "
            "expected a shorter period, a longer cadence or fewer stations",
        )


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
