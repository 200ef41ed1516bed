"""Measured records: what a mapping says of the files of a directory, on the local clock of a city."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from collector.language.errors import InputError
from simulator.cities import cities
from simulator.validation.families import PAIR, Family, Record, logarithmic
from simulator.validation.judgement import Declared
from simulator.validation.mapping import INTERVALS, PairEntry, SeriesEntry, TicketsEntry, ValidationMap
from simulator.validation.pages import Directory, Page
from simulator.validation.series import Floats, Integers, Series, Times, residual
from simulator.validation.tickets import tickets_of

LEAST_VALUES = 24
LONGEST = np.timedelta64(200 * 366, "D")
HOUR, DAY = 3600, 86_400
ROUNDED = 9


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured record and what is needed to simulate the same.

    `edges` (slots + 1,) are the times (epoch seconds) at which its hours, days or months begin and the last one ends;
    `stations` of `kind` are averaged. `total` marks a depth in mm of a rate in mm/h. `classes` says which simulated
    category stands for a class of tickets. `of` names the two series of a pair. A simulated value of
    an hour is missing where a measured one would be: outside `bounds`, or 0 if `zero_is_missing`.
    """

    name: str
    city: str
    indicator: str
    kind: str
    stations: int
    record: Record
    edges: Integers
    families: Mapping[str, Family]
    declared: Mapping[str, Declared]
    unit: str
    source: str
    notes: tuple[str, ...] = ()
    total: bool = False
    classes: tuple[str, ...] = ()
    of: tuple[str, str] | None = None
    zero_is_missing: bool = False
    bounds: tuple[float, float] = (-np.inf, np.inf)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A series that is not judged, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class _Values:
    """Values as read: times as the file writes them, (n,), and columns by use (`values`, `companion`, ...)."""

    times: Times
    columns: dict[str, Floats]
    stations: int
    notes: tuple[str, ...]


def read_measured(
    directory: Directory, found: ValidationMap, units: Mapping[str, str]
) -> tuple[list[Measured], list[Skipped]]:
    """Get all records the mapping finds in a directory, and what is skipped and why.

    Raises `InputError` for a file that cannot be read, with its name and line.
    """
    measured: dict[str, Measured] = {}
    skipped = []
    entries: tuple[SeriesEntry | TicketsEntry, ...] = (*found.series, *found.tickets)
    for entry in entries:
        told = _read(directory, entry, units)
        if isinstance(told, Measured):
            measured[entry.name] = told
        else:
            skipped.append(Skipped(entry.name, told))
    for pair in found.pair:
        told = paired(pair, measured)
        if isinstance(told, Measured):
            measured[pair.name] = told
        else:
            skipped.append(Skipped(pair.name, told))
    return list(measured.values()), skipped


def _read(directory: Directory, entry: SeriesEntry | TicketsEntry, units: Mapping[str, str]) -> Measured | str:
    if entry.city not in cities():
        return f"no city '{entry.city}' in the catalogue"
    layout = entry.layout if isinstance(entry, SeriesEntry) else "rows"
    pages = directory.pages(entry.files, layout)
    if not pages:
        return f"no file {entry.files} in {directory.path}"
    if isinstance(entry, TicketsEntry):
        return _tickets(directory, entry, pages)
    return _series(directory, entry, pages, units)


# ---- series ----------------------------------------------------------------------------------------------------


def _series(directory: Directory, entry: SeriesEntry, pages: list[Page], units: Mapping[str, str]) -> Measured | str:
    read = [values for page in pages if (values := _of_page(directory, entry, page)) is not None]
    if not read:
        has = ", ".join(list(pages[0].places)[:15])
        return f"no column {', '.join(entry.columns)} in {entry.files}; it has: {has}"
    times = np.concatenate([values.times for values in read])
    columns = {
        use: np.concatenate([values.columns.get(use, np.full(len(values.times), np.nan)) for values in read])
        for use in dict.fromkeys(use for values in read for use in values.columns)
    }
    number = int(np.isfinite(columns["values"]).sum())
    if number < LEAST_VALUES:
        return f"only {number} values in {entry.files}; expected at least {LEAST_VALUES}"
    zone = ZoneInfo(cities()[entry.city].timezone)
    record = _gridded(_local(times, entry, zone), columns, entry)
    return Measured(
        name=entry.name,
        city=entry.city,
        indicator=entry.indicator,
        kind=entry.kind,
        stations=max(values.stations for values in read),
        record=record,
        edges=_edges(record.times, zone),
        families=entry.families,
        declared={name: spread.declared() for name, spread in entry.year_spread.items()},
        unit=units.get(entry.indicator, "1"),
        source=entry.source,
        notes=tuple(dict.fromkeys(note for values in read for note in values.notes)),
        total=entry.indicator == "rain" and entry.interval == "1d",
        zero_is_missing=entry.zero_is_missing,
        bounds=_bounds(entry) if entry.interval == "1h" else (-np.inf, np.inf),
    )


