"""From a batch of messages to one Arrow table for each table of the store."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from collector.intake.positions import short
from collector.language.indicators import IndicatorKind, Rollup, indicators
from collector.language.messages import Event, Readings, Statistic, Times, Values
from collector.quality.kinds import OUT_OF_BOUNDS
from collector.stores.duckdb.names import Names, StationNames
from collector.stores.protocol import Accepted, Fate, Rejection

_STAMP = pa.timestamp("s")


@dataclass(slots=True)
class Rows:
    """What the accepted messages of a batch come to, column by column."""

    series: list[int] = field(default_factory=list)
    times: list[Times] = field(default_factory=list)
    values: list[Values] = field(default_factory=list)
    events: list[tuple[int, int, str, str, str]] = field(default_factory=list)
    event_values: list[tuple[int, int, float]] = field(default_factory=list)
    statistics: list[tuple[int, str, int, int, float]] = field(default_factory=list)
    receipts: list[tuple[int, int, int]] = field(default_factory=list)

    def add(self, accepted: Accepted, names: Names) -> None:
        """Take in one message."""
        message = accepted.message
        station = names.station(message.address)
        if message.session is not None and message.seq is not None:
            stream = names.stream(message.address, message.session)
            self.receipts.append((stream, message.seq, short(accepted.digest)))
        body = message.body
        if isinstance(body, Readings):
            self._add_readings(body, station, names)
        elif isinstance(body, Event):
            self._add_event(body, station, names)
        else:
            self._add_statistic(body, station, names)

    def _add_readings(self, body: Readings, station: StationNames, names: Names) -> None:
        known = station.series
        for indicator, column in body.columns.items():
            self.series.append(known.get(indicator) or names.series(station, indicator))
            self.times.append(body.times)
            self.values.append(column)

    def _add_event(self, body: Event, station: StationNames, names: Names) -> None:
        text = json.dumps(body.fields, separators=(",", ":"), ensure_ascii=False)
        time = _epoch(body.time)
        self.events.append((station.id, time, body.id, body.type, text))
        for indicator, value in event_values(body).items():
            self.event_values.append((names.series(station, indicator), time, value))

    def _add_statistic(self, body: Statistic, station: StationNames, names: Names) -> None:
        series = names.series(station, body.indicator)
        self.statistics.append((series, body.period, _epoch(body.published), body.revision, body.value))

    def readings_table(self, names: Names) -> pa.Table:
        """series, time, value, quality; a missing value (NaN) has no row."""
        if not self.series:
            return pa.table({"series": pa.array([], pa.uint32())})
        lengths = [len(column) for column in self.values]
        values = np.concatenate(self.values)
        times = np.concatenate(self.times)
        series = np.repeat(np.array(self.series, dtype=np.uint32), lengths)
        present = ~np.isnan(values)
        if not present.all():
            values, times, series = values[present], times[present], series[present]
        quality = flags(series, values, names)
        return pa.table({"series": series, "time": times, "value": values, "quality": quality})

    def events_table(self) -> pa.Table:
        """station, time, id, type, fields."""
        types = [pa.uint32(), _STAMP, pa.string(), pa.string(), pa.string()]
        return _table(self.events, ["station", "time", "id", "type", "fields"], types)

    def event_values_table(self, names: Names) -> pa.Table:
        """series, time, value, quality."""
        rows = _table(self.event_values, ["series", "time", "value"], [pa.uint32(), _STAMP, pa.float64()])
        return _with_quality(rows, names)

    def statistics_table(self, names: Names) -> pa.Table:
        """series, period, published, revision, value, quality."""
        types = [pa.uint32(), pa.string(), _STAMP, pa.uint64(), pa.float64()]
        rows = _table(self.statistics, ["series", "period", "published", "revision", "value"], types)
        return _with_quality(rows, names)

    def receipts_table(self) -> pa.Table:
        """stream, seq, digest."""
        return _table(self.receipts, ["stream", "seq", "digest"], [pa.uint32(), pa.uint64(), pa.uint32()])


def event_values(event: Event) -> dict[str, float]:
    """The readings in an event, by indicator.

    A numeric field named as an indicator of the catalogue is one; where an indicator of kind event is summed and
    its type of event has no such field, each event counts 1.
    """
    counted = dict.fromkeys(_counted(event.type), 1.0)
    known = indicators()
    told = {
        name: float(value)
        for name, value in event.fields.items()
        if name in known and isinstance(value, int | float) and not isinstance(value, bool)
    }
    return counted | told


def flags(series: NDArray[np.uint32], values: Values, names: Names) -> NDArray[np.uint8]:
    """Quality of values (n,): `OUT_OF_BOUNDS` where the catalogue's bounds are exceeded, else 0."""
    lowest, highest, _ = names.limits()
    outside = (values < lowest[series]) | (values > highest[series])
    return outside.astype(np.uint8) * np.uint8(OUT_OF_BOUNDS)


def rejected_table(rejected: Sequence[Rejection]) -> pa.Table:
    """run, topic, payload, size, digest, reason, received, fate."""
    rows = [
        (r.run, _text(r.topic), r.payload, r.size, r.digest, _text(r.reason), r.received, r.fate.value)
        for r in rejected
    ]
    names = ["run", "topic", "payload", "size", "digest", "reason", "received", "fate"]
    types = [pa.string(), pa.string(), pa.binary(), pa.uint64(), pa.uint64(), pa.string(), pa.float64(), pa.string()]
    return _table(rows, names, types)


def counts_table(counts: Mapping[tuple[str, Fate], int]) -> pa.Table:
    """run, fate, deliveries."""
    rows = [(run, fate.value, deliveries) for (run, fate), deliveries in counts.items()]
    return _table(rows, ["run", "fate", "deliveries"], [pa.string(), pa.string(), pa.uint64()])


def _with_quality(rows: pa.Table, names: Names) -> pa.Table:
    quality = flags(rows["series"].to_numpy(), rows["value"].to_numpy(), names)
    return rows.append_column("quality", pa.array(quality, pa.uint8()))


@cache
def _counted(event_type: str) -> tuple[str, ...]:
    entries = indicators().values()
    return tuple(
        entry.id
        for entry in entries
        if entry.kind is IndicatorKind.EVENT and entry.rollup is Rollup.SUM and entry.event == event_type
    )


def _table(rows: Sequence[tuple[object, ...]], names: list[str], types: list[pa.DataType]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    arrays = [pa.array(list(column), kind) for column, kind in zip(columns, types, strict=True)]
    return pa.Table.from_arrays(arrays, names=names)


def _text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _epoch(time: np.datetime64) -> int:
    return int(time.astype("datetime64[s]").astype(np.int64))
