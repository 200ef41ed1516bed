"""The collector's accounts for Prometheus: every fate counted on its own, none a remainder.

At rest, received = stored + rejected + duplicate + conflict + pending; `nakhon_messages_unaccounted` is the
difference of the two sides, and must be 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from importlib.metadata import version
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector as Source

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
RUNS = 20
_STORE = {"bytes": "Size of the store on disk", "free_bytes": "Space left on the disk of the store"}


class Refusal(StrEnum):
    """Why a request to the API was refused at the door."""

    HOST = "host"
    SIZE = "size"
    RATE = "rate"
    TOKEN = "token"  # noqa: S105 - a reason, not a secret
    RIGHT = "right"
    ORIGIN = "origin"


class Metrics:
    """Counters of one collector, in a registry of their own; safe to use from several threads."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._count_messages(registry)
        self._measure_commits(registry)
        self._watch(registry)
        self._connections = 0
        self._up = False
        self._lock = Lock()

    def _count_messages(self, registry: CollectorRegistry) -> None:
        self._received = Counter(
            "nakhon_messages_received", "Messages delivered by the broker, again ones too.", registry=registry
        )
        self._fates = {
            fate: Counter(f"nakhon_messages_{fate.value}", text, registry=registry) for fate, text in _FATES.items()
        }
        self._pending = Gauge("nakhon_messages_pending", "Messages received, not yet committed.", registry=registry)
        unaccounted = Gauge(
            "nakhon_messages_unaccounted",
            "Received less stored, rejected, duplicate, conflict and pending; 0 at rest.",
            registry=registry,
        )
        unaccounted.set_function(self.unaccounted)

    def _measure_commits(self, registry: CollectorRegistry) -> None:
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
        self._refusals = Counter(
            "nakhon_store_refusals", "Attempts to write that the store refused; each is tried again.", registry=registry
        )

    def _watch(self, registry: CollectorRegistry) -> None:
        self._connected = Gauge("nakhon_broker_connected", "1 while connected to the broker.", registry=registry)
        self._reconnects = Counter(
            "nakhon_broker_reconnects", "Connections to the broker after the first.", registry=registry
        )
        self._ready = Gauge("nakhon_ready", "1 while messages are being collected, as /ready says.", registry=registry)
        self._spool_messages = Gauge("nakhon_spool_messages", "Messages in the spool on disk.", registry=registry)
        self._spool_bytes = Gauge("nakhon_spool_bytes", "Size of the spool on disk.", registry=registry)
        self._doors = Counter(
            "nakhon_api_refused", "Requests refused before they were answered.", ["reason"], registry=registry
        )
        for reason in Refusal:
            self._doors.labels(reason.value)
        Info("nakhon_build", "What runs here.", registry=registry).info({"version": version("nakhon")})
        ProcessCollector(registry=registry)

    def received(self, n: int = 1) -> None:
        """Messages came from the broker."""
        self._received.inc(n)

    def pending(self, n: int) -> None:
        """So many messages wait for their commit now."""
        self._pending.set(n)

    def follow(self, pending: Callable[[], int]) -> None:
        """Ask a function how many messages wait, whenever somebody looks."""
        self._pending.set_function(pending)

    def follow_ready(self, missing: Callable[[], str | None]) -> None:
        """Ask a function what is missing (None: nothing), whenever somebody looks."""
        self._ready.set_function(lambda: float(missing() is None))

    def follow_spool(self, messages: Callable[[], int], size: Callable[[], int]) -> None:
        """Ask two functions how many messages and bytes the spool holds, whenever somebody looks."""
        self._spool_messages.set_function(messages)
        self._spool_bytes.set_function(size)

    def follow_store(self, figures: Mapping[str, Callable[[], float]]) -> None:
        """Ask functions about the store whenever somebody looks: `bytes` it takes, `free_bytes` beside it."""
        for name, ask in figures.items():
            gauge = Gauge(f"nakhon_store_{name}", f"{_STORE[name]}.", registry=self._registry)
            gauge.set_function(ask)

    def follow_runs(self, newest: Callable[[], Iterable[tuple[str, int]]]) -> None:
        """Ask a function for the newest reading time (seconds since 1970) of each run; at most `RUNS` are shown."""
        self._registry.register(_Watermarks(newest))

    def follow_alerts(self, standing: Callable[[], Mapping[str, int]]) -> None:
        """Ask a function how many alerts of each rule stand, whenever somebody looks; a rules file bounds the rules."""
        self._registry.register(_Standing(standing))

    def refused(self) -> None:
        """The store refused a write."""
        self._refusals.inc()

    def turned_away(self, reason: Refusal) -> None:
        """A request was refused at the door of the API."""
        self._doors.labels(reason.value).inc()

    def unaccounted(self) -> float:
        """Messages received less those of every fate and those pending; 0 at rest, whatever happened."""
        settled = sum(_value(counter) for counter in self._fates.values())
        return _value(self._received) - settled - _value(self._pending)

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


class _Watermarks(Source):
    """The newest reading time of each run, asked for at every look; a run that is forgotten is no longer shown."""

    def __init__(self, newest: Callable[[], Iterable[tuple[str, int]]]) -> None:
        self._newest = newest

    def collect(self) -> Iterator[GaugeMetricFamily]:
        text = "Time of the newest reading of a run, in seconds since 1970."
        family = GaugeMetricFamily("nakhon_newest_reading_timestamp_seconds", text, labels=["run"])
        for run, seconds in list(self._newest())[-RUNS:]:
            family.add_metric([run], seconds)
        yield family


class _Standing(Source):
    """The alerts that stand, by rule, asked for at every look."""

    def __init__(self, standing: Callable[[], Mapping[str, int]]) -> None:
        self._standing = standing

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "nakhon_alerts_standing", "Alerts of a rule that stand, in all runs.", labels=["rule"]
        )
        for rule, count in self._standing().items():
            family.add_metric([rule], count)
        yield family


def _value(metric: Counter | Gauge) -> float:
    return float(next(iter(metric.collect())).samples[0].value)
