"""`nakhon league`: cities ranked by a composite score, with its parts and how sure the places are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from collector.comparing.comparison import clock_text, shown
from collector.language.errors import InputError
from collector.league.league import Place
from collector.league.league_store import League, LeagueRequest, league
from collector.league.telling import grounds, told
from collector.reporting.export import check_folder
from collector.reporting.league_report import changes, interval, origins, rule, write_league
from collector.stores import open_store
from nakhon.terminal import console

CHANGES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where a league goes beside the terminal."""

    page: Path | None = None
    as_json: bool = False


def rank(source: str, request: LeagueRequest, outputs: Outputs) -> bool:
    """Read, rank, print, write; False if the ranking was refused. Raises `InputError` for what makes no sense."""
    if outputs.page is not None:
        if outputs.page.suffix.lower() not in (".html", ".htm"):
            raise InputError(f"expected a page such as league.html, came {outputs.page}")
        check_folder(outputs.page)
    store = open_store(source, read_only=True)
    try:
        found = league(store, request)
    finally:
        store.close()
    if outputs.as_json:
        print(json.dumps(told(found), ensure_ascii=False, allow_nan=False))
    else:
        show(found)
    if outputs.page is not None:
        write_league(found, outputs.page)
        console.told.print(f"wrote {outputs.page}", markup=False)
    return not found.refusals


def show(found: League) -> None:
    """Print a league: the places, their parts, what would change them, what the score is made of."""
    composite = found.composite
    span = f"{clock_text(found.first)[:10]} to {clock_text(found.last)[:10]}, local days of each city"
    console.shown.print(f"{composite.title}: {span}", markup=False)
    for warning in found.overrides:
        console.shown.print(f"RANKED AT THE READER'S OWN RISK: {warning}.", style="bold red", markup=False)
    for refusal in found.refusals:
        console.shown.print(f"Not ranked: {refusal}.", style="yellow", markup=False)
    console.shown.print(_places(found))
    console.shown.print(_parts(found))
    lines = [line for place in found.places for line in changes(place)]
    for line in lines[:CHANGES_SHOWN]:
        console.shown.print(line, markup=False, soft_wrap=True)
    if len(lines) > CHANGES_SHOWN:
        console.shown.print(f"and {len(lines) - CHANGES_SHOWN} more; --json prints all")
    console.shown.print(rule(found), style="dim", markup=False, soft_wrap=True)
    for note in found.notes:
        console.shown.print(note, style="yellow", markup=False, soft_wrap=True)


def _places(found: League) -> Table:
    table = Table("place", "city", "run", "origin", "score", "95 %", "places", "first in", "by weights", "by days")
    for one in found.places:
        span = "–" if one.low is None or one.high is None else f"{one.low:.1f} to {one.high:.1f}"
        sure = one.interval
        table.add_row(
            "–" if one.rank is None else str(one.rank),
            one.contender.name,
            one.contender.run,
            origins(one.parts),
            "–" if one.score is None else f"{one.score:.1f}",
            span,
            interval(sure),
            "–" if sure is None or sure.first is None else f"{sure.first:.0%}",
            interval(one.weights),
            interval(one.days),
        )
    return table


def _parts(found: League) -> Table:
    table = Table("part", "weight", *(place.contender.name for place in found.places), "standard", "levels")
    for at, part in enumerate(found.composite.parts):
        entry = part.indicator
        code = f"{entry.standard_code or entry.standard}{'' if entry.code_verified else ' (unchecked)'}"
        cells = (_cell(place, at) for place in found.places)
        table.add_row(entry.id, f"{part.weight:.2f}", *cells, code, "source" if part.source else grounds(part.source))
    return table


def _cell(place: Place, at: int) -> str:
    part = place.parts[at]
    if part.value is None or part.score is None:
        return "missing"
    unit = "" if part.unit == "no unit" else f" {part.unit}"
    return f"{shown('value', part.value)}{unit}: {part.score:.1f}"
