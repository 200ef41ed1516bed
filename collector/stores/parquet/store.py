"""The results of an experiment as a store to read from: each replication of a variant is a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.language.errors import InputError, StoreError
from collector.language.indicators import Origin, derived, indicators
from collector.language.messages import Message
from collector.language.profile import CityProfile, StationProfile, Status
from collector.stores.parquet.buckets import combined
from collector.stores.parquet.files import Run, read_plan, read_values, runs_of
from collector.stores.protocol import Batch, Body, Fate, Position, Promise, Rejection, RunInfo, Selection

ORIGIN = Origin.SIMULATED.value
SERIES = ("run", "city", "pillar", "station", "indicator", "origin", "registered", "readings", "first", "last")
RAW = ("run", "city", "indicator", "origin", "time", "value", "station", "quality")
BUCKETED = ("run", "city", "indicator", "origin", "time", "value", "n")
LATEST = ("city", "pillar", "station", "indicator", "time", "value", "quality")
_TYPES = {
    "registered": pa.bool_(),
    "readings": pa.int64(),
    "first": pa.timestamp("s"),
    "last": pa.timestamp("s"),
    "time": pa.timestamp("s"),
    "value": pa.float64(),
    "quality": pa.uint8(),
    "n": pa.int64(),
}


def open_store(url: str, *, read_only: bool = False) -> ParquetStore:
    """The results in the directory of `parquet:///dir` (two slashes before a relative one), to read from.

    Raises
    ------
    InputError
        If there are no results of an experiment in it.
    StoreError
        If it is to be written to.
    """
    if not read_only:
        raise StoreError(f"cannot write to {url}: only `nakhon experiment run` does")
    return ParquetStore(url)


class ParquetStore:
    """The finished runs of an experiment, each named after its variant and replication; `write` refuses.

    What was said is kept by bucket and city, so a city has one station for each pillar, which stands for all of it.
    """

    promise = Promise.TRANSACTIONAL
    bucket: int
    """Seconds of the buckets that values are kept in; shorter ones cannot be read."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._directory = Path(url.partition("://")[2])
        self._plan = read_plan(self._directory)
        self._cities = {one["id"]: one for one in self._plan["cities"]}
        self.bucket = int(self._plan["bucket_seconds"])

    def objection(self, message: Message) -> str | None:  # noqa: ARG002 - as every store
        """Why nothing can be kept here."""
        return "the results of an experiment are not written to"

    def write(self, batch: Batch) -> None:  # noqa: ARG002 - as every store
        """Raise `StoreError`: results are what they are."""
        raise StoreError(f"cannot write to {self.url}: only `nakhon experiment run` does")

    def maintain(self) -> None:
        """Nothing waits here."""

    def known(self, messages: Sequence[Message]) -> list[Body | None]:
        """None of each: messages are not kept."""
        return [None] * len(messages)

    def positions(self, run: str | None = None) -> list[Position]:  # noqa: ARG002 - as every store
        """None: nothing came as messages."""
        return []

    def rejections(self, run: str | None = None, limit: int = 100_000) -> list[Rejection]:  # noqa: ARG002
        """None: nothing came as messages."""
        return []

    def counts(self, run: str) -> dict[Fate, int]:  # noqa: ARG002 - as every store
        """No deliveries of any fate."""
        return dict.fromkeys(Fate, 0)

    def pending(self) -> int:
        """0: nothing is under way."""
        return 0

    def runs(self) -> list[RunInfo]:
        """The finished runs, by variant in the order of the plan and by replication."""
        variants = {one["name"]: one for one in self._plan["variants"]}
        found = []
        for run, told in self._finished():
            variant, series = variants[run.variant], _series(run, told["sha256"])
            first = pc.min(series["first"].cast(pa.int64())).as_py()
            last = pc.max(series["last"].cast(pa.int64())).as_py()
            scenario = str(variant["scenario"]["name"])
            found.append(RunInfo(run.name, ORIGIN, scenario, variant["digest"], first, last, int(told["rows"])))
        return found

    def cities(self, run: str) -> list[tuple[CityProfile, Status]]:
        """The cities of a run, none of which is online."""
        if run not in {one.name for one, _ in self._finished()}:
            return []
        made = [CityProfile(**{key: one[key] for key in _PROFILE if key in one}) for one in self._cities.values()]
        told = [Status(online=False, session=run, profile=city, origin=Origin.SIMULATED) for city in made]
        return sorted(zip(made, told, strict=True), key=lambda pair: pair[0].id)

    def stations(self, run: str) -> list[StationProfile]:
        """One station for each pillar of each city, which stands for all of it."""
        rows = self.series(run).select(["city", "pillar", "station", "indicator"]).to_pylist()
        found: dict[tuple[str, str, str], list[str]] = {}
        for row in rows:
            found.setdefault((row["city"], row["pillar"], row["station"]), []).append(row["indicator"])
        return [self._station(*key, names) for key, names in found.items()]

    def series(self, run: str | None = None) -> pa.Table:
        """One row per series: run, city, pillar, station, indicator, origin, registered, readings, first, last."""
        parts = [_named(_series(one, told["sha256"]), one, SERIES) for one, told in self._finished(run)]
        return _together(parts, SERIES)

    def read(self, selection: Selection) -> pa.Table:
        """Values: run, city, indicator, origin, time, value, n (bucketed), or also station and quality (raw).

        Raises `InputError` for buckets that those of the results cannot be put together to.
        """
        if selection.known_at is not None:
            raise InputError("results of an experiment keep the last revision of a statistic only; leave out known_at")
        columns = RAW if selection.bucket is None else BUCKETED
        parts = []
        for run, _ in self._finished(*selection.runs):
            table = _within(read_values(run, selection.cities, selection.indicators), selection)
            if selection.bucket is not None:
                zones = {city: one["timezone"] for city, one in self._cities.items()}
                table = combined(table, self.bucket, selection, zones)
            parts.append(_named(table, run, columns))
        order = ("run", "indicator", "city", "time")
        return _together(parts, columns).sort_by([(name, "ascending") for name in order])

    def latest(self, run: str) -> pa.Table:
        """The last value of each series: city, pillar, station, indicator, time, value, quality."""
        parts = []
        for one, _ in self._finished(run):
            table = read_values(one)
            keys = [pc.binary_join_element_wise(_text(table["city"]), _text(table["indicator"]), "/")]
            last = np.unique(np.asarray(keys[0].to_numpy(zero_copy_only=False), str)[::-1], return_index=True)[1]
            parts.append(_named(table.take(pa.array(np.sort(table.num_rows - 1 - last))), one, LATEST))
        return _together(parts, LATEST)

    def close(self) -> None:
        """Nothing to let go of: every question opens its files anew."""

    def _finished(self, *names: str | None) -> list[tuple[Run, dict[str, Any]]]:
        wanted = {name for name in names if name is not None}
        found = [run for run in runs_of(self._directory, self._plan) if not wanted or run.name in wanted]
        told = [(run, run.told()) for run in found]
        return [(run, record) for run, record in told if run.is_done(record)]

    def _station(self, city: str, pillar: str, station: str, names: list[str]) -> StationProfile:
        origins = {name: kind for name, kind in self._cities[city]["origins"].items() if name in names}
        cadence, label = self.bucket, f"All stations of {pillar}"
        return StationProfile(station, city, pillar, "all", label, cadence, tuple(names), origins=origins)


