"""The air over a city at ticks: season, hour, weather and haze, which its stations deviate from."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from simulator import environment, parameters
from simulator.cities import City
from simulator.drivers import (
    Calendar,
    FireSeason,
    SharedAir,
    YearEffects,
    by_hour,
    by_season,
    calendar,
    expected_scavenging,
    haze_factor,
    weather_factors,
)
from simulator.interventions import UNDISTURBED, Influences
from simulator.parameters.tables import MemoryTerms
from simulator.recursion import lfilter
from simulator.streams import Floats, Memory, Streams

Ticks = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Air:
    """The air of a city at ticks, each (ticks,): what its stations deviate from."""

    calendar: Calendar
    background: Floats
    scavenged: Floats
    diluted: Floats
    haze: Floats
    coarse: Floats
    temperature: Floats
    dew_point: Floats
    rain: Floats
    wind: Floats


class CityAir:
    """The air over a city: season, hour, weather and haze, with the state that is carried from block to block."""

    def __init__(
        self,
        city: City,
        streams: Streams,
        cadence: int,
        fires: FireSeason,
        years: YearEffects,
        influences: Influences = UNDISTURBED,
    ) -> None:
        self._influences = influences
        self._climate, self._region = parameters.climate(city), parameters.sharing(city.weather_region)
        self._zone, self._cadence, self._fires, self._years = ZoneInfo(city.timezone), cadence, fires, years
        found = self._climate
        self._haze = haze_factor(streams, city.id, cadence)
        self._coarse = Memory(streams, city.id, "particles", found.particles.memory, cadence)
        self._weather = weather_factors(streams, city.id, found.temperature.memory, cadence)
        self._hourly = tuple((np.array(found.day.hourly) / np.mean(found.day.hourly)).tolist())
        self._scavenged = np.zeros(1)
        made = parameters.processes()
        self._removal = made.removal
        self._usual = expected_scavenging(made.removal, found.rain, made.storms)
        self._within_day = _within_day(made.haze_memory.terms)
        self._windy = (
            environment.LN_WEIBULL_2_VARIANCE * made.removal.wind_exponent**2 * _within_day(made.wind_memory.terms)
        )

    def render(self, times: Ticks, shared: SharedAir, storms: Floats) -> Air:
        """Get the air at the next ticks (epoch seconds), with the storms that touch them."""
        local = calendar(times, self._zone)
        falling = environment.rain(times, self._cadence, storms)
        temperature, dew_point, wind = self._anomalies(times, shared)
        strength = self._influences.act("wind", environment.wind_strength(wind), times)
        found, haze = self._climate, self._deviation(times, local, shared.haze)
        return Air(
            calendar=local,
            background=self._carried(self._background(local), times),
            scavenged=self._scavenge(falling) - by_season(local, self._usual),
            diluted=environment.dilution(strength, self._removal.wind_exponent),
            haze=haze,
            coarse=self._particles(times, local, haze),
            temperature=self._influences.act("air_temperature", self._temperature(local, temperature), times),
            dew_point=by_season(local, found.dew_point.mean) + by_season(local, found.dew_point.anomaly_sd) * dew_point,
            rain=falling,
            wind=environment.wind_speed(by_hour(local.hour, found.wind.hourly), strength),
        )

    def _anomalies(self, times: Ticks, shared: SharedAir) -> tuple[Floats, Floats, Floats]:
        common, own = np.sqrt(self._region.weather), np.sqrt(1.0 - self._region.weather)
        regional = (shared.temperature, shared.dew_point, shared.wind)
        temperature, dew_point, wind = (
            common * factor + own * process.render(times)
            for factor, process in zip(regional, self._weather, strict=True)
        )
        return temperature, dew_point, wind

    def _temperature(self, local: Calendar, anomaly: Floats) -> Floats:
        found = self._climate.temperature
        mean, daily_range = by_season(local, found.mean), by_season(local, found.daily_range)
        shape = by_hour(local.hour, found.hourly)
        return environment.air_temperature(mean, daily_range, shape, by_season(local, found.anomaly_sd) * anomaly)

    def _background(self, local: Calendar) -> Floats:
        found = self._climate
        daily = environment.season(local.day_of_year, found.season.harmonics)
        level = local.spread(daily)
        if found.season.smoke:
            level = environment.smoky(level, found.season.smoke, self._fires.at(local))
        week = np.log(found.day.weekday)[local.weekday] - self._level(local.day_of_year)
        level = level + local.spread(week) + found.haze.year_sd * self._years.at(local)
        return np.asarray(level + np.log(by_hour(local.hour, self._hourly)))

    def _carried(self, level: Floats, times: Ticks) -> Floats:
        """Get ln PM2.5 with the haze that interventions bring or take."""
        haze = self._influences.on("haze")
        return level + np.log(haze.at(times)) if haze else level

    def _sd(self, day_of_year: Floats) -> Floats:
        haze = self._climate.haze
        return environment.seasonal_sd(day_of_year, haze.sd, haze.sd_season, haze.sd_day)

    def _level(self, day_of_year: Floats) -> Floats:
        """Get by how much the mean of ln of hourly values lies below that of daily means, which the season is of."""
        return 0.5 * (self._sd(day_of_year) ** 2 * self._within_day + self._windy)

    def _deviation(self, times: Ticks, local: Calendar, shared: Floats) -> Floats:
        own = np.sqrt(1.0 - self._region.together - self._climate.haze.station_share)
        return np.asarray(local.spread(self._sd(local.day_of_year)) * (shared + own * self._haze.render(times)))

    def _particles(self, times: Ticks, local: Calendar, haze: Floats) -> Floats:
        """Get the coarse particles; the mean of what moves them is 0 in the concentration, not in its logarithm."""
        made, season = self._climate.particles, self._climate.season.harmonics
        level = environment.season(local.day_of_year, season) - 0.5 * made.sd**2
        deviation = made.follows * haze + made.sd * self._coarse.render(times)
        return environment.coarse_particles(
            made.ratio, local.spread(level), by_hour(local.hour, made.hourly), deviation
        )

    def _scavenge(self, falling: Floats) -> Floats:
        made, step = self._removal, self._cadence / 3600.0
        rate = environment.scavenging(falling, made.washout, made.washout_exponent, made.washout_efficiency)
        decay = float(np.exp(-step / made.recovery_hours))
        taken, self._scavenged = lfilter([step], [1.0, -decay], rate, zi=self._scavenged)
        return np.asarray(taken)


def _within_day(memory: MemoryTerms) -> float:
    """Get the part of the variance of a memory that a daily mean averages out."""
    kept = 0.0
    for share, hours in ((memory.fast_share, memory.fast_hours), (memory.slow_share, memory.slow_hours)):
        days = 24.0 / hours
        kept += share * 2.0 / days**2 * (days - 1.0 + float(np.exp(-days)))
    return 1.0 - kept