def _of_page(directory: Directory, entry: SeriesEntry, page: Page) -> _Values | None:
    page.need(entry.time_columns)
    found = list(page.where(entry.where))
    columns = [name for name in entry.columns if name in page.places]
    if not columns:
        return None
    at = [row for row, _ in found]
    times, notes = directory.times(page, entry, at), list[str]()
    parts = sorted({part for _, part in found})
    part = np.array([parts.index(name) for _, name in found], dtype=np.int64)
    slots, slot = np.unique(times, return_inverse=True)
    shape = (len(parts), len(slots))
    stations = [_placed(_numbers(page, entry, name, at, notes), part, slot, shape) for name in columns]
    combined = {"values": _combined(np.concatenate(stations), together=entry.sum)}
    for use, other in (("companion", entry.companion), ("maximum", entry.maximum), ("minimum", entry.minimum)):
        if other is not None and other in page.places:
            placed = _placed(_numbers(page, entry, other, at, notes), part, slot, shape)
            combined[use] = _combined(placed, together=False)
        elif other is not None:
            notes.append(f"{page.path.name}: no column {other!r}; what needs the {use} is left out")
    speaking = sum(int(np.isfinite(row).any()) for station in stations for row in station)
    return _Values(slots, combined, max(1, 1 if entry.sum else speaking), tuple(notes))


def _numbers(page: Page, entry: SeriesEntry, name: str, at: list[int], notes: list[str]) -> Floats:
    """Get the values of a column in the unit of the indicator; what cannot be is missing, and noted."""
    raw = page.numbers(name, at, frozenset(entry.missing))
    if entry.zero_is_missing:
        raw[raw == 0.0] = np.nan
    plain = name == entry.companion
    values = raw if plain else np.round(raw * entry.scale + entry.offset, ROUNDED)
    if not plain:
        least, most = _bounds(entry)
        wrong = (values < least) | (values > most)
        if wrong.any():
            notes.append(
                f"{page.path.name}: {int(wrong.sum())} values of {name} outside {least:g} to {most:g} left out"
            )
            values[wrong] = np.nan
    return values


def _bounds(entry: SeriesEntry) -> tuple[float, float]:
    return -np.inf if entry.least is None else entry.least, np.inf if entry.most is None else entry.most


def _placed(values: Floats, part: Integers, slot: Integers, shape: tuple[int, int]) -> Floats:
    """Get values as (parts, slots): of several for one part and time the first."""
    placed = np.full(shape, np.nan)
    placed[part[::-1], slot[::-1]] = values[::-1]
    return placed


def _combined(stations: Floats, *, together: bool) -> Floats:
    """Get the mean (or sum) over stations, (slots,), NaN where none has a value."""
    known = np.isfinite(stations)
    total, number = np.where(known, stations, 0.0).sum(axis=0), known.sum(axis=0)
    return np.where(number > 0, total / (1 if together else np.maximum(number, 1)), np.nan)


def _local(times: Times, entry: SeriesEntry, zone: ZoneInfo) -> Times:
    """Get times on the clock of the city; days and months are those the file says."""
    if entry.interval != "1h" or entry.timezone is None or entry.timezone == zone.key:
        return times
    source = ZoneInfo(entry.timezone)
    moved = [time.replace(tzinfo=source).astimezone(zone).replace(tzinfo=None) for time in times.tolist()]
    return np.array(moved, dtype="datetime64[s]")


def _gridded(times: Times, columns: dict[str, Floats], entry: SeriesEntry) -> Series:
    """Get the series on the regular grid of its interval; of several values for one slot the first."""
    unit = INTERVALS[entry.interval]
    if np.ptp(times) > LONGEST:
        raise InputError(f"{entry.name}: expected at most 200 years, came {times.min()} to {times.max()}")
    rows = "datetime64[M]" if unit == "M" else "datetime64[D]"
    first, last = times.min().astype(rows), times.max().astype(rows)
    grid = np.arange(first, last + 1).astype(f"datetime64[{unit}]") if unit != "h" else np.arange(
        first.astype("datetime64[h]"), (last + 1).astype("datetime64[h]"))  # fmt: skip
    at = (times.astype(grid.dtype) - grid[0]).astype(np.int64)
    placed = {}
    for use, values in columns.items():
        placed[use] = np.full(len(grid), np.nan)
        order = np.flatnonzero(np.isfinite(values))[::-1]
        placed[use][at[order]] = values[order]
    if entry.totals:
        days = ((grid.astype("datetime64[M]") + 1).astype("datetime64[D]") - grid.astype("datetime64[D]")).astype(float)
        placed["values"] /= days if unit == "M" else 1.0
    for span in entry.leave_out:
        out = (grid >= np.datetime64(span.since)) & (grid.astype("datetime64[D]") <= np.datetime64(span.until))
        placed["values"][out] = np.nan
    return Series(grid, **placed, logarithmic=logarithmic(entry.indicator))


