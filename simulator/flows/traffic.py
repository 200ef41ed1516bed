"""Counters on roads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from simulator import economy, parameters
from simulator.cities import City
from simulator.flows.activity import State
from simulator.streams import Floats, Relaxation, Streams


class TrafficCounters:
    """Counters on roads: flow, and the travel time that follows from it."""

    indicators: ClassVar[tuple[str, ...]] = ("traffic_flow", "travel_time_index")
    noise: ClassVar[tuple[str, ...]] = ("traffic", "counting")
    sites: ClassVar[tuple[str, ...]] = ("mean/site",)

    def __init__(self, city: City, _streams: Streams, cadence: int, luck: Mapping[str, Floats]) -> None:
        self._made, self._interval = parameters.economy(city).traffic, cadence / 3600.0
        self._own = Relaxation(luck["traffic"], self._made.station_hours, cadence)
        self._mean = self._made.mean * np.exp(self._made.mean_sd * luck["mean/site"])

    def truth(self, state: State, noise: Mapping[str, Floats]) -> dict[str, Floats]:
        """Get the true values at each counter."""
        made = self._made
        deviation = self._own.follow(noise["traffic"])
        deviation *= made.anomaly_sd * np.sqrt(1.0 - made.city_share)
        demand = economy.traffic_demand(self._mean, state.act_here("traffic", state.traffic), deviation)
        return {
            "traffic_flow": economy.traffic_flow(demand, made.most * self._mean, noise["counting"], self._interval),
            "travel_time_index": economy.travel_time_index(demand, made.capacity * self._mean),
        }
