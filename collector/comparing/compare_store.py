"""Reads what is compared from a store, whichever it is: `compare(store, request)`."""

from __future__ import annotations

import difflib
from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.comparing.compare import Evidence, Expected, compare_table, counts_events
from collector.comparing.comparison import Column, Comparison, Key, Request
from collector.comparing.difference import Clock
from collector.comparing.spans import spans
from collector.language.errors import InputError, UnknownRun
from collector.language.indicators import IndicatorKind, indicator, indicators
from collector.language.profile import CityProfile
from collector.language.time import format_epoch, offset
from collector.stores.protocol import RunInfo, Selection, Store

LONGEST_BUCKET = 366 * 86_400
_WEST, _EAST = 12 * 3600, 14 * 3600
_PERIODIC = {name for name, entry in indicators().items() if entry.kind in {IndicatorKind.SENSOR, IndicatorKind.COUNT}}


class _Lists:
    """What a store lists, asked for once: a comparison needs it several times."""

    def __init__(self, store: Store) -> None:
        self.url, self.read, self.cities = store.url, store.read, store.cities
        self.runs, self.stations, self.series = cache(store.runs), cache(store.stations), cache(store.series)


def compare(store: Store, request: Request) -> Comparison:
    """The comparison asked for, read from a store.

    Raises `InputError` for names that are not there, with a suggestion, for options that make no sense, and for a
    selection without data, with what the store has.
    """
    _check(request)
    return _compared(_Lists(store), request)


def _compared(store: _Lists, request: Request) -> Comparison:
    known = [_with_known_zone(column) for column in _columns(store, request)]
    columns, notes = [column for column, _ in known], tuple(said for _, said in known if said)
    columns = with_shifted(columns, request)
    if not columns:
        raise InputError(f"nothing to compare: {_holds(store)}")
    ranges = _ranges(store, request, columns)
    table = _each_once([store.read(chosen) for chosen in ranges])
    expected, heard = _expected(store, request, columns), _heard_in_all(store, request, ranges)
    evidence = Evidence(_parameters(store, request, columns), expected, heard)
    comparison = compare_table(request, columns, table, evidence)
    if not any(entry.figures.n for part in comparison.sections for entry in part.entries):
        raise InputError(f"nothing to compare: {_nothing(comparison)}; {_holds(store)}")
    return replace(comparison, notes=notes)


def _nothing(comparison: Comparison) -> str:
    request = comparison.request
    if sparse := sum(entry.sparse for part in comparison.sections for entry in part.entries):
        told = f"{sparse} buckets all have less than {100 * request.least_coverage:g} % of their readings"
        return f"{told} (lower the least coverage to see them)"
    return f"no values of {', '.join(request.indicators)} there"


def _check(request: Request) -> None:
    if not request.indicators:
        raise InputError("expected at least one indicator; `nakhon catalogue indicators` lists them")
    for name in request.indicators:
        indicator(name)
    if not 0 < request.bucket <= LONGEST_BUCKET or request.bucket % 1800:
        raise InputError(f"expected a bucket of a multiple of 30 minutes up to 366 days, came {request.bucket} s")
    if request.start is not None and request.end is not None and request.end - request.start < request.bucket:
        raise InputError("the end lies before the end of the first bucket; give a later end or a shorter bucket")
    if not 0 <= request.least_coverage <= 1:
        raise InputError(f"expected a least coverage from 0 to 1, came {request.least_coverage:g}")
    if request.per_area and request.per_capita:
        raise InputError("expected figures per inhabitant or per area, came both; choose one")
    _check_shift(request)


def _check_shift(request: Request) -> None:
    if request.against is None:
        return
    if request.start is None or request.end is None:
        raise InputError("another range is set beside one with a start and an end; give both")
    shift = request.start - request.against
    if not shift or shift % request.bucket:
        days = request.bucket / 86_400
        whole = f"{days:g} days" if days >= 1 else f"{request.bucket // 60} min"
        raise InputError(
            f"expected the other range to begin whole buckets ({whole}) away, came {shift / 86_400:g} days"
        )


def with_shifted(columns: Sequence[Column], request: Request) -> list[Column]:
    """The columns, each followed by itself in the other range where one is asked for; the other range comes first."""
    if request.against is None or request.start is None:
        return list(columns)
    shift = request.start - request.against
    return [one for column in columns for one in (replace(column, shift=shift), column)]


