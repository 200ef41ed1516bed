"""The DuckDB store: one file, owned by one process; its promise is transactional."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.language.errors import InputError, StoreError
from collector.language.messages import Message, Readings
from collector.stores.duckdb import backup as duckdb_backup
from collector.stores.duckdb import flags as duckdb_flags
from collector.stores.duckdb import keeping as duckdb_keeping
from collector.stores.duckdb import receipts as duckdb_receipts
from collector.stores.duckdb import retention as duckdb_retention
from collector.stores.duckdb.connection import DuckFile, insert
from collector.stores.duckdb.names import Names
from collector.stores.duckdb.reader import DuckReader
from collector.stores.duckdb.rollup import Rollups, forget_if_rules_changed
from collector.stores.duckdb.rows import Rows, counts_table, rejected_table
from collector.stores.duckdb.tally import count_fresh
from collector.stores.keeping import Copied, Facts, Policy, Removal
from collector.stores.protocol import Batch, Promise

_LONG_LOG = 16 << 20
_FOLD_AT = 200_000
_SEAL_AT = 2_000_000
_LONG_SERIES = 8_192
_RETAIN_EVERY = 3600.0
_RETAIN_FOR = 0.5  # seconds of every few that go into a pass of a policy


class DuckDBStore(DuckReader):
    """A `Store` in one DuckDB file. One thread writes (`write`, `maintain`); any number may read meanwhile."""

    promise = Promise.TRANSACTIONAL

    def __init__(self, url: str, path: Path, *, read_only: bool = False) -> None:
        self.url = url
        self._file = DuckFile(path, read_only=read_only)
        super().__init__(self._file)
        self._read_only = read_only
        self._names: Names | None = None
        self._rollups: Rollups | None = None
        self._unfolded = self._unsealed = 0
        self._in_doubt = False
        self._policy: Policy | None = None
        self._going: duckdb_retention.Pass | None = None
        self._retained = -_RETAIN_EVERY
        if not read_only:
            duckdb_backup.remove_lent(self._file.path)
            self._prepare()

    def write(self, batch: Batch) -> None:
        """Return when the whole batch is durable; raise and keep nothing of it otherwise."""
        try:
            with self._file.writing() as connection:
                self._write(connection, batch)
        except BaseException:
            self._names = self._rollups = None
            self._in_doubt = True
            raise
        self._in_doubt = False
        self._unsealed += sum(_size(accepted.message) for accepted in batch.accepted)
        self._unfolded += len(batch.accepted)
        self._file.checkpoint(_LONG_LOG)

    def maintain(self) -> None:
        """Bring rollups up to date and fold receipts, if there is anything to do; every few seconds is right."""
        self._maintain(final=False)
        if self._policy is not None and time.monotonic() - self._retained >= _RETAIN_EVERY:
            self._retain(self._policy, _RETAIN_FOR)

    def flag(self, run: str, flags: pa.Table) -> None:
        """Put these flags in the place of all that the run had."""
        with self._file.writing() as connection:
            duckdb_flags.replace(connection, "flags", run, flags)

    def facts(self) -> Facts:
        """What the store holds."""
        with self._file.reading() as connection:
            return duckdb_keeping.facts(self._file, connection)

    def planned(self, policy: Policy) -> list[Removal]:
        """What `retain` would take out, without doing it."""
        with self._file.reading() as connection:
            return duckdb_retention.planned(connection, policy, duckdb_keeping.bytes_each(self._file, connection))

    def retain(self, policy: Policy) -> list[Removal]:
        """Let go of what is older than the policy says, in transactions of a bounded size; what was planned."""
        removals = self.planned(policy)
        self._going = None
        self._retain(policy, float("inf"))
        self._maintain(final=False)
        return removals

    def keep_to(self, policy: Policy | None) -> None:
        """From now on `maintain` lets go of what is older than the policy says: every hour, a little at a time."""
        with self._file.writing() as connection:
            connection.execute("UPDATE meta SET policy = ?", [None if policy is None else str(policy)])
        self._policy, self._going = policy, None

    def backup(self, to: Path | None = None) -> Copied:
        """A verified copy of one state, while others write; without a path beside the store, to be taken away."""
        beside = self._file.path.with_name(f".{self._file.path.name}.{uuid4().hex}{duckdb_backup.LENT}")
        copied = duckdb_backup.back_up(self._file, to or beside)
        with self._file.writing() as connection:
            connection.execute("UPDATE meta SET backup = ?", [datetime.now(UTC).replace(tzinfo=None, microsecond=0)])
        return copied

    def delete_run(self, run: str) -> None:
        """Forget a run and all it said; not while a collector listens to it."""
        with self._file.writing() as connection:
            duckdb_keeping.delete_run(connection, run)
        self._names = self._rollups = None
        self._file.checkpoint()

    def close(self) -> None:
        """Finish what is pending (rollups) and let go of the store."""
        if self._file.closed:
            return
        try:
            if not self._read_only:
                self._maintain(final=True)
        finally:
            self._file.close()

    def _prepare(self) -> None:
        try:
            with self._file.writing() as connection:
                forget_if_rules_changed(connection)
            with self._file.reading() as connection:
                self._unfolded = duckdb_receipts.receipts(connection)
                self._unsealed = connection.execute("SELECT count(*) FROM fresh").fetchall()[0][0]
            self._tidy(_FOLD_AT, _SEAL_AT)
        except StoreError:
            self._file.close()
            raise

    def _write(self, connection: DuckDBPyConnection, batch: Batch) -> None:
        names, rollups = self._known_names(connection)
        rows = Rows()
        for accepted in batch.accepted:
            rows.add(accepted, names)
        for address, status in batch.births:
            names.born(address, status)
        readings = rows.readings_table(names)
        statistics, event_values = rows.statistics_table(names), rows.event_values_table(names)
        receipts = rows.receipts_table()
        if self._in_doubt and duckdb_receipts.are_stored(connection, receipts):
            return
        names.flush(connection)
        insert(connection, "fresh", readings)
        insert(connection, "events", rows.events_table())
        insert(connection, "event_values", event_values)
        insert(connection, "statistics", statistics)
        insert(connection, "receipts", receipts)
        insert(connection, "rejected", rejected_table(batch.rejected))
        insert(connection, "counts", counts_table(batch.counts))
        rollups.mark(connection, readings, names)

    def _known_names(self, connection: DuckDBPyConnection) -> tuple[Names, Rollups]:
        if self._names is None or self._rollups is None:
            self._names, self._rollups = Names(connection), Rollups(connection)
        return self._names, self._rollups

    def _maintain(self, *, final: bool) -> None:
        self._tidy(1, 1) if final else self._tidy(_FOLD_AT, _SEAL_AT)
        with self._file.reading() as connection:
            tally = connection.execute("SELECT series, last FROM tally").to_arrow_table()
        try:
            with self._file.writing() as connection:
                names, rollups = self._known_names(connection)
                newest = _newest(tally, names)
                if rollups.is_behind(newest, final=final):
                    rollups.advance(connection, newest, final=final)
        except BaseException:
            self._names = self._rollups = None
            raise

    def _retain(self, policy: Policy, seconds: float) -> None:
        """Go on with a pass of the policy for about so long; a span of raw values is a transaction."""
        end = time.monotonic() + seconds
        self._going = self._going or self._begin(policy)
        while self._going.spans:
            with self._changing() as connection:
                duckdb_retention.thin(connection, self._going)
            self._going = self._going.rest()
            if time.monotonic() >= end:
                break
        if not self._going.spans:
            with self._changing() as connection:
                duckdb_retention.drop(connection, self._going)
            self._going, self._retained = None, time.monotonic()
            self._file.checkpoint()

    def _begin(self, policy: Policy) -> duckdb_retention.Pass:
        with self._file.reading() as connection:
            waiting = duckdb_retention.waiting(connection, policy)
        if waiting:
            self._unsealed = max(self._unsealed, waiting)
            self._tidy(_FOLD_AT, 1)
        with self._file.reading() as connection:
            return duckdb_retention.begin(connection, policy, duckdb_retention.SLICE)

    @contextmanager
    def _changing(self) -> Iterator[DuckDBPyConnection]:
        """A transaction after which frontiers and dirty half hours are read anew."""
        try:
            with self._file.writing() as connection:
                yield connection
        except BaseException:
            self._names = None
            raise
        finally:
            self._rollups = None

    def _tidy(self, fold_at: int, seal_at: int) -> None:
        """Fold receipts into ranges and move fresh readings, sorted, to the sealed ones, where there are enough."""
        if self._unfolded >= fold_at:
            with self._file.writing() as connection:
                duckdb_receipts.fold(connection)
            self._unfolded = 0
            self._file.checkpoint()
        if self._unsealed >= seal_at:
            with self._file.writing() as connection:
                _seal(connection)
            self._unsealed = 0
            self._file.checkpoint()


def open_store(url: str, *, read_only: bool = False) -> DuckDBStore:
    """The store behind `duckdb://PATH`, created where there is none unless `read_only`.

    Raises `InputError` for a URL without a path, `StoreError` and its kin if the file cannot be opened.
    """
    path = url.partition("://")[2]
    if not path or path.endswith("/"):
        raise InputError(f"expected the path of a file after duckdb://, came {url!r}; for example duckdb://city.duckdb")
    return DuckDBStore(url, Path(path), read_only=read_only)


def _seal(connection: DuckDBPyConnection) -> None:
    """Move the fresh readings in the order that packs best: each series on end if long enough, else by indicator."""
    rows, series = connection.execute("SELECT count(*), count(DISTINCT series) FROM fresh").fetchall()[0]
    order = "fresh.series, time" if rows >= _LONG_SERIES * series else "indicator, time, fresh.series"
    count_fresh(connection)
    connection.execute(
        f"INSERT INTO sealed SELECT fresh.* FROM fresh JOIN series ON series.id = fresh.series ORDER BY {order}"  # noqa: S608
    )
    connection.execute("DELETE FROM fresh")


def _size(message: Message) -> int:
    return len(message.body.times) * len(message.body.columns) if isinstance(message.body, Readings) else 0


def _newest(tally: pa.Table, names: Names) -> dict[int, int]:
    """The newest time of each city, in seconds since 1970."""
    times = tally["last"].to_numpy().astype("datetime64[s]").astype(np.int64)
    cities = names.limits()[2][tally["series"].to_numpy()]
    return {int(city): int(times[cities == city].max()) for city in np.unique(cities)}
