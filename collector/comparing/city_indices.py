"""Heat, reliability of travel and service level of cities, with their parts: pure functions of a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from collector.comparing.comparison import Comparison
from collector.comparing.difference import Values
from collector.comparing.index_rows import IndexRequest, Place, block, clock_texts, in_turn, places
from collector.comparing.indices import heat_index, service_level, travel_reliability
from collector.language.indicators import indicator

HOUR = 3600
WARMTH, HUMIDITY, TRAVEL = "air_temperature", "relative_humidity", "travel_time_index"
OPENED, RESOLVED = "service_requests", "resolution_time"
_RELIABILITY = {"mean": indicator(TRAVEL).unit, "p95": indicator(TRAVEL).unit, "buffer": "1", "planning": "1"}
_SERVICE = {"share": "1", "within": "requests", "late": "requests", "undecided": "requests"}


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests to a service that were opened in a span that ends at `until`: what is known of them at `known`.

    `opened` (n,) is when each was, `resolved` (m,) when those were opened that have been resolved, `hours` (m,) how
    long that took. All times are in seconds since 1970.
    """

    opened: Values
    resolved: Values
    hours: Values
    known: int


def heat_by_hour(comparison: Comparison, request: IndexRequest) -> tuple[pa.Table, list[str]]:
    """The heat index of each hour with the temperature and the humidity it is of, and what a reader should know."""
    tables = [_heat(place, request) for place in places(comparison, request, HOUR)]
    how = (
        "The heat index of an hour is of its mean temperature and humidity; shade and a light wind are assumed "
        "(US National Weather Service)."
    )
    return pa.concat_tables(tables), [how]


def travel_of_span(comparison: Comparison, request: IndexRequest) -> tuple[pa.Table, list[str]]:
    """The reliability of travel of each city in the whole span, and what a reader should know."""
    tables = [_travel(place, request) for place in places(comparison, request, HOUR)]
    how = (
        "Of all hours that were asked for, and of the mean over the roads of a city: single trips on one road vary "
        "more. FHWA means the peak hours of the weekdays of a year (FHWA-HOP-06-070)."
    )
    return pa.concat_tables(tables), [how]


def service_of_span(
    comparison: Comparison, request: IndexRequest, told: Mapping[tuple[str, str, str], Requests]
) -> tuple[pa.Table, list[str]]:
    """The service level of requests opened in the span, by run, city and origin, and what a reader should know."""
    tables, silent = [], []
    for place in places(comparison, request, HOUR):
        requests = told.get((place.column.run, place.column.city, place.origin))
        tables.append(_service(place, request, requests))
        if requests is not None and len(requests.opened) < len(requests.resolved):
            silent.append(f"{place.column.label}: fewer requests are known to be opened than resolved, so what is "
                          "still open is not known and late requests may be missing.")  # fmt: skip
    how = (
        f"Of the requests opened in the span: decided are those resolved, and those open for more than the agreed "
        f"{request.agreed:g} h when the run was last heard, which are late. The interval is Wilson's, of independent "
        "requests. The quickest are decided first, so that the last requests of a run flatter it."
    )
    return pa.concat_tables(tables), [how, *silent]


def _heat(place: Place, request: IndexRequest) -> pa.Table:
    warmth, humidity = (place.values(name) for name in (WARMTH, HUMIDITY))
    felt = heat_index(warmth, humidity)
    lacking = [
        f"no {' and no '.join(names)}" if names else None
        for names in (
            [name for name, value in ((WARMTH, one), (HUMIDITY, other)) if np.isnan(value)]
            for one, other in zip(warmth.tolist(), humidity.tolist(), strict=True)
        )
    ]
    rows = ((WARMTH, warmth, "°C"), (HUMIDITY, humidity, "%"), ("heat_index", felt, "°C"))
    return in_turn([
        block(request.name, place,
              {"part": part, "value": values, "unit": unit, "note": lacking if values is felt else None})
        for part, values, unit in rows
    ])  # fmt: skip


def _travel(place: Place, request: IndexRequest) -> pa.Table:
    values = place.values(TRAVEL)
    found = asdict(travel_reliability(values))
    note = None if found["n"] else f"no values of {TRAVEL}"
    return pa.concat_tables(
        _of_span(place, request, {
            "part": part, "value": float(found[part]), "unit": unit, "hours": int(found["n"]), "of": len(place.steps),
            "note": note,
        })
        for part, unit in _RELIABILITY.items()
    )  # fmt: skip


def _service(place: Place, request: IndexRequest, requests: Requests | None) -> pa.Table:
    nothing = np.empty(0)
    of = requests or Requests(nothing, nothing, nothing, 0)
    agreed = float(request.agreed or 0)
    found = asdict(service_level(of.hours, agreed, _waiting(of, agreed)))
    note = None if found["within"] + found["late"] else "no request is decided"
    return pa.concat_tables(
        _of_span(place, request, {
            "part": part, "value": float(found[part]), "unit": unit,
            "low": float(found["low"]) if part == "share" else np.nan,
            "high": float(found["high"]) if part == "share" else np.nan, "agreed": agreed, "agreed_unit": "h",
            "note": note,
        })
        for part, unit in _SERVICE.items()
    )  # fmt: skip


def _of_span(place: Place, request: IndexRequest, cells: Mapping[str, object]) -> pa.Table:
    told = {key: np.array([cell]) if isinstance(cell, float) else cell for key, cell in cells.items()}
    return block(request.name, place, told, clock_texts(place.steps[:1], place.steps[-1:] + place.step))


def _waiting(of: Requests, agreed: float) -> Values:
    """How long requests have been open: one is open that was opened and not resolved, and it is late or it is not.

    Opened and resolved requests of the same age are counted against each other, for values do not tell which is which.
    """
    due = of.known - agreed * HOUR
    overdue = int(np.count_nonzero(of.opened < due)) - int(np.count_nonzero(of.resolved < due))
    in_time = int(np.count_nonzero(of.opened >= due)) - int(np.count_nonzero(of.resolved >= due))
    return np.concatenate([np.full(max(overdue, 0), agreed + 1.0), np.zeros(max(in_time, 0))])
