"""How the replications of an experiment spread over time: what a fan chart draws."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from collector.language.errors import InputError
from collector.stores.protocol import RunInfo, Selection, Store

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
FEWEST = 3
MOST_RUNS = 2_000
_REPLICATION = re.compile(r"(.+)-\d{4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fan:
    """The spread of a variant's replications of one indicator in one city.

    `times` (n,) are starts of buckets in seconds since 1970 on the city's own clock; `quantiles` holds for each of
    `SHARES` its values (n,), in the indicator's unit. Only buckets that at least `FEWEST` replications have are in it.
    """

    variant: str
    replications: int
    times: list[int]
    quantiles: list[list[float]]


def variants_of(runs: Iterable[RunInfo]) -> dict[str, list[str]]:
    """The runs of each variant that has several: replications are named `variant-0003`."""
    found: dict[str, list[str]] = {}
    for info in runs:
        if told := _REPLICATION.fullmatch(info.run):
            found.setdefault(told[1], []).append(info.run)
    return {variant: names for variant, names in found.items() if len(names) > 1}


def fans(store: Store, indicator: str, city: str, wanted: Sequence[str], bucket: int) -> list[Fan]:
    """The fan of each variant asked for (of all, if none is named). Raises `InputError` for one that is not there."""
    known = variants_of(store.runs())
    if missing := [name for name in wanted if name not in known]:
        there = ", ".join(known) or "none"
        raise InputError(f"no variant {missing[0][:80]!r} with several replications in the store; there are: {there}")
    chosen = {name: known[name] for name in wanted or known}
    if sum(len(names) for names in chosen.values()) > MOST_RUNS:
        raise InputError(f"expected at most {MOST_RUNS} replications at once; choose fewer variants")
    if not chosen:
        return []
    runs = tuple(name for names in chosen.values() for name in names)
    table = store.read(Selection((indicator,), (city,), runs, bucket=bucket))
    profiles = [profile for profile, _ in store.cities(runs[0]) if profile.id == city]
    zone = ZoneInfo(profiles[0].timezone) if profiles else ZoneInfo("UTC")
    return [_fan(variant, table, names, zone) for variant, names in chosen.items()]


def _fan(variant: str, table: pa.Table, names: Sequence[str], zone: ZoneInfo) -> Fan:
    places: Mapping[str, int] = {name: place for place, name in enumerate(names)}
    rows = np.array([places.get(name, -1) for name in table["run"].to_pylist()], np.int64)
    times = table["time"].cast(pa.timestamp("s")).cast(pa.int64()).to_numpy()
    values = table["value"].to_numpy().astype(np.float64)
    ours = (rows >= 0) & np.isfinite(values)
    starts, columns = np.unique(times[ours], return_inverse=True)
    spread = np.full((len(names), len(starts)), np.nan)
    spread[rows[ours], columns] = values[ours]
    full = np.isfinite(spread).sum(axis=0) >= min(FEWEST, len(names))
    quantiles: NDArray[np.float64] = (
        np.nanquantile(spread[:, full], SHARES, axis=0) if full.any() else np.empty((len(SHARES), 0))
    )
    clock = [_on_clock(time, zone) for time in starts[full].tolist()]
    return Fan(variant, len(set(rows[ours].tolist())), clock, quantiles.tolist())


def _on_clock(time: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(time, zone).utcoffset()
    return time + int(offset.total_seconds()) if offset else time
