"""A league as plain data, for JSON, HTTP and a notebook: every score with its parts, their codes and their sources."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from collector.language.time import format_epoch
from collector.league.composite import Composite, Missing, Normalisation, Part
from collector.league.league import Place
from collector.league.league_store import League

UNVERIFIED = "not compared with the standard's text"


def told(league: League) -> dict[str, Any]:
    """A league as dictionaries, lists, texts and numbers (None where there is nothing); every key is said once."""
    return {
        "composite": told_composite(league.composite),
        "from": format_epoch(league.first)[:10],
        "to": format_epoch(league.last)[:10],
        "lifted": list(league.overrides),
        "refused": list(league.refusals),
        "notes": list(league.notes),
        "places": [_place(one) for one in league.places],
    }


def told_composite(composite: Composite) -> dict[str, Any]:
    """What a composite is made of."""
    return {
        "name": composite.name,
        "title": composite.title,
        "pillar": composite.pillar.value,
        "aggregation": composite.aggregation.value,
        "missing": composite.missing.value,
        "least_weight": composite.least_weight if composite.missing is Missing.REWEIGH else 1.0,
        "floor": composite.floor,
        "concentration": composite.concentration,
        "grounds": grounds(composite.source),
        "parts": [_part(one) for one in composite.parts],
    }


def grounds(source: str) -> str:
    """Where something comes from, or that it is an assumption."""
    return source or "assumption"


def levels(part: Part) -> str:
    """What a part's score rests on, in words: `75 (0) to 15 (100) µg/m³`."""
    unit = "" if part.indicator.unit == "1" else f" {part.indicator.unit}"
    if part.normalisation is Normalisation.Z_SCORE:
        return "z-score among the cities"
    if part.normalisation is Normalisation.GOALPOSTS:
        return f"{part.worst:g} (0) to {part.best:g} (100){unit}"
    within = "" if math.isnan(part.tolerance) else f", 0 from {part.tolerance:g} away"
    return f"target {part.target:g}{unit}{within}"


def codes(part: Part) -> str:
    """The standard's own name of an indicator: family, code and whether the code was checked."""
    entry = part.indicator
    checked = "" if entry.code_verified or not entry.standard_code else f" ({UNVERIFIED})"
    return f"{entry.standard} {entry.standard_code}".strip() + checked


def _part(part: Part) -> dict[str, Any]:
    entry = part.indicator
    given = {name: getattr(part, name) for name in ("worst", "best", "target", "tolerance")}
    return {
        "indicator": entry.id,
        "name": entry.name,
        "unit": entry.unit,
        "better": entry.better.value,
        "weight": part.weight,
        "normalisation": part.normalisation.value,
        **{name: None if math.isnan(level) else level for name, level in given.items()},
        "grounds": grounds(part.source),
        "standard": entry.standard,
        "standard_code": entry.standard_code or None,
        "code_verified": entry.code_verified,
    }


def _place(place: Place) -> dict[str, Any]:
    one = asdict(place)
    for part in one["parts"]:
        part["origin"] = part["origin"] or None
    contender: dict[str, Any] = one.pop("contender")
    return contender | one
