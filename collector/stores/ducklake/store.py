"""The DuckLake store: a catalogue in PostgreSQL, Parquet files on shared storage, many collectors; its promise: append.

It is read as a DuckDB store is: views show the lake under the names of that store's tables.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Sequence

import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.language.errors import StoreError
from collector.language.messages import Message, Readings
from collector.language.profile import CityProfile, StationProfile, Status
from collector.stores.duckdb import flags as duckdb_flags
from collector.stores.duckdb.reader import DuckReader
from collector.stores.duckdb.rows import rejected_table
from collector.stores.ducklake.conflicts import contradictions
from collector.stores.ducklake.connection import Lake, append
from collector.stores.ducklake.names import Names
from collector.stores.ducklake.place import place_of
from collector.stores.ducklake.rows import MarkedRows, counted
from collector.stores.ducklake.seal import seal, tidy, unsealed
from collector.stores.protocol import Batch, Body, Fate, Position, Promise, Rejection, RunInfo, Selection

_SEAL_WRITES = 500
_SEAL_AT_END = 50
_SEAL_MESSAGES = 100_000
_SEAL_READINGS = 2_000_000
_SEAL_SECONDS = 600.0

log = logging.getLogger("nakhon.store")


class DuckLakeStore:
    """A `Store` in a DuckLake. One thread of each collector writes (`write`, `maintain`); any number may read."""

    promise = Promise.APPEND

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self.url = url
        self._lake = Lake(place_of(url), read_only=read_only)
        self._shown = DuckReader(self._lake)
        self._names = Names()
        self._written = _Written()
        if not read_only:
            self._count_unsealed()
        self._doubtful: tuple[Batch, int] | None = None

    def objection(self, message: Message) -> str | None:  # noqa: ARG002 - as every store
        """None: whatever follows the wire can be kept."""
        return None

    def write(self, batch: Batch) -> None:
        """Return when the whole batch is durable; raise otherwise, and write it once if it is tried again."""
        number = self._number(batch)
        rows = MarkedRows(number)
        try:
            with self._lake.writing() as connection:
                if self._doubtful is None or not _is_kept(connection, number):
                    self._append(connection, batch, rows)
        except BaseException:
            self._names = Names()
            self._doubtful = (batch, number)
            raise
        self._doubtful = None
        self._written.add(batch)

    def maintain(self) -> None:
        """Seal what all collectors have appended, if it is enough and no other collector is at it.

        What fails is logged and tried again: until then readers take what is not sealed as it is.
        """
        if self._written.is_much():
            self._try_to_seal(at_least=_SEAL_WRITES)

    def rejections(self, run: str | None = None, limit: int = 100_000) -> list[Rejection]:
        """The newest messages kept outside the readings, oldest first; payloads as kept.

        A message that contradicts one which another collector stored before is among them.
        """
        kept = self._shown.rejections(run, limit)
        with self._lake.reading() as connection:
            kept += contradictions(connection, run, limit)
        once = {(one.run, one.topic, one.digest): one for one in reversed(kept)}
        return list(reversed(once.values()))[-limit:]

    def held(self, selection: Selection) -> pa.Table:
        """City, indicator and time of the buckets that `read` would give, each once: by city, indicator and time."""
        return self._shown.held(selection)

    def known(self, messages: Sequence[Message]) -> list[Body | None]:
        """What is stored under the keys of each message, by whichever collector, None where nothing is."""
        return self._shown.known(messages)

    def positions(self, run: str | None = None) -> list[Position]:
        """How far every stream (of a run) is stored, by all collectors together."""
        return self._shown.positions(run)

    def counts(self, run: str) -> dict[Fate, int]:
        """How many deliveries of a run came to each fate; what was stored again counts as duplicate or conflict."""
        return self._shown.counts(run)

    def pending(self) -> int:
        """How many messages have arrived and are not stored yet: none that the lake knows of."""
        return 0

    def runs(self) -> list[RunInfo]:
        """The runs in the store, oldest first."""
        return self._shown.runs()

    def cities(self, run: str) -> list[tuple[CityProfile, Status]]:
        """The cities of a run with their newest status; a city that sent no birth has no entry."""
        return self._shown.cities(run)

    def stations(self, run: str) -> list[StationProfile]:
        """The stations of a run that sent a birth."""
        return self._shown.stations(run)

    def series(self, run: str | None = None) -> pa.Table:
        """One row per series: run, city, pillar, station, indicator, origin, registered, readings, first, last."""
        return self._shown.series(run)

    def read(self, selection: Selection) -> pa.Table:
        """Values: run, city, indicator, origin, time, value, n (bucketed), or also station and quality (raw)."""
        return self._shown.read(selection)

    def flags(self, run: str | None = None) -> pa.Table:
        """The flags (of a run) as `collector.stores.flagging.FLAGS`."""
        return self._shown.flags(run)

    def flag(self, run: str, flags: pa.Table) -> None:
        """Put these flags in the place of all that the run had, while no other collector writes."""
        with self._lake.writing(alone=True) as connection:
            duckdb_flags.replace(connection, "lake.flags", run, flags)

    def latest(self, run: str) -> pa.Table:
        """The last value of each series: city, pillar, station, indicator, time, value, quality."""
        return self._shown.latest(run)

    def close(self) -> None:
        """Seal what was appended, if it is worth it, and let go of the store."""
        if self._lake.closed:
            return
        try:
            if self._written.writes >= _SEAL_AT_END:
                self._try_to_seal(at_least=_SEAL_AT_END)
        finally:
            self._lake.close()

    def _number(self, batch: Batch) -> int:
        """The number of this writing; a batch that is tried again keeps it."""
        if self._doubtful is not None and self._doubtful[0] is batch:
            return self._doubtful[1]
        self._doubtful = None
        return secrets.randbits(63)

    def _append(self, connection: DuckDBPyConnection, batch: Batch, rows: MarkedRows) -> None:
        names = self._names
        for accepted in batch.accepted:
            rows.add(accepted, names)
        for address, status in batch.births:
            names.born(address, status)
        tables = rows.tables(names)
        names.flush(connection)
        for table, told in tables.items():
            append(connection, table, told)
        append(connection, "rejected", rejected_table(batch.rejected))
        append(connection, "counts", counted(batch, rows.batch))

    def _try_to_seal(self, *, at_least: int) -> None:
        try:
            self._seal(at_least=at_least)
        except StoreError as error:
            log.warning("the store is not sealed: %s; it is tried again", error)

    def _seal(self, *, at_least: int) -> None:
        with self._lake.turn() as ours:
            if not ours:
                return
            old = self._written.is_old()
            messages = self._count_unsealed()
            if self._written.writes >= at_least or messages >= _SEAL_MESSAGES or old:
                seal(self._lake)
                tidy(self._lake)
                self._written = _Written()

    def _count_unsealed(self) -> int:
        """Take note of how many writings of all collectors are not sealed; how many messages these brought."""
        with self._lake.reading() as connection:
            writes, messages = unsealed(connection)
        self._written = _Written(writes)
        return messages


class _Written:
    """What this collector has written since it knows of a sealing."""

    def __init__(self, writes: int = 0) -> None:
        self.writes = writes
        self._messages = self._readings = 0
        self._since = time.monotonic()

    def add(self, batch: Batch) -> None:
        self.writes += 1
        self._messages += len(batch.accepted)
        self._readings += sum(_size(accepted.message.body) for accepted in batch.accepted)

    def is_much(self) -> bool:
        enough = self.writes >= _SEAL_WRITES or self._messages >= _SEAL_MESSAGES or self._readings >= _SEAL_READINGS
        return enough or self.is_old()

    def is_old(self) -> bool:
        return self.writes > 0 and time.monotonic() - self._since >= _SEAL_SECONDS


def open_store(url: str, *, read_only: bool = False) -> DuckLakeStore:
    """The store behind `ducklake:postgres://USER@HOST:PORT/DATABASE?data=/DIRECTORY`, made unless `read_only`.

    The password of PostgreSQL is the secret NAKHON_POSTGRES_PASSWORD.
    Raises `InputError` for another URL, `StoreError` and its kin if the store cannot be opened.
    """
    return DuckLakeStore(url, read_only=read_only)


def _is_kept(connection: DuckDBPyConnection, number: int) -> bool:
    """Whether a batch was kept after all."""
    return bool(connection.execute("SELECT count(*) FROM lake.counts WHERE batch = ?", [number]).fetchall()[0][0])


def _size(body: object) -> int:
    return len(body.times) * len(body.columns) if isinstance(body, Readings) else 0
