"""Reads what an index of cities is of from a store, whichever it is: `city_index(store, request)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.comparing.air_index import (
    EIGHT_HOURS_LATER,
    HOUR,
    PARTICLES,
    SCHEMES,
    air_by_day,
    nowcast_by_hour,
    pollutants,
)
from collector.comparing.city_indices import (
    HUMIDITY,
    OPENED,
    RESOLVED,
    TRAVEL,
    WARMTH,
    Requests,
    heat_by_hour,
    service_of_span,
    travel_of_span,
)
from collector.comparing.compare_store import compare
from collector.comparing.comparison import Column, Comparison, Request
from collector.comparing.difference import DAY
from collector.comparing.index_rows import IndexName, IndexRequest, shared_notices
from collector.comparing.indices import NOWCAST_HOURS
from collector.language.errors import InputError
from collector.language.time import offset
from collector.stores.protocol import Selection, Store

Tell = Callable[[Comparison, IndexRequest], tuple[pa.Table, list[str]]]


@dataclass(frozen=True, slots=True)
class CityIndex:
    """An index of cities: its table, what a reader should know, and the comparison that its values are of."""

    request: IndexRequest
    table: pa.Table
    notices: tuple[str, ...]
    comparison: Comparison


def city_index(store: Store, request: IndexRequest) -> CityIndex:
    """The index asked for, read from a store: rows of its parts and of the whole, on each city's own clock.

    Raises `InputError` for names that are not there, with a suggestion, for what makes no sense, where there is nothing
    of what the index is of, and for hours where the store has longer buckets.
    """
    bucket = _bucket(store, request)
    _check(request)
    comparison = compare(store, _asked(request, bucket))
    if request.name is IndexName.SERVICE_LEVEL:
        told = _requests(store, comparison, request)
        table, notices = service_of_span(comparison, request, told)
    else:
        table, notices = _TELL[request.name](comparison, request)
    shared = shared_notices(comparison)
    return CityIndex(request, table, tuple(dict.fromkeys([*notices, *shared])), comparison)


_TELL: dict[IndexName, Tell] = {
    IndexName.AQI_US_EPA: air_by_day,
    IndexName.AQI_THAI_PCD: air_by_day,
    IndexName.NOWCAST: nowcast_by_hour,
    IndexName.HEAT_INDEX: heat_by_hour,
    IndexName.TRAVEL_RELIABILITY: travel_of_span,
}
_OF = {
    IndexName.NOWCAST: PARTICLES,
    IndexName.HEAT_INDEX: (WARMTH, HUMIDITY),
    IndexName.TRAVEL_RELIABILITY: (TRAVEL,),
    IndexName.SERVICE_LEVEL: (RESOLVED, OPENED),
}
_BY_DAY = frozenset({IndexName.AQI_US_EPA, IndexName.AQI_THAI_PCD})


def _bucket(store: Store, request: IndexRequest) -> int:
    """An hour, or what the store has at least where the index can do with it. Raises `InputError` where it cannot."""
    shortest = getattr(store, "bucket", None)  # of results of an experiment
    if shortest is not None and request.name is IndexName.SERVICE_LEVEL:
        raise InputError(
            f"{request.name} is of single requests: {store.url} holds buckets only; ask a collector's store"
        )
    bucket = max(HOUR, shortest or 0)
    if bucket == HOUR or (request.name in _BY_DAY and DAY % bucket == 0):
        return bucket
    wanted = "buckets of 1h or, for what is of 24 hours, 1d" if request.name in _BY_DAY else "buckets of 1h"
    raise InputError(
        f"{request.name} needs {wanted}; {store.url} holds {bucket / HOUR:g} h: run the experiment with those"
    )


def _check(request: IndexRequest) -> None:
    if request.start is not None and request.end is not None and request.start >= request.end:
        raise InputError(f"{request.name}: expected a start before the end")
    if request.name in _BY_DAY and any(one is not None and one % DAY for one in (request.start, request.end)):
        raise InputError(f"{request.name} is of local days: expected dates such as 2026-03-01, came a time of day")
    of_service = request.name is IndexName.SERVICE_LEVEL
    if of_service and not (request.agreed and 0 < request.agreed < np.inf):
        raise InputError(f"{request.name} needs the agreed time in hours, such as agreed=72")
    if not of_service and request.agreed is not None:
        raise InputError(f"an agreed time is of {IndexName.SERVICE_LEVEL}; leave it out for {request.name}")


def _asked(request: IndexRequest, bucket: int) -> Request:
    name, hourly = request.name, bucket == HOUR
    before = (NOWCAST_HOURS - 1) * HOUR if name is IndexName.NOWCAST else 0
    after = EIGHT_HOURS_LATER if name in _BY_DAY and hourly else 0
    return Request(
        indicators=_OF[name] if name in _OF else pollutants(SCHEMES[name], bucket),
        cities=request.cities,
        runs=request.runs,
        start=None if request.start is None else request.start - before,
        end=None if request.end is None else request.end + after,
        bucket=bucket,
        least_coverage=request.least_coverage,
        without=request.without,
    )


def _requests(store: Store, comparison: Comparison, request: IndexRequest) -> dict[tuple[str, str, str], Requests]:
    """What became of the requests that were opened in the span, by run, city and origin."""
    known = {info.run: info.last or 0 for info in store.runs()}
    told = {}
    for column in comparison.columns:
        begin, end = (_instant(column, clock) for clock in (request.start, request.end))
        selection = Selection((OPENED, RESOLVED), (column.city,), (column.run,), start=begin, without=request.without)
        table = store.read(selection)
        for origin in pc.unique(table["origin"].cast(pa.string())).to_pylist():
            mine = table.filter(pc.equal(table["origin"].cast(pa.string()), origin))
            told[column.run, column.city, origin] = _cohort(mine, begin, end, known[column.run])
    return told


def _cohort(table: pa.Table, begin: int | None, end: int | None, known: int) -> Requests:
    names = np.asarray(table["indicator"].cast(pa.string()).to_pylist(), object)
    times = table["time"].to_numpy().astype("datetime64[s]").astype(np.float64)
    values = table["value"].to_numpy().astype(np.float64)
    opened, hours = times[names == OPENED], values[names == RESOLVED]
    since = times[names == RESOLVED] - HOUR * hours
    low, high = (-np.inf if begin is None else begin), (np.inf if end is None else end)
    inside = (since >= low) & (since < high)
    return Requests(opened[(opened >= low) & (opened < high)], since[inside], hours[inside], known)


def _instant(column: Column, clock: int | None) -> int | None:
    if clock is None:
        return None
    return clock - offset(column.timezone, clock - offset(column.timezone, clock))
