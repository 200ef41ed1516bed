"""The SimPy processes of one city: what waits (requests for a crew) and what changes state (rain, gaps, publications).

Two environments per city advance in order to the same horizon: first the drivers (days of rain, stations falling
silent), then the services (desks, crews, the statistics office), which are drawn against the drivers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import simpy

from collector.language.messages import Statistic
from collector.language.profile import StationProfile
from simulator import economy, governance, parameters
from simulator.cities import City
from simulator.drivers import DAY, RainDays, SharedDays, Storm, date_of, local_day, midnight
from simulator.requests import RequestDays, RequestEvents, RequestRecord, request_events
from simulator.scenario import Scenario
from simulator.stations import KINDS, gaps
from simulator.streams import DailyNormals, Floats, Streams

DAYS_AT_ONCE = 28
RAIN_WARM_UP_DAYS = DAYS_AT_ONCE
Process = Generator[simpy.Event, Any, None]
Batch = Iterator[tuple[int, int]]


class ServiceDesk:
    """Requests that wait for a crew, first come first served; a crew works on one at a time.

    Crews are processes; an idle crew waits for an event that the next arrival triggers (2 to 3 events per request,
    where a `simpy.Store` takes more than 4). `arrivals` yields batches of requests (when opened, work in s), each
    batch with the time from which it may be drawn, all ascending. Requests are numbered from 0 as they come.

    Attributes
    ----------
    opened : int
        How many requests have come.
    waiting : deque[tuple[int, int]]
        Number and work of those no crew has begun.
    closed : list[tuple[int, int, int]]
        Number, begin and end of those done, in the order of their end, until someone clears it.
    """

    def __init__(self, clock: simpy.Environment, crews: int, arrivals: Iterable[tuple[int, Batch]]) -> None:
        self._clock = clock
        self._idle: deque[simpy.Event] = deque()
        self.opened = 0
        self.waiting: deque[tuple[int, int]] = deque()
        self.closed: list[tuple[int, int, int]] = []
        clock.process(self._arrive(arrivals))
        for _ in range(crews):
            clock.process(self._serve())

    def _arrive(self, arrivals: Iterable[tuple[int, Batch]]) -> Process:
        waiting, idle, timeout, now = self.waiting, self._idle, self._clock.timeout, self._clock.now
        for time, batch in arrivals:
            if time > now:
                yield timeout(time - now)
                now = time
            for opened, work in batch:
                yield timeout(opened - now)
                now = opened
                waiting.append((self.opened, work))
                self.opened += 1
                if idle:
                    idle.popleft().succeed()

    def _serve(self) -> Process:
        clock, waiting, idle, timeout = self._clock, self.waiting, self._idle, self._clock.timeout
        while True:
            while not waiting:
                called = clock.event()
                idle.append(called)
                yield called
            request, work = waiting.popleft()
            started = int(clock.now)
            yield timeout(work)
            self.closed.append((request, started, started + work))


class CityProcesses:
    """All that waits and all that changes state in one city, advanced to a horizon with `run`."""

    def __init__(
        self,
        city: City,
        scenario: Scenario,
        streams: Streams,
        shared: SharedDays,
        first: int,
        stations: tuple[StationProfile, ...],
    ) -> None:
        self.city, self.zone, self._start, self._first = city, ZoneInfo(city.timezone), scenario.start, first
        self._day = local_day(scenario.start, self.zone)
        self._streams, self._scenario = streams, scenario
        self.storms: list[Storm] = []
        self.silent: dict[str, list[tuple[int, int]]] = {}
        self._desks: list[tuple[StationProfile, ServiceDesk, RequestRecord]] = []
        self.statistics: list[tuple[StationProfile, Statistic]] = []
        self._start_drivers(shared, stations)
        self._start_services(stations)

    def run(self, until: int) -> None:
        """Advance both environments to a time; what happens at that time itself is left for the next advance."""
        self._drivers.run(until=until)
        self._services.run(until=until)

    def request_events(self) -> RequestEvents:
        """Get the events of the desks since the last call."""
        told = [(station, *record.take(desk.opened, desk.closed)) for station, desk, record in self._desks]
        for _, desk, _ in self._desks:
            desk.closed.clear()
        return request_events(told)

    def forget(self, before: int) -> None:
        """Drop storms and gaps that ended more than a day before a time."""
        self.storms[:] = [storm for storm in self.storms if storm.end > before - DAY]
        for found in self.silent.values():
            found[:] = [span for span in found if span[1] > before - DAY]

    def _start_drivers(self, shared: SharedDays, stations: tuple[StationProfile, ...]) -> None:
        first = self._day - RAIN_WARM_UP_DAYS
        self._drivers = simpy.Environment(initial_time=midnight(first, self.zone))
        found, made, region = (
            parameters.climate(self.city),
            parameters.processes(),
            parameters.region(self.city.weather_region),
        )
        rainfall = self._scenario.assumptions.rainfall
        days = RainDays(self._streams, self.city.id, shared, found.rain, made.storms, region.weather, rainfall)
        self._drivers.process(self._rain(days, first))
        for station in stations:
            if KINDS[station.kind].gaps:
                self._drivers.process(self._fall_silent(station))

    def _start_services(self, stations: tuple[StationProfile, ...]) -> None:
        self._services = simpy.Environment(initial_time=self._start)
        crews = parameters.governance().work.crews + self._scenario.policies.crews
        offices = (station for station in stations if station.kind == "statistics-office")
        for station in stations:
            if station.kind == "service-desk":
                record = RequestRecord()
                desk = ServiceDesk(self._services, crews, self._requests(station, record))
                self._desks.append((station, desk, record))
        for station in offices:
            figures = Figures(self.city, self._scenario, self._streams, self._first)
            self._services.process(self._publish(station, figures))

    def _rain(self, rain: RainDays, first: int) -> Process:
        for days in spans(first):
            for storms in rain.draw(days, self.zone):
                self.storms.extend(storms)
            yield self._drivers.timeout(midnight(days.stop, self.zone) - self._drivers.now)

    def _fall_silent(self, station: StationProfile) -> Process:
        found = self.silent.setdefault(station.id, [])
        timeout, now = self._drivers.timeout, self._start
        yield timeout(now - self._drivers.now)
        for speaking, silent in gaps(self._streams, f"{self.city.id}/{station.id}", parameters.processes().stations):
            yield timeout(speaking)
            begin, now = now + speaking, now + speaking + silent
            found.append((begin, now))
            yield timeout(silent)

    def _requests(self, station: StationProfile, record: RequestRecord) -> Iterator[tuple[int, Batch]]:
        draws = RequestDays(self._streams, f"{self.city.id}/{station.id}", self._day)
        for days in spans(self._day):
            yield max(midnight(days.start, self.zone), self._start), self._of_span(draws, days, record)

    def _of_span(self, draws: RequestDays, days: range, record: RequestRecord) -> Batch:
        """Draw the requests of a span only when the first is asked for: its rain is known from its beginning on."""
        requests = draws.draw(days, self.zone, self.storms).since(self._start)
        record.add(requests)
        yield from zip(requests.opened.tolist(), requests.work.tolist(), strict=True)

    def _publish(self, station: StationProfile, figures: Figures) -> Process:
        first = self._day if midnight(self._day, self.zone) == self._start else self._day + 1
        for days in spans(first):
            for time, told in figures.published(days, first):
                yield self._services.timeout(time - self._services.now)
                self.statistics += ((station, statistic) for statistic in told)


class Figures:
    """The daily figures of a city: visitors and the adoption of digital services, as published and as revised."""

    def __init__(self, city: City, scenario: Scenario, streams: Streams, first: int) -> None:
        self._governance, self._visitors = parameters.governance(), parameters.visitors(city.weather_region)
        self._mean = max(self._visitors.per_thousand * (city.population or 0) / 1000.0, self._visitors.lowest)
        self._mixing = DailyNormals(streams.generator(city.id, "visitors/mixing"), first)
        self._count = DailyNormals(streams.generator(city.id, "visitors/count"), first)
        self._error = DailyNormals(streams.generator(city.id, "visitors/error"), first)
        self._start, self._ambassadors = scenario.start, scenario.policies.ambassadors
        self._zone = ZoneInfo(city.timezone)

    def published(self, days: range, since: int) -> Iterator[tuple[int, list[Statistic]]]:
        """Get when and what is told about each of some local days.

        First figures on the next morning, and the revised number of visitors, which is the true one, some days later;
        nothing is known of days before `since`.
        """
        made = self._governance.publication
        earlier = range(days.start - made.revision_days, days.stop - made.revision_days)
        columns = (self.estimates(days), self.adoption(days).round(2), self.visitors(earlier))
        for day, estimate, adoption, true in zip(days, *(column.tolist() for column in columns), strict=True):
            published = midnight(day + 1, self._zone) + 3600 * made.hour
            time, period = np.datetime64(published, "s"), date_of(day).isoformat()
            told = [
                Statistic("visitor_arrivals", period, time, 0, estimate),
                Statistic("eservice_adoption", period, time, 0, adoption),
            ]
            if (before := day - made.revision_days) >= since:
                told.append(Statistic("visitor_arrivals", date_of(before).isoformat(), time, 1, true))
            yield published, told

    def estimates(self, days: range) -> Floats:
        """Get the number of visitors of local days as first published."""
        made = self._governance.publication
        factor = 1.0 + made.first_bias + made.first_sd * self._error.of(days)
        return np.maximum(np.rint(self.visitors(days) * factor), 0.0)

    def visitors(self, days: range) -> Floats:
        """Get the true number of visitors of local days."""
        made = self._visitors
        factor = np.array([made.monthly[date_of(day).month - 1] for day in days])
        return economy.visitor_arrivals(
            self._mean, factor, self._mixing.of(days), self._count.of(days), made.dispersion
        )

    def adoption(self, days: range) -> Floats:
        """Get the adoption (%) on local days; ambassadors raise innovation from the start of the scenario on."""
        made = self._governance.adoption
        before_years = (self._start / DAY - (made.launch.toordinal() - date_of(0).toordinal())) / 365.25
        before = governance.eservice_adoption(before_years, made.innovation, made.imitation, made.ceiling)
        effect = 1.0 + made.ambassador_effect * self._ambassadors / made.ambassadors_per_effect
        ends = np.array([midnight(day + 1, self._zone) for day in days], dtype=np.int64)
        late = (ends - self._start) / DAY / 365.25 + min(before_years, 0.0)
        return governance.eservice_adoption(late, made.innovation * effect, made.imitation, made.ceiling, float(before))


def spans(first: int) -> Iterator[range]:
    """Get the spans of local days that are drawn at once, from a day on, without end."""
    return (range(day, day + DAYS_AT_ONCE) for day in count(first, DAYS_AT_ONCE))
