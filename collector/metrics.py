"""The collector's accounts for Prometheus: every fate counted on its own, none a remainder.

At rest, received = stored + rejected + duplicate + conflict + pending.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from collector.stores.protocol import Fate

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FATES = {
    Fate.STORED: "Messages committed to the store.",
    Fate.REJECTED: "Messages kept as rejected: they do not follow the wire.",
    Fate.DUPLICATE: "Messages delivered again; already stored.",
    Fate.CONFLICT: "Messages kept aside: their number is taken by other bytes.",
}
_MESSAGES = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)
_SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)


class Metrics:
    """Counters of one collector, in a registry of their own; safe to use from several threads."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._received = Counter(
            "nakhon_messages_received", "Messages delivered by the broker, again ones too.", registry=registry
        )
        self._fates = {
            fate: Counter(f"nakhon_messages_{fate.value}", text, registry=registry) for fate, text in _FATES.items()
        }
        self._pending = Gauge("nakhon_messages_pending", "Messages received, not yet committed.", registry=registry)
        self._readings = Counter("nakhon_readings_stored", "Values committed to the store.", registry=registry)
        self._size = Histogram("nakhon_batch_messages", "Messages in a commit.", buckets=_MESSAGES, registry=registry)
        self._commit = Histogram(
            "nakhon_commit_seconds", "Time that a commit took.", buckets=_SECONDS, registry=registry
        )
        self._lag = Histogram(
            "nakhon_lag_seconds",
            "Wall time from the receipt of a commit's oldest message to the end of the commit.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._connected = Gauge("nakhon_broker_connected", "1 while connected to the broker.", registry=registry)
        self._reconnects = Counter(
            "nakhon_broker_reconnects", "Connections to the broker after the first.", registry=registry
        )
        self._connections = 0
        self._up = False
        self._lock = Lock()

    def received(self, n: int = 1) -> None:
        """Messages came from the broker."""
        self._received.inc(n)

    def pending(self, n: int) -> None:
        """So many messages wait for their commit now."""
        self._pending.set(n)

    def follow(self, pending: Callable[[], int]) -> None:
        """Ask a function how many messages wait, whenever somebody looks."""
        self._pending.set_function(pending)

    def committed(
        self, counts: Mapping[tuple[str, Fate], int], readings: int, messages: int, seconds: float, waited: float
    ) -> None:
        """A commit ended.

        Parameters
        ----------
        counts
            Deliveries by run and fate.
        readings, messages
            How many values and messages the commit held.
        seconds, waited
            How long the commit took, and how long ago its oldest message came, by the wall.
        """
        for (_, fate), count in counts.items():
            self._fates[fate].inc(count)
        self._readings.inc(readings)
        self._size.observe(messages)
        self._commit.observe(seconds)
        self._lag.observe(waited)

    def connection(self, up: bool) -> None:
        """The connection to the broker came up or went down; said twice counts once."""
        with self._lock:
            if up and not self._up:
                self._connections += 1
                if self._connections > 1:
                    self._reconnects.inc()
            self._up = up
            self._connected.set(up)

    def value(self, name: str) -> float:
        """One figure by its exported name, such as `nakhon_messages_stored_total`. Raises `KeyError`."""
        found = self._registry.get_sample_value(name)
        if found is None:
            raise KeyError(name)
        return found

    def exposition(self) -> bytes:
        """All figures in the text format of Prometheus (content type `CONTENT_TYPE`)."""
        return generate_latest(self._registry)