def _columns(store: _Lists, request: Request) -> list[Column]:
    infos = {info.run: info for info in store.runs()}
    for run in request.runs:
        _expect("run", run, infos, store)
    held = [column for run in dict.fromkeys(request.runs or infos) for column in _of_run(store, infos[run])]
    for city in request.cities:
        _expect("city", city, dict.fromkeys(column.city for column in held), store)
    order = {city: place for place, city in enumerate(request.cities)}
    runs = list(dict.fromkeys(column.run for column in held))
    chosen = [column for column in held if column.city in order] if order else held
    chosen.sort(key=lambda column: (runs.index(column.run), order.get(column.city, 0)))
    return _reference_first(chosen, request.baseline)


def _of_run(store: _Lists, info: RunInfo) -> list[Column]:
    profiles = {profile.id: profile for profile, _ in store.cities(info.run)}
    held = dict.fromkeys([*profiles, *store.series(info.run)["city"].to_pylist()])
    return [_column(info, city, profiles.get(city)) for city in held]


def _column(info: RunInfo, city: str, profile: CityProfile | None) -> Column:
    if profile is None:
        return Column(info.run, city, city, info.origin, scenario=info.scenario)
    return Column(
        run=info.run,
        city=city,
        name=profile.name,
        origin=info.origin,
        timezone=profile.timezone,
        scenario=info.scenario,
        population=profile.population,
        population_kind=profile.population_kind,
        area_km2=profile.area_km2,
    )


def _reference_first(columns: list[Column], baseline: str | None) -> list[Column]:
    if baseline is None:
        return columns
    names = [(f"{column.run}/{column.city}", column.run, column.city) for column in columns]
    place = next((at for at, known in enumerate(names) if baseline in known), None)
    if place is None:
        known = dict.fromkeys(name for names_of_one in names for name in names_of_one)
        raise InputError(f"no baseline {baseline!r} among what is compared{_hint(baseline, known)}")
    return [columns[place], *columns[:place], *columns[place + 1 :]]


def _with_known_zone(column: Column) -> tuple[Column, str | None]:
    try:
        ZoneInfo(column.timezone)
    except (ValueError, OSError, KeyError):
        said = f"{column.label}: its time zone {column.timezone[:60]!r} is not known here, so its clock is UTC."
        return replace(column, timezone="UTC"), said
    return column, None


def _ranges(store: _Lists, request: Request, columns: Sequence[Column]) -> list[Selection]:
    """What is to be read: for each shift once, and once more for each span of a zone whose offset changes in it."""
    chosen: list[Selection] = []
    for shift in sorted({column.shift for column in columns}):
        mine = [column for column in columns if column.shift == shift]
        runs = {column.run for column in mine}
        parts = {zone: _spans(store, request, runs, zone, shift) for zone in {column.timezone for column in mine}}
        steady = [column for column in mine if len(parts[column.timezone]) == 1]
        chosen += [_selection(request, steady, shift)] if steady else []
        for zone, found in parts.items():
            if len(found) > 1:
                asked = _selection(request, [column for column in mine if column.timezone == zone], shift)
                chosen += [replace(asked, start=begin, end=end) for begin, end in found]
    return chosen


def _spans(store: _Lists, request: Request, runs: Container[str], zone: str, shift: int) -> list[tuple[int, int]]:
    """The spans of a zone in the range that is asked for, or in what there is of these runs."""
    if not request.local:
        return [(0, 0)]
    told = [info for info in store.runs() if info.run in runs]
    held = [time for info in told for time in (info.first, info.last) if time is not None]
    begin, end = (None if clock is None else clock - shift for clock in (request.start, request.end))
    first = min(held, default=0) if begin is None else begin - offset(zone, begin - offset(zone, begin))
    last = max(held, default=0) + 1 if end is None else end - offset(zone, end - offset(zone, end))
    return spans(zone, first, last, request.bucket)


def _selection(request: Request, columns: Sequence[Column], shift: int) -> Selection:
    west, east = (_WEST, _EAST) if request.local else (0, 0)
    return Selection(
        indicators=request.indicators,
        cities=tuple(dict.fromkeys(column.city for column in columns)),
        runs=tuple(dict.fromkeys(column.run for column in columns)),
        start=None if request.start is None else request.start - shift - east,
        end=None if request.end is None else request.end - shift + west,
        bucket=request.bucket,
        local=request.local,
        without=request.without,
    )


def _parameters(store: _Lists, request: Request, columns: Sequence[Column]) -> dict[Key, str]:
    """Where the parameters behind each indicator of a city come from, as its stations say."""
    told: dict[Key, set[str]] = {}
    for run in {column.run for column in columns}:
        for station in store.stations(run):
            for name in request.indicators:
                if origin := station.origins.get(name):
                    told.setdefault((run, station.city, name), set()).add(origin)
    return {key: " and ".join(sorted(origins)) for key, origins in told.items()}


