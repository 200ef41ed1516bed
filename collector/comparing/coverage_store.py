"""The coverage of a store: what its series, births and buckets say of cities and indicators."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa

from collector.comparing.coverage import (
    DAY,
    HALF_HOUR,
    MONTH,
    Coverage,
    Integers,
    blank,
    bucket_of,
    cadences,
    filled,
)
from collector.language.errors import UnknownRun
from collector.language.indicators import indicators
from collector.language.profile import StationProfile
from collector.stores.holding import Holding
from collector.stores.protocol import Selection, Store

Key = tuple[str, str]


def coverage(
    store: Store,
    cities: Sequence[str] = (),
    names: Sequence[str] = (),
    runs: Sequence[str] = (),
    start: int | None = None,
    end: int | None = None,
    as_of: int | None = None,
) -> Coverage:
    """What a store holds of cities (all that are in it) and indicators (the whole catalogue), in a window.

    `start` and `end` are read on the clock of each city, as if they were UTC (seconds since 1970); without them the
    window is what the chosen series span. Ages are counted back from `as_of`, or from now.

    Raises `InputError` for a run that is not there.
    """
    known = [info.run for info in store.runs()]
    if unknown := set(runs) - set(known):
        raise UnknownRun(f"no run {', '.join(sorted(unknown))} in the store: it has {', '.join(known) or 'none'}")
    chosen = list(runs or known)
    rows = [row for run in chosen for row in store.series(run).to_pylist() if row["last"] is not None]
    cities = tuple(cities) or tuple(dict.fromkeys(row["city"] for row in rows))
    names = tuple(names) or tuple(indicators())
    rows = [row for row in rows if row["city"] in set(cities) and row["indicator"] in set(names)]
    now = int(time.time()) if as_of is None else as_of
    first = min((_epoch(row["first"]) for row in rows), default=now) if start is None else start
    last = max((_epoch(row["last"]) for row in rows), default=first) + 1 if end is None else end
    window = first // HALF_HOUR * HALF_HOUR, max(last, first + 1)
    stations = [one for run in chosen for one in store.stations(run)]
    cells = blank(cities, names)
    for key, told in _told(rows).items():
        cells[key] = replace(cells[key], **told, age=max(0, now - told["last"]))
    spans = {name: _span(zone, start, end, window) for name, zone in _zones(store, chosen, cities).items()}
    for key, seen in _filled(store, chosen, stations, rows, spans).items():
        cells[key] = replace(cells[key], **seen)
    return Coverage(cities, names, *window, now, cells)


def _told(rows: Sequence[dict[str, Any]]) -> dict[Key, dict[str, Any]]:
    """What the list of series says of each city and indicator."""
    groups: defaultdict[Key, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["city"], row["indicator"]].append(row)
    return {
        key: {
            "origin": next(iter(origins)) if len(origins := {row["origin"] for row in group}) == 1 else "mixed",
            "runs": tuple(dict.fromkeys(row["run"] for row in group)),
            "stations": len({(row["run"], row["pillar"], row["station"]) for row in group}),
            "readings": sum(row["readings"] for row in group),
            "first": min(_epoch(row["first"]) for row in group),
            "last": max(_epoch(row["last"]) for row in group),
        }
        for key, group in groups.items()
    }


def _filled(
    store: Store,
    runs: Sequence[str],
    stations: Sequence[StationProfile],
    rows: Sequence[dict[str, Any]],
    spans: Mapping[str, tuple[int, int, int]],
) -> dict[Key, dict[str, Any]]:
    """How many of the expected buckets hold a value, for those of which any are expected."""
    held = {(row["city"], row["indicator"]) for row in rows}
    declared = {key: cadence for key, cadence in cadences(stations).items() if key in held}
    groups: defaultdict[int | None, list[Key]] = defaultdict(list)
    for key, cadence in declared.items():
        groups[None if cadence >= MONTH else bucket_of(cadence)].append(key)
    found: dict[Key, dict[str, Any]] = {}
    first, last = min(one[0] for one in spans.values()), max(one[1] for one in spans.values())
    for bucket, keys in groups.items():
        asked = tuple(dict.fromkeys(name for _, name in keys)), tuple(dict.fromkeys(city for city, _ in keys))
        selection = Selection(*asked, tuple(runs), start=first - DAY, end=last + DAY, bucket=bucket)
        times = _held(store, selection)
        for key in keys:
            start, end, ahead = spans[key[0]]
            mine = times.get(key, np.empty(0, np.int64)) + ahead
            expected, present, gap = filled(mine, declared[key], start + ahead, end + ahead)
            hole = None if gap is None else (gap[0] - ahead, gap[1] - ahead)
            found[key] = {"cadence": declared[key], "expected": expected, "present": present, "gap": hole}
    return found


def _zones(store: Store, runs: Sequence[str], cities: Sequence[str]) -> dict[str, str | None]:
    """The zone of each city, None where none is known."""
    known = {profile.id: profile.timezone for run in runs for profile, _ in store.cities(run)}
    return {name: known.get(name) for name in cities}


def _span(zone: str | None, start: int | None, end: int | None, window: tuple[int, int]) -> tuple[int, int, int]:
    """The window of a city in UTC, and how many seconds its clock is ahead (at the window's start)."""
    ahead = ahead_of_utc(zone, window[0])
    return window[0] if start is None else start - ahead, window[1] if end is None else end - ahead, ahead


def _held(store: Store, selection: Selection) -> dict[Key, Integers]:
    """When there are values of each city and indicator: told by the store, or of one indicator after the other."""
    if isinstance(store, Holding) and selection.bucket is not None:
        return _times(store.held(selection))
    alone = (replace(selection, indicators=(name,)) for name in selection.indicators)
    return {key: times for one in alone for key, times in _times(store.read(one)).items()}


def _times(table: pa.Table) -> dict[Key, Integers]:
    """The times of each city and indicator, in their order."""
    times = table["time"].to_numpy().astype("datetime64[s]").astype(np.int64)
    (cities, city), (names, name) = (_coded(table[column]) for column in ("city", "indicator"))
    both = city * max(len(names), 1) + name
    order = np.argsort(both, kind="stable")
    found, begins = np.unique(both[order], return_index=True)
    pieces = np.split(times[order], begins[1:])
    return {
        (cities[code // len(names)], names[code % len(names)]): piece
        for code, piece in zip(found.tolist(), pieces, strict=False)
    }


def _coded(column: pa.ChunkedArray) -> tuple[list[str], Integers]:
    """The distinct texts of a column, and the number of each of its cells among them."""
    encoded = column.combine_chunks()
    if not pa.types.is_dictionary(encoded.type):
        encoded = encoded.dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def _epoch(time_: Any) -> int:
    return int(np.datetime64(time_, "s").astype(np.int64))


def ahead_of_utc(zone: str | None, at: int) -> int:
    """Seconds a zone is ahead of UTC at a time; 0 where the zone is not known."""
    try:
        offset = datetime.fromtimestamp(at, ZoneInfo(zone)).utcoffset() if zone else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        offset = None
    return 0 if offset is None else int(offset.total_seconds())
