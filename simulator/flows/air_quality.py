"""Masts and low-cost nodes that measure the quality of the air."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from simulator.cities import City
from simulator.flows.activity import State
from simulator.flows.gases import MastGases
from simulator.flows.particles import NOISE, SITES, StationParticles
from simulator.streams import Floats, Streams


class AirQuality:
    """Masts that measure particles (PM2.5, PM10) and gases (NO2, O3)."""

    indicators: ClassVar[tuple[str, ...]] = ("pm25", "pm10", "no2", "o3")
    noise: ClassVar[tuple[str, ...]] = (*NOISE, "gases")
    sites: ClassVar[tuple[str, ...]] = (*SITES, "gases/site")

    def __init__(self, city: City, streams: Streams, cadence: int, luck: Mapping[str, Floats]) -> None:
        self._particles = StationParticles(city, cadence, luck)
        self._gases = MastGases(city, streams, cadence, luck["gases"], luck["gases/site"])

    def truth(self, state: State, noise: Mapping[str, Floats]) -> dict[str, Floats]:
        """Get the true values at each mast."""
        return self._particles.truth(state.air, noise) | self._gases.truth(state, noise["gases"])


class AirQualityNodes:
    """Low-cost nodes that measure particles in the air that the masts are in."""

    indicators: ClassVar[tuple[str, ...]] = ("pm25", "pm10")
    noise: ClassVar[tuple[str, ...]] = NOISE
    sites: ClassVar[tuple[str, ...]] = SITES

    def __init__(self, city: City, _streams: Streams, cadence: int, luck: Mapping[str, Floats]) -> None:
        self._particles = StationParticles(city, cadence, luck)

    def truth(self, state: State, noise: Mapping[str, Floats]) -> dict[str, Floats]:
        """Get the true values at each node."""
        return self._particles.truth(state.air, noise)
