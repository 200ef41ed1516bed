"""What the commands do, between the command line and the two programs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from collector.language.broker import Broker
from collector.language.errors import InputError
from nakhon.embedded_broker import embedded_broker
from nakhon.stage import Manner, Play, to_broker, to_store
from nakhon.terminal.console import told
from simulator.scenario import Scenario


def starting(scenario: Scenario, start: str) -> Scenario:
    """The scenario from its own date, or from now (the last full tick)."""
    if start == "scenario":
        return scenario
    if start != "now":
        raise InputError(f"expected --start scenario or now, came {start!r}")
    return scenario.starting(int(time.time()) // scenario.cadence * scenario.cadence)


def perform(play: Play, manner: Manner, broker: str, store: str | None, make: Callable[[], Broker]) -> bool:
    """Say a run to the broker named (or embedded, or none with a store); whether everything was taken."""
    if broker == "none":
        if store is None:
            raise InputError("--broker none needs --store, for example --store duckdb://city.duckdb")
        to_store(play, manner, store, told)
        return True
    if store is not None:
        raise InputError("--store goes with --broker none; with a broker, a collector does the storing")
    if broker != "embedded":
        return to_broker(play, manner, make(), told)
    with embedded_broker() as (own, older):
        told.print(f"broker: {own.url} (MQTT 5), {older.url} (MQTT 3.1.1), on this machine only")
        if play.clock.pace == math.inf:
            told.print("[yellow]the broker ends with the run: subscribe at once, or give --pace realtime")
        return to_broker(play, manner, own, told)
