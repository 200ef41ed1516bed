"""The InfluxDB 2.x store: what is written again overwrites itself; its promise is idempotent.

`docs/influxdb.md` shows what is where.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pyarrow as pa

from collector.language.errors import StoreError
from collector.language.messages import Message
from collector.language.profile import CityProfile, StationProfile, Status
from collector.language.time import format_epoch
from collector.stores.duckdb.memory import Memory
from collector.stores.influx import accounts as influx_accounts
from collector.stores.influx import lines as influx_lines
from collector.stores.influx.connection import Influx
from collector.stores.influx.known import known
from collector.stores.influx.read import Reader
from collector.stores.influx.url import VICTORIAMETRICS, Target, parse
from collector.stores.influx.write_only import LineStore
from collector.stores.protocol import Batch, Body, Fate, Position, Promise, Rejection, RunInfo, Selection

_MARGIN = 3600  # seconds before a value is too old, for a write that has to be tried again


class InfluxStore:
    """A `Store` in two buckets: values, and accounts. One thread writes; any number may read meanwhile."""

    promise = Promise.IDEMPOTENT

    def __init__(self, url: str, target: Target, *, read_only: bool) -> None:
        self.url = url
        self._target = target
        self._read_only = read_only
        self._influx = Influx(target)
        self._kept = self._influx.ready(create=target.create and not read_only)
        self._reader = Reader(self._influx, target, Memory())
        self._tally = _Tally()
        self._runs = set(influx_accounts.runs(self._influx, target.accounts))

    def objection(self, message: Message) -> str | None:
        """Why the bucket would refuse a message: its oldest value is older than the bucket keeps values."""
        if not self._kept:
            return None
        oldest, now = influx_lines.oldest(message.body), int(time.time())
        if oldest > now - self._kept + _MARGIN:
            return None
        return f"{format_epoch(oldest)} is older than bucket {self._target.bucket} keeps values ({self._kept} s)"

    def write(self, batch: Batch) -> None:
        """Return when the server has the whole batch in its log on the disk.

        Where it raises, some of the batch may be kept: written again, it overwrites itself.
        """
        if self._read_only:
            raise StoreError(f"{self.url} was opened for reading only")
        runs = _runs_of(batch) - self._runs
        totals = self._tally.with_batch(batch)
        writer, now = self._tally.writer, time.time_ns()
        self._influx.write(self._target.bucket, influx_lines.value_lines(batch.accepted), "s")
        accounts = [
            *influx_lines.run_lines(sorted(runs), now),
            *influx_lines.birth_lines(batch.births, now),
            *influx_lines.rejected_lines(batch.rejected, writer),
            *influx_lines.receipt_lines(batch.accepted),
            *influx_lines.count_lines(totals, writer),
        ]
        self._influx.write(self._target.accounts, accounts, "ns")
        self._tally.stored(batch, totals)
        self._runs |= runs

    def maintain(self) -> None:
        """Nothing waits here: the server compacts by itself."""

    def known(self, messages: Sequence[Message]) -> list[Body | None]:
        """What is stored under the keys of each message, as `Store.known`."""
        return known(self._influx, self._target.bucket, messages)

    def positions(self, run: str | None = None) -> list[Position]:
        """How far every stream (of a run) is stored."""
        return influx_accounts.positions(self._influx, self._target.accounts, run)

    def rejections(self, run: str | None = None, limit: int = 100_000) -> list[Rejection]:
        """The newest messages kept outside the readings, oldest first; payloads as kept."""
        return influx_accounts.rejections(self._influx, self._target.accounts, run, limit)

    def counts(self, run: str) -> dict[Fate, int]:
        """How many deliveries of a run came to each fate; of several collectors, an estimate."""
        return influx_accounts.counts(self._influx, self._target.accounts, run)

    def pending(self) -> int:
        """How many messages have arrived and are not stored yet: none that the server knows of."""
        return 0

    def runs(self) -> list[RunInfo]:
        """The runs in the store, in the order they were first seen."""
        cities = influx_accounts.city_births(self._influx, self._target.accounts)
        stations = influx_accounts.station_births(self._influx, self._target.accounts)
        told = [(place[0], status) for place, _, status in (*stations, *cities)]
        scenarios = {run: status for run, status in told if status.scenario is not None}
        series = self._reader.series(None).to_pylist()
        runs = influx_accounts.runs(self._influx, self._target.accounts)
        return [_run_info(run, [row for row in series if row["run"] == run], scenarios.get(run)) for run in runs]

    def cities(self, run: str) -> list[tuple[CityProfile, Status]]:
        """The cities of a run with their newest status; a city that sent no birth has no entry."""
        told = influx_accounts.city_births(self._influx, self._target.accounts, (run,))
        return [(profile, status) for _, profile, status in told]

    def stations(self, run: str) -> list[StationProfile]:
        """The stations of a run that sent a birth."""
        told = influx_accounts.station_births(self._influx, self._target.accounts, (run,))
        return [profile for _, profile, _ in told]

    def series(self, run: str | None = None) -> pa.Table:
        """One row per series, as `Store.series`."""
        return self._reader.series(run)

    def read(self, selection: Selection) -> pa.Table:
        """Values, as `Store.read`."""
        return self._reader.read(selection)

    def latest(self, run: str) -> pa.Table:
        """The last value of each series, as `Store.latest`."""
        return self._reader.latest(run)

    def close(self) -> None:
        """Let go of the connections: nothing is pending."""
        self._influx.close()
        self._reader.memory.close()


class _Tally:
    """What this writer has counted since it started; a batch written again counts once."""

    def __init__(self) -> None:
        self.writer = uuid4().hex[:12]
        self._totals: dict[tuple[str, Fate], int] = {}
        self._last: Batch | None = None

    def with_batch(self, batch: Batch) -> dict[tuple[str, Fate], int]:
        """The totals that the batch changes, with it."""
        again = batch is self._last
        return {key: self._totals.get(key, 0) + (0 if again else count) for key, count in batch.counts.items()}

    def stored(self, batch: Batch, totals: dict[tuple[str, Fate], int]) -> None:
        """From now on the batch is counted."""
        self._totals |= totals
        self._last = batch


def open_store(url: str, *, read_only: bool = False) -> InfluxStore | LineStore:
    """The store behind `influxdb://HOST:8086/ORGANIZATION/BUCKET`, or `influxdbs://` with TLS.

    With `?create=true` buckets that are missing are made, unless `read_only`; `?retention=90d` is how long values are
    kept, `?ca=FILE` what certificates to trust. `?dialect=victoriametrics` writes to a server that speaks no Flux.

    Raises
    ------
    InputError
        For a URL that names no bucket, or holds a token.
    StoreError
        If the server, the token or a bucket is missing or refused; the message says what to do.
    """
    target = parse(url)
    if target.dialect == VICTORIAMETRICS:
        return LineStore(url, target)
    return InfluxStore(url, target, read_only=read_only)


def _runs_of(batch: Batch) -> set[str]:
    return {one.message.address.run for one in batch.accepted} | {address.run for address, _ in batch.births}


def _run_info(run: str, series: Sequence[dict[str, Any]], born: Status | None) -> RunInfo:
    origins = {str(row["origin"]) for row in series} - {"unknown"}
    origin = "unknown" if not origins else origins.pop() if len(origins) == 1 else "mixed"
    spans = [row for row in series if row["readings"]] or list(series)
    first = min((_epoch(row["first"]) for row in spans), default=None)
    last = max((_epoch(row["last"]) for row in spans), default=None)
    readings = sum(row["readings"] for row in series)
    scenario, digest = (born.scenario, born.digest) if born else (None, None)
    return RunInfo(run, origin, scenario, digest, first, last, readings)


def _epoch(time: datetime) -> int:
    return int(time.replace(tzinfo=UTC).timestamp())
