"""Meters of noise at roads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from simulator import environment, parameters
from simulator.cities import City
from simulator.drivers import by_hour
from simulator.flows.activity import State
from simulator.streams import Floats, Relaxation, Streams


class NoiseMeters:
    """Meters at roads: the noise of traffic, wet roads and what is heard without them."""

    indicators: ClassVar[tuple[str, ...]] = ("noise_laeq",)
    noise: ClassVar[tuple[str, ...]] = ("passing",)
    sites: ClassVar[tuple[str, ...]] = ("flow/site", "place/site")

    def __init__(self, city: City, _streams: Streams, cadence: int, luck: Mapping[str, Floats]) -> None:
        made = self._made = parameters.environment(city).noise
        self._most = parameters.economy(city).traffic.most
        self._own = Relaxation(luck["passing"], made.hours, cadence)
        busy = 10.0 / np.log(10.0) * made.flow_sd * luck["flow/site"]
        self._site = busy + made.site_sd * luck["place/site"]

    def truth(self, state: State, noise: Mapping[str, Floats]) -> dict[str, Floats]:
        """Get the true values at each meter."""
        made = self._made
        wet = made.rain * -np.expm1(-state.air.rain)
        flow = made.flow * np.minimum(state.traffic, self._most)
        correction = state.act_here("road_noise", state.act("road_noise", made.correction + wet))
        road = environment.road_noise(flow, made.speed, made.heavy, correction)
        deviation = self._own.follow(noise["passing"])
        deviation *= made.sd
        deviation += self._site
        return {"noise_laeq": environment.noise_laeq(road, by_hour(state.local.hour, made.background), deviation)}
