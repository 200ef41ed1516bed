"""The session of a publisher, and whether the name of its run is free."""

from __future__ import annotations

import secrets
import threading

from collector.language.broker import Broker
from collector.language.connection import Connection, Network, Session
from collector.language.errors import InputError


def new_session() -> str:
    """A random name for the session of a publisher."""
    return secrets.token_hex(4)


def refuse_a_run_that_exists(broker: Broker, run: str, timeout: float) -> None:
    """Raise `InputError` if a run of that name has been announced at the broker."""
    found = threading.Event()
    settled = threading.Event()
    network = Network("look")

    def ask(_remembered: bool) -> None:
        connection.client.subscribe(f"nakhon/v1/{run}/+/status", qos=1)

    connection = Connection(
        network, broker, Session(f"nakhon-look-{new_session()}"), on_up=ask, on_message=lambda _message: found.set()
    )
    connection.client.on_subscribe = lambda *_args: settled.set()
    network.start().add(connection)
    try:
        connection.wait_up(timeout)
        settled.wait(timeout)
        taken = found.wait(0.2)
    finally:
        network.stop()
    if taken:
        raise InputError(f"the run {run!r} exists at {broker.url}: leave --run out or give another name")
