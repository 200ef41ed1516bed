"""What should have arrived, in columns: the readings (or the messages) of a ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from collector.language.errors import InputError, LedgerError
from collector.language.ledger import Entry, Ledger
from collector.language.topics import Kind

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_HEAD = ("session", "seq", "time")


@dataclass(frozen=True, slots=True)
class Expected:
    """One row for each reading, (n,) each, in the order in which they were said.

    `stations` are the names (`city/pillar/station`) and `station` the index of each row's; likewise `indicators`.
    `time` is in milliseconds since 1970, `value` in the catalogue's unit, `seq` the number of the message, `at` when it
    was said (seconds by the wall, NaN where unknown). `left_out` counts events and statistics, which have no row.
    """

    stations: Sequence[str]
    indicators: Sequence[str]
    station: Integers
    indicator: Integers
    time: Integers
    value: Floats
    seq: Integers
    at: Floats
    left_out: int = 0

    @property
    def count(self) -> int:
        """How many readings."""
        return len(self.time)

    def within(self, scope: Scope) -> Expected:
        """Only what a consumer is meant to keep. Raises `InputError` if that is nothing."""
        stations = np.array([scope.has_station(name) for name in self.stations], dtype=np.bool_)
        indicators = np.array([scope.has_indicator(name) for name in self.indicators], dtype=np.bool_)
        rows = stations[self.station] & indicators[self.indicator]
        if not rows.any():
            raise InputError(
                f"nothing of the ledger is in the scope of the sink: it has {', '.join(self.indicators[:20])} of "
                f"{', '.join(self.stations[:3])} and others"
            )
        there = np.unique(self.station[rows])
        return replace(
            self,
            stations=tuple(self.stations[at] for at in there.tolist()),
            station=np.searchsorted(there, self.station[rows]),
            **{name: getattr(self, name)[rows] for name in ("indicator", "time", "value", "seq", "at")},
        )


@dataclass(frozen=True, slots=True)
class Scope:
    """What a consumer is meant to keep: patterns of stations (`city/pillar/station`), indicators; empty is all."""

    stations: tuple[str, ...] = ()
    indicators: tuple[str, ...] = ()

    def has_station(self, name: str) -> bool:
        """Whether a station is meant."""
        return not self.stations or any(fnmatchcase(name, pattern) for pattern in self.stations)

    def has_indicator(self, name: str) -> bool:
        """Whether an indicator is meant."""
        return not self.indicators or name in self.indicators


def expected_readings(ledger: Ledger) -> Expected:
    """The readings of a ledger.

    Raises `LedgerError` if it was written without what the messages say, or says nothing that can be compared.
    """
    entries = [entry for entry in ledger.entries if entry.address.kind is Kind.READINGS]
    if not entries:
        raise LedgerError(f"the ledger of the run {ledger.header.run!r} holds no readings: there is nothing to compare")
    rows = _Rows()
    for entry in entries:
        if entry.said is None:
            raise LedgerError(
                "this ledger does not hold what the messages said (an older Nakhon wrote it), so a consumer without "
                "numbers cannot be compared with it; publish again with a new --ledger"
            )
        rows.add(entry)
    return rows.table(len(ledger.entries) - len(entries))


class _Rows:
    """Gathers the readings of messages; what repeats is kept once and counted."""

    def __init__(self) -> None:
        self.stations: dict[str, int] = {}
        self.indicators: dict[str, int] = {}
        self._columns: list[tuple[int, int, int, float, int]] = []  # station, indicator, seq, at, how many
        self._times: list[str] = []
        self._spans: list[int] = []
        self._values: list[float | None] = []

    def add(self, entry: Entry) -> None:
        try:
            told: dict[str, Any] = json.loads(entry.said or "")
            times = told["time"]
        except (ValueError, KeyError, TypeError):
            raise LedgerError(f"{place_of(entry)} seq {entry.seq}: the ledger's words are no reading") from None
        pack = isinstance(times, list)
        count = len(times) if pack else 1
        names = [name for name in told if name not in _HEAD]
        station = self.stations.setdefault(place_of(entry), len(self.stations))
        at = float("nan") if entry.at is None else entry.at
        if pack:
            self._times += times
        else:
            self._times.append(times)
        self._spans += (count, len(names))
        for name in names:
            indicator = self.indicators.setdefault(name, len(self.indicators))
            self._columns.append((station, indicator, entry.seq, at, count))
            if pack:
                self._values += told[name]
            else:
                self._values.append(told[name])

    def table(self, left_out: int) -> Expected:
        columns = np.array(self._columns, dtype=np.float64)  # whole numbers below 2^53 stay exact
        counts = columns[:, 4].astype(np.int64)
        spread = np.repeat(columns, counts, axis=0)
        try:
            values = np.array(self._values, dtype=np.float64)
            time = self._times_of_rows()
        except (ValueError, TypeError, pa.ArrowInvalid) as error:
            raise LedgerError(f"the ledger's words are no readings: {error}") from None
        there = ~np.isnan(values)
        station, indicator, seq = (spread[there, index].astype(np.int64) for index in range(3))
        return Expected(
            tuple(self.stations), tuple(self.indicators), station, indicator, time[there], values[there], seq,
            spread[there, 3], left_out,
        )  # fmt: skip

    def _times_of_rows(self) -> Integers:
        """Milliseconds of every row: the times of a message, once for each of its indicators."""
        texts = pa.array(self._times, pa.string()).dictionary_encode()
        distinct = texts.dictionary.cast(pa.timestamp("ms", "UTC")).cast(pa.int64()).to_numpy()
        times = distinct[texts.indices.to_numpy()]
        spans = np.array(self._spans, dtype=np.int64).reshape(-1, 2)
        starts = np.cumsum(spans[:, 0]) - spans[:, 0]
        first = np.repeat(starts, spans[:, 1])
        counts = np.repeat(spans[:, 0], spans[:, 1])
        ends = np.cumsum(counts)
        within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
        rows: Integers = times[np.repeat(first, counts) + within]
        return rows


def place_of(entry: Entry) -> str:
    """The station of an entry, as `city/pillar/station`."""
    return f"{entry.address.city}/{entry.address.pillar}/{entry.address.station}"
