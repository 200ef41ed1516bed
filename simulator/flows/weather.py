"""Stations that measure the weather."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from simulator import environment, parameters
from simulator.cities import City
from simulator.flows.activity import State
from simulator.streams import Floats, Relaxation, Streams


class WeatherStations:
    """Stations that measure temperature, humidity, rain and wind."""

    indicators: ClassVar[tuple[str, ...]] = ("air_temperature", "relative_humidity", "rain", "wind_speed")
    noise: ClassVar[tuple[str, ...]] = ("temperature", "gusts")
    sites: ClassVar[tuple[str, ...]] = ("temperature/site", "catch/site", "exposure/site")

    def __init__(self, _city: City, _streams: Streams, cadence: int, luck: Mapping[str, Floats]) -> None:
        made = self._made = parameters.processes().sites
        self._own = Relaxation(luck["temperature"], made.temperature_hours, cadence)
        self._gusts = Relaxation(luck["gusts"], made.gust_hours, cadence)
        self._warmth = made.temperature_site_sd * luck["temperature/site"]
        self._catch = np.exp(made.catch_sd * luck["catch/site"])
        self._exposure = np.exp(made.exposure_sd * luck["exposure/site"])

    def truth(self, state: State, noise: Mapping[str, Floats]) -> dict[str, Floats]:
        """Get the true values at each station."""
        air = state.air
        temperature = self._own.follow(noise["temperature"])
        temperature *= self._made.temperature_sd
        temperature += self._warmth
        temperature += state.act_here("air_temperature", air.temperature)
        wind = self._gusts.follow(noise["gusts"])
        wind *= self._made.gust_sd
        wind += 1.0
        np.maximum(wind, 0.0, out=wind)
        wind *= self._exposure
        wind *= state.act_here("wind", air.wind)
        return {
            "air_temperature": temperature,
            "relative_humidity": environment.relative_humidity(temperature, air.dew_point),
            "rain": self._catch * air.rain,
            "wind_speed": wind,
        }
