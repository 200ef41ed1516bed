"""`nakhon catalogue origins`: where the parameters of each indicator come from, in each city."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from collector.language.indicators import Pillar, indicators
from simulator.cities import City, cities, networks
from simulator.stations import origins_of, sets_of

REFERENCE_SITES = "reference-sites"
MEANING = {
    "measured": "from measurements in the city (or in its province or country, where the figure is theirs)",
    "derived": "from measurements elsewhere, or from a few figures of the city",
    "assumed": "no measurement or publication behind them; said to be assumptions",
}


def of_cities() -> Iterator[dict[str, Any]]:
    """The origin of every indicator in every city, and whether the city is only a reference site."""
    sites = {member.city for member in networks()[REFERENCE_SITES].members}
    for name, city in cities().items():
        yield {"city": name, "country": city.country, "reference_site": name in sites, "origins": origins_of(city)}


def of_city(city: City) -> Iterator[dict[str, Any]]:
    """The origin of every indicator in one city, with the sets of parameters it is made of and their sources."""
    origins, sets = origins_of(city), sets_of(city)
    for name, entry in indicators().items():
        yield {
            "indicator": name,
            "pillar": entry.pillar,
            "origin": origins[name],
            "parameters": [
                {"set": path, "origin": made.origin, "source": made.source} for path, made in sets[name].items()
            ],
        }


def print_cities(rows: Iterable[dict[str, Any]], console: Console) -> None:
    """Print a line for each city: a letter for each indicator, by pillar, in the order of the catalogue."""
    by_pillar = {pillar: [name for name, entry in indicators().items() if entry.pillar is pillar] for pillar in Pillar}
    table = Table("city", *by_pillar)
    for row in rows:
        letters = ("".join(row["origins"][name][0] for name in names) for names in by_pillar.values())
        table.add_row(row["city"] + (" *" if row["reference_site"] else ""), *letters)
    console.print(table)
    for pillar, names in by_pillar.items():
        console.print(f"{pillar}: {', '.join(names)}", highlight=False)
    _print_legend(console)
    console.print("* a reference site: outside ASEAN, where open measurements test the models")
    console.print(f"{table.row_count} cities; --city ID prints the sources, --json everything")


def print_city(city: City, rows: Iterable[dict[str, Any]], console: Console) -> None:
    """Print a line for each set of parameters of each indicator of a city, with its source."""
    table = Table("indicator", "parameters", "origin", "source", title=city.name)
    for row in rows:
        for at, made in enumerate(row["parameters"]):
            name = "" if at else f"{row['indicator']}: {row['origin']}"
            table.add_row(name, made["set"], made["origin"], made["source"])
    console.print(table)
    _print_legend(console)
    if city.id in {member.city for member in networks()[REFERENCE_SITES].members}:
        console.print(f"{city.name} is a reference site: outside ASEAN, where open measurements test the models.")
    console.print("An indicator is as good as the weakest of its sets.")


def _print_legend(console: Console) -> None:
    for origin, meaning in MEANING.items():
        console.print(f"{origin[0]} {origin}: {meaning}", highlight=False)
