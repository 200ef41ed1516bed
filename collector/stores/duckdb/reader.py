"""What a DuckDB store tells, over anything that lends a connection to its tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.language.messages import Message
from collector.language.profile import CityProfile, StationProfile, Status
from collector.stores.duckdb import flags as duckdb_flags
from collector.stores.duckdb import lists as duckdb_lists
from collector.stores.duckdb import read as duckdb_read
from collector.stores.duckdb import receipts as duckdb_receipts
from collector.stores.duckdb.known import known
from collector.stores.duckdb.thinned import is_thinned
from collector.stores.protocol import Body, Fate, Position, Rejection, RunInfo, Selection

LISTS = 200  # remembered at most
Listed = TypeVar("Listed")


class Lender(Protocol):
    """Whoever lends a connection that sees one state of the tables."""

    @property
    def version(self) -> int | None:
        """Another after every change of the tables; None where others may change them."""

    def reading(self) -> AbstractContextManager[DuckDBPyConnection]:
        """A connection to read with, from any thread."""


class DuckReader:
    """The reading half of a `Store` over the tables, or over views that look like them."""

    def __init__(self, lender: Lender) -> None:
        self._lender = lender
        self._lists: tuple[int, dict[tuple[str, str | None], Any]] = (-1, {})

    def objection(self, message: Message) -> str | None:  # noqa: ARG002 - as every store
        """None: whatever follows the wire can be kept."""
        return None

    def known(self, messages: Sequence[Message]) -> list[Body | None]:
        """What is stored under the keys of each message, None where nothing is.

        Of `Readings` the body has the same times and columns, NaN where nothing is stored.
        """
        with self._lender.reading() as connection:
            return known(connection, messages, thinned=is_thinned(connection))

    def positions(self, run: str | None = None) -> list[Position]:
        """How far every stream (of a run) is stored."""
        with self._lender.reading() as connection:
            return duckdb_receipts.positions(connection, run)

    def rejections(self, run: str | None = None, limit: int = 100_000) -> list[Rejection]:
        """The newest messages kept outside the readings, oldest first; payloads as kept."""
        with self._lender.reading() as connection:
            rows = connection.execute(
                """SELECT topic, payload, size, digest, reason, received, run, fate FROM rejected
                   WHERE ?::VARCHAR IS NULL OR run = ? ORDER BY rowid DESC LIMIT ?""",
                [run, run, limit],
            ).fetchall()
        return [
            Rejection(t, p, size, d, why, at, Fate(fate), run) for t, p, size, d, why, at, run, fate in reversed(rows)
        ]

    def counts(self, run: str) -> dict[Fate, int]:
        """How many deliveries of a run came to each fate, ever."""
        with self._lender.reading() as connection:
            query = "SELECT fate, sum(deliveries)::BIGINT FROM counts WHERE run = ? GROUP BY fate"
            told = dict(connection.execute(query, [run]).fetchall())
        return {fate: told.get(fate.value, 0) for fate in Fate}

    def pending(self) -> int:
        """How many messages have arrived and are not stored yet: none that this file knows of."""
        return 0

    def runs(self) -> list[RunInfo]:
        """The runs in the store, oldest first."""
        return list(self._listed("runs", None, lambda connection, _: duckdb_lists.runs(connection)))

    def cities(self, run: str) -> list[tuple[CityProfile, Status]]:
        """The cities of a run with their newest status; a city that sent no birth has no entry."""
        return list(self._listed("cities", run, duckdb_lists.cities))

    def stations(self, run: str) -> list[StationProfile]:
        """The stations of a run that sent a birth."""
        return list(self._listed("stations", run, duckdb_lists.stations))

    def series(self, run: str | None = None) -> pa.Table:
        """One row per series: run, city, pillar, station, indicator, origin, registered, readings, first, last."""
        return self._listed("series", run, duckdb_lists.series)

    def read(self, selection: Selection) -> pa.Table:
        """Values: run, city, indicator, origin, time, value, n (bucketed), or also station and quality (raw)."""
        with self._lender.reading() as connection:
            needed = selection.start is None and selection.bucket is not None
            start = duckdb_lists.first(connection) if needed else 0
            return duckdb_read.read(connection, selection, start, thinned=is_thinned(connection), marked=True)

    def held(self, selection: Selection) -> pa.Table:
        """City, indicator and time of the buckets that `read` would give, each once: by city, indicator and time."""
        with self._lender.reading() as connection:
            start = duckdb_lists.first(connection) if selection.start is None else 0
            return duckdb_read.held(connection, selection, start, thinned=is_thinned(connection))

    def flags(self, run: str | None = None) -> pa.Table:
        """The flags (of a run) as `collector.stores.flagging.FLAGS`."""
        with self._lender.reading() as connection:
            return duckdb_flags.flags(connection, run)

    def latest(self, run: str) -> pa.Table:
        """The last value of each series: city, pillar, station, indicator, time, value, quality."""
        with self._lender.reading() as connection:
            return duckdb_lists.latest(connection, run)

    def _listed(self, what: str, run: str | None, work: Callable[[DuckDBPyConnection, Any], Listed]) -> Listed:
        """A list, made once for each version of the tables."""
        version = self._lender.version
        if version is not None and self._lists[0] != version:
            self._lists = (version, {})
        told = {} if version is None else self._lists[1]
        if (what, run) in told:
            held: Listed = told[what, run]
            return held
        with self._lender.reading() as connection:
            listed = work(connection, run)
        if len(told) < LISTS:
            told[what, run] = listed
        return listed
