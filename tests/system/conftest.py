"""Fixtures of tests with real parts: a fleet over a broker, a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fleets import Ear, Listen, Publishing, cast

from collector.language.broker import Broker
from simulator.fleet import Cast
from simulator.publisher import Publisher, new_session

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start a Chromium for the tests of a module."""
    missing = None if CHROMIUM.exists() else f"{CHROMIUM} is not installed"
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing = "playwright is not installed"
    if missing:
        required = "chromium" in os.environ.get("NAKHON_REQUIRE", "").split(",")
        (pytest.fail if required else pytest.skip)(missing)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def listen() -> Iterator[Listen]:
    heard: list[Ear] = []

    def start(url: str) -> Ear:
        heard.append(Ear(url, qos=2))
        return heard[-1]

    yield start
    for one in heard:
        one.close()


@pytest.fixture
def publishing() -> Iterator[Publishing]:
    """Start publishers of a small city; what they tell is kept, and they leave at the end."""
    started: list[Publisher] = []

    def start(broker: Broker, stations: int = 3, **more: object) -> tuple[Publisher, Cast, list[str]]:
        session, told = new_session(), []
        made = cast(session, stations)
        one = Publisher(broker, made, session, tell=told.append, **more)  # type: ignore[arg-type]
        one.start()
        started.append(one)
        return one, made, told

    yield start
    for one in started:
        one.finish(1.0)
