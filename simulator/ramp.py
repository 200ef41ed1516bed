"""How the connections of a fleet come to stand: one after the other at a rate, all of them or none."""

from __future__ import annotations

import time
from collections.abc import Sequence

from collector.language.connection import Network
from collector.language.errors import BrokerError
from simulator.line import Line


def stand(lines: Sequence[Line], network: Network, ramp: float | None, timeout: float) -> None:
    """Make every connection, at most `ramp` a second, and return when all stand.

    Raises `BrokerError` with how many stand if the broker refuses one, or does not answer in time (seconds, beyond the
    time that the rate asks for).
    """
    began = time.monotonic()
    for number, line in enumerate(lines):
        if ramp is not None:
            time.sleep(max(0.0, began + number / ramp - time.monotonic()))
            if number and lines[0].connection.refusal is not None:  # a slow start need not go on
                _wait_up(lines, lines[0], 0.1)
        network.add(line.connection)
    deadline = time.monotonic() + timeout + len(lines) / 100
    for line in lines:
        _wait_up(lines, line, max(0.1, deadline - time.monotonic()))


def _wait_up(lines: Sequence[Line], line: Line, timeout: float) -> None:
    try:
        line.connection.wait_up(timeout)
    except BrokerError as error:
        standing = sum(one.up for one in lines)
        if len(lines) == 1:
            raise
        raise BrokerError(f"{standing:,} of {len(lines):,} connections stand; {error}") from None
