"""The stores that are there to be measured, each empty and with servers of its own (those of the tests)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from influx import ORGANIZATION, TOKEN, Influxd, VictoriaMetrics
from postgres import PASSWORD, Postgres, lake_url

Make = Callable[[], str]

__all__ = ["ORGANIZATION", "TOKEN", "Stores", "stores"]


@dataclass(frozen=True, slots=True)
class Stores:
    """What makes the URL of a new store, by its kind; why others are not there; the InfluxDB itself, if it is."""

    make: dict[str, Make]
    absent: dict[str, str]
    influxd: Influxd | None = None


@contextmanager
def stores(folder: Path) -> Iterator[Stores]:
    """The stores that can be had on this machine; their secrets are put into the environment."""
    absent: dict[str, str] = {}
    numbers = iter(range(1_000_000))
    make: dict[str, Make] = {"duckdb": lambda: f"duckdb://{folder}/city-{next(numbers)}.duckdb"}
    influxd = None
    with ExitStack() as stack:
        try:
            server = Postgres()
            stack.callback(server.remove)
            server.start()
            os.environ["NAKHON_POSTGRES_PASSWORD"] = PASSWORD
            make["ducklake"] = lambda: lake_url(_new(folder, next(numbers)), server)
        except pytest.skip.Exception as reason:
            absent["ducklake"] = str(reason)
        try:
            influxd = Influxd(_new(folder, next(numbers)))
            stack.callback(influxd.kill)
            influxd.start()
            os.environ["NAKHON_INFLUX_TOKEN"] = TOKEN
            make["influxdb"] = influxd.url
        except pytest.skip.Exception as reason:
            absent["influxdb"] = str(reason)
        try:
            victoria = VictoriaMetrics(_new(folder, next(numbers)))
            stack.callback(victoria.kill)
            victoria.start()
            make["victoriametrics"] = victoria.url
        except pytest.skip.Exception as reason:
            absent["victoriametrics"] = str(reason)
        yield Stores(make, absent, influxd)


def _new(folder: Path, number: int) -> Path:
    made = folder / f"server-{number}"
    made.mkdir()
    return made
