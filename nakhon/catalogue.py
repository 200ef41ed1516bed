"""`nakhon catalogue`: the cities, indicators, scenarios and networks there are."""

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
from simulator.cities import cities, networks
from simulator.scenario import shipped_scenarios

Row = dict[str, Any]


def show(what: str, *, as_json: bool, console: Console) -> None:
    """Print one of the catalogues as a table, or whole as JSON. Raises `InputError` for another word."""
    if what not in _CATALOGUES:
        raise InputError(f"expected one of {', '.join(_CATALOGUES)}, came {what!r}")
    rows, columns = _CATALOGUES[what]
    listed = list(rows())
    if as_json:
        console.print_json(json.dumps(listed, default=str, ensure_ascii=False))
        return
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


def _networks() -> Iterable[Row]:
    for identity, network in networks().items():
        yield dataclasses.asdict(network) | {"id": identity, "cities": len(network.members)}


_CATALOGUES: dict[str, tuple[Callable[[], Iterable[Row]], tuple[str, ...]]] = {
    "indicators": (_indicators, ("pillar", "id", "name", "kind", "unit", "better", "rollup", "standard_code")),
    "cities": (_cities, ("id", "country", "population", "population_kind", "timezone", "climate", "networks")),
    "scenarios": (_scenarios, ("name", "title")),
    "networks": (_networks, ("id", "name", "cities")),
}
