"""`nakhon catalogue`: the cities, indicators, scenarios, interventions and origins of parameters there are."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from rich.console import Console
from rich.table import Table

from collector.language.errors import InputError
from collector.language.indicators import indicators
from nakhon import origins
from simulator.cities import City, cities, networks
from simulator.cities import city as find_city
from simulator.interventions import DRIVERS
from simulator.scenario import shipped_scenarios
from simulator.scenario_interventions import catalogue as interventions
from simulator.scenario_interventions import effects_of, shown_effect

Row = dict[str, Any]
ORIGINS = "origins"


def show(what: str, city: str | None = None, *, as_json: bool, console: Console) -> None:
    """Print one of the catalogues as a table, or whole as JSON; of origins also those of one city, with sources.

    Raises `InputError` for another word, or a city that is not known.
    """
    if what not in _CATALOGUES and what != ORIGINS:
        raise InputError(f"expected one of {', '.join((*_CATALOGUES, ORIGINS))}, came {what!r}")
    if city is not None and what != ORIGINS:
        raise InputError(f"expected --city with origins only, came {what!r}")
    chosen = None if city is None else find_city(city)
    listed = list(_rows(what, chosen))
    if as_json:
        console.print_json(json.dumps(listed, default=str, ensure_ascii=False))
    elif chosen is not None:
        origins.print_city(chosen, listed, console)
    elif what == ORIGINS:
        origins.print_cities(listed, console)
    else:
        _print(what, listed, console)


def _rows(what: str, city: City | None) -> Iterable[Row]:
    if what != ORIGINS:
        return _CATALOGUES[what][0]()
    return origins.of_cities() if city is None else origins.of_city(city)


def _print(what: str, listed: list[Row], console: Console) -> None:
    columns = _CATALOGUES[what][1]
    table = Table()
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in listed:
        table.add_row(*(_text(row[column]) for column in columns))
    console.print(table)
    console.print(f"{len(listed)} {what}; --json prints everything known of each")


def _text(cell: object) -> str:
    if isinstance(cell, list | tuple):
        return ", ".join(map(str, cell))
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else ("" if cell is None else str(cell))


def _indicators() -> Iterable[Row]:
    return (dataclasses.asdict(entry) for entry in indicators().values())


def _cities() -> Iterable[Row]:
    since = {name: [] for name in cities()}  # type: dict[str, list[str]]
    for identity, network in networks().items():
        for member in network.members:
            since[member.city].append(f"{identity} {_since(member.since, member.precision)}")
    return (dataclasses.asdict(city) | {"networks": since[name]} for name, city in cities().items())


def _since(day: date, precision: str) -> str:
    return str(day.year) if precision == "year" else day.isoformat()


def _scenarios() -> Iterable[Row]:
    return ({"name": name, "title": title} for name, title in shipped_scenarios().items())


def _drivers() -> Iterable[Row]:
    return (dataclasses.asdict(driver) for driver in DRIVERS.values())


def _interventions() -> Iterable[Row]:
    for identity, entry in interventions().items():
        reason = f"source: {entry['source']}" if "source" in entry else f"assumption: {entry['assumption']}"
        effects = [shown_effect(effect) for effect in effects_of(identity)]
        yield {"id": identity, "title": entry["title"], "effects": effects, "source or assumption": reason, **entry}


def _networks() -> Iterable[Row]:
    for identity, network in networks().items():
        yield dataclasses.asdict(network) | {"id": identity, "cities": len(network.members)}


_CATALOGUES: dict[str, tuple[Callable[[], Iterable[Row]], tuple[str, ...]]] = {
    "indicators": (_indicators, ("pillar", "id", "name", "kind", "unit", "better", "rollup", "standard_code")),
    "cities": (_cities, ("id", "country", "population", "population_kind", "timezone", "climate", "networks")),
    "scenarios": (_scenarios, ("name", "title")),
    "networks": (_networks, ("id", "name", "cities")),
    "interventions": (_interventions, ("id", "effects", "source or assumption")),
    "drivers": (_drivers, ("name", "way", "unit", "low", "high", "station", "meaning")),
}
