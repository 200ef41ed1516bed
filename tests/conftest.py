"""Fixtures that any test may ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from parts import Mosquitto


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
