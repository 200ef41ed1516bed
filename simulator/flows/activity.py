"""What a city does at ticks: its traffic, which noise, gases and travel times follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator import economy, parameters
from simulator.cities import City
from simulator.drivers import Calendar, by_hour, songkran
from simulator.flows.air import Air, Ticks
from simulator.interventions import UNDISTURBED, Influences
from simulator.streams import Floats, Memory, Streams


@dataclass(frozen=True, slots=True)
class State:
    """The state of a city at ticks (epoch seconds): its air, and its traffic relative to the mean, (ticks,).

    `influences` are those of the interventions that act in the city, `stations` the ids of those that ask.
    """

    times: Ticks
    air: Air
    traffic: Floats
    influences: Influences = UNDISTURBED
    stations: tuple[str, ...] = ()

    @property
    def local(self) -> Calendar:
        """Get the local calendar of the ticks."""
        return self.air.calendar

    def act(self, driver: str, values: Floats) -> Floats:
        """Get the values of a driver, (..., ticks), as the interventions leave them."""
        return self.influences.act(driver, values, self.times)

    def act_here(self, driver: str, values: Floats) -> Floats:
        """Get values of a driver, (..., ticks), at the stations: (stations, ticks) if something acts there alone."""
        return self.influences.act_here(driver, values, self.times, self.stations)


class Activity:
    """The activity of a city, with the state that is carried from block to block."""

    def __init__(self, city: City, streams: Streams, cadence: int, influences: Influences = UNDISTURBED) -> None:
        self._influence = influences.on("traffic")
        self._made, self._country = parameters.economy(city).traffic, city.country
        self._interval = cadence / 3600.0
        self._city = Memory(streams, city.id, "traffic", self._made.memory, cadence)

    def traffic(self, times: Ticks, local: Calendar) -> Floats:
        """Get the demand of traffic relative to its mean: by hour and kind of day, with what all roads share."""
        made = self._made
        hour = (local.hour - 0.5 * self._interval - 0.5) % 24.0  # of the middle of the interval; factors hold mid-hour
        working = (local.weekday < 5) & ~holidays(local, self._country)
        profile = np.where(local.spread(working), by_hour(hour, made.weekday), by_hour(hour, made.weekend))
        common = made.anomaly_sd * np.sqrt(made.city_share) * self._city.render(times)
        return self._influence.act(profile * np.exp(common - 0.5 * made.anomaly_sd**2), times)

    def travel_time_index(self, traffic: Floats) -> Floats:
        """Get the travel time index of a typical road for a traffic relative to the mean."""
        return economy.travel_time_index(traffic, np.array(self._made.capacity))


def holidays(local: Calendar, country: str) -> NDArray[np.bool_]:
    """Get which local days are holidays."""
    return np.array([songkran(int(day), country) for day in local.days])
