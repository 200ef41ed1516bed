"""`nakhon show`: the page and the API of what a store holds, without a broker."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from collector.serving.access import Access, Tokens, check_tokens
from collector.serving.api import application
from collector.serving.live import Live
from collector.serving.metrics import Metrics
from collector.serving.serve import Server, serve
from collector.stores import open_store
from nakhon.terminal.interrupt import on_interrupt

log = logging.getLogger("nakhon")


@contextmanager
def showing(url: str, host: str, port: int, names: Sequence[str], tokens: Tokens) -> Iterator[Server]:
    """A server of the page over a store that nobody else has open; it changes nothing in the store.

    Raises `StoreError` if the store cannot be had, `InputError` if the port is taken, or if others than this machine
    could read without a token.
    """
    check_tokens(tokens, host, names)
    store = open_store(url, read_only=True)
    try:
        live = Live()
        live.restore(store)
        with serve(application(store, live, Metrics(), None, names, Access(tokens)), host, port) as server:
            yield server
    finally:
        store.close()


def show(url: str, host: str, port: int, names: Sequence[str], tokens: Tokens) -> None:
    """Show a store until interrupted."""
    ended = threading.Event()
    with on_interrupt(ended.set), showing(url, host, port, names, tokens) as server:
        log.info("showing %s at %s; Ctrl-C ends it", url, server.url)
        while not ended.wait(1.0):
            pass
