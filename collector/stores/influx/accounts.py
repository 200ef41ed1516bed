"""Reading the second bucket: what was received, counted, born and rejected."""

from __future__ import annotations

from base64 import b64decode
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from collector.intake.positions import REMEMBERED
from collector.language.profile import CityProfile, StationProfile, Status, decode_status
from collector.stores.influx.connection import Influx
from collector.stores.influx.flux import ACCOUNTS_END, PLACE, keep, literal, points, tagged
from collector.stores.influx.lines import joined, tag_value
from collector.stores.protocol import Fate, Position, Rejection, Stream

NAME = pa.dictionary(pa.int32(), pa.string())
NANOSECONDS = pa.timestamp("ns", "UTC")
_STREAM = ("run", "city", "station", "session")

Rows = dict[tuple[str, ...], dict[str, str]]


@dataclass(frozen=True, slots=True)
class Birth:
    """What a place (run, city, and for a station also pillar and station) said of itself last."""

    place: tuple[str, ...]
    status: Status


def counts(influx: Influx, bucket: str, run: str) -> dict[Fate, int]:
    """How many deliveries of a run came to each fate, over all writers."""
    flux = points(bucket, "counts", [tagged("run", [run])]) + keep(["_value", "fate"])
    told = dict.fromkeys(Fate, 0)
    for row in influx.ask(flux, {"_value": pa.int64(), "fate": NAME}).to_pylist():
        told[Fate(row["fate"])] += row["_value"]
    return told


def runs(influx: Influx, bucket: str) -> list[str]:
    """The runs, in the order they were first seen."""
    rows = influx.ask(points(bucket, "runs") + keep(["_value", "run"]), {"_value": pa.int64(), "run": NAME})
    return [tag_value(row["run"]) for row in sorted(rows.to_pylist(), key=lambda row: (row["_value"], row["run"]))]


def births(
    influx: Influx, bucket: str, measurement: str, names: Sequence[str], runs: Sequence[str] = ()
) -> list[Birth]:
    """The newest birth of each place, in the order of their names; `online` is False where its will came."""
    newest: dict[tuple[str, ...], tuple[int, Status]] = {}
    rows = fields_of(influx, points(bucket, measurement, [tagged("run", runs)]), (*names, "session"))
    for (*place, _, _), fields in rows.items():
        if "born" not in fields:
            continue
        born, key = int(fields["born"]), tuple(place)
        if key not in newest or newest[key][0] < born:
            status = decode_status(joined("birth", fields).encode())
            newest[key] = born, replace(status, online=fields["online"] == "true")
    return [Birth(place, status) for place, (_, status) in sorted(newest.items())]


def city_births(
    influx: Influx, bucket: str, runs: Sequence[str] = ()
) -> list[tuple[tuple[str, ...], CityProfile, Status]]:
    """Run and city, profile and newest status of each city that sent a birth."""
    told = births(influx, bucket, "cities", PLACE[:2], runs)
    return [(b.place, b.status.profile, b.status) for b in told if isinstance(b.status.profile, CityProfile)]


def station_births(
    influx: Influx, bucket: str, runs: Sequence[str] = ()
) -> list[tuple[tuple[str, ...], StationProfile, Status]]:
    """Run, city, pillar and station, profile and newest status of each station that sent a birth."""
    told = births(influx, bucket, "stations", PLACE, runs)
    return [(b.place, b.status.profile, b.status) for b in told if isinstance(b.status.profile, StationProfile)]


def rejections(influx: Influx, bucket: str, run: str | None, limit: int) -> list[Rejection]:
    """The newest messages kept outside the readings, oldest first; the same message is told once."""
    chosen = [tagged("run", [] if run is None else [run])]
    start = _start_of_newest(influx, bucket, chosen, limit)
    rows = fields_of(influx, points(bucket, "rejected", chosen, start=start), ("run", "fate", "writer"))
    kept: dict[tuple[str, int, Fate], Rejection] = {}
    for key, fields in sorted(rows.items(), key=lambda row: (int(row[0][-1]), row[0])):
        if "received" in fields:
            one = _rejection(key, fields)
            kept.setdefault((one.topic, one.digest, one.fate), one)
    return list(kept.values())[-limit:] if limit else []


def positions(influx: Influx, bucket: str, run: str | None) -> list[Position]:
    """How far every stream (of a run) is stored, from all receipts, read piece by piece."""
    chosen = [tagged("run", [] if run is None else [run])]
    flux = points(bucket, "receipts", chosen).replace("2200-01-01T00:00:00Z", ACCOUNTS_END)
    flux += keep(["_time", "_value", *_STREAM])
    held: defaultdict[Stream, _Spans] = defaultdict(_Spans)
    columns = {"_time": NANOSECONDS, "_value": pa.int64()} | dict.fromkeys(_STREAM, NAME)
    for batch in influx.stream(flux, columns):
        seqs = batch.column("_time").cast(pa.int64()).to_numpy()
        digests = batch.column("_value").to_numpy()
        for stream, first, last in _streams(batch):
            held[stream].add(seqs[first:last], digests[first:last])
    return [held[stream].position(stream) for stream in sorted(held, key=_names)]


