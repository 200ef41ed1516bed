"""A comparison: what was asked, what came out, and its table, the same for every output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from collector.comparing.difference import DAY, Clock, Difference, Figures, Values
from collector.comparing.standing import Standing
from collector.language.indicators import Better, Indicator, Origin
from collector.language.time import format_epoch

LEAST_COVERAGE = 0.75
"""The share of a bucket's readings below which it is not compared, as for means of air quality in the European Union
(Directive 2008/50/EC, Annex XI: 75 % of hourly values)."""

NOT_A_FORECAST = "A simulation is not a forecast."

Key = tuple[str, str, str]
"""A run, a city and an indicator."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to compare.

    Empty tuples mean all. `start` and `end` are seconds since 1970 on the clock of the comparison: each city's own if
    `local`, else UTC. Buckets are `bucket` seconds long, a multiple of 1800. `baseline` names the reference: a run, a
    city, or run/city. `rank` asks for a ranking; `mixed_origins` and `unlike_populations` lift its conditions, and the
    outcome says so. A bucket with less than a share `least_coverage` of the readings it should hold is not compared.
    `against` is the start of another range of the same length, on the same clock, that is set beside this one. Values
    that carry a flag of the kinds in `without` are left out (`collector.quality.kinds`).
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
    per_area: bool = False
    least_coverage: float = LEAST_COVERAGE
    against: int | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """A city in a run: one side of the comparison. `origin` is the run's own.

    A column that lies `shift` seconds earlier than the span of the comparison is set beside it as if it did not.
    """

    run: str
    city: str
    name: str
    origin: str
    timezone: str = "UTC"
    scenario: str | None = None
    population: int | None = None
    population_kind: str | None = None
    area_km2: float | None = None
    shift: int = 0

    @property
    def label(self) -> str:
        """The city and the run, and how far its range lies away."""
        return f"{self.name}, {self.run}{_shifted(self.shift)}"


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
    quiet from silent. `sparse` buckets had too few readings and are left out.
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
    standing: Standing | None = None
    sparse: int = 0

    @property
    def label(self) -> str:
        """The column with the origin of its values, as a header or a legend shows it."""
        parameters = f", parameters {self.parameters}" if self.parameters else ""
        return f"{self.column.label} ({self.origin}{parameters})"


def reference_of(entry: Entry, entries: Sequence[Entry]) -> Entry | None:
    """What a column of a section is set against: itself in the other range, else the first; None for a reference."""
    if entry is entries[0] or entry.column.shift:
        return None
    here = (entry.column.run, entry.column.city, entry.origin)
    earlier = (one for one in entries if one.column.shift and (one.column.run, one.column.city, one.origin) == here)
    return next(earlier, entries[0])


@dataclass(frozen=True, slots=True)
class Section:
    """One indicator of a comparison; the reference comes first (`reference_of`).

    `refusals` say what was not done and why, `overrides` what was done only because it was asked for, `notes` what a
    reader should know, `rank_notes` what of the ranks.
    """

    indicator: Indicator
    unit: str
    entries: tuple[Entry, ...]
    refusals: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rank_notes: tuple[str, ...] = ()

    @property
    def notices(self) -> tuple[str, ...]:
        """Everything to be said on the face of an output: what was lifted first, then refusals and notes."""
        lifted = (f"Judged at the reader's own risk: {override}." for override in self.overrides)
        return (*lifted, *self.refusals, *self.rank_notes, *self.notes)


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
_SHARES = frozenset({"coverage", "first", "share", "share_low", "share_high"})
_SIGNED = frozenset({"difference", "low", "high", "relative"})

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
    "sparse": "Too few",
    "coverage": "Coverage",
    "mean": "Mean",
    "median": "Median",
    "p95": "p95",
    "minimum": "Minimum",
    "maximum": "Maximum",
    "n_common": "n common",
    "days_common": "Days common",
    "difference": "Difference",
    "low": "95 % low",
    "high": "95 % high",
    "relative": "Difference %",
    "ratio": "Ratio",
    "ratio_low": "Ratio low",
    "ratio_high": "Ratio high",
    "no_interval": "No interval",
    "verdict": "Verdict",
    "rank": "Rank",
    "rank_low": "Rank from",
    "rank_high": "Rank to",
    "first": "First in",
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
    if key in _SHARES:
        return f"{math.floor(1000 * float(value)) / 10:.1f} %"
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else value
    sign = "+" if key in _SIGNED and value > 0 else ""
    digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{sign}{value:,.{min(digits, 12)}f}".replace("-", "−")


def _row(comparison: Comparison, part: Section, entry: Entry) -> dict[str, Cell]:
    told = entry.figures
    cells = identity(part, entry)
    cells |= {"n": told.n, "quiet": entry.quiet, "sparse": entry.sparse, "coverage": told.coverage}
    cells |= {key: getattr(told, key) for key in ("mean", "median", "p95", "minimum", "maximum")}
    cells |= _against(part, entry)
    cells |= {"population": entry.column.population, "population_kind": entry.column.population_kind}
    cells |= span(comparison, entry)
    cells["notice"] = " ".join((*part.notices, *comparison.notes))
    return {key: finite(cells[key]) for key in HEADINGS}


def identity(part: Section, entry: Entry) -> dict[str, Cell]:
    """What the values of a row are of."""
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


def span(comparison: Comparison, entry: Entry) -> dict[str, Cell]:
    """The range of a column, its buckets and whose clock they follow."""
    shift = entry.column.shift
    told: dict[str, Cell] = {"from": clock_text(comparison.first - shift), "to": clock_text(comparison.last - shift)}
    return told | {"bucket": comparison.request.bucket, "clock": comparison.clock}


def _against(part: Section, entry: Entry) -> dict[str, Cell]:
    gap = entry.difference
    return {
        "n_common": gap.n if gap else None if reference_of(entry, part.entries) is None else 0,
        "days_common": gap.days if gap else None,
        "difference": gap.mean if gap else None,
        "low": gap.low if gap else None,
        "high": gap.high if gap else None,
        "relative": gap.relative if gap else None,
        "ratio": gap.ratio if gap else None,
        "ratio_low": gap.ratio_low if gap else None,
        "ratio_high": gap.ratio_high if gap else None,
        "no_interval": str(gap.why) if gap and gap.why else None,
        "verdict": _said(part, entry),
        "rank": entry.rank,
        "rank_low": entry.standing.low if entry.standing else None,
        "rank_high": entry.standing.high if entry.standing else None,
        "first": entry.standing.best if entry.standing else None,
    }


def _said(part: Section, entry: Entry) -> str:
    if not entry.figures.n:
        return "no data"
    return "reference" if reference_of(entry, part.entries) is None else str(entry.verdict or Verdict.UNJUDGED)


def clock_text(seconds: int) -> str:
    """A time on the clock of the comparison, to the minute."""
    return format_epoch(seconds)[:16].replace("T", " ")


def finite(cell: Cell) -> Cell:
    """The cell, None for what is no number."""
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


def _shifted(shift: int) -> str:
    if not shift:
        return ""
    length = f"{abs(shift) / DAY:g} days"
    return f", {length} {'earlier' if shift > 0 else 'later'}"
