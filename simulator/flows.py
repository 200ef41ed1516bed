"""What flows: the readings of the stations of one city, rendered in blocks of stations by ticks.

What the city shares is computed once per tick, (ticks,); each kind of station adds what is its own, (stations, ticks).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from collector.language.profile import StationProfile
from simulator import economy, environment, governance, parameters
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
    songkran,
)
from simulator.parameters import Haze
from simulator.requests import RequestEvents
from simulator.stations import Instruments, bias
from simulator.streams import Floats, Persistence, QuantileNoise, Relaxation, Streams, once

Ticks = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class GroupBlock:
    """The stations of one kind in one city over a block of ticks.

    `times` (ticks,) UTC; `truth` and `observed` by indicator, (stations, ticks); what was observed is rounded to the
    instrument's resolution, NaN where the station was silent.
    """

    stations: tuple[StationProfile, ...]
    times: NDArray[np.datetime64]
    truth: dict[str, Floats]
    observed: dict[str, Floats]


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
        self._climate, self._region = parameters.climate(city), parameters.region(city.weather_region)
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

    def truth(self, air: Air, noise: Mapping[str, Floats]) -> dict[str, Floats]:
        """Get the true values at each mast."""
        deviation = self._own.follow(noise["haze"])
        deviation *= self._sd
        deviation += self._site
        fine = environment.pm25(air.background + air.haze, deviation, air.scavenged, air.diluted)
        return {"pm25": fine, "pm10": environment.pm10(fine, self._share + air.share)}


class WeatherStations:
    """Stations that measure temperature, humidity, rain and wind."""

    indicators: ClassVar[tuple[str, ...]] = ("air_temperature", "relative_humidity", "rain", "wind_speed")
    noise: ClassVar[tuple[str, ...]] = ("temperature", "gusts")
    sites: ClassVar[tuple[str, ...]] = ("temperature/site", "catch/site", "exposure/site")

    def __init__(self, _city: City, _streams: Streams, cadence: int, luck: Mapping[str, Floats]) -> None:
        made = self._made = parameters.processes().sites
        self._own = Relaxation(luck["temperature"], made.temperature_hours, cadence)
        self._gusts = Relaxation(luck["gusts"], made.gust_hours, cadence)
        self._warmth = made.temperature_site_sd * luck["temperature/site"]
        self._catch = np.exp(made.catch_sd * luck["catch/site"])
        self._exposure = np.exp(made.exposure_sd * luck["exposure/site"])

    def truth(self, air: Air, noise: Mapping[str, Floats]) -> dict[str, Floats]:
        """Get the true values at each station."""
        temperature = self._own.follow(noise["temperature"])
        temperature *= self._made.temperature_sd
        temperature += self._warmth
        temperature += air.temperature
        wind = self._gusts.follow(noise["gusts"])
        wind *= self._made.gust_sd
        wind += 1.0
        np.maximum(wind, 0.0, out=wind)
        wind *= self._exposure
        wind *= air.wind
        return {
            "air_temperature": temperature,
            "relative_humidity": environment.relative_humidity(temperature, air.dew_point),
            "rain": self._catch * air.rain,
            "wind_speed": wind,
        }


class TrafficCounters:
    """Counters on roads: flow, and the travel time that follows from it."""

    indicators: ClassVar[tuple[str, ...]] = ("traffic_flow", "travel_time_index")
    noise: ClassVar[tuple[str, ...]] = ("traffic", "counting")
    sites: ClassVar[tuple[str, ...]] = ("mean/site",)

    def __init__(self, city: City, streams: Streams, cadence: int, luck: Mapping[str, Floats]) -> None:
        self._made, self._country, self._interval = parameters.traffic(), city.country, cadence / 3600.0
        self._city = Persistence(streams, [city.id], "traffic", self._made.anomaly_hours, cadence)
        self._own = Relaxation(luck["traffic"], self._made.anomaly_hours, cadence)
        self._mean = self._made.mean * np.exp(self._made.mean_sd * luck["mean/site"])

    def truth(self, air: Air, noise: Mapping[str, Floats]) -> dict[str, Floats]:
        """Get the true values at each counter."""
        made, local = self._made, air.calendar
        together, alone = np.sqrt(made.city_share), np.sqrt(1.0 - made.city_share)
        hour = (local.hour - 0.5) % 24.0
        working = (local.weekday < 5) & ~_holidays(local, self._country)
        profile = np.where(local.spread(working), by_hour(hour, made.weekday), by_hour(hour, made.weekend))
        common = made.anomaly_sd * together * self._city.render(len(hour))[0] - 0.5 * made.anomaly_sd**2
        deviation = self._own.follow(noise["traffic"])
        deviation *= made.anomaly_sd * alone
        demand = economy.traffic_demand(self._mean, profile * np.exp(common), deviation)
        return {
            "traffic_flow": economy.traffic_flow(demand, made.most * self._mean, noise["counting"], self._interval),
            "travel_time_index": economy.travel_time_index(demand, made.capacity * self._mean),
        }


class Feeders:
    """Meters of feeders: electricity demand, which rises with heat."""

    indicators: ClassVar[tuple[str, ...]] = ("electricity_demand",)
    noise: ClassVar[tuple[str, ...]] = ("electricity",)
    sites: ClassVar[tuple[str, ...]] = ("mean/site",)

    def __init__(self, city: City, streams: Streams, cadence: int, luck: Mapping[str, Floats]) -> None:
        self._made, self._country = parameters.electricity(), city.country
        self._city = Persistence(streams, [city.id], "electricity", self._made.anomaly_hours, cadence)
        self._own = Relaxation(luck["electricity"], self._made.anomaly_hours, cadence)
        self._mean = self._made.mean * np.exp(self._made.mean_sd * luck["mean/site"])

    def truth(self, air: Air, noise: Mapping[str, Floats]) -> dict[str, Floats]:
        """Get the true values at each feeder."""
        made, local = self._made, air.calendar
        together, alone = np.sqrt(made.city_share), np.sqrt(1.0 - made.city_share)
        common = made.anomaly_sd * together * self._city.render(len(local.hour))[0]
        deviation = made.anomaly_sd * alone * self._own.follow(noise["electricity"]) + common
        daily = np.array(made.weekday)[local.weekday]
        daily[_holidays(local, self._country)] *= made.holiday
        profile = by_hour(local.hour, made.hourly) * local.spread(daily)
        demand = economy.electricity_demand(self._mean, profile, air.temperature, made.threshold, made.slope, deviation)
        return {"electricity_demand": demand}


Model = AirQuality | WeatherStations | TrafficCounters | Feeders
MODELS: Mapping[str, type[AirQuality] | type[WeatherStations] | type[TrafficCounters] | type[Feeders]] = {
    "air-quality": AirQuality,
    "weather": WeatherStations,
    "traffic": TrafficCounters,
    "feeder": Feeders,
}


class SensorGroup:
    """The stations of one kind in one city: their model and their instruments."""

    def __init__(self, city: City, stations: tuple[StationProfile, ...], streams: Streams, cadence: int) -> None:
        self.stations = stations
        names = tuple(f"{city.id}/{station.id}" for station in stations)
        model = MODELS[stations[0].kind]
        luck = once(streams, names, (*model.noise, *model.sites, *bias(model.indicators)))
        self._columns = (*model.noise, *model.indicators)
        self._noise = QuantileNoise(streams, names, "noise", len(self._columns))
        self._model: Model = model(city, streams, cadence, luck)
        instruments = {indicator: parameters.instruments()[indicator] for indicator in model.indicators}
        self._instruments = Instruments(instruments, luck)

    def render(self, air: Air, times: Ticks, silent: Mapping[str, list[tuple[int, int]]]) -> GroupBlock:
        """Get the block of the next ticks, with NaN where a station is silent."""
        noise = dict(zip(self._columns, self._noise.render(len(times)), strict=True))
        truth = self._model.truth(air, noise)
        observed = self._instruments.observe(truth, noise)
        spans = [(row, *span) for row, station in enumerate(self.stations) for span in silent.get(station.id, ())]
        row, start, end = np.array(spans, dtype=np.int64).reshape(-1, 3).T
        for at, first, last in zip(row, np.searchsorted(times, start), np.searchsorted(times, end), strict=True):
            if first < last:
                for values in observed.values():
                    values[at, first:last] = np.nan
        return GroupBlock(self.stations, times.astype("datetime64[s]"), truth, observed)


class DeskGroup:
    """The service desks of one city: their backlog at each tick, counted without error."""

    def __init__(self, stations: tuple[StationProfile, ...]) -> None:
        self.stations = stations
        self._open = [0] * len(stations)

    def render(self, times: Ticks, events: RequestEvents) -> GroupBlock:
        """Get the backlog at the ticks from the events since the last block."""
        backlog = np.empty((len(self.stations), len(times)))
        for row, before in enumerate(self._open):
            came, went = events.of(row, closed=False), events.of(row, closed=True)
            backlog[row] = governance.service_backlog(times, came, went, before)
            self._open[row] += len(came) - len(went)
        moments = times.astype("datetime64[s]")
        return GroupBlock(self.stations, moments, {"service_backlog": backlog}, {"service_backlog": backlog.copy()})


def _holidays(local: Calendar, country: str) -> NDArray[np.bool_]:
    return np.array([songkran(int(day), country) for day in local.days])


def _within_day(haze: Haze) -> float:
    """Get the part of the variance of hourly ln PM2.5 that a daily mean averages out."""
    parts = ((haze.fast_share, haze.fast_hours), (1.0 - haze.fast_share, haze.slow_hours))
    kept = 0.0
    for share, hours in parts:
        days = 24.0 / hours
        kept += share * 2.0 / days**2 * (days - 1.0 + float(np.exp(-days)))
    return 1.0 - kept