def _edges(grid: Times, zone: ZoneInfo) -> Integers:
    """Get when the slots of a local grid begin, and when the last one ends (epoch seconds)."""
    ends = np.append(grid, grid[-1] + 1)
    if np.datetime_data(grid.dtype)[0] != "h":
        return np.array([_epoch(time, zone) for time in ends.astype("datetime64[s]").tolist()], dtype=np.int64)
    days = np.unique(ends.astype("datetime64[D]"))
    midnights = np.array([_epoch(day, zone) for day in days.astype("datetime64[s]").tolist()], dtype=np.int64)
    row = np.searchsorted(days, ends.astype("datetime64[D]"))
    edges = midnights[row] + (ends.astype("datetime64[h]").astype(np.int64) % 24) * HOUR
    changing = np.flatnonzero(np.isin(row, np.flatnonzero(np.diff(midnights) != DAY)))
    for at in changing:
        edges[at] = _epoch(ends[at].astype("datetime64[s]").tolist(), zone)
    return edges


def _epoch(time: datetime, zone: ZoneInfo) -> int:
    return int(time.replace(tzinfo=zone).astimezone(UTC).timestamp())


# ---- tickets and pairs -----------------------------------------------------------------------------------------


def _tickets(directory: Directory, entry: TicketsEntry, pages: list[Page]) -> Measured | str:
    opened, closed, kinds, seen = list[Times](), list[Times](), list[str](), set[tuple[str, ...]]()
    for page in pages:
        page.need([entry.opened, entry.closed, *([entry.kind] if entry.kind else [])])
        at = [row for row, _ in page.where(entry.where) if tuple(page.rows[row]) not in seen]
        seen |= {tuple(row) for row in page.rows}  # a later file may repeat the last days of an earlier one
        opened.append(directory.moments(page, entry.opened, entry.format, at))
        closed.append(directory.moments(page, entry.closed, entry.format, at, missing="NaT"))
        kinds += [page.rows[row][page.places[entry.kind]].strip() if entry.kind else "" for row in at]
    all_opened, all_closed = np.concatenate(opened), np.concatenate(closed)
    if len(all_opened) < LEAST_VALUES:
        return f"only {len(all_opened)} tickets in {entry.files}; expected at least {LEAST_VALUES}"
    first, last = all_opened.min().astype("datetime64[D]"), all_opened.max().astype("datetime64[D]")
    record = tickets_of(np.arange(first, last + 1), all_opened, all_closed, kinds, ())
    return Measured(
        name=entry.name,
        city=entry.city,
        indicator="service_requests",
        kind="service_desk",
        stations=1,
        record=record,
        edges=_edges(record.calendar, ZoneInfo(cities()[entry.city].timezone)),
        families=entry.families,
        declared={name: spread.declared() for name, spread in entry.year_spread.items()},
        unit="1",
        source=entry.source,
        classes=tuple(entry.classes.get(name, _slug(name)) for name in record.classes),
    )


def _slug(name: str) -> str:
    return "-".join("".join(letter if letter.isalnum() else " " for letter in name.lower()).split())


def paired(pair: PairEntry, measured: Mapping[str, Measured]) -> Measured | str:
    """Get a pair as a record of its residuals on the days or hours both have, or why it cannot be."""
    missing = [name for name in pair.series if name not in measured]
    if missing:
        return f"{' and '.join(missing)} skipped"
    first, second = (measured[name] for name in pair.series)
    if not isinstance(first.record, Series) or not isinstance(second.record, Series):
        return "expected two series"
    record = residual_pair(first.record, second.record)
    if record is None:
        return "the two have no time in common, or unlike intervals"
    declared = {} if pair.year_spread is None else {"pair": pair.year_spread.declared()}
    source = first.source if first.source == second.source else f"{first.source}; {second.source}"
    nothing = np.empty(0, dtype=np.int64)
    return Measured(
        pair.name, first.city, "", "", 0, record, nothing, {"pair": PAIR}, declared, "1", source, of=pair.series
    )


def residual_pair(first: Series, second: Series) -> Series | None:
    """Get the residuals of two series at the times both have; None if there are none."""
    if first.times.dtype != second.times.dtype:
        return None
    times, at, other = np.intersect1d(first.times, second.times, assume_unique=True, return_indices=True)
    if not len(times):
        return None
    return Series(times, residual(first)[at], residual(second)[other])
