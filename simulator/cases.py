"""What waits: cases (requests, applications, calls, failures) at the stations of a city, as columns.

How many come, when and of which kind is drawn here, against the rain; who works on them is in `crews.py`, what is told
of them in `events.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator import environment, governance
from simulator.drivers import DAY, Storm, midnights, storm_table
from simulator.interventions import CONSTANT, Influence
from simulator.parameters.services import Service
from simulator.streams import DailyNormals, Floats, QuantileNoise, Streams

Integers = NDArray[np.int64]
LAYER = 100_000
"""What the numbers of a further layer of cases begin at."""


@dataclass(frozen=True, slots=True)
class Cases:
    """Cases at one station in the order of time, as columns, each (cases,).

    Local `day` (since 1970-01-01) and `number`, which name a case; when it was `opened` (epoch seconds), its `kind`
    (of the categories of work), the `work` it needs (s), whoever does it, and its own `luck` (a standard normal).
    """

    day: Integers
    number: Integers
    opened: Integers
    kind: Integers
    work: Integers
    luck: Floats

    def __len__(self) -> int:
        return len(self.opened)

    def since(self, start: int) -> Cases:
        """Get the cases opened at a time or later."""
        return self.rows(np.arange(np.searchsorted(self.opened, start), len(self)))

    def rows(self, which: Integers) -> Cases:
        """Get some of the cases."""
        return Cases(*(column[which] for column in self.columns()))  # type: ignore[arg-type]

    def then(self, *later: Cases) -> Cases:
        """Get these cases and later ones."""
        parts = (self.columns(), *(cases.columns() for cases in later))
        return Cases(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def columns(self) -> tuple[Integers | Floats, ...]:
        """Get the six columns."""
        return self.day, self.number, self.opened, self.kind, self.work, self.luck


_NONE: Integers = np.empty(0, dtype=np.int64)
NO_CASES = Cases(_NONE, _NONE, _NONE, _NONE, _NONE, np.empty(0))


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of the cases of a station since it was last asked, each case with its times (epoch seconds)."""

    opened: Cases
    begun: Cases
    begun_at: Integers
    closed: Cases
    closed_begun_at: Integers
    closed_at: Integers


class CaseRecord:
    """All cases drawn for a station so far, by their number at the station, and how many of them have been told."""

    def __init__(self) -> None:
        self._cases, self._told = NO_CASES, 0

    def add(self, cases: Cases) -> None:
        """Record the next cases."""
        self._cases = self._cases.then(cases)

    def take(self, opened: int, begun: Integers, closed: Integers) -> Progress:
        """Get what became of the cases since the last call.

        `opened` is how many have come so far; `begun` and `closed` are rows of number, begin and end, (cases, 3).
        """
        told, self._told = self._told, opened
        rows = self._cases.rows
        return Progress(
            rows(np.arange(told, opened)),
            rows(begun[:, 0]),
            begun[:, 1],
            rows(closed[:, 0]),
            closed[:, 1],
            closed[:, 2],
        )


def layers_of(
    streams: Streams, station: str, first: int, service: Service, rate: Influence, work: Influence
) -> tuple[CaseDays, ...]:
    """Get the layers of cases at a station that the largest factor on its rate asks for, at least one."""
    return tuple(
        CaseDays(streams, station, first, service, rate, work, layer) for layer in range(max(1, ceil(rate.most)))
    )


def together(layers: Sequence[CaseDays], days: range, zone: ZoneInfo, storms: Iterable[Storm]) -> Cases:
    """Get the cases of all layers on the next local days in the order of time."""
    first, *more = (layer.draw(days, zone, storms) for layer in layers)
    if not more:
        return first
    found = first.then(*more)
    return found.rows(found.opened.argsort(kind="stable"))


