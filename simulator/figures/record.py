"""What a run has shown of its days so far: the smoke over the city and how soon requests were closed."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np

from simulator import economy, environment, parameters
from simulator.cases import Integers
from simulator.cities import City
from simulator.drivers import local_day, midnights
from simulator.events import CityEvents, Told
from simulator.flows.activity import State
from simulator.streams import Floats
from simulator.telling import REQUEST_CLOSED


class Record:
    """By local day: the mean PM2.5 of the city, and the closed requests, all of them and those within their target."""

    def __init__(self, city: City) -> None:
        self._zone, self._smoke = ZoneInfo(city.timezone), parameters.economy(city).smoke
        target = parameters.governance(city).service_level
        names = [category.name for category in parameters.services(city).requests.work.categories]
        self._targets = np.array([target.hours.get(name, target.otherwise) for name in names])
        self._sums: dict[int, tuple[float, int]] = {}
        self._closed: dict[int, tuple[int, int]] = {}

    def add(self, state: State, events: CityEvents, start: int, until: int) -> None:
        """Take in the block from `start` to before `until` (epoch seconds)."""
        self._add_air(state)
        days = range(local_day(start, self._zone), local_day(until - 1, self._zone) + 1)
        bounds = midnights(days, self._zone)[:-1]
        for told in events.of(REQUEST_CLOSED):
            self._add_closed(told, days, bounds)

    def smoke(self, days: range) -> Floats:
        """Get the share of the PM2.5 of days above the threshold, NaN where the run has not been."""
        means = [total / ticks for total, ticks in (self._sums.get(day, (np.nan, 1)) for day in days)]
        return economy.smoke_share(np.array(means), self._smoke.threshold)

    def closed(self, days: range) -> tuple[Floats, Floats]:
        """Get how many requests were closed on days, and how many of them within their target."""
        counts = np.array([self._closed.get(day, (0, 0)) for day in days], dtype=np.float64).reshape(-1, 2)
        return counts[:, 0], counts[:, 1]

    def _add_closed(self, told: Told, days: range, bounds: Integers) -> None:
        rows = bounds.searchsorted(told.times, side="right") - 1
        within = told.values <= self._targets[told.cases.kind]
        columns = (np.bincount(found, minlength=len(days)).tolist() for found in (rows, rows[within]))
        for day, closed, good in zip(days, *columns, strict=True):
            before = self._closed.get(day, (0, 0))
            self._closed[day] = (before[0] + closed, before[1] + good)

    def _add_air(self, state: State) -> None:
        """Add the PM2.5 of a typical place to the sums of its days, in the order of ticks whatever the block."""
        air, days = state.air, state.local.days
        fine = environment.pm25(air.background + air.haze, np.zeros(1), air.scavenged, air.diluted)
        rows = state.local.spread(np.arange(len(days)))
        total, ticks = self._sums.get(int(days[0]), (0.0, 0))
        sums = np.bincount(np.append(0, rows), np.append(total, fine), len(days))
        counts = np.bincount(rows, minlength=len(days))
        counts[0] += ticks
        self._sums.update(zip(days.tolist(), zip(sums.tolist(), counts.tolist(), strict=True), strict=True))
