"""The portals of a city, which are probed every minute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from simulator import governance, parameters
from simulator.cities import City
from simulator.flows.activity import State
from simulator.parameters.governance import Portal
from simulator.streams import Floats, Streams

PROBE = 60
"""Seconds from one probe to the next."""


class CityPortals:
    """Portals that are up or down, a Markov process in its stationary state: the share of probes answered."""

    indicators: ClassVar[tuple[str, ...]] = ("portal_uptime",)
    noise: ClassVar[tuple[str, ...]] = ()
    sites: ClassVar[tuple[str, ...]] = ("state",)

    def __init__(self, city: City, streams: Streams, cadence: int, luck: Mapping[str, Floats]) -> None:
        made = parameters.governance(city).portal
        unavailable = made.down_hours / (made.up_hours + made.down_hours)
        down = (ndtr(luck["state"][:, 0]) < unavailable).tolist()
        self._probes = [
            Probes(outages(streams.generator(f"{city.id}/portal-{number}", "outages"), made, down=begins_down))
            for number, begins_down in enumerate(down, 1)
        ]
        self._cadence, self._ticks = cadence, 0

    def truth(self, state: State, _noise: Mapping[str, Floats]) -> dict[str, Floats]:
        """Get the true share at each portal, of the probes since the last tick (the last probe, if there is none)."""
        ticks = len(state.traffic)
        ends = np.arange(self._ticks + 1, self._ticks + ticks + 1) * self._cadence
        self._ticks += ticks
        after, last = (ends - max(self._cadence, PROBE)) // PROBE, ends // PROBE
        failed = np.array([probes.failed(after, last) for probes in self._probes])
        uptime = governance.portal_uptime(last - after - failed, last - after)
        return {"portal_uptime": state.act_here("portals", state.act("portals", uptime))}


class Probes:
    """The probes of one portal, numbered by minutes, and which of them an outage swallows."""

    def __init__(self, found: Iterator[tuple[float, float]]) -> None:
        self._outages = found
        self._spans: list[tuple[int, int]] = []

    def failed(self, after: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
        """Get how many of the probes (after, last] fail at each tick; times go forward from call to call."""
        while not self._spans or self._spans[-1][0] <= last[-1]:
            begin, end = next(self._outages)
            self._spans.append((int(-(-begin // PROBE)), int(-(-end // PROBE))))
        counts = np.zeros_like(last)
        for first, stop in self._spans:
            ticks = slice(last.searchsorted(first), after.searchsorted(stop - 1))
            counts[ticks] += np.minimum(last[ticks], stop - 1) - np.maximum(after[ticks], first - 1)
        self._spans = [span for span in self._spans if span[1] > after[-1]]
        return counts


def outages(luck: np.random.Generator, made: Portal, *, down: bool) -> Iterator[tuple[float, float]]:
    """Get from when to when a portal is down, one outage after another, in seconds since it is watched.

    Up and down times are exponential: a Markov process, available for MTBF / (MTBF + MTTR) of the time. It begins
    `down` or up.
    """
    now = 0.0
    while True:
        up, gone = luck.standard_exponential(2).tolist()
        begin = now if down else now + 3600.0 * made.up_hours * up
        now, down = begin + 3600.0 * made.down_hours * gone, False
        yield begin, now