_PROFILE = tuple(one.name for one in fields(CityProfile))


@lru_cache(maxsize=4_096)
def _series(run: Run, digest: str) -> pa.Table:  # noqa: ARG001 - a run that was made anew has another
    """City, indicator, readings, first and last of each series of a run."""
    table = read_values(run, columns=("city", "indicator", "time"))
    plain = pa.table([_text(table["city"]), _text(table["indicator"]), table["time"]], ["city", "indicator", "time"])
    found = plain.group_by(["city", "indicator"]).aggregate([("time", "count"), ("time", "min"), ("time", "max")])
    return found.rename_columns(["city", "indicator", "readings", "first", "last"]).sort_by(
        [("city", "ascending"), ("indicator", "ascending")]
    )


def _named(table: pa.Table, run: Run, columns: Sequence[str]) -> pa.Table:
    """The columns asked for; what a run's file does not hold is made."""
    names = _text(table["indicator"])
    pillars = [_pillar(name) for name in names.to_pylist()]
    rows = table.num_rows
    made = {
        "run": lambda: pa.array([run.name] * rows, pa.string()),
        "origin": lambda: pa.array([ORIGIN] * rows, pa.string()),
        "pillar": lambda: pa.array(pillars, pa.string()),
        "station": lambda: pa.array([_station_of(pillar) for pillar in pillars], pa.string()),
        "registered": lambda: pa.array([True] * rows, pa.bool_()),
        "quality": lambda: pa.array(np.zeros(rows, np.uint8)),
        "city": lambda: _text(table["city"]),
        "indicator": lambda: names,
    }
    found = {name: made[name]() if name in made else table[name] for name in columns}
    return pa.table({name: column.cast(_TYPES.get(name, pa.string())) for name, column in found.items()})


def _together(parts: Iterable[pa.Table], columns: Sequence[str]) -> pa.Table:
    schema = pa.schema([(name, _TYPES.get(name, pa.string())) for name in columns])
    return pa.concat_tables([schema.empty_table(), *parts]).combine_chunks()


def _within(table: pa.Table, selection: Selection) -> pa.Table:
    keep = np.ones(table.num_rows, np.bool_)
    times = table["time"].to_numpy().astype("datetime64[s]").astype(np.int64)
    if selection.start is not None:
        keep &= times >= selection.start
    if selection.end is not None:
        keep &= times < selection.end
    if selection.stations:
        of = [_station_of(_pillar(name)) for name in _text(table["indicator"]).to_pylist()]
        keep &= np.isin(of, selection.stations)
    return table.filter(pa.array(keep))


def _pillar(name: str) -> str:
    known = indicators().get(name) or derived().get(name)
    return "unknown" if known is None else known.pillar.value


def _station_of(pillar: str) -> str:
    return f"all-{pillar}"


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())
