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
from pathlib import Path

from collector.language.time import LATEST
from simulator.cities import cities, describe_unknown, members
from simulator.faults.fault import Fault
from simulator.interventions import Influences, Intervention
from simulator.scenario_faults import Place, read_faults
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
    shown,
)
from simulator.scenario_interventions import Period, read_interventions
from simulator.scenario_parts import ASSUMPTIONS, COUNT, KINDS, POLICIES, Assumptions, Policies, StationCounts
from simulator.scenario_paths import with_entries
from simulator.scenario_source import (
    LARGEST_FILE,
    ScenarioError,
    Source,
    page_of,
    schema_place,
    shipped_names,
    source_in,
    source_of,
)

__all__ = [
    "KINDS",
    "LARGEST_FILE",
    "Assumptions",
    "Policies",
    "Scenario",
    "ScenarioError",
    "StationCounts",
    "load_scenario",
    "new_scenario",
    "parse_scenario",
    "read_scenario",
    "shipped_scenarios",
    "with_values",
]
LARGEST_RUN = 10**11
WORDS = ("name", "title", "description")


@dataclass(frozen=True, slots=True)
class Scenario:
    """What to simulate: which cities, when, with which stations and under which assumptions.

    `start` and `end` (exclusive) in seconds since 1970-01-01 UTC, `cadence` in seconds; `stations` by city id. `faults`
    change what is said, never what is true; `interventions` change what is true, for a while or for good.
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
    faults: tuple[Fault, ...] = ()
    interventions: tuple[Intervention, ...] = ()

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
        for words in WORDS:
            del effective[words]
        for city, counts in effective["stations"].items():  # kinds that came later do not change what had none
            effective["stations"][city] = {kind: count for kind, count in counts.items() if count}
        effective["interventions"] = [one.described() for one in self.interventions]
        for added in ("faults", "interventions"):  # what came later does not change what has none
            if not effective[added]:
                del effective[added]
        return hashlib.sha256(json.dumps(effective, sort_keys=True).encode()).hexdigest()

    def starting(self, start: int) -> Scenario:
        """Get the same scenario, as long, from another start (seconds since 1970-01-01 UTC)."""
        late = start - self.start
        return replace(
            self,
            start=start,
            end=self.end + late,
            faults=tuple(fault.shifted(late) for fault in self.faults),
            interventions=tuple(one.shifted(late) for one in self.interventions),
        )

    def influences(self, *places: str) -> Influences:
        """Get what acts on the drivers of some cities."""
        return Influences(self.interventions, places)


def load_scenario(source: str | Path) -> Scenario:
    """Get the scenario in a file, or the shipped one of that name; `ScenarioError` lists all that is wrong."""
    return read_scenario(source_of(source))


def parse_scenario(text: str, where: str) -> Scenario:
    """Get the scenario written in a TOML text; `where` names the text in `ScenarioError`."""
    return read_scenario(source_in(text, where))


def with_values(source: str | Path | Source, values: Mapping[str, object]) -> Scenario:
    """Get the scenario in a file, or the shipped one of that name, with other values at some paths.

    A path names keys as the file does: `assumptions.burning_severity`, `stations.chiang-mai.air_quality`,
    `interventions[burning-ban].strength` (an intervention of the catalogue that the scenario does not have is added).
    Values are as a file holds them: numbers, texts such as "30d", dates. Raises `ScenarioError`.
    """
    found = source if isinstance(source, Source) else source_of(source)
    return read_scenario(with_entries(found, values))


def read_scenario(source: Source) -> Scenario:
    """Get the scenario with these entries; `ScenarioError` lists all that is wrong, and which file it is in."""
    table = Table(source.entries)
    found = _scenario(table)
    if table.errors:
        raise ScenarioError(tuple(source.located(error) for error in table.errors), source.where)
    return found


def shipped_scenarios() -> Mapping[str, str]:
    """Get the title of each shipped scenario, by name."""
    return {name: str(tomllib.loads(page_of(name))["title"]) for name in shipped_names()}


def new_scenario(name: str) -> str:
    """Get the text of a commented scenario file to start from, with that name filled in."""
    try:
        return page_of("template").replace("@name@", NAME.read(name)).replace("@schema@", schema_place())
    except (TypeError, ValueError) as error:
        raise ScenarioError((f"expected {NAME.phrase}, came {shown(name)}",), "name") from error


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
        faults=read_faults(table, Place(start, chosen, KINDS)),
    )
    found = replace(found, interventions=read_interventions(table, Period(start, chosen, found.stations)))
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
    section.allow(*ASSUMPTIONS)
    return Assumptions(**{name: section.take(name, made.expected, 1.0) for name, made in ASSUMPTIONS.items()})


def _policies(section: Table) -> Policies:
    section.allow(*POLICIES)
    return Policies(**{name: section.take(name, made.expected, 0) for name, made in POLICIES.items()})


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
