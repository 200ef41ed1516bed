"""The DuckDB store: one file, owned by one process; its promise is transactional."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.language.errors import InputError, StoreError
from collector.language.messages import Message, Readings
from collector.language.profile import CityProfile, StationProfile, Status, decode_status
from collector.stores import duckdb_read, duckdb_receipts
from collector.stores.duckdb_connection import DuckFile, insert
from collector.stores.duckdb_known import known
from collector.stores.duckdb_names import Names
from collector.stores.duckdb_read import BESIDE
from collector.stores.duckdb_rollup import Rollups, forget_if_rules_changed
from collector.stores.duckdb_rows import Rows, counts_table, rejected_table
from collector.stores.duckdb_tally import Tally
from collector.stores.protocol import Batch, Body, Fate, Position, Promise, Rejection, RunInfo, Selection

_LONG_LOG = 16 << 20
_FOLD_AT = 200_000
_SEAL_AT = 2_000_000
_LONG_SERIES = 8_192

_SERIES = """
SELECT run, city, pillar, station, indicator, origin, registered, coalesce(counted.readings, 0)::BIGINT AS readings,
       counted.first, counted.last
FROM series_named LEFT JOIN counted USING (series)
WHERE ?::VARCHAR IS NULL OR run = ? ORDER BY run, city, pillar, station, indicator
"""
_COUNTED = f"""
SELECT series, sum(readings)::BIGINT AS readings, min(first) AS first, max(last) AS last FROM (
    SELECT series, readings, first, last FROM tally
    UNION ALL SELECT series, 0, min(time), max(time) FROM {BESIDE} GROUP BY series
) GROUP BY series
"""  # noqa: S608
_LATEST = f"""
SELECT city, pillar, station, indicator, time, value, quality FROM (
    SELECT series, last AS time, value, quality FROM tally
    UNION ALL SELECT series, max(time), arg_max(value, time), arg_max(quality, time) FROM {BESIDE} GROUP BY series
) JOIN chosen USING (series)
QUALIFY row_number() OVER (PARTITION BY series ORDER BY time DESC) = 1
ORDER BY city, pillar, station, indicator
"""  # noqa: S608
_RUNS = """
SELECT run.name, CASE count(DISTINCT nullif(origin, 'unknown')) WHEN 0 THEN 'unknown' WHEN 1 THEN
           min(nullif(origin, 'unknown')) ELSE 'mixed' END, any_value(run.scenario), any_value(run.digest),
       epoch(coalesce(min(first) FILTER (readings > 0), min(first)))::BIGINT,
       epoch(coalesce(max(last) FILTER (readings > 0), max(last)))::BIGINT, coalesce(sum(readings), 0)::BIGINT
FROM run LEFT JOIN (SELECT * FROM series_named LEFT JOIN counted USING (series)) AS told ON told.run = run.name
GROUP BY run.id, run.name ORDER BY run.id
"""


class DuckDBStore:
    """A `Store` in one DuckDB file. One thread writes (`write`, `maintain`); any number may read meanwhile."""

    promise = Promise.TRANSACTIONAL

    def __init__(self, url: str, path: Path, *, read_only: bool = False) -> None:
        self.url = url
        self._file = DuckFile(path, read_only=read_only)
        self._read_only = read_only
        self._tally = Tally()
        self._names: Names | None = None
        self._rollups: Rollups | None = None
        self._unfolded = self._unsealed = 0
        self._in_doubt = False
        if not read_only:
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

    def known(self, messages: Sequence[Message]) -> list[Body | None]:
        """What is stored under the keys of each message, None where nothing is.

        Of `Readings` the body has the same times and columns, NaN where nothing is stored.
        """
        with self._file.reading() as connection:
            return known(connection, messages)

    def positions(self, run: str | None = None) -> list[Position]:
        """How far every stream (of a run) is stored."""
        with self._file.reading() as connection:
            return duckdb_receipts.positions(connection, run)

    def rejections(self, run: str | None = None, limit: int = 100_000) -> list[Rejection]:
        """The newest messages kept outside the readings, oldest first; payloads as kept."""
        with self._file.reading() as connection:
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
        with self._file.reading() as connection:
            query = "SELECT fate, sum(deliveries)::BIGINT FROM counts WHERE run = ? GROUP BY fate"
            told = dict(connection.execute(query, [run]).fetchall())
        return {fate: told.get(fate.value, 0) for fate in Fate}

    def pending(self) -> int:
        """How many messages have arrived and are not stored yet: none that this file knows of."""
        return 0

    def runs(self) -> list[RunInfo]:
        """The runs in the store, oldest first."""
        with self._file.reading() as connection:
            self._count(connection, None)
            return [RunInfo(*row) for row in connection.execute(_RUNS).fetchall()]

    def cities(self, run: str) -> list[tuple[CityProfile, Status]]:
        """The cities of a run with their newest status; a city that sent no birth has no entry."""
        with self._file.reading() as connection:
            rows = connection.execute(
                """SELECT birth, online FROM city JOIN run ON run.id = city.run
                   WHERE run.name = ? AND birth IS NOT NULL ORDER BY city.name""",
                [run],
            ).fetchall()
        told = [(decode_status(birth.encode()), online) for birth, online in rows]
        return [(s.profile, replace(s, online=online)) for s, online in told if isinstance(s.profile, CityProfile)]

    def stations(self, run: str) -> list[StationProfile]:
        """The stations of a run that sent a birth."""
        with self._file.reading() as connection:
            rows = connection.execute(
                """SELECT station.birth FROM station JOIN city ON city.id = station.city JOIN run ON run.id = city.run
                   WHERE run.name = ? AND station.birth IS NOT NULL ORDER BY city.name, pillar, station.name""",
                [run],
            ).fetchall()
        profiles = [decode_status(birth.encode()).profile for (birth,) in rows]
        return [profile for profile in profiles if isinstance(profile, StationProfile)]

    def series(self, run: str | None = None) -> pa.Table:
        """One row per series: run, city, pillar, station, indicator, origin, registered, readings, first, last."""
        with self._file.reading() as connection:
            self._count(connection, run)
            return connection.execute(_SERIES, [run, run]).to_arrow_table()

    def read(self, selection: Selection) -> pa.Table:
        """Values: run, city, indicator, origin, time, value, n (bucketed), or also station and quality (raw)."""
        with self._file.reading() as connection:
            first = self._tally.rows(connection)["first"].to_numpy() if selection.start is None else np.array([])
            start = int(first.min().astype("datetime64[s]").astype(np.int64)) if len(first) else 0
            return duckdb_read.read(connection, selection, start)

    def latest(self, run: str) -> pa.Table:
        """The last value of each series: city, pillar, station, indicator, time, value, quality."""
        with self._file.reading() as connection:
            connection.register("tally", self._tally.rows(connection))
            duckdb_read.choose(connection, run)
            return connection.execute(_LATEST).to_arrow_table()

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
            tally = self._tally.rows(connection)
        try:
            with self._file.writing() as connection:
                names, rollups = self._known_names(connection)
                newest = _newest(tally, names)
                if rollups.is_behind(newest, final=final):
                    rollups.advance(connection, newest, final=final)
        except BaseException:
            self._names = self._rollups = None
            raise

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

    def _count(self, connection: DuckDBPyConnection, run: str | None) -> None:
        connection.register("tally", self._tally.rows(connection))
        duckdb_read.choose(connection, run)
        connection.register("counted", connection.execute(_COUNTED).to_arrow_table())


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
