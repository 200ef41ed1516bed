"""Particles at the stations of a city, whatever instrument measures them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from simulator import environment, parameters
from simulator.cities import City
from simulator.flows.air import Air
from simulator.streams import Floats, Relaxation

NOISE = ("haze",)
SITES = ("haze/site", "particles/site")


class StationParticles:
    """PM2.5 and PM10 at the stations of a city: the city's air, and what each place has of its own."""

    def __init__(self, city: City, cadence: int, luck: Mapping[str, Floats]) -> None:
        haze, coarse = parameters.climate(city).haze, parameters.climate(city).particles
        self._own = Relaxation(luck["haze"], haze.station_hours, cadence)
        self._sd = haze.sd * float(np.sqrt(haze.station_share))
        self._site = haze.site_sd * luck["haze/site"]
        self._dust = np.exp(coarse.site_sd * luck["particles/site"] - 0.5 * coarse.site_sd**2)

    def truth(self, air: Air, noise: Mapping[str, Floats]) -> dict[str, Floats]:
        """Get PM2.5 and PM10 at each station, (stations, ticks)."""
        deviation = self._own.follow(noise["haze"])
        deviation *= self._sd
        deviation += self._site
        fine = environment.pm25(air.background + air.haze, deviation, air.scavenged, air.diluted)
        return {"pm25": fine, "pm10": environment.pm10(fine, self._dust * air.coarse)}
