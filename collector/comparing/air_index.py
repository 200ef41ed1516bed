"""Air quality indices of cities, by day or (NowCast) by hour, with every pollutant: pure functions of a comparison."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from collector.comparing.comparison import Comparison
from collector.comparing.days import by_day
from collector.comparing.difference import DAY, Clock, Values
from collector.comparing.exceedance import averaged
from collector.comparing.guidelines import Breakpoints, Scheme, breakpoints, index_of
from collector.comparing.index_rows import (
    OVERALL,
    Cells,
    IndexName,
    IndexRequest,
    Place,
    block,
    in_turn,
    places,
)
from collector.comparing.indices import (
    NOWCAST_HOURS,
    above_table,
    air_quality_index,
    category_number,
    nowcast,
    tables_in_force,
)
from collector.comparing.limits import Averaging
from collector.language.errors import InputError
from collector.language.indicators import indicator, indicators

HOUR = 3600
EIGHT_HOURS_LATER = 7 * HOUR
"""What of the day after belongs to the 8-hour means that begin in a day."""
PARTICLES = ("pm25", "pm10")
SCHEMES = {
    IndexName.AQI_US_EPA: Scheme.US_EPA,
    IndexName.AQI_THAI_PCD: Scheme.THAI_PCD,
    IndexName.NOWCAST: Scheme.US_EPA,
}
_NOWCAST = f"NowCast of {NOWCAST_HOURS} h"
_ABOVE = "this or more: above the end of the table"


@dataclass(frozen=True, slots=True)
class _Part:
    """One pollutant along all steps (n,): its means, the hours each rests on, its index, the table it is from."""

    pollutant: str
    averaging: str
    means: Values
    hours: Values
    index: Values
    number: NDArray[np.intp]
    tables: tuple[Breakpoints, ...]
    above: NDArray[np.bool_]
    why: list[str | None]


def pollutants(scheme: Scheme, bucket: int = HOUR) -> tuple[str, ...]:
    """The pollutants of an index that the catalogue has, and that buckets of that length can tell."""
    known = dict.fromkeys(table.pollutant for table in index_of(scheme).tables)
    return tuple(one for one in known if one in indicators() and bucket <= _longest(one, scheme))


def air_by_day(comparison: Comparison, request: IndexRequest) -> tuple[pa.Table, list[str]]:
    """The index of each local day: rows of every pollutant and of the whole, and what a reader should know.

    Raises `InputError` for times that are no days, and where no table is as old as the days.
    """
    scheme, found = SCHEMES[request.name], places(comparison, request, DAY)
    parts = [[_of_days(place, name, scheme, comparison) for name in comparison.request.indicators] for place in found]
    least = comparison.request.least_coverage
    how = (
        f"An hour counts with {100 * least:g} % of its readings, a mean of 8 hours with {math.ceil(least * 8)} of "
        f"them, a day with {math.ceil(least * 24)} of 24 hours. The mean of 8 hours is the highest of those that "
        "begin in the day, that of 1 hour the highest of the day."
    )
    return _told(request, found, parts, [how, *_left_out(scheme, comparison)])


def nowcast_by_hour(comparison: Comparison, request: IndexRequest) -> tuple[pa.Table, list[str]]:
    """The NowCast of particles at each hour, that hour included, and its index; as `air_by_day`."""
    scheme, found = SCHEMES[request.name], places(comparison, request, HOUR)
    parts = [[_of_hours(place, name, scheme) for name in comparison.request.indicators] for place in found]
    how = (
        "The NowCast rests on the last 12 hours and needs two of the last three; it is of particles, for that of ozone "
        "is a regression that is not computed here."
    )
    return _told(request, found, parts, [how])


def _of_days(place: Place, name: str, scheme: Scheme, comparison: Comparison) -> _Part:
    averaging = Averaging(breakpoints(name, scheme)[-1].averaging)
    bucket, least = comparison.request.bucket, comparison.request.least_coverage
    means, hours = np.full(len(place.steps), np.nan), np.zeros(len(place.steps))
    if entry := place.entries.get(name):
        every = by_day(entry.clock, entry.values, bucket)
        place.put(hours, every.days * DAY, every.counts * bucket / HOUR)
        clock, values = averaged(entry.clock, entry.values, bucket, averaging, least)
        clock, values = _highest(clock, values, least) if averaging is Averaging.HOUR else (clock, values)
        place.put(means, clock, values)
    most, of_eight = max(math.ceil(least * 24), 1), max(math.ceil(least * 8), 1)
    means[hours < most] = np.nan
    few = f"fewer than {most} of the running means of 8 hours have {of_eight} of them"
    lacking = [f"{there:.0f} of 24 hours, {most} needed" if there < most else few for there in hours.tolist()]
    hours[(hours > 0) & (bucket > HOUR)] = np.nan  # longer buckets do not tell
    return _part(name, scheme, str(averaging), place.steps, (means, hours, lacking))


def _of_hours(place: Place, name: str, scheme: Scheme) -> _Part:
    values = place.values(name, before=NOWCAST_HOURS - 1)
    there = np.convolve(np.isfinite(values), np.ones(NOWCAST_HOURS), "valid")
    means = nowcast(values)[NOWCAST_HOURS - 1 :]
    lacking = [f"{known:.0f} of {NOWCAST_HOURS} hours, two of the last three needed" for known in there.tolist()]
    return _part(name, scheme, _NOWCAST, place.steps, (means, there, lacking))


def _part(name: str, scheme: Scheme, averaging: str, steps: Clock, found: tuple[Values, Values, list[str]]) -> _Part:
    """The part of means (n,), the hours they rest on, and what is said where one is missing."""
    means, hours, lacking = found
    days = steps.astype("datetime64[s]").astype("datetime64[D]")
    tables, number = breakpoints(name, scheme), tables_in_force(name, scheme, days)
    index, why = np.full(len(steps), np.nan), np.full(len(steps), None, object)
    known, above = number >= 0, np.zeros(len(steps), np.bool_)
    index[known] = air_quality_index(means[known], name, scheme, days[known])
    for place, table in enumerate(tables):
        above |= (number == place) & above_table(means, table)
    why[above] = _ABOVE
    why[means < 0] = "a negative mean has no index"
    unknown = np.isnan(means)
    why[unknown] = np.array(lacking, object)[unknown]
    why[~known] = f"no table before {tables[0].valid_from}"
    return _Part(name, averaging, means, hours, index, number, tables, above, why.tolist())


def _told(
    request: IndexRequest, found: Sequence[Place], parts: Sequence[list[_Part]], how: list[str]
) -> tuple[pa.Table, list[str]]:
    scheme = SCHEMES[request.name]
    every = [part for of_place in parts for part in of_place]
    if all((part.number < 0).all() for part in every):
        first = min(part.tables[0].valid_from for part in every)
        raise InputError(f"no table of {request.name} is known before {first}; ask for later days")
    of = NOWCAST_HOURS if request.name is IndexName.NOWCAST else 24
    tables = [
        in_turn([
            *(block(request.name, place, _cells(part, scheme, of)) for part in of_place),
            block(request.name, place, _overall(of_place, scheme)),
        ])
        for place, of_place in zip(found, parts, strict=True)
    ]  # fmt: skip
    source = f"{index_of(scheme).name}: {index_of(scheme).source}. That of a place is the highest of its pollutants."
    return pa.concat_tables(tables), [source, *how, *dict.fromkeys(_doubts(every))]


def _cells(part: _Part, scheme: Scheme, of: int) -> Cells:
    return {
        "part": part.pollutant, "averaging": part.averaging, "value": part.means,
        "unit": indicator(part.pollutant).unit, "hours": pa.array(part.hours, pa.int64(), from_pandas=True), "of": of,
        **_categories(part.index, scheme), "leads": None, "lacking": None,
        "valid_from": _chosen([str(table.valid_from) for table in part.tables], part.number, pa.string()),
        "checked": _chosen([table.checked for table in part.tables], part.number, pa.bool_()),
        "note": part.why,
    }  # fmt: skip


def _overall(parts: Sequence[_Part], scheme: Scheme) -> Cells:
    every = np.stack([part.index for part in parts])
    there = np.isfinite(every)
    index = np.where(there.any(axis=0), np.where(there, every, -1.0).max(axis=0), np.nan)
    leading, n = (every == index) & there, len(index)
    above = (leading & np.stack([part.above for part in parts])).any(axis=0)
    notes = np.where(above, 1, np.where(np.isnan(index), 0, -1))
    return {
        "part": OVERALL, "averaging": None, "value": np.full(n, np.nan), "unit": None,
        "hours": pa.nulls(n, pa.int64()), "of": pa.nulls(n, pa.int64()), **_categories(index, scheme),
        "leads": _names(parts, leading), "lacking": _names(parts, ~there), "valid_from": None,
        "checked": pa.nulls(n, pa.bool_()),
        "note": _chosen(["no pollutant has an index", _ABOVE], notes, pa.string()),
    }  # fmt: skip


def _chosen(told: Sequence[object], numbers: NDArray[np.intp], kind: pa.DataType) -> pa.Array:
    """One of what is told for each number (n,), null where that is negative."""
    return pa.array(told, kind).take(pa.array(numbers, mask=numbers < 0))


def _names(parts: Sequence[_Part], which: NDArray[np.bool_]) -> pa.Array:
    """The pollutants that are true (parts, n), for each step; null where there is none."""
    sets = [[part.pollutant for at, part in enumerate(parts) if mask >> at & 1] for mask in range(1 << len(parts))]
    masks = (which * (1 << np.arange(len(parts)))[:, None]).sum(axis=0)
    return _chosen([", ".join(one) or None for one in sets], masks, pa.string())


def _categories(index: Values, scheme: Scheme) -> Cells:
    known, numbers = index_of(scheme).categories, category_number(index, scheme)
    names, colours = ([getattr(one, key) for one in known] for key in ("name", "colour"))
    told = {"category": _chosen(names, numbers, pa.string()), "colour": _chosen(colours, numbers, pa.string())}
    return {"aqi": index, **told}


def _doubts(parts: Iterable[_Part]) -> Iterable[str]:
    for part in parts:
        for number in np.unique(part.number[np.isfinite(part.index)]).tolist():
            table = part.tables[number]
            if not table.checked:
                yield f"{part.pollutant}, table from {table.valid_from}: {table.note}"


def _left_out(scheme: Scheme, comparison: Comparison) -> Iterable[str]:
    every = dict.fromkeys(table.pollutant for table in index_of(scheme).tables)
    if unknown := [one for one in every if one not in indicators()]:
        yield f"Without {' and '.join(unknown)}, of which the catalogue has no indicator."
    longer = [one for one in every if one in indicators() and one not in comparison.request.indicators]
    if longer:
        hours = comparison.request.bucket / HOUR
        yield f"Without {' and '.join(longer)}: buckets of {hours:g} h do not tell their highest means of 8 h or 1 h."
        yield "Nor do they tell the hours that a day rests on: the first and the last of a run may be parts of a day."


def _longest(name: str, scheme: Scheme) -> int:
    return DAY if Averaging(breakpoints(name, scheme)[-1].averaging) is Averaging.DAY else HOUR


def _highest(hours: Clock, values: Values, least: float) -> tuple[Clock, Values]:
    """The highest hour of each day that holds enough of them."""
    days, first, counts = np.unique(hours // DAY, return_index=True, return_counts=True)
    highest = np.maximum.reduceat(values, first) if len(values) else values
    full = counts >= least * 24
    return days[full] * DAY, highest[full]
