"""The SimPy processes of one city: what waits (cases for crews) and what changes state (rain, gaps).

Two environments per city advance in order to the same horizon: first the drivers (days of rain, stations falling
silent), then the services (cases and crews), which are drawn against the drivers.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import simpy

from collector.language.profile import StationProfile
from simulator import parameters
from simulator.cases import CaseDays, CaseRecord, Integers, layers_of, together
from simulator.cities import City
from simulator.crews import Batch, Columns, Crews, added, changed, duties_of
from simulator.drivers import DAY, RainDays, SharedDays, Storm, local_day, midnight, spans
from simulator.events import CaseEvents, CityEvents, Told
from simulator.interventions import CONSTANT
from simulator.observation import gaps
from simulator.parameters.services import Service, Shift
from simulator.scenario import Scenario
from simulator.stations import KINDS
from simulator.streams import Streams
from simulator.telling import TELLERS, Teller, TravelTime

RAIN_WARM_UP_DAYS = 28
Process = Generator[simpy.Event, Any, None]


@dataclass(frozen=True, slots=True)
class ServicePoint:
    """A station with what waits there: who works on it, what was drawn, who tells of it."""

    service: str
    crews: Crews
    record: CaseRecord
    tell: Teller

    def told(self, until: int, travel_time: TravelTime) -> list[Told]:
        """Get what happened since the last call, up to a time."""
        begun, closed = self.crews.take(until)
        progress = self.record.take(self.crews.opened, begun, closed)
        return self.tell(progress, until, travel_time)


class CityProcesses:
    """All that waits and all that changes state in one city, advanced to a horizon with `run`."""

    def __init__(
        self,
        city: City,
        scenario: Scenario,
        streams: Streams,
        shared: SharedDays,
        stations: tuple[StationProfile, ...],
    ) -> None:
        self.city, self.zone, self._start = city, ZoneInfo(city.timezone), scenario.start
        self._day = local_day(scenario.start, self.zone)
        self._streams, self._scenario = streams, scenario
        self._influences = scenario.influences(city.id)
        self.storms: list[Storm] = []
        self.silent: dict[str, list[tuple[int, int]]] = {}
        self._points: list[ServicePoint] = []
        self._start_drivers(shared, stations)
        self._start_services(stations)

    def run(self, until: int) -> None:
        """Advance both environments to a time; what happens at that time itself is left for the next advance."""
        self._drivers.run(until=until)
        self._services.run(until=until)

    def events(self, until: int, travel_time: TravelTime) -> CityEvents:
        """Get what happened at the services since the last call, up to a time."""
        services = parameters.services(self.city)
        told: dict[str, list[Told]] = {}
        for point in self._points:
            told.setdefault(point.service, []).extend(point.told(until, travel_time))
        names = {name: [entry.name for entry in getattr(services, name).work.categories] for name in told}
        return CityEvents(tuple(CaseEvents(tuple(parts), tuple(names[name])) for name, parts in told.items()))

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
            parameters.sharing(self.city.weather_region),
        )
        rainfall = self._scenario.assumptions.rainfall
        luck = (self._streams, self.city.id, shared)
        days = RainDays(*luck, found.rain, made.storms, region.weather, rainfall, self._influences)
        self._drivers.process(self._rain(days, first))
        for station in stations:
            if KINDS[station.kind].gaps:
                self._drivers.process(self._fall_silent(station))

    def _start_services(self, stations: tuple[StationProfile, ...]) -> None:
        self._services = simpy.Environment(initial_time=self._start)
        for station in stations:
            if name := KINDS[station.kind].service:
                service, record = getattr(parameters.services(self.city), name), CaseRecord()
                duties = duties_of(self._shifts(name, service), self.zone)
                if duties:
                    crews = self._influences.on(f"{name}_crews", station.id)
                    duties = changed(duties, crews.steps()) + added(crews.shifts(), self.zone)
                working = Crews(self._services, duties, self._cases(station, name, service, record))
                self._points.append(ServicePoint(name, working, record, TELLERS[name](station, self.city)))

    def _shifts(self, name: str, service: Service) -> tuple[Shift, ...]:
        """Get who is on duty, with the crews the scenario adds to every service desk."""
        added = self._scenario.policies.crews if name == "requests" else 0
        return (*service.work.shifts, Shift(crews=added)) if added else service.work.shifts

    def _rain(self, rain: RainDays, first: int) -> Process:
        for days in chain([range(first, self._day)], spans(self._day)):
            for storms in rain.draw(days, self.zone):
                self.storms.extend(storms)
            yield self._drivers.timeout(midnight(days.stop, self.zone) - self._drivers.now)

    def _fall_silent(self, station: StationProfile) -> Process:
        found = self.silent.setdefault(station.id, [])
        end = self._start
        for speaking, silent in gaps(self._streams, f"{self.city.id}/{station.id}", parameters.processes().stations):
            begin, end = end + speaking, end + speaking + silent
            yield self._drivers.timeout(begin - self._drivers.now)
            found.append((begin, end))

    def _cases(self, station: StationProfile, name: str, service: Service, record: CaseRecord) -> Iterator[Batch]:
        rate, work = self._influences.on(name, station.id), CONSTANT
        if service.work.shifts:
            work = self._influences.on(f"{name}_work", station.id)
        draws = layers_of(self._streams, f"{self.city.id}/{station.id}", self._day, service, rate, work)
        priorities = np.array([category.priority for category in service.work.categories])
        for days in spans(self._day):
            time = max(midnight(days.start, self.zone), self._start)
            yield time, partial(self._of_span, draws, days, record, priorities)

    def _of_span(self, draws: Sequence[CaseDays], days: range, record: CaseRecord, priorities: Integers) -> Columns:
        """Draw the cases of a span, whose rain is known from its beginning on."""
        cases = together(draws, days, self.zone, self.storms).since(self._start)
        record.add(cases)
        return cases.opened.tolist(), cases.work.tolist(), priorities[cases.kind].tolist()
