"""Requests of citizens: how they are drawn, some weeks at once, and the events they become."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from collector.language.messages import Event, Field
from collector.language.profile import StationProfile
from simulator import environment, governance, parameters
from simulator.drivers import Storm, date_of, midnight, storm_table
from simulator.streams import DailyNormals, Floats, Streams

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests at one desk in the order of time, as columns, each (requests,).

    Local `day` (since 1970-01-01) and `number`, which name a request; when it was `opened` (epoch seconds), its `kind`
    (of the categories of work) and the `work` it needs (s), whoever does it.
    """

    day: Integers
    number: Integers
    opened: Integers
    kind: Integers
    work: Integers

    def __len__(self) -> int:
        return len(self.opened)

    def since(self, start: int) -> Requests:
        """Get the requests opened at a time or later."""
        return self.rows(np.arange(np.searchsorted(self.opened, start), len(self)))

    def rows(self, which: Integers) -> Requests:
        """Get some of the requests."""
        return Requests(*(column[which] for column in self.columns()))

    def then(self, *later: Requests) -> Requests:
        """Get these requests and later ones."""
        parts = (self.columns(), *(requests.columns() for requests in later))
        return Requests(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def columns(self) -> tuple[Integers, ...]:
        """Get the five columns."""
        return self.day, self.number, self.opened, self.kind, self.work


NO_REQUESTS = Requests(*(np.empty(0, dtype=np.int64) for _ in range(5)))


class RequestRecord:
    """All requests drawn for a desk so far, by their number at the desk, and how many of them have been told."""

    def __init__(self) -> None:
        self._requests, self._told = NO_REQUESTS, 0

    def add(self, requests: Requests) -> None:
        """Record the next requests."""
        self._requests = self._requests.then(requests)

    def take(self, opened: int, closed: list[tuple[int, int, int]]) -> tuple[Requests, Requests, Integers]:
        """Get the requests opened since the last call, those closed (number, begin, end), and when these ended."""
        number, _, ended = np.fromiter(chain.from_iterable(closed), np.int64, 3 * len(closed)).reshape(-1, 3).T
        since, self._told = self._told, opened
        return self._requests.rows(np.arange(since, opened)), self._requests.rows(number), ended


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may become requests on some local days: the day of each (a row of `starts`), its time and its luck."""

    starts: Integers
    lengths: Integers
    day: Integers
    moment: Floats
    accepted: Floats

    def opened(self, which: Integers) -> Integers:
        """Get the times (epoch seconds) of some candidates."""
        day = self.day[which]
        return np.asarray(self.starts[day] + (self.moment[which] * self.lengths[day]).astype(np.int64))

    def hour(self) -> Integers:
        """Get the hour of its day, 0 to 23, of every candidate."""
        return np.minimum(self.moment * (self.lengths / 3600.0)[self.day], 23.0).astype(np.int64)


class RequestDays:
    """The requests of one desk, by local day, thinned from a fixed majorant (Lewis and Shedler 1979).

    Candidates are drawn without looking at the scenario; which of them become requests depends on the rate. So a
    request has the same time, category and work wherever it occurs.
    """

    def __init__(self, streams: Streams, desk: str, first: int) -> None:
        made = parameters.governance()
        self._requests = made.requests
        self._most = made.requests.most_mixing * max(made.requests.hourly) * (1.0 + made.requests.rain_effect)
        self._most *= made.requests.per_day / 24.0
        self._mixing = DailyNormals(streams.generator(desk, "mixing"), first)
        self._count = streams.generator(desk, "candidates")
        self._draws = [streams.generator(desk, purpose) for purpose in ("opened", "accepted", "category")]
        self._luck = streams.generator(desk, "work")
        self._hourly, self._shares = np.array(made.requests.hourly), np.cumsum(made.work.shares)[:-1]
        self._median, self._sigma = np.array(made.work.median_hours), np.array(made.work.sigma)

    def draw(self, days: range, zone: ZoneInfo, storms: Iterable[Storm]) -> Requests:
        """Get the requests of the next local days in the order of time; days are drawn in order, each once."""
        bounds = np.array([midnight(day, zone) for day in (*days, days.stop)], dtype=np.int64)
        lengths = np.diff(bounds)
        counts = self._count.poisson(self._most * lengths / 3600.0)
        moment, accepted, category = (generator.random(counts.sum()) for generator in self._draws)
        luck = self._luck.standard_normal(counts.sum())
        found = Candidates(bounds[:-1], lengths, np.repeat(np.arange(len(days)), counts), moment, accepted)
        kept = self._thin(found, self._mixing.of(days), storms)
        kinds = self._shares.searchsorted(category[kept], side="right")
        hours = governance.work_hours(self._median[kinds], self._sigma[kinds], luck[kept])
        number = kept - (np.cumsum(counts) - counts)[found.day[kept]]
        work = np.maximum(np.rint(3600.0 * hours), 60.0).astype(np.int64)
        return Requests(found.day[kept] + days.start, number, found.opened(kept), kinds, work)

    def _thin(self, found: Candidates, luck: Floats, storms: Iterable[Storm]) -> Integers:
        """Get which candidates become requests, in the order of time."""
        made, day = self._requests, found.day
        mixing = governance.mixing(luck, made.dispersion, made.most_mixing)
        hourly, needed = self._hourly[found.hour()], found.accepted * self._most
        wettest = governance.service_requests(made.per_day, hourly, mixing[day], 1.0, made.rain_effect)
        possible = np.flatnonzero(needed < wettest)
        times = found.opened(possible)
        order = times.argsort(kind="stable")
        possible, times = possible[order], times[order]
        wetness = self._wetness(times, storms)
        rate = governance.service_requests(
            made.per_day, hourly[possible], mixing[day[possible]], wetness, made.rain_effect
        )
        return np.asarray(possible[needed[possible] < rate])

    def _wetness(self, times: Integers, storms: Iterable[Storm]) -> Floats:
        """Get the rain of the last hours relative to what has the full effect."""
        made = self._requests
        depth = environment.rain(times, int(3600 * made.rain_hours), storm_table(storms)) * made.rain_hours
        return np.minimum(depth / made.rain_full, 1.0)


@dataclass(frozen=True, slots=True)
class RequestEvents:
    """The events of the desks of one city as columns, in the order of time; iterating gives stations and events.

    `times` (epoch seconds), `rows` (which of the `stations`), `closed` (else opened) and `hours` from opening to
    closing, each (events,), with the request of each event. Both events of a request name it.
    """

    stations: tuple[StationProfile, ...]
    times: Integers
    rows: Integers
    closed: NDArray[np.bool_]
    hours: Floats
    requests: Requests

    def __len__(self) -> int:
        return len(self.times)

    def __iter__(self) -> Iterator[tuple[StationProfile, Event]]:
        categories, told = parameters.governance().work.categories, self.requests
        columns = (self.rows, self.closed, self.hours, told.day, told.number, told.kind)
        lists = (column.tolist() for column in columns)
        for time, row, closed, hours, day, number, kind in zip(self.times.astype("datetime64[s]"), *lists, strict=True):
            request, category = f"{date_of(day).isoformat()}-{number:03d}", categories[kind]
            event = _closed(time, request, category, hours) if closed else _opened(time, request, category)
            yield self.stations[row], event

    def of(self, row: int, closed: bool) -> Integers:
        """Get when requests were opened, or closed, at one station."""
        return np.asarray(self.times[(self.rows == row) & (self.closed == closed)])


def request_events(told: Sequence[tuple[StationProfile, Requests, Requests, Integers]]) -> RequestEvents:
    """Get the events of stations, each with the requests opened, those closed, and when these ended."""
    stations, opened, closed, ended = zip(*told, strict=True) if told else ((), (), (), ())
    requests = NO_REQUESTS.then(*opened, *closed)
    rows = np.repeat(np.tile(np.arange(len(stations)), 2), [len(part) for part in (*opened, *closed)])
    times = np.concatenate([NO_REQUESTS.opened, *(part.opened for part in opened), *ended])
    done = np.arange(len(times)) >= sum(map(len, opened))
    hours = governance.resolution_time(requests.opened, times).round(3)
    order = times.argsort(kind="stable")
    return RequestEvents(tuple(stations), times[order], rows[order], done[order], hours[order], requests.rows(order))


def _opened(time: np.datetime64, request: str, category: str) -> Event:
    fields: dict[str, Field] = {"request": request, "service_requests": 1, "category": category}
    return Event(time, f"{request}-opened", "service_request.opened", fields)


def _closed(time: np.datetime64, request: str, category: str, hours: float) -> Event:
    fields: dict[str, Field] = {"request": request, "resolution_time": hours, "category": category}
    return Event(time, f"{request}-closed", "service_request.closed", fields)
