"""The gases over a city at ticks: what traffic, hour, season, wind and haze make of NO2 and ozone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, ndtr

from simulator import environment, parameters
from simulator.cities import City
from simulator.drivers import Calendar, by_hour, by_season, on_day
from simulator.flows.activity import State
from simulator.parameters.climate import Climate, NitrogenDioxide
from simulator.parameters.economy import Traffic
from simulator.recursion import lfilter
from simulator.streams import Floats, Memory, Relaxation, Streams

WORKING_DAYS = 5 / 7


@dataclass(frozen=True, slots=True)
class Gases:
    """The gases of a city at ticks, each (ticks,): ln NO2 (ppb) and the total oxidant (ppb)."""

    no2: Floats
    oxidant: Floats


class CityGases:
    """The gases over a city, with the state that is carried from block to block."""

    def __init__(self, city: City, streams: Streams, cadence: int) -> None:
        self._climate = parameters.climate(city)
        nitrogen, ozone = self._climate.nitrogen_dioxide, self._climate.ozone
        self._mixing = mixing(nitrogen, parameters.economy(city).traffic)
        self._level = -ln_mean(nitrogen)
        self._stagnation, self._oxidants = (
            Memory(streams, city.id, gas, made.memory, cadence) for gas, made in (("no2", nitrogen), ("o3", ozone))
        )
        self._forget = float(np.exp(-cadence / (3600.0 * ozone.cloud_hours)))
        self._recent_rain = np.zeros(1)

    def render(self, state: State) -> Gases:
        """Get the gases at the next ticks."""
        return Gases(self._no2(state), self._oxidant(state))

    def _no2(self, state: State) -> Floats:
        made, local, air = self._climate.nitrogen_dioxide, state.local, state.air
        vehicles = state.act("traffic_emissions", state.traffic)
        emission = environment.traffic_emission(vehicles, made.background_share)
        level = np.log(by_season(local, made.monthly) * by_hour(middle_of_hour(local), self._mixing) * emission)
        strength = environment.WEIBULL_2_MEAN * air.wind / by_hour(local.hour, self._climate.wind.hourly)
        level -= environment.dilution(strength, made.wind_exponent)
        own = float(np.sqrt(1.0 - made.haze_share**2 - made.station_share))
        memory = own * self._stagnation.render(state.times) + made.haze_share / self._climate.haze.sd * air.haze
        return np.asarray(level + made.sd * memory + self._level)

    def _oxidant(self, state: State) -> Floats:
        made, local = self._climate.ozone, state.local
        usual = usual_oxidant(self._climate, local.day_of_year)
        background = local.spread(usual.min(axis=1))
        production = by_day_and_hour(local, usual) - background
        clearness = environment.clearness(self._clouds(state.air.rain), made.cloud)
        variation = made.sd * self._oxidants.render(state.times)
        return environment.oxidant(background, production, clearness, variation)

    def _clouds(self, rain: Floats) -> Floats:
        """Get the rain of the last hours in mm/h, weighted to now."""
        found, self._recent_rain = lfilter([1.0 - self._forget], [1.0, -self._forget], rain, zi=self._recent_rain)
        return np.asarray(found)


class MastGases:
    """The gases at the masts of a city: a deviation of NO2 of their own, and the ozone it costs."""

    def __init__(self, city: City, streams: Streams, cadence: int, noise: Floats, site: Floats) -> None:
        found = parameters.climate(city)
        made, self._titration = found.nitrogen_dioxide, found.ozone.titration
        self._city = CityGases(city, streams, cadence)
        self._own = Relaxation(noise, made.memory.fast_hours, cadence)
        self._sd = made.sd * float(np.sqrt(made.station_share))
        self._site = made.site_sd * site - 0.5 * made.site_sd**2

    def truth(self, state: State, noise: Floats) -> dict[str, Floats]:
        """Get NO2 and ozone at each mast, (stations, ticks)."""
        gases = self._city.render(state)
        deviation = self._own.follow(noise)
        deviation *= self._sd
        deviation += self._site
        nitrogen = environment.no2(gases.no2, deviation)
        return {"no2": nitrogen, "o3": environment.o3(gases.oxidant, nitrogen, self._titration)}


def mixing(made: NitrogenDioxide, traffic: Traffic) -> tuple[float, ...]:
    """Get the factors of NO2 by hour beyond traffic: the measured day over the mean emission of the hour.

    They stand for the height and the ventilation of the layer the gas mixes into, and for its loss in daylight.
    """
    working, weekend = (
        environment.traffic_emission(np.array(day), made.background_share) for day in (traffic.weekday, traffic.weekend)
    )
    emission = WORKING_DAYS * working + (1.0 - WORKING_DAYS) * weekend
    return tuple((np.array(made.hourly) / np.mean(made.hourly) / emission).tolist())


def ln_mean(made: NitrogenDioxide) -> float:
    """Get ln of the mean of the factors that vary by chance: lognormal memory, and wind to a negative power.

    E w^-b = Γ(1 - b / 2) for a Weibull w of shape 2 and scale 1.
    """
    wind = float(gammaln(1.0 - 0.5 * made.wind_exponent)) + made.wind_exponent * environment.LN_WEIBULL_2_MEAN
    return 0.5 * made.sd**2 + wind


def usual_oxidant(climate: Climate, day_of_year: Floats) -> Floats:
    """Get the oxidant (ppb) that gives the measured ozone with the usual NO2, by day and hour, (days, 24)."""
    ozone, nitrogen = climate.ozone, climate.nitrogen_dioxide
    measured, no2 = (np.outer(on_day(day_of_year, gas.monthly), gas.hourly) for gas in (ozone, nitrogen))
    no2 *= ozone.titration
    memory = np.exp(nitrogen.sd**2) - 1.0 + environment.LN_WEIBULL_2_VARIANCE * nitrogen.wind_exponent**2
    sd = np.sqrt(memory * no2**2 + (ozone.sd * (measured + no2)) ** 2)
    return np.asarray(before_clipping(measured, sd) + no2)


def before_clipping(mean: Floats, sd: Floats) -> Floats:
    """Get the mean of a normal variate of given sd whose positive part has a given mean: E max(0, m + s z).

    E max(0, x + z) = x Φ(x) + φ(x), solved for x by interpolation; above x = 4 the two means are equal.
    """
    steps = np.linspace(-3.0, 4.0, 141)
    clipped = steps * ndtr(steps) + np.exp(-0.5 * steps**2) / np.sqrt(2.0 * np.pi)
    ratio = mean / sd
    return np.where(ratio < clipped[-1], sd * np.interp(ratio, clipped, steps), mean)


def by_day_and_hour(local: Calendar, table: Floats) -> Floats:
    """Get a table by day and hour, (days, 24), at ticks, (ticks,): linear between the middles of hours of a day."""
    around = np.column_stack((table[:, -1], table, table[:, 0]))
    since = local.hour + 0.5
    before = since.astype(np.int64)
    since -= before
    before += local.spread(np.arange(len(table)) * around.shape[1])
    values, steps = around.ravel(), np.diff(around.ravel(), append=0.0)
    return np.asarray(values.take(before) + since * steps.take(before))


def middle_of_hour(local: Calendar) -> Floats:
    """Get the hour that puts the value of an hour at its middle, for measured hourly means."""
    return (local.hour - 0.5) % 24.0
