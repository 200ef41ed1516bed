"""The air over a city at ticks: season, hour, weather and haze, which its stations deviate from."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

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
    long_memory,
)
from simulator.parameters.climate import Haze
from simulator.streams import Floats, Persistence, Streams

Ticks = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Air:
    """The air of a city at ticks, each (ticks,): what its stations deviate from."""

    calendar: Calendar
    background: Floats
    scavenged: Floats
    diluted: Floats
    haze: Floats
    share: Floats
    temperature: Floats
    dew_point: Floats
    rain: Floats
    wind: Floats


class CityAir:
    """The air over a city: season, hour, weather and haze, with the state that is carried from block to block."""

    def __init__(self, city: City, streams: Streams, cadence: int, fires: FireSeason, years: YearEffects) -> None:
        self._climate, self._region = parameters.climate(city), parameters.sharing(city.weather_region)
        self._zone, self._cadence, self._fires, self._years = ZoneInfo(city.timezone), cadence, fires, years
        self._sites = parameters.processes().sites
        found, name = self._climate, [city.id]
        self._haze = long_memory(streams, name, found.haze, cadence)
        self._share = Persistence(streams, name, "particles", found.particles.hours, cadence)
        self._weather = [
            Persistence(streams, name, kind, hours, cadence)
            for kind, hours in (
                ("temperature", found.temperature.anomaly_hours),
                ("dew-point", found.dew_point.anomaly_hours),
                ("wind", found.wind.anomaly_hours),
            )
        ]
        self._hourly = tuple((np.array(found.day.hourly) / np.mean(found.day.hourly)).tolist())
        self._scavenged = np.zeros(1)
        self._usual = expected_scavenging(found.haze, found.rain, parameters.processes().storms)
        self._level = 0.5 * found.haze.sd**2 * _within_day(found.haze)

    def render(self, times: Ticks, shared: SharedAir, storms: Floats) -> Air:
        """Get the air at the next ticks (epoch seconds), with the storms that touch them."""
        local = calendar(times, self._zone)
        falling = environment.rain(times, self._cadence, storms)
        temperature, dew_point, wind = self._anomalies(len(times), shared)
        strength = environment.wind_strength(wind)
        found = self._climate
        return Air(
            calendar=local,
            background=self._background(local),
            scavenged=self._scavenge(falling) - by_season(local, self._usual),
            diluted=environment.dilution(strength, found.haze.wind_exponent),
            haze=self._long_memory(len(times), shared.haze),
            share=self._particles(len(times)),
            temperature=self._temperature(local, temperature),
            dew_point=by_season(local, found.dew_point.mean) + dew_point,
            rain=falling,
            wind=environment.wind_speed(by_hour(local.hour, found.wind.hourly), strength),
        )

    def _anomalies(self, ticks: int, shared: SharedAir) -> tuple[Floats, Floats, Floats]:
        common, own = np.sqrt(self._region.weather), np.sqrt(1.0 - self._region.weather)
        regional = (shared.temperature, shared.dew_point, shared.wind)
        temperature, dew_point, wind = (
            common * factor + own * process.render(ticks)[0]
            for factor, process in zip(regional, self._weather, strict=True)
        )
        return (
            self._climate.temperature.anomaly_sd * temperature,
            self._climate.dew_point.anomaly_sd * dew_point,
            wind,
        )

    def _temperature(self, local: Calendar, anomaly: Floats) -> Floats:
        found = self._climate.temperature
        mean, daily_range = by_season(local, found.mean), by_season(local, found.daily_range)
        shape = by_hour(local.hour, parameters.processes().temperature_day.hourly)
        return environment.air_temperature(mean, daily_range, shape, anomaly)

    def _background(self, local: Calendar) -> Floats:
        found = self._climate
        daily = environment.season(local.day_of_year, found.season.harmonics) - self._level
        daily += np.log(found.day.weekday)[local.weekday]
        level = local.spread(daily)
        if found.season.fires:
            level += found.season.fires * self._fires.at(local)
        level += found.haze.year_sd * self._years.at(local)
        level += np.log(by_hour(local.hour, self._hourly))
        return level

    def _long_memory(self, ticks: int, shared: Floats) -> Floats:
        haze = self._climate.haze
        own = np.sqrt(1.0 - self._region.together - haze.station_share)
        return np.asarray(haze.sd * (shared + own * self._haze.render(ticks)[0]))

    def _particles(self, ticks: int) -> Floats:
        """Get the share of PM2.5 in PM10, bounded so that with a station's own it stays below 1."""
        found = self._climate.particles
        share = found.mean + found.sd * self._share.render(ticks)[0]
        return np.asarray(np.clip(share, self._sites.share_least, self._sites.share_most))

    def _scavenge(self, falling: Floats) -> Floats:
        haze, step = self._climate.haze, self._cadence / 3600.0
        rate = environment.scavenging(falling, haze.washout, haze.washout_exponent, haze.washout_efficiency)
        decay = float(np.exp(-step / haze.recovery_hours))
        taken, self._scavenged = lfilter([step], [1.0, -decay], rate, zi=self._scavenged)
        return np.asarray(taken)


def _within_day(haze: Haze) -> float:
    """Get the part of the variance of hourly ln PM2.5 that a daily mean averages out."""
    parts = ((haze.fast_share, haze.fast_hours), (1.0 - haze.fast_share, haze.slow_hours))
    kept = 0.0
    for share, hours in parts:
        days = 24.0 / hours
        kept += share * 2.0 / days**2 * (days - 1.0 + float(np.exp(-days)))
    return 1.0 - kept
