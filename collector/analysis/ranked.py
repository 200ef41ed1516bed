"""A league in a notebook: places with how sure they are, every part behind a score, and what would change it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from collector.analysis.described import described, sheet_table
from collector.analysis.table import Table
from collector.comparing.comparison import Cell
from collector.comparing.sheet import Sheet
from collector.language.time import format_epoch
from collector.league.league import Interval, PartScore, Place
from collector.league.league_store import League
from collector.league.telling import told, told_composite

_WHO = {"rank": "Place", "city": "City", "name": "City name", "run": "Run", "origin": "Origin"}
_SURE = {
    "score": "Score", "low": "95 % low", "high": "95 % high", "place_low": "Place from", "place_high": "Place to",
    "first": "First in", "weights_low": "Place from, other weights", "weights_high": "Place to, other weights",
    "days_low": "Place from, other days", "days_high": "Place to, other days",
}  # fmt: skip
_PART = {
    "indicator": "Indicator", "value": "Value", "unit": "Unit", "days": "Days", "part_score": "Score of the part",
    "weight": "Weight", "without": "Place without it",
}  # fmt: skip
_MOVE = {
    "indicator": "Indicator", "above": "Passes", "value": "Value", "to": "To", "unit": "Unit",
    "part_score": "Score of the part", "score_to": "Score to",
}  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Ranked(Table):
    """The places of a league, the best first, with the score of every part beside them; and the league itself."""

    league: League

    def told(self) -> dict[str, Any]:
        """The whole league as `nakhon league --json` and `GET /api/v1/league` say it."""
        return told(self.league)

    def parts(self) -> Table:
        """Every part of every score: its value and unit, what it scores, its weight, the place without it."""
        rows = [_of(place) | _scored(part) for place in self.league.places for part in place.parts]
        return _table("league parts", _WHO | _PART, rows, self.league)

    def moves(self) -> Table:
        """What would lift a city past the next better one: one part alone, from its value to another."""
        units = {part.indicator: part.unit for place in self.league.places for part in place.parts}
        rows: list[dict[str, Cell]] = [
            _of(place)
            | {"indicator": one.indicator, "above": one.above, "value": one.value, "to": one.to}
            | {"unit": units[one.indicator], "part_score": one.score, "score_to": one.score_to}
            for place in self.league.places
            for one in place.moves
        ]
        return _table("league moves", _WHO | _MOVE, rows, self.league)

    def report(self, path: str | Path) -> None:
        """Write the league as one HTML file that needs nothing else."""
        from collector.reporting.league_report import write_league

        write_league(self.league, Path(path))


def ranked_of(league: League) -> Ranked:
    """The table of a league."""
    scores = {part.indicator.id: f"{part.indicator.name}, score" for part in league.composite.parts}
    return Ranked("league", _described(_WHO | _SURE | scores, [_row(one) for one in league.places], league), league)


def _row(place: Place) -> dict[str, Cell]:
    told = _of(place) | {"score": place.score, "low": place.low, "high": place.high}
    told |= {"first": place.interval.first if place.interval else None}
    told |= _ends("place", place.interval) | _ends("weights", place.weights) | _ends("days", place.days)
    return told | {part.indicator: part.score for part in place.parts}


def _of(place: Place) -> dict[str, Cell]:
    one = place.contender
    origins = " and ".join(sorted({part.origin for part in place.parts if part.origin}))
    return {"rank": place.rank, "city": one.city, "name": one.name, "run": one.run, "origin": origins or None}


def _ends(name: str, found: Interval | None) -> dict[str, Cell]:
    return {f"{name}_low": found.low if found else None, f"{name}_high": found.high if found else None}


def _scored(part: PartScore) -> dict[str, Cell]:
    return {
        "origin": part.origin or None, "indicator": part.indicator, "value": part.value, "unit": part.unit,
        "days": part.days, "part_score": part.score, "weight": part.weight, "without": part.without,
    }  # fmt: skip


def _table(name: str, headings: dict[str, str], rows: list[dict[str, Cell]], league: League) -> Table:
    return Table(name, _described(headings, rows, league))


def _described(headings: dict[str, str], rows: list[dict[str, Cell]], league: League) -> pa.Table:
    about: dict[str, object] = {"composite": told_composite(league.composite)}
    about |= {"from": format_epoch(league.first)[:10], "to": format_epoch(league.last)[:10]}
    refused = [f"Not ranked: {one}." for one in league.refusals]
    lifted = [f"Ranked at the reader's own risk: {one}." for one in league.overrides]
    sheet = Sheet("league", league.composite.title, headings, tuple(rows), (*lifted, *refused, *league.notes))
    return described(sheet_table(sheet), about, sheet.notices)
