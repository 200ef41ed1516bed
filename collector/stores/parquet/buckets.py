"""Longer buckets from those of an experiment, by each indicator's own rollup."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from collector.language.errors import InputError
from collector.language.indicators import Rollup, derived, indicators
from collector.language.time import MONDAY
from collector.stores.protocol import Selection

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def combined(table: pa.Table, held: int, selection: Selection, zones: Mapping[str, str]) -> pa.Table:
    """City, indicator, time, value and n in the buckets of a selection, from buckets of `held` seconds.

    A mean (also a sum of stations' means) is weighted by the number of values. Raises `InputError` where a bucket would
    have to be divided.
    """
    bucket = selection.bucket or held
    columns = [table[name].combine_chunks().dictionary_encode() for name in ("city", "indicator")]
    names = [column.dictionary.to_pylist() for column in columns]
    city, indicator = (column.indices.to_numpy() for column in columns)
    times = table["time"].to_numpy().astype("datetime64[s]").astype(np.int64)
    shifts = [_ahead(zones[name], times) if selection.local else 0 for name in names[0]]
    shift = np.array(shifts, np.int64)[city] if shifts else times[:0]
    slots, ends = (_floor(ours + shift, bucket) - shift for ours in (times, times + held - 1))
    if bucket % held or (ends != slots).any():
        raise InputError(
            f"these results are kept in buckets of {held} s by each city's clock: ask for a multiple of that, came "
            f"{bucket} s{'' if selection.local else ' in UTC'}"
        )
    keys, group = np.unique(np.stack([city, indicator, slots]), axis=1, return_inverse=True)
    values, n = table["value"].to_numpy(), table["n"].to_numpy().astype(np.int64)
    rollups = np.array([_rollup(name).value for name in names[1]], dtype=object)
    found = _values(values, n, group.reshape(-1), keys.shape[1], rollups[indicator] if len(indicator) else rollups)
    return pa.table(
        {
            "city": pa.array([names[0][place] for place in keys[0]], pa.string()),
            "indicator": pa.array([names[1][place] for place in keys[1]], pa.string()),
            "time": pa.array(keys[2]).cast(pa.timestamp("s")),
            "value": found,
            "n": np.bincount(group.reshape(-1), n, keys.shape[1]).astype(np.int64),
        }
    )


def _values(values: Floats, n: Integers, group: Integers, count: int, rollups: NDArray[np.object_]) -> Floats:
    found = np.full(count, np.nan)
    for rollup in Rollup:
        mine = rollups == rollup.value
        if not mine.any():
            continue
        held, where, weights = values[mine], group[mine], n[mine]
        there = np.unique(where)
        if rollup is Rollup.SUM:
            found[there] = np.bincount(where, held, count)[there]
        elif rollup is Rollup.MAX:
            highest = np.full(count, -np.inf)
            np.maximum.at(highest, where, held)
            found[there] = highest[there]
        elif rollup is Rollup.LAST:
            found[where] = held  # rows come in the order of time: of one bucket the last stays
        else:
            energetic = rollup is Rollup.ENERGETIC_MEAN
            state = np.bincount(where, (10.0 ** (held / 10.0) if energetic else held) * weights, count)[there]
            mean = state / np.bincount(where, weights, count)[there]
            found[there] = 10.0 * np.log10(mean) if energetic else mean
    return found


def _floor(times: Integers, bucket: int) -> Integers:
    return np.asarray((times - MONDAY) // bucket * bucket + MONDAY)


def _rollup(name: str) -> Rollup:
    known = indicators().get(name) or derived().get(name)
    return Rollup.MEAN if known is None else known.rollup


def _ahead(zone: str, times: Integers) -> int:
    """Seconds that a zone is ahead of UTC at the first of some times."""
    if not len(times):
        return 0
    ahead = datetime.fromtimestamp(int(times.min()), ZoneInfo(zone)).utcoffset()
    return 0 if ahead is None else int(ahead.total_seconds())
