"""One run of a scenario: all cities in lockstep, from block to block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np

from collector.language.profile import StationProfile
from simulator import parameters
from simulator.cases import Integers
from simulator.cities import City, cities
from simulator.city import CityProcesses
from simulator.drivers import (
    DAY,
    WARM_UP_DAYS,
    Atmosphere,
    FireSeason,
    SharedAir,
    SharedDays,
    YearEffects,
    basin_of,
    fires_of,
    storm_table,
)
from simulator.events import CityEvents
from simulator.figures import CityFigures, CityStatistics
from simulator.flows.activity import Activity, State
from simulator.flows.air import CityAir, Ticks
from simulator.flows.groups import MODELS, DeskGroup, GroupBlock, SensorGroup
from simulator.parameters.tables import MemoryTerms
from simulator.scenario import Scenario
from simulator.stations import stations_of
from simulator.streams import Floats, Streams

__all__ = ["CityBlock", "GroupBlock", "Simulation"]


@dataclass(frozen=True, slots=True)
class CityBlock:
    """What one city says in [start, end) (epoch seconds).

    Readings by group of stations, events in the order of time and statistics in the order of publication (iterating
    gives pairs of station and event, or statistic).
    """

    city: str
    start: int
    end: int
    groups: tuple[GroupBlock, ...]
    events: CityEvents
    statistics: CityStatistics


Hotspots = Mapping[str, Mapping[int, float]]
"""Fire hotspots counted in a basin on local days (since 1970-01-01); other days are drawn."""


class Shared:
    """What cities share: days of rain, fires, years and the moving air; the same whichever cities take part."""

    def __init__(self, scenario: Scenario, streams: Streams, involved: tuple[City, ...], counted: Hotspots) -> None:
        self.first = scenario.start // DAY - WARM_UP_DAYS
        self._scenario, self._streams = scenario, streams
        regions = {city.weather_region: parameters.sharing(city.weather_region) for city in involved}
        burning = {fires_of(name, shared) for name, shared in regions.items()}
        made, severity = parameters.processes().fires, scenario.assumptions.burning_severity
        self.days = {name: SharedDays(streams, name, self.first) for name in regions}
        self.fires = {
            name: FireSeason(
                streams,
                name,
                self.first,
                made,
                severity,
                counted.get(name, {}),
                scenario.influences(*sharing_fires(name)).on("fires"),
            )
            for name in burning
        }
        self.atmosphere = Atmosphere(streams, {name: _temperature_memory(name) for name in regions}, scenario.cadence)

    def air_of(self, city: City) -> CityAir:
        """Get the air over a city, fed by what it shares."""
        shared = parameters.sharing(city.weather_region)
        basin, burning = basin_of(city.weather_region, shared), fires_of(city.weather_region, shared)
        years = YearEffects(self._streams, basin, self.first, northern=city.latitude >= 0)
        made = self._scenario
        return CityAir(city, self._streams, made.cadence, self.fires[burning], years, made.influences(city.id))


def sharing_fires(basin: str) -> tuple[str, ...]:
    """Get the cities of the catalogue that share the fires of a basin: an intervention in one acts on all of them."""
    places = ((city.id, city.weather_region) for city in cities().values())
    return tuple(name for name, region in places if fires_of(region, parameters.sharing(region)) == basin)


def _temperature_memory(weather_region: str) -> MemoryTerms:
    """Get the memory of temperature in a region: that of its first city in the catalogue.

    It must not depend on which cities take part in a scenario.
    """
    first = next(city for city in cities().values() if city.weather_region == weather_region)
    return parameters.climate(first).temperature.memory


class CitySimulation:
    """One city of a run: its processes, its air and its groups of stations."""

    def __init__(self, city: City, scenario: Scenario, streams: Streams, shared: Shared) -> None:
        self.city = city
        self.stations = stations_of(city, scenario.stations[city.id], scenario.cadence, streams)
        days = shared.days[city.weather_region]
        self._processes = CityProcesses(city, scenario, streams, days, self.stations)
        self._influences = scenario.influences(city.id)
        self._air = shared.air_of(city)
        self._activity = Activity(city, streams, scenario.cadence, self._influences)
        groups = {kind: self._of_kind(kind) for kind in dict.fromkeys(station.kind for station in self.stations)}
        self._desks = DeskGroup(groups.get("service-desk", ()))
        self._sensors = [
            SensorGroup(city, group, streams, scenario.cadence) for kind, group in groups.items() if kind in MODELS
        ]
        self._figures = CityFigures(city, scenario, streams, shared.first, groups.get("statistics-office", ()))

    def advance(self, times: Ticks, until: int, shared: Mapping[str, SharedAir]) -> CityBlock:
        """Get the block of the ticks up to `until`."""
        start = int(times[0])
        self._processes.run(until)
        air = self._air.render(times, shared[self.city.weather_region], storm_table(self._processes.storms))
        state = State(times, air, self._activity.traffic(times, air.calendar), self._influences)
        events = self._processes.events(until, partial(self._travel_time, times, state))
        groups = [sensors.render(state, times, self._processes.silent) for sensors in self._sensors]
        if self._desks.stations:
            groups.append(self._desks.render(times, events))
        statistics = self._figures.told(start, until, state, events)
        self._processes.forget(until)
        return CityBlock(self.city.id, start, until, tuple(groups), events, statistics)

    def _travel_time(self, ticks: Ticks, state: State, times: Integers) -> Floats:
        """Get the travel time index at times of a block: that of the last tick before."""
        return self._activity.travel_time_index(state.traffic[np.searchsorted(ticks, times, side="right") - 1])

    def _of_kind(self, kind: str) -> tuple[StationProfile, ...]:
        return tuple(station for station in self.stations if station.kind == kind)


class Simulation:
    """A scenario being simulated; `advance` moves all cities on together.

    Any division into blocks gives the same values, events and statistics. `replication` numbers repetitions with
    other luck; two scenarios with one seed and replication share their weather and their luck. `hotspots` that were
    counted replace those that would be drawn.

    Attributes
    ----------
    stations : Mapping[str, tuple[StationProfile, ...]]
        The stations of each city, by city id.
    now : int
        The next tick, in seconds since 1970-01-01 UTC.
    """

    def __init__(self, scenario: Scenario, replication: int = 0, hotspots: Hotspots = MappingProxyType({})) -> None:
        self.scenario = scenario
        streams = Streams(scenario.seed, replication)
        involved = tuple(cities()[name] for name in scenario.cities)
        self._shared = Shared(scenario, streams, involved, hotspots)
        self._cities = [CitySimulation(city, scenario, streams, self._shared) for city in involved]
        self.stations: Mapping[str, tuple[StationProfile, ...]] = MappingProxyType(
            {simulated.city.id: simulated.stations for simulated in self._cities}
        )
        self.now = scenario.start

    def advance(self, until: int) -> list[CityBlock]:
        """Get what every city says from `now` to before `until`, a whole number of ticks later.

        Raises
        ------
        ValueError
            If `until` is not a positive whole number of ticks after `now`.
        """
        return list(self.city_by_city(until))

    def city_by_city(self, until: int) -> Iterator[CityBlock]:
        """Get the same as `advance`, one city after another: who drops each block needs memory for one only.

        All must be taken before the next call.
        """
        cadence = self.scenario.cadence
        if until <= self.now or (until - self.now) % cadence:
            raise ValueError(f"expected a time whole ticks of {cadence} s after {self.now}, came {until}")
        times = np.arange(self.now, until, cadence, dtype=np.int64)
        shared = self._shared.atmosphere.render(times)
        self.now = until
        for city in self._cities:
            yield city.advance(times, until, shared)
