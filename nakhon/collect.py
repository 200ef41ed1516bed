"""`nakhon collect`: broker to store, with the page, the API and the metrics on one port."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console

from collector.api import application
from collector.ingest import Ingest
from collector.language.broker import Broker
from collector.language.connection import reach
from collector.live import Live
from collector.metrics import Metrics
from collector.serve import Server, serve
from collector.stores import check_url, open_store
from collector.stores.protocol import Store
from collector.subscriber import Subscriber
from nakhon.interrupt import on_interrupt
from nakhon.naming import collector_name


@dataclass(frozen=True, slots=True)
class Duty:
    """What is asked of a collector: where it listens, where it keeps what it hears, where it shows it."""

    store: str
    client_id: str | None = None
    group: str | None = None
    runs: Sequence[str] = ()
    host: str = "127.0.0.1"
    port: int = 8080


@dataclass(frozen=True, slots=True)
class Collector:
    """A collector at work."""

    store: Store
    subscriber: Subscriber
    server: Server
    metrics: Metrics
    live: Live


@contextlib.contextmanager
def collecting(duty: Duty, broker: Broker) -> Iterator[Collector]:
    """A collector at work; at the end it stores and acknowledges what has arrived.

    Raises `StoreError` or `BrokerError` if either cannot be had, `InputError` if the port is taken.
    """
    check_url(duty.store)
    reach(broker)
    store = open_store(duty.store)
    with contextlib.ExitStack() as stack:
        stack.callback(store.close)
        live, metrics = Live(), Metrics()
        live.restore(store)
        ingest = Ingest(store, live, metrics)
        name = collector_name(duty.client_id, duty.store)
        subscriber = Subscriber(broker, ingest, name, runs=duty.runs, group=duty.group, metrics=metrics)
        metrics.follow(lambda: subscriber.waiting)
        server = serve(application(store, live, metrics, subscriber.not_ready), duty.host, duty.port)
        stack.callback(server.stop)
        subscriber.start()
        stack.callback(subscriber.stop)
        yield Collector(store, subscriber, server, metrics, live)


def collect(duty: Duty, broker: Broker, console: Console) -> None:
    """Collect until interrupted."""
    ended = threading.Event()
    with on_interrupt(ended.set), collecting(duty, broker) as collector:
        console.print(f"collecting from {broker.url} into {duty.store}; the page is at {collector.server.url}")
        while not ended.wait(1.0):
            pass
        console.print("ending: what has arrived is stored and acknowledged ...")
    counted = {name: collector.metrics.value(f"nakhon_messages_{name}_total") for name in ("received", "stored")}
    console.print(f"received {counted['received']:,.0f} messages, stored {counted['stored']:,.0f}")