def _expected(store: _Lists, request: Request, columns: Sequence[Column]) -> dict[Expected, float]:
    """How many readings a bucket should hold: of each station that ever spoke, by the cadence that its birth tells."""
    told: dict[Expected, float] = {}
    for run in {column.run for column in columns}:
        cadence = {(station.city, station.id): station.cadence for station in store.stations(run)}
        series = store.series(run).select(["city", "station", "indicator", "origin", "readings"]).to_pylist()
        for row in series:
            if row["indicator"] in request.indicators and row["readings"]:
                key = (run, row["city"], row["indicator"], row["origin"])
                beat = cadence.get((row["city"], row["station"]), 0)
                told[key] = told.get(key, 0.0) + (request.bucket / beat if beat else np.nan)
    return {key: many for key, many in told.items() if np.isfinite(many)}


def _each_once(tables: Sequence[pa.Table]) -> pa.Table:
    """The buckets of all ranges: where one cuts a bucket at its edge that another has whole, the whole one."""
    if len(tables) == 1:
        return tables[0]
    table = pa.concat_tables(tables)
    table = table.take(pc.sort_indices(table, [("n", "descending")]))
    keys = ["run", "city", "indicator", "origin", "time"]
    first = table.group_by(keys, use_threads=False).aggregate([("value", "first"), ("n", "first")])
    return first.rename_columns([*keys, "value", "n"])


def _heard_in_all(store: _Lists, request: Request, ranges: Sequence[Selection]) -> dict[Key, Clock]:
    heard: dict[Key, Clock] = {}
    for chosen in ranges:
        for key, times in _heard(store, request, chosen).items():
            heard[key] = np.union1d(heard.get(key, times), times)
    return heard


def _heard(store: _Lists, request: Request, chosen: Selection) -> dict[Key, Clock]:
    """When the stations that report an event indicator were heard, by what else they measure periodically."""
    heard: dict[Key, Clock] = {}
    for name in request.indicators:
        if counts_events(indicator(name)):
            for run in chosen.runs:
                heard |= _heard_in(store, name, run, chosen)
    return heard


def _heard_in(store: _Lists, name: str, run: str, chosen: Selection) -> dict[Key, Clock]:
    series = store.series(run).select(["city", "station", "indicator"]).to_pylist()
    counting = {(row["city"], row["station"]) for row in series if row["indicator"] == name}
    counting |= {(station.city, station.id) for station in store.stations(run) if name in station.indicators}
    beside = [row for row in series if row["indicator"] in _PERIODIC and (row["city"], row["station"]) in counting]
    heard: dict[Key, Clock] = {}
    for city in {row["city"] for row in beside if row["city"] in chosen.cities}:
        stations = tuple({row["station"] for row in beside if row["city"] == city})
        names = tuple({row["indicator"] for row in beside if row["city"] == city})
        told = store.read(replace(chosen, indicators=names, cities=(city,), runs=(run,), stations=stations))
        heard[run, city, name] = _times(told)
    return heard


def _times(table: pa.Table) -> Clock:
    times: Clock = pc.unique(table["time"]).to_numpy(zero_copy_only=False).astype("datetime64[s]").astype(np.int64)
    return np.sort(times)


def _expect(what: str, name: str, known: Iterable[str], store: _Lists) -> None:
    held = list(known)
    if name not in held:
        error = UnknownRun if what == "run" else InputError
        raise error(f"no {what} {name!r} in {store.url}{_hint(name, held)}")


def _hint(name: str, known: Iterable[str]) -> str:
    held = list(known)
    if near := difflib.get_close_matches(name, held, n=1):
        return f"; did you mean {near[0]}?"
    return f"; there are {_listed(held)}" if held else "; there is nothing in it yet"


def _listed(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _holds(store: _Lists) -> str:
    """What the store has: runs, their cities and spans."""
    told = [_told(store, info) for info in store.runs()[-5:]]
    return f"{store.url} holds " + ("; ".join(told) if told else "no run yet")


def _told(store: _Lists, info: RunInfo) -> str:
    series = store.series(info.run)
    cities = sorted(set(series["city"].to_pylist()))
    names = sorted(set(series["indicator"].to_pylist()))
    if info.first is None or info.last is None:
        return f"run {info.run} (no readings yet)"
    span = f"{format_epoch(info.first)} to {format_epoch(info.last)}"
    return f"run {info.run} ({info.origin}, {span}: {_listed(cities)}; {_listed(names, 40)})"