class CaseDays:
    """The cases of one station, by local day, thinned from a fixed majorant (Lewis and Shedler 1979).

    The majorant follows the hour and the weekday, with the most that the luck of a day and rain can make of them.
    Candidates are drawn without looking at the scenario; which of them become cases depends on the rate. So a case
    has the same time, category and work wherever it occurs.

    `rate` and `work` are what interventions do to the demand and to the work of cases. A factor above 1 brings cases
    of a further `layer`, drawn from streams of their own: layer k has those of the part of the factor from k to k + 1.
    """

    def __init__(
        self,
        streams: Streams,
        station: str,
        first: int,
        service: Service,
        rate: Influence = CONSTANT,
        work: Influence = CONSTANT,
        layer: int = 0,
    ) -> None:
        made = self._demand = service.demand
        self._more, self._harder, self._layer = rate, work, layer
        most = governance.service_requests(made.per_day, np.ones(1), np.array(made.most_mixing), 1.0, made.rain_effect)
        self._most = float(most[0])
        self._expected = 24.0 * self._most * np.mean(made.hourly) * np.array(made.weekday)
        self._clock = np.append(0.0, np.cumsum(made.hourly)) / np.sum(made.hourly)
        self._mixing = DailyNormals(streams.generator(station, "mixing"), first)
        station = f"{station}/more-{layer}" if layer else station
        self._count = streams.generator(station, "candidates")
        self._uniform = streams.generator(station, "cases")
        self._normal = QuantileNoise(streams, [station], "work", 2)
        categories = service.work.categories
        self._shares = np.cumsum([category.share for category in categories])[:-1]
        self._median = np.array([category.median_hours for category in categories])
        self._sigma = np.array([category.sigma for category in categories])

    def draw(self, days: range, zone: ZoneInfo, storms: Iterable[Storm]) -> Cases:
        """Get the cases of the next local days in the order of time; days are drawn in order, each once."""
        bounds = midnights(days, zone)
        lengths, weekday = np.diff(bounds), (np.arange(days.start, days.stop) + 3) % 7
        counts = self._count.poisson(self._expected[weekday] * lengths / DAY)
        day = np.repeat(np.arange(len(days)), counts)
        moment, accepted, category = self._uniform.random((len(day), 3)).T
        mixing = governance.mixing(self._mixing.of(days), self._demand.dispersion, self._demand.most_mixing)
        needed = accepted * self._most
        possible = np.flatnonzero(needed < self._rate(mixing, 1.0)[day])
        hour = np.interp(moment[possible], self._clock, np.arange(25.0))
        opened = bounds[day[possible]] + (hour * (lengths / 24.0)[day[possible]]).astype(np.int64)
        order = opened.argsort(kind="stable")
        kept, opened = possible[order], opened[order]
        rate = self._rate(mixing[day[kept]], self._wetness(opened, storms))
        wet = needed[kept] < (rate * self._part(opened) if self._more else rate)
        kept, opened = kept[wet], opened[wet]
        work, luck = self._normal.render(len(day), kept)[:, 0]
        kinds = self._shares.searchsorted(category[kept], side="right")
        hours = self._harder.act(governance.work_hours(self._median[kinds], self._sigma[kinds], work), opened)
        number = kept - (np.cumsum(counts) - counts)[day[kept]] + LAYER * self._layer
        seconds = np.maximum(np.rint(3600.0 * hours), 60.0).astype(np.int64)
        return Cases(day[kept] + days.start, number, opened, kinds, seconds, luck)

    def _part(self, times: Integers) -> Floats:
        """Get the part of the factor on the rate at times that falls to this layer, 0 to 1."""
        return np.clip(self._more.at(times) - self._layer, 0.0, 1.0)

    def _rate(self, mixing: Floats, wetness: Floats | float) -> Floats:
        """Get the rate of cases (1/h) in an hour of factor 1."""
        made = self._demand
        return governance.service_requests(made.per_day, np.ones(1), mixing, wetness, made.rain_effect)

    def _wetness(self, times: Integers, storms: Iterable[Storm]) -> Floats | float:
        """Get the rain of the last hours relative to what has the full effect."""
        made = self._demand
        if not made.rain_effect:
            return 0.0
        depth = environment.rain(times, int(3600 * made.rain_hours), storm_table(storms)) * made.rain_hours
        return np.minimum(depth / made.rain_full, 1.0)
