"""From a batch of messages to one Arrow table for each table of the lake: every row says which message brought it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from collector.stores.duckdb.rows import Rows, counts_table, flags
from collector.stores.ducklake.names import Names
from collector.stores.protocol import Accepted, Batch, Fate


@dataclass(slots=True)
class MarkedRows:
    """What the accepted messages of a batch come to; `batch` is the number of this writing."""

    batch: int
    rows: Rows = field(default_factory=Rows)
    _marks: list[tuple[int, int, int, bool, float]] = field(default_factory=list)
    _owners: dict[str, list[int]] = field(
        default_factory=lambda: {"series": [], "events": [], "event_values": [], "statistics": []}
    )

    def add(self, accepted: Accepted, names: Names) -> None:
        """Take in one message."""
        message = accepted.message
        stream = names.stream_of(message.address, message.session if message.seq is not None else None)
        self.rows.add(accepted, names)  # type: ignore[arg-type]  # it asks of names what both kinds know
        place = len(self._marks)
        seq = accepted.digest >> 1 if message.seq is None else message.seq
        self._marks.append((stream.id, seq, accepted.digest, stream.numbered, accepted.received))
        for name, owners in self._owners.items():
            owners.extend([place] * (len(getattr(self.rows, name)) - len(owners)))

    def tables(self, names: Names) -> dict[str, pa.Table]:
        """The rows of each table of the lake."""
        rows, series = self.rows, names.limits()[2]
        stations = names.station_digests()
        told = {
            "events": _numbered(rows.events_table(), "station", stations),
            "event_values": _numbered(rows.event_values_table(names), "series", series),  # type: ignore[arg-type]
            "statistics": _numbered(rows.statistics_table(names), "series", series),  # type: ignore[arg-type]
        }
        marked = {name: self._marked(table, np.array(self._owners[name], np.int64)) for name, table in told.items()}
        return {"fresh": self._readings(names), **marked, "receipts": self._receipts()}

    def _readings(self, names: Names) -> pa.Table:
        """A missing value (NaN) has no row."""
        if not self.rows.series:
            return pa.table({})
        lengths = [len(column) for column in self.rows.values]
        values, times = np.concatenate(self.rows.values), np.concatenate(self.rows.times)
        series = np.repeat(np.array(self.rows.series, dtype=np.uint32), lengths)
        owners = np.repeat(np.array(self._owners["series"], dtype=np.int64), lengths)
        present = ~np.isnan(values)
        values, times, series, owners = values[present], times[present], series[present], owners[present]
        quality = flags(series, values, names)  # type: ignore[arg-type]
        digests = names.limits()[2][series]
        return self._marked(pa.table({"series": digests, "time": times, "value": values, "quality": quality}), owners)

    def _receipts(self) -> pa.Table:
        types = [pa.int64(), pa.uint64(), pa.uint64(), pa.bool_(), pa.float64()]
        columns = zip(*self._marks, strict=True) if self._marks else ((),) * len(types)
        arrays = [pa.array(list(column), kind) for column, kind in zip(columns, types, strict=True)]
        table = pa.Table.from_arrays(arrays, names=["stream", "seq", "digest", "numbered", "received"])
        return table.append_column("batch", _same(self.batch, len(table)))

    def _marked(self, table: pa.Table, owners: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Table:
        streams = np.array([mark[0] for mark in self._marks], dtype=np.int64)
        numbers = np.array([mark[1] for mark in self._marks], dtype=np.uint64)
        for name, column in (("stream", streams), ("seq", numbers)):
            table = table.append_column(name, pa.array(column[owners]))
        return table.append_column("batch", _same(self.batch, len(table)))


def counted(batch: Batch, number: int) -> pa.Table:
    """run, fate, deliveries, batch, written: at least one row, so that the number of a batch is always found."""
    table = counts_table(batch.counts or {("", Fate.STORED): 0})
    now = np.datetime64(datetime.now(UTC).replace(tzinfo=None), "s")
    table = table.append_column("batch", _same(number, len(table)))
    return table.append_column("written", pa.array(np.full(len(table), now)))


def _numbered(table: pa.Table, column: str, digests: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Table:
    """The same with digests in the place of the numbers of this process."""
    place = table.schema.get_field_index(column)
    return table.set_column(place, column, pa.array(digests[table[column].to_numpy()]))


def _same(number: int, rows: int) -> pa.Array:
    return pa.array(np.full(rows, number, dtype=np.int64))
