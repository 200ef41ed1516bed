"""Masts that measure the quality of the air."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from simulator import environment, parameters
from simulator.cities import City
from simulator.flows.activity import State
from simulator.streams import Floats, Relaxation, Streams


class AirQuality:
    """Masts that measure PM2.5 and PM10."""

    indicators: ClassVar[tuple[str, ...]] = ("pm25", "pm10")
    noise: ClassVar[tuple[str, ...]] = ("haze",)
    sites: ClassVar[tuple[str, ...]] = ("haze/site", "particles/site")

    def __init__(self, city: City, _streams: Streams, cadence: int, luck: Mapping[str, Floats]) -> None:
        found, most = parameters.climate(city), parameters.processes().sites.share_site_most
        self._own = Relaxation(luck["haze"], found.haze.station_hours, cadence)
        self._sd = found.haze.sd * float(np.sqrt(found.haze.station_share))
        self._site = found.haze.site_sd * luck["haze/site"]
        self._share = np.clip(found.particles.station_sd * luck["particles/site"], -most, most)

    def truth(self, state: State, noise: Mapping[str, Floats]) -> dict[str, Floats]:
        """Get the true values at each mast."""
        deviation = self._own.follow(noise["haze"])
        deviation *= self._sd
        deviation += self._site
        air = state.air
        fine = environment.pm25(air.background + air.haze, deviation, air.scavenged, air.diluted)
        return {"pm25": fine, "pm10": environment.pm10(fine, self._share + air.share)}
