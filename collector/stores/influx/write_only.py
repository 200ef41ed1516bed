# ruff: noqa: ARG002 - as every store
"""The writing half of the InfluxDB store, for a server that takes line protocol and speaks no Flux (VictoriaMetrics).

It keeps numbers only, knows nothing of what it has, and claims no exactly-once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NoReturn

import pyarrow as pa

from collector.language.errors import StoreError
from collector.language.messages import Message
from collector.language.profile import CityProfile, StationProfile, Status
from collector.stores.influx.connection import Influx
from collector.stores.influx.lines import value_lines
from collector.stores.influx.url import Target
from collector.stores.protocol import Batch, Body, Fate, Position, Promise, Rejection, RunInfo, Selection

log = logging.getLogger("nakhon.collector")


class LineStore:
    """A `Store` to write to: what reads raises `StoreError`."""

    promise = Promise.IDEMPOTENT

    def __init__(self, url: str, target: Target) -> None:
        self.url = url
        self._target = target
        self._influx = Influx(target)
        log.warning(
            "%s is opened for writing only: numbers of readings, events and statistics go there; rejected messages, "
            "births and positions are not kept, so after a restart what is redelivered is written again",
            target.server,
        )

    def objection(self, message: Message) -> str | None:
        """None: whatever follows the wire can be kept."""
        return None

    def write(self, batch: Batch) -> None:
        """Return when the server has taken the values of the batch."""
        self._influx.write(self._target.bucket, value_lines(batch.accepted), "s")

    def maintain(self) -> None:
        """Nothing waits here."""

    def known(self, messages: Sequence[Message]) -> list[Body | None]:
        """Nothing is known of any message."""
        return [None] * len(messages)

    def positions(self, run: str | None = None) -> list[Position]:
        """None: they start anew with every collector."""
        return []

    def rejections(self, run: str | None = None, limit: int = 100_000) -> list[Rejection]:
        """None: they are not kept."""
        return []

    def pending(self) -> int:
        """None that the server knows of."""
        return 0

    def runs(self) -> list[RunInfo]:
        """None are known, so that a run can be written."""
        return []

    def counts(self, run: str) -> dict[Fate, int]:
        """Raise `StoreError`."""
        self._refuse()

    def cities(self, run: str) -> list[tuple[CityProfile, Status]]:
        """Raise `StoreError`."""
        self._refuse()

    def stations(self, run: str) -> list[StationProfile]:
        """Raise `StoreError`."""
        self._refuse()

    def series(self, run: str | None = None) -> pa.Table:
        """Raise `StoreError`."""
        self._refuse()

    def read(self, selection: Selection) -> pa.Table:
        """Raise `StoreError`."""
        self._refuse()

    def latest(self, run: str) -> pa.Table:
        """Raise `StoreError`."""
        self._refuse()

    def close(self) -> None:
        """Let go of the connections."""
        self._influx.close()

    def _refuse(self) -> NoReturn:
        raise StoreError(
            f"{self._target.server} speaks no Flux: it can be written to, not read from. Ask it in its own language, "
            "or collect into another store"
        )
