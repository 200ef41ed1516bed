"""A comparison: what was asked, what came out, and its table, the same for every output."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from collector.comparing.difference import Clock, Difference, Figures, Values
from collector.language.indicators import Better, Indicator, Origin
from collector.language.time import format_epoch

NOT_A_FORECAST = "A simulation is not a forecast."

Key = tuple[str, str, str]
"""A run, a city and an indicator."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to compare.

    Empty tuples mean all. `start` and `end` are seconds since 1970 on the clock of the comparison: each city's own if
    `local`, else UTC. Buckets are `bucket` seconds long, a multiple of 1800. `baseline` names the reference: a run, a
    city, or run/city. `rank` asks for a ranking; the last two flags lift its conditions, and the outcome says so.
    """

    indicators: tuple[str, ...]
    cities: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None
    bucket: int = 3600
    local: bool = True
    baseline: str | None = None
    rank: bool = False
    per_capita: bool = False
    mixed_origins: bool = False
    unlike_populations: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A city in a run: one side of the comparison. `origin` is the run's own."""

    run: str
    city: str
    name: str
    origin: str
    timezone: str = "UTC"
    scenario: str | None = None
    population: int | None = None
    population_kind: str | None = None

    @property
    def label(self) -> str:
        """The city and the run."""
        return f"{self.name}, {self.run}"


class Verdict(StrEnum):
    """What a difference from the reference means, by the direction in the catalogue."""

    BETTER = "better"
    WORSE = "worse"
    NEITHER = "neither"
    UNCLEAR = "no clear difference"
    UNJUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Entry:
    """One column's values of one indicator.

    `clock` (n,) holds the starts of the buckets with data, in seconds since 1970 on the clock of the comparison,
    `values` (n,) their values in the unit of the section. `origin` is that of the values, `parameters` that of the
    model behind them. `quiet` buckets had no event while the station was heard, and count as 0; None if nothing tells
    quiet from silent.
    """

    column: Column
    origin: str
    parameters: str
    clock: Clock
    values: Values
    figures: Figures
    quiet: int | None = 0
    difference: Difference | None = None
    verdict: Verdict | None = None
    rank: int | None = None

    @property
    def label(self) -> str:
        """The column with the origin of its values, as a header or a legend shows it."""
        parameters = f", parameters {self.parameters}" if self.parameters else ""
        return f"{self.column.label} ({self.origin}{parameters})"


@dataclass(frozen=True, slots=True)
class Section:
    """One indicator of a comparison; the reference comes first.

    `refusals` say what was not done and why, `overrides` what was done only because it was asked for, `notes` what a
    reader should know.
    """

    indicator: Indicator
    unit: str
    entries: tuple[Entry, ...]
    refusals: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def notices(self) -> tuple[str, ...]:
        """Everything to be said on the face of an output: what was lifted first, then refusals and notes."""
        lifted = (f"Judged at the reader's own risk: {override}." for override in self.overrides)
        return (*lifted, *self.refusals, *self.notes)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome: one section per indicator; [first, last) is the span in seconds on the clock of the comparison."""

    request: Request
    columns: tuple[Column, ...]
    first: int
    last: int
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()

    @property
    def simulated(self) -> bool:
        """Whether any column is simulated."""
        return any(entry.origin == Origin.SIMULATED for part in self.sections for entry in part.entries)

    @property
    def clock(self) -> str:
        """Whose clock the times are on."""
        return "local time of each city" if self.request.local else "UTC"

    @property
    def lifted(self) -> bool:
        """Whether a condition was lifted on request."""
        return any(section.overrides for section in self.sections)


Cell = str | float | int | None

HEADINGS: dict[str, str] = {
    "indicator": "Indicator",
    "unit": "Unit",
    "better": "Better",
    "city": "City",
    "city_name": "City name",
    "run": "Run",
    "scenario": "Scenario",
    "origin": "Origin",
    "parameters": "Parameters",
    "n": "n",
    "quiet": "Quiet",
    "coverage": "Coverage",
    "mean": "Mean",
    "median": "Median",
    "p95": "p95",
    "minimum": "Minimum",
    "maximum": "Maximum",
    "n_common": "n common",
    "difference": "Difference",
    "low": "95 % low",
    "high": "95 % high",
    "relative": "Difference %",
    "verdict": "Verdict",
    "rank": "Rank",
    "population": "Population",
    "population_kind": "Population kind",
    "from": "From",
    "to": "To",
    "bucket": "Bucket s",
    "clock": "Clock",
    "notice": "Notice",
}
"""The columns of the table of a comparison by key, in reading order; the same in every output."""


def rows(comparison: Comparison) -> list[dict[str, Cell]]:
    """The table of a comparison: a row per indicator and column, with the keys of `HEADINGS`; None where missing."""
    return [_row(comparison, part, entry) for part in comparison.sections for entry in part.entries]


def shown(key: str, value: Cell) -> str:
    """A cell as people read it: four significant digits, coverage in percent, a dash where there is nothing."""
    if value is None or value == "":
        return "–"
    if key == "coverage":
        return f"{math.floor(1000 * float(value)) / 10:.1f} %"
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else value
    sign = "+" if key in {"difference", "low", "high", "relative"} and value > 0 else ""
    digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{sign}{value:,.{min(digits, 12)}f}".replace("-", "−")


def _row(comparison: Comparison, part: Section, entry: Entry) -> dict[str, Cell]:
    told = entry.figures
    cells = _identity(part, entry) | {"n": told.n, "quiet": entry.quiet, "coverage": told.coverage}
    cells |= {key: getattr(told, key) for key in ("mean", "median", "p95", "minimum", "maximum")}
    cells |= _against(part, entry)
    cells |= {"population": entry.column.population, "population_kind": entry.column.population_kind}
    cells |= {"from": clock_text(comparison.first), "to": clock_text(comparison.last)}
    cells |= {"bucket": comparison.request.bucket, "clock": comparison.clock}
    cells["notice"] = " ".join((*part.notices, *comparison.notes))
    return {key: _finite(cells[key]) for key in HEADINGS}


def _identity(part: Section, entry: Entry) -> dict[str, Cell]:
    column = entry.column
    return {
        "indicator": part.indicator.id,
        "unit": part.unit,
        "better": str(part.indicator.better) if part.indicator.better is not Better.TARGET else "neither",
        "city": column.city,
        "city_name": column.name,
        "run": column.run,
        "scenario": column.scenario,
        "origin": entry.origin,
        "parameters": entry.parameters,
    }


def _against(part: Section, entry: Entry) -> dict[str, Cell]:
    gap = entry.difference
    return {
        "n_common": gap.n if gap else None if entry is part.entries[0] else 0,
        "difference": gap.mean if gap else None,
        "low": gap.low if gap else None,
        "high": gap.high if gap else None,
        "relative": gap.relative if gap else None,
        "verdict": _said(part, entry),
        "rank": entry.rank,
    }


def _said(part: Section, entry: Entry) -> str:
    if not entry.figures.n:
        return "no data"
    return "reference" if entry is part.entries[0] else str(entry.verdict or Verdict.UNJUDGED)


def clock_text(seconds: int) -> str:
    """A time on the clock of the comparison, to the minute."""
    return format_epoch(seconds)[:16].replace("T", " ")


def _finite(cell: Cell) -> Cell:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell
