"""Fixtures that any test may ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from parts import Mosquitto

if TYPE_CHECKING:
    from influx import Influxd

settings.register_profile("nakhon", deadline=None)  # a busy machine is no failure
settings.load_profile("nakhon")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """Start Mosquittos with the settings given; unbounded persistent queues by default."""
    started: list[Mosquitto] = []

    def start(settings: str = "max_queued_messages 0\nmax_inflight_messages 0", *, anonymous: bool = True) -> Mosquitto:
        folder = tmp_path / f"mosquitto-{len(started)}"
        folder.mkdir()
        started.append(Mosquitto(folder, settings, anonymous=anonymous))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture(scope="session")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    """One InfluxDB for the session: every store has a bucket of its own in it."""
    from influx import Influxd

    server = Influxd(tmp_path_factory.mktemp("influxd"))
    server.start()
    yield server
    server.kill()
