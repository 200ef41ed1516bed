"""Gauges in rivers and canals: the level and the oxygen of the water."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from simulator import environment, parameters
from simulator.cities import City
from simulator.drivers import by_season
from simulator.flows.activity import State
from simulator.parameters.climate import Rain
from simulator.parameters.environment import Oxygen, River
from simulator.recursion import lfilter
from simulator.streams import Floats, Relaxation, Streams


class RiverGauges:
    """Gauges: water level, which rain raises, and dissolved oxygen, which heat and storms take."""

    indicators: ClassVar[tuple[str, ...]] = ("water_level", "dissolved_oxygen")
    noise: ClassVar[tuple[str, ...]] = ("level", "oxygen")
    sites: ClassVar[tuple[str, ...]] = ("datum/site", "rise/site", "oxygen/site")

    def __init__(self, city: City, _streams: Streams, cadence: int, luck: Mapping[str, Floats]) -> None:
        found, step = parameters.environment(city), cadence / 3600.0
        self._river, self._oxygen = found.river, found.oxygen
        self._base = base_levels(found.river, parameters.climate(city).rain)
        self._reservoir = Reservoir(found.river.hours, step)
        self._deficit = Deficit(found.oxygen, step)
        self._level = Relaxation(luck["level"], found.river.sd_hours, cadence)
        self._own = Relaxation(luck["oxygen"], found.oxygen.hours, cadence)
        self._datum = found.river.datum_sd * luck["datum/site"]
        self._rise = found.river.rise * np.exp(found.river.rise_sd * luck["rise/site"])
        self._share = np.exp(found.oxygen.share_sd * luck["oxygen/site"])

    def truth(self, state: State, noise: Mapping[str, Floats]) -> dict[str, Floats]:
        """Get the true values at each gauge."""
        runoff = state.act("runoff", self._river.runoff * state.air.rain)
        level = self._level.follow(noise["level"])
        level *= self._river.sd
        level += self._datum
        base = state.act_here("water_level", state.act("water_level", by_season(state.local, self._base)))
        own = self._own.follow(noise["oxygen"])
        own *= self._oxygen.sd
        water, deficit = self._deficit.follow(state, runoff)
        return {
            "water_level": environment.water_level(base, self._reservoir.follow(runoff), self._rise, level),
            "dissolved_oxygen": environment.dissolved_oxygen(water, deficit, self._share, own),
        }


def base_levels(river: River, rain: Rain) -> tuple[float, ...]:
    """Get the level without storms by month (m), after the usual rain of the month and of the two before."""
    monthly = np.array(rain.monthly)
    recharge = np.array(river.recharge) @ [np.roll(monthly, months) for months in range(3)]
    return tuple((river.low + river.base_flow * recharge).tolist())


class Reservoir:
    """A linear reservoir, empty at first: its storage (mm) at the end of each interval of an inflow (mm/h)."""

    def __init__(self, hours: float, step: float) -> None:
        self._kept, self._gained = environment.linear_reservoir(hours, step)
        self._state = np.zeros(1)

    def follow(self, inflow: Floats) -> Floats:
        """Get the storage after each interval, (ticks,)."""
        storage, self._state = lfilter([self._gained], [1.0, -self._kept], inflow, zi=self._state)
        return np.asarray(storage)


class Deficit:
    """The temperature of the water and the oxygen it lacks: what is usual, algae by day, and what storms bring.

    Load and deficit after Streeter and Phelps; the load of an interval's rain is there at the end of the interval.
    """

    def __init__(self, made: Oxygen, step: float) -> None:
        self._made, self._step = made, step
        self._load_kept, self._kept, self._per_load = environment.streeter_phelps(made.decay, made.reaeration, step)
        self._gained = environment.linear_reservoir(1.0 / made.reaeration, step)[1]
        self._warming = environment.linear_reservoir(made.water_hours, step)[0]
        self._load, self._storm, self._algae = np.zeros(1), np.zeros(1), np.zeros(1)
        self._water: Floats | None = None

    def follow(self, state: State, runoff: Floats) -> tuple[Floats, Floats]:
        """Get the temperature (°C) and the deficit (mg/L) after each interval, each (ticks,)."""
        washed = self._made.load * self._step * runoff
        load, self._load = lfilter([1.0], [1.0, -self._load_kept], washed, zi=self._load)
        storm, self._storm = lfilter([0.0, self._per_load], [1.0, -self._kept], load, zi=self._storm)
        sun = np.maximum(np.sin(np.pi / 12.0 * (state.local.hour - 6.0)), 0.0)
        made = self._made.algae * (np.pi * sun - 1.0)  # the mean of the half sine over a day is 1 / pi
        algae, self._algae = lfilter([self._gained], [1.0, -self._kept], made, zi=self._algae)
        return self._temperature(state.air.temperature), self._made.deficit + storm - algae

    def _temperature(self, air: Floats) -> Floats:
        """Get the temperature of the water, which begins as that of the air and does not fall below 0 °C."""
        if self._water is None:
            self._water = self._warming * air[:1]
        water, self._water = lfilter([1.0 - self._warming], [1.0, -self._warming], air, zi=self._water)
        return np.asarray(np.maximum(water, 0.0))
