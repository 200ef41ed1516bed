"""The readings of the stations of one city, rendered in blocks of stations by ticks.

What the city shares is computed once per tick, (ticks,); each kind of station adds what is its own, (stations, ticks).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from collector.language.profile import StationProfile
from simulator import governance
from simulator.cities import City
from simulator.events import CityEvents
from simulator.flows.activity import State
from simulator.flows.air import Ticks
from simulator.flows.air_quality import AirQuality, AirQualityNodes
from simulator.flows.grid import Feeders
from simulator.flows.noise import NoiseMeters
from simulator.flows.payments import PaymentGateways
from simulator.flows.portal import CityPortals
from simulator.flows.traffic import TrafficCounters
from simulator.flows.water import RiverGauges
from simulator.flows.weather import WeatherStations
from simulator.observation import Observation, bias, spells, touched
from simulator.streams import Floats, QuantileNoise, Streams, once
from simulator.telling import REQUEST_CLOSED, REQUEST_OPENED


@dataclass(frozen=True, slots=True)
class GroupBlock:
    """The stations of one kind in one city over a block of ticks.

    `times` (ticks,) UTC; `truth` and `observed` by indicator, (stations, ticks); what was observed is rounded to the
    instrument's resolution, NaN where the station was silent.
    """

    stations: tuple[StationProfile, ...]
    times: NDArray[np.datetime64]
    truth: dict[str, Floats]
    observed: dict[str, Floats]


class Model(Protocol):
    """What the stations of one kind measure.

    `indicators` they measure, `noise` the standard normals of every tick they need, `sites` those of every station,
    drawn once. The stations of a city share one model; `luck` holds what is drawn once, (stations, 1).
    """

    indicators: ClassVar[tuple[str, ...]]
    noise: ClassVar[tuple[str, ...]]
    sites: ClassVar[tuple[str, ...]]

    def __init__(self, city: City, streams: Streams, cadence: int, luck: Mapping[str, Floats]) -> None: ...

    def truth(self, state: State, noise: Mapping[str, Floats]) -> dict[str, Floats]:
        """Get the true values at each station by indicator, (stations, ticks)."""


MODELS: Mapping[str, type[Model]] = {
    "air-quality": AirQuality,
    "air-quality-node": AirQualityNodes,
    "weather": WeatherStations,
    "traffic": TrafficCounters,
    "feeder": Feeders,
    "noise-meter": NoiseMeters,
    "river-gauge": RiverGauges,
    "payment-gateway": PaymentGateways,
    "city-portal": CityPortals,
}


class SensorGroup:
    """The stations of one kind in one city: their model and how they observe it."""

    def __init__(self, city: City, stations: tuple[StationProfile, ...], streams: Streams, cadence: int) -> None:
        self.stations = stations
        self._ids = tuple(station.id for station in stations)
        names = tuple(f"{city.id}/{station.id}" for station in stations)
        model = MODELS[stations[0].kind]
        luck = once(streams, names, (*model.noise, *model.sites, *bias(model.indicators)))
        self._columns = (*model.noise, *model.indicators)
        self._noise = QuantileNoise(streams, names, "noise", len(self._columns))
        self._model = model(city, streams, cadence, luck)
        self._observation = Observation(stations[0].kind, model.indicators, names, streams, luck)

    def render(self, state: State, times: Ticks, silent: Mapping[str, list[tuple[int, int]]]) -> GroupBlock:
        """Get the block of the next ticks, with NaN where a station is silent."""
        noise = dict(zip(self._columns, self._noise.render(len(times)), strict=True))
        truth = self._model.truth(replace(state, stations=self._ids), noise)
        observed = self._observation.observe(truth, noise, state)
        when = spells((row, *span) for row, station in enumerate(self.stations) for span in silent.get(station.id, ()))
        gone = touched(times, when)
        for values in observed.values():
            values[gone] = np.nan
        return GroupBlock(self.stations, times.view("datetime64[s]"), truth, observed)


class DeskGroup:
    """The service desks of one city: their backlog at each tick, counted without error."""

    def __init__(self, stations: tuple[StationProfile, ...]) -> None:
        self.stations = stations
        self._open = [0] * len(stations)

    def render(self, times: Ticks, events: CityEvents) -> GroupBlock:
        """Get the backlog at the ticks from the events since the last block."""
        backlog = np.empty((len(self.stations), len(times)))
        for row, (station, before) in enumerate(zip(self.stations, self._open, strict=True)):
            came, went = (events.times(station, told) for told in (REQUEST_OPENED, REQUEST_CLOSED))
            backlog[row] = governance.service_backlog(times, came, went, before)
            self._open[row] += len(came) - len(went)
        moments = times.view("datetime64[s]")
        return GroupBlock(self.stations, moments, {"service_backlog": backlog}, {"service_backlog": backlog.copy()})
