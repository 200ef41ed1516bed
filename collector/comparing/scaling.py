"""Values per inhabitant and per area, where a city's profile allows it; and why not where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

import numpy as np

from collector.comparing.comparison import Entry, Request
from collector.language.indicators import Indicator

_INHABITANTS = 100_000


class Scale(StrEnum):
    """What values are divided by, as their unit says."""

    NONE = ""
    INHABITANTS = "per 100,000 inhabitants"
    AREA = "per km²"


def scale_of(entry: Indicator, entries: Sequence[Entry], request: Request) -> tuple[Scale, list[str]]:
    """What an indicator of some columns is divided by, and what was asked for and not done.

    What grows with a city is ranked between cities per inhabitant, unless per area is asked for.
    """
    wanted = _wanted(entry, entries, request)
    if wanted is Scale.NONE:
        asked = (request.per_capita, Scale.INHABITANTS), (request.per_area, Scale.AREA)
        reason = "it does not grow with the size of a city"
        return wanted, [f"Not shown {scale}: {reason}." for is_asked, scale in asked if is_asked]
    obstacle = _obstacle(wanted, entries, request)
    return (Scale.NONE, [f"Not shown {wanted}: {obstacle}."]) if obstacle else (wanted, [])


def scaled(entry: Entry, scale: Scale) -> Entry:
    """The values of a column by that scale."""
    if scale is Scale.INHABITANTS:
        return replace(entry, values=entry.values * (_INHABITANTS / (entry.column.population or np.nan)))
    if scale is Scale.AREA:
        return replace(entry, values=entry.values / (entry.column.area_km2 or np.nan))
    return entry


def unlike_populations(entries: Sequence[Entry]) -> str | None:
    """Says that the populations of different cities are not known to count the same thing, if they are not."""
    kinds = {(one.column.city, one.column.population_kind or "unknown"): one.column.name for one in entries}
    known = {kind for _, kind in kinds} - {"unknown"}
    if len(kinds) < 2 or (len(known) == 1 and all(kind in known for _, kind in kinds)):
        return None
    told = "; ".join(f"{name}: {kind}" for (_, kind), name in kinds.items())
    return f"the populations are not known to be of one kind ({told})"


def _wanted(entry: Indicator, entries: Sequence[Entry], request: Request) -> Scale:
    if not entry.extensive:
        return Scale.NONE
    if request.per_area:
        return Scale.AREA
    several = len({one.column.city for one in entries}) > 1
    return Scale.INHABITANTS if request.per_capita or (request.rank and several) else Scale.NONE


def _obstacle(scale: Scale, entries: Sequence[Entry], request: Request) -> str | None:
    what = "population" if scale is Scale.INHABITANTS else "area"
    field = "population" if scale is Scale.INHABITANTS else "area_km2"
    if unknown := sorted({one.column.name for one in entries if not getattr(one.column, field)}):
        return f"the {what} of {', '.join(unknown)} is unknown"
    if scale is Scale.AREA or request.unlike_populations:
        return None
    return unlike_populations(entries)
