"""Meters of the electricity grid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from simulator import economy, parameters
from simulator.cities import City
from simulator.drivers import by_hour
from simulator.flows.activity import State, holidays
from simulator.streams import Floats, Memory, Relaxation, Streams


class Feeders:
    """Meters of feeders: electricity demand, which rises with heat."""

    indicators: ClassVar[tuple[str, ...]] = ("electricity_demand",)
    noise: ClassVar[tuple[str, ...]] = ("electricity",)
    sites: ClassVar[tuple[str, ...]] = ("mean/site",)

    def __init__(self, city: City, streams: Streams, cadence: int, luck: Mapping[str, Floats]) -> None:
        self._made, self._country = parameters.economy(city).electricity, city.country
        self._city = Memory(streams, city.id, "electricity", self._made.memory, cadence)
        self._own = Relaxation(luck["electricity"], self._made.station_hours, cadence)
        self._mean = self._made.mean * np.exp(self._made.mean_sd * luck["mean/site"])

    def truth(self, state: State, noise: Mapping[str, Floats]) -> dict[str, Floats]:
        """Get the true values at each feeder."""
        made, air, local = self._made, state.air, state.local
        together, alone = np.sqrt(made.city_share), np.sqrt(1.0 - made.city_share)
        common = made.anomaly_sd * together * self._city.render(state.times)
        deviation = made.anomaly_sd * alone * self._own.follow(noise["electricity"]) + common
        daily = np.array(made.weekday)[local.weekday]
        daily[holidays(local, self._country)] *= made.holiday
        usual = state.act("electricity_demand", by_hour(local.hour, made.hourly) * local.spread(daily))
        profile = state.act_here("electricity_demand", usual)
        demand = economy.electricity_demand(self._mean, profile, air.temperature, made.threshold, made.slope, deviation)
        return {"electricity_demand": demand}
