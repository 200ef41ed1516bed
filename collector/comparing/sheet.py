"""A table of findings with its headings and notices: what every question beside the comparison is answered with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collector.comparing.comparison import HEADINGS, Cell, Comparison, Entry, Section, finite, identity, rows, span

_WHAT = ("indicator", "city", "city_name", "run", "scenario", "origin", "parameters")
_WHEN = ("from", "to", "bucket", "clock")


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows with the keys of `headings`, in that order; None where there is nothing. `notices` belong to all of them."""

    name: str
    title: str
    headings: Mapping[str, str]
    rows: tuple[dict[str, Cell], ...]
    notices: tuple[str, ...] = field(default=())


def sheet_of(name: str, title: str, found: Mapping[str, str], told: list[dict[str, Cell]], notices: list[str]) -> Sheet:
    """A sheet whose rows say what they are of, then what was found (`found`: headings by key), then when."""
    headings = {key: HEADINGS[key] for key in _WHAT} | dict(found) | {key: HEADINGS[key] for key in _WHEN}
    whole = tuple({key: finite(row.get(key)) for key in headings} for row in told)
    return Sheet(name, title, headings, whole, tuple(dict.fromkeys(notices)))


def about(comparison: Comparison, part: Section, entry: Entry) -> dict[str, Cell]:
    """What a row is of and when: to be joined with what was found."""
    return identity(part, entry) | span(comparison, entry)


def comparison_sheet(comparison: Comparison) -> Sheet:
    """The table of a comparison itself."""
    notices = [notice for part in comparison.sections for notice in part.notices]
    told = dict.fromkeys([*notices, *comparison.notes])
    return Sheet("comparison", "Comparison", HEADINGS, tuple(rows(comparison)), tuple(told))
