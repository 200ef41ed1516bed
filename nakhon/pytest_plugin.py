"""`pytest-nakhon`: a broker, a simulated city and an expectation that waits, as fixtures for anybody's tests.

Nothing of Nakhon is imported before a test asks for a fixture.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from nakhon.testing import Cities, Expect, StartFault


@pytest.fixture
def nakhon_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a broker of the test's own on a free port of this machine: Mosquitto if installed, else the embedded.

    Override this fixture to test against another broker.
    """
    from nakhon.testing import broker

    with broker(tmp_path_factory.mktemp("nakhon-broker")) as url:
        yield url


@pytest.fixture
def nakhon_city(nakhon_broker: str) -> Iterator[Cities]:
    """Starts simulated cities that publish to `nakhon_broker`: `nakhon_city("demo", cities=["chiang-mai"], seed=7)`.

    What is still speaking when the test ends is stopped in order.
    """
    from nakhon.testing import Cities

    cities = Cities(nakhon_broker)
    with contextlib.closing(cities):
        yield cities


@pytest.fixture
def nakhon_fault() -> StartFault:
    """Breaks something in a city that is speaking: `nakhon_fault(city, "stuck", station="aq-01")`.

    What follows the kind of fault are the keys of an entry of `[[faults]]` in a scenario.
    """
    from nakhon.testing import start_fault

    return start_fault


@pytest.fixture
def nakhon_expect(nakhon_broker: str) -> Iterator[Expect]:
    """Waits for messages on `nakhon_broker`: `nakhon_expect("alarm/#", 1, within=2)`; it hears from the start on."""
    from nakhon.testing import Expect

    expect = Expect(nakhon_broker)
    with contextlib.closing(expect):
        yield expect
