"""`nakhon collect`: broker to store, with the page, the API and the metrics on one port."""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from collector.alerts.rules import Rule
from collector.alerts.watch import Watch
from collector.alerts.webhook import Webhook
from collector.intake.ingest import Ingest
from collector.intake.spool import LIMIT, Spool
from collector.intake.subscriber import Subscriber
from collector.language.broker import Broker
from collector.language.connection import reach
from collector.language.errors import InputError
from collector.serving.access import Access, Tokens, check_tokens
from collector.serving.api import application
from collector.serving.live import Live
from collector.serving.metrics import Metrics
from collector.serving.serve import Certificate, Server, serve
from collector.stores import check_url, open_store
from collector.stores.keeping import Policy, keep_to
from collector.stores.protocol import Store
from nakhon import mapping
from nakhon.naming import collector_name
from nakhon.terminal.interrupt import on_interrupt

log = logging.getLogger("nakhon")


@dataclass(frozen=True, slots=True)
class Alerting:
    """Which rules are watched, where their states are kept, and who is told beside the broker."""

    rules: Sequence[Rule]
    states: Path
    webhook: str | None = None
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Duty:
    """What is asked of a collector: where it listens, where it keeps what it hears, where it shows it and to whom."""

    store: str
    client_id: str | None = None
    group: str | None = None
    runs: Sequence[str] = ()
    host: str = "127.0.0.1"
    port: int = 8080
    names: Sequence[str] = ()
    certificate: Certificate | None = None
    tokens: Tokens = field(default_factory=Tokens)
    spool: Path | None = None
    spool_limit: int = LIMIT
    retire: bool = False
    maps: Sequence[str] = ()
    policy: Policy | None = None
    alerting: Alerting | None = None


@dataclass(frozen=True, slots=True)
class Collector:
    """A collector at work."""

    store: Store
    subscriber: Subscriber
    server: Server
    metrics: Metrics
    live: Live
    watch: Watch | None = None


@contextlib.contextmanager
def collecting(duty: Duty, broker: Broker) -> Iterator[Collector]:
    """A collector at work; at the end it stores and acknowledges what has arrived.

    Raises `StoreError` or `BrokerError` if either cannot be had, `InputError` if the port is taken, or if others than
    this machine could read without a token.
    """
    check_url(duty.store)
    check_tokens(duty.tokens, duty.host, duty.names)
    if duty.group is not None and duty.client_id is None:
        raise InputError("every collector of a --group needs a --client-id of its own, the same at every start")
    if duty.group is not None and duty.alerting is not None:
        raise InputError("a collector of a --group hears a share only: watch --alerts with a collector of its own")
    reach(broker)
    store = open_store(duty.store)
    with contextlib.ExitStack() as stack:
        stack.callback(store.close)
        keep_to(store, duty.policy)
        live, metrics = Live(), Metrics()
        live.restore(store)
        decoders = mapping.decoders(duty.maps)
        watch = _watching(duty.alerting, store, stack)
        after = None if watch is None else watch.update
        ingest = Ingest(store, live, metrics, decoders=decoders, shared=duty.group is not None, after=after)
        name = collector_name(duty.client_id, duty.store)
        spool = None if duty.spool is None else stack.enter_context(Spool(duty.spool, duty.spool_limit))
        foreign = [topic for one in decoders for topic in one.topics]
        subscriber = Subscriber(
            broker,
            ingest,
            name,
            runs=duty.runs,
            group=duty.group,
            metrics=metrics,
            spool=spool,
            retire=duty.retire,
            foreign=foreign,
            forgotten=None if watch is None else watch.forgotten,
        )
        if watch is not None:
            watch.connect(subscriber.say)
        _watch(metrics, duty, live, subscriber, spool)
        app = application(store, live, metrics, subscriber.not_ready, duty.names, Access(duty.tokens), watch)
        server = serve(app, duty.host, duty.port, duty.certificate)
        stack.callback(server.stop)
        subscriber.start()
        stack.callback(subscriber.stop)
        yield Collector(store, subscriber, server, metrics, live, watch)


def collect(duty: Duty, broker: Broker) -> None:
    """Collect until interrupted."""
    ended = threading.Event()
    with on_interrupt(ended.set), collecting(duty, broker) as collector:
        log.info("collecting from %s into %s; the page is at %s", broker.url, duty.store, collector.server.url)
        while not ended.wait(1.0):
            collector.subscriber.check()
            if collector.subscriber.retired:
                log.info("the broker keeps nothing more for us: our share goes to the others")
                break
        log.info("ending: what has arrived is stored and acknowledged ...")
    counted = {name: int(collector.metrics.value(f"nakhon_messages_{name}_total")) for name in ("received", "stored")}
    log.info("received %d messages, stored %d", counted["received"], counted["stored"], extra=counted)


def _watching(alerting: Alerting | None, store: Store, stack: contextlib.ExitStack) -> Watch | None:
    """The watch over the rules, brought up to what the store holds; it stops after the subscriber."""
    if alerting is None:
        return None
    webhook = None if alerting.webhook is None else Webhook(alerting.webhook, alerting.token)
    watch = Watch(alerting.rules, alerting.states, webhook)
    watch.start(store)
    stack.callback(watch.stop)
    return watch


def _watch(metrics: Metrics, duty: Duty, live: Live, subscriber: Subscriber, spool: Spool | None) -> None:
    """Let the metrics ask, whenever somebody looks, for what only others know."""
    metrics.follow(lambda: subscriber.waiting)
    metrics.follow_ready(subscriber.not_ready)
    if spool is not None:
        metrics.follow_spool(lambda: spool.pending, lambda: spool.size)
    metrics.follow_runs(lambda: ((run.run, run.time) for run in live.view(None).runs if run.time is not None))
    metrics.follow_store(_figures(duty.store))


def _figures(url: str) -> dict[str, Callable[[], float]]:
    """What can be asked of a store that is a file: its size with its log, and what is left on its disk."""
    kind, _, path = url.partition("://")
    if kind != "duckdb":
        return {}
    file = Path(path)
    files = (file, file.with_name(f"{file.name}.wal"))
    return {
        "bytes": lambda: float(sum(one.stat().st_size for one in files if one.exists())),
        "free_bytes": lambda: float(shutil.disk_usage(file.parent).free),
    }