@dataclass(slots=True)
class _Spans:
    """Ranges and newest digests of one stream, gathered from pieces in ascending order."""

    firsts: list[int]
    lasts: list[int]
    seqs: NDArray[np.int64]
    digests: NDArray[np.int64]

    def __init__(self) -> None:
        self.firsts, self.lasts = [], []
        self.seqs = self.digests = np.array([], dtype=np.int64)

    def add(self, seqs: NDArray[np.int64], digests: NDArray[np.int64]) -> None:
        breaks = np.flatnonzero(np.diff(seqs) != 1)
        firsts, lasts = seqs[np.r_[0, breaks + 1]].tolist(), seqs[np.r_[breaks, len(seqs) - 1]].tolist()
        if self.lasts and firsts[0] == self.lasts[-1] + 1:
            self.lasts.pop()
            firsts.pop(0)
        self.firsts += firsts
        self.lasts += lasts
        self.seqs = np.concatenate([self.seqs, seqs[-REMEMBERED:]])[-REMEMBERED:]
        self.digests = np.concatenate([self.digests, digests[-REMEMBERED:]])[-REMEMBERED:]

    def position(self, stream: Stream) -> Position:
        ranges = tuple(zip(self.firsts, self.lasts, strict=True))
        return Position(stream, ranges, dict(zip(self.seqs.tolist(), self.digests.tolist(), strict=True)))


def _streams(batch: pa.RecordBatch) -> Iterator[tuple[Stream, int, int]]:
    """Which rows of a batch, from first to before last, belong to which stream."""
    if not batch.num_rows:
        return
    columns = [batch.column(name) for name in _STREAM]
    codes = np.stack([column.indices.to_numpy() for column in columns])
    starts = np.r_[0, np.flatnonzero((np.diff(codes, axis=1) != 0).any(axis=0)) + 1, batch.num_rows].tolist()
    for first, last in pairwise(starts):
        yield Stream(*(tag_value(column[first].as_py()) for column in columns)), first, last


def _names(stream: Stream) -> tuple[str, str, str, str]:
    return stream.run, stream.city, stream.station, stream.session


def fields_of(influx: Influx, flux: str, tags: Sequence[str]) -> Rows:
    """The fields of each point as texts, by its tags and, last, its time in nanoseconds."""
    names = ("_time", "_field", "_value", *tags)
    kinds = {"_time": NANOSECONDS, "_value": pa.string()}
    columns = {name: kinds.get(name, NAME) for name in names}
    table = influx.ask(f"{flux} |> toString(){keep(names)}", columns)
    rows: Rows = {}
    times = table["_time"].cast(pa.int64()).to_pylist()
    keys = zip(*(table[name].to_pylist() for name in tags), times, strict=True)
    for key, field, value in zip(keys, table["_field"].to_pylist(), table["_value"].to_pylist(), strict=True):
        *texts, time = key
        rows.setdefault((*map(tag_value, texts), str(time)), {})[field] = value
    return rows


def _start_of_newest(influx: Influx, bucket: str, chosen: Sequence[str], limit: int) -> int | None:
    """The start of a day (seconds) from which on there are at least `limit` rejections; None if there are fewer."""
    flux = points(bucket, "rejected", [*chosen, f"r._field == {literal('received')}"])
    flux += ' |> aggregateWindow(every: 1d, fn: count, createEmpty: false, timeSrc: "_start")' + keep(
        ["_time", "_value"]
    )
    days = influx.ask(flux, {"_time": pa.timestamp("s", "UTC"), "_value": pa.int64()}).sort_by("_time")
    reached = np.flatnonzero(np.cumsum(days["_value"].to_numpy()[::-1]) >= limit)
    if not len(reached):
        return None
    return int(days["_time"].cast(pa.int64()).to_numpy()[::-1][reached[0]])


def _rejection(key: tuple[str, ...], fields: dict[str, str]) -> Rejection:
    run, fate = key[:2]
    return Rejection(
        topic=tag_value(fields["topic"]),
        payload=b64decode(joined("payload", fields)),
        size=int(fields["size"]),
        digest=int(fields["digest"]),
        reason=tag_value(fields["reason"]),
        received=float(fields["received"]),
        fate=Fate(fate),
        run=run,
    )
