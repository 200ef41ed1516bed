"""The parameters of weather, haze and gases: of a city, of a weather region, and those that hold for every city."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field

from simulator.cities import City
from simulator.parameters.tables import (
    Group,
    Hours,
    Memory,
    MemoryTerms,
    ParameterSet,
    Twelve,
    Week,
    own_sets,
    table,
    valid,
)


class Temperature(ParameterSet):
    """Air temperature: monthly mean (°C), daily range (K) and anomaly (K); shape of the day from about -1 to 1.

    `memory` of the anomaly holds for the whole weather region: that of its first city in the catalogue.
    """

    mean: Twelve
    daily_range: Twelve
    anomaly_sd: Twelve
    hourly: Hours
    memory: MemoryTerms


class DewPoint(ParameterSet):
    """Dew point: monthly mean (°C) and anomaly (K)."""

    mean: Twelve
    anomaly_sd: Twelve


class Rain(ParameterSet):
    """Rain: monthly sum (mm) and wet days; transition probabilities and gamma shape where they were measured."""

    monthly: Twelve
    wet_days: Twelve
    p01: Twelve | None = None
    p11: Twelve | None = None
    shape: float | None = None


class Wind(ParameterSet):
    """Wind: mean speed by hour (m/s)."""

    hourly: Hours


class Season(ParameterSet):
    """Season of ln PM2.5: harmonics a0, c1, s1, ... of its background; smoke (µg/m³) per unit of fire activity."""

    harmonics: Annotated[tuple[float, ...], Field(min_length=7, max_length=7)]
    smoke: float = 0.0


class Haze(ParameterSet):
    """Variation of hourly ln PM2.5 around its season: sd, how it varies over the year, years, stations.

    The sd is `sd` times exp(`sd_season` cos(2π (day - `sd_day`) / 366)). `station_share` is the share of the variance
    that a station has of its own, with time constant `station_hours`; `site_sd` (ln) is between stations for good.
    """

    sd: float
    sd_season: float
    sd_day: float
    year_sd: float
    station_share: float
    station_hours: float
    site_sd: float


class Day(ParameterSet):
    """Factors of PM2.5 by hour and by weekday, Monday first."""

    hourly: Hours
    weekday: Week


class Particles(ParameterSet):
    """Coarse particles: their ratio to the background of PM2.5, hour factors, sd (ln) and memory, sd between sites.

    `follows` is how much of a deviation of ln PM2.5 they follow.
    """

    ratio: float
    hourly: Hours
    sd: float
    memory: MemoryTerms
    follows: float
    site_sd: float


class NitrogenDioxide(ParameterSet):
    """NO2: mean by month (ppb), factors by hour (mean 1), and what it varies with (`climates.toml` explains each)."""

    monthly: Twelve
    hourly: Hours
    background_share: Annotated[float, Field(ge=0, le=1)]
    wind_exponent: Annotated[float, Field(ge=0, lt=2)]
    sd: float
    haze_share: float
    station_share: float
    memory: MemoryTerms
    site_sd: float


class Ozone(ParameterSet):
    """O3: mean by month (ppb), factors by hour (mean 1), titration by NO2, clouds and memory of the oxidants."""

    monthly: Twelve
    hourly: Hours
    titration: float
    cloud: float
    cloud_hours: float
    sd: float
    memory: MemoryTerms


class Climate(Group):
    """All that weather, haze and gases need in one city."""

    hemisphere: Literal["north", "none"] = "north"
    temperature: Temperature
    dew_point: DewPoint
    rain: Rain
    wind: Wind
    season: Season
    haze: Haze
    day: Day
    particles: Particles
    nitrogen_dioxide: NitrogenDioxide
    ozone: Ozone


class Sharing(ParameterSet):
    """What cities of a weather region share.

    `mainland` is the loading of their haze on the mainland's, `together` the correlation of the haze of two cities,
    `weather` that of their weather; `basin` the region whose haze and `fires` the region whose fires they share (their
    own where absent).
    """

    mainland: float
    together: float
    weather: float
    basin: str | None = None
    fires: str | None = None


class Fires(ParameterSet):
    """Hotspots a day by month, dispersion, day-to-day memory, sd between years (ln).

    The activity is the average of hotspots to the power of `exponent`, weighted to the last `span_days`.
    """

    daily: Twelve
    dispersion: float
    memory: float
    year_sd: float
    exponent: float
    span_days: int


class Removal(ParameterSet):
    """What takes PM2.5 out of the air: washout a (1/s) and b, its efficiency, recovery (h), exponent of the wind."""

    washout: float
    washout_exponent: float
    washout_efficiency: float
    recovery_hours: float
    wind_exponent: float


class Storms(ParameterSet):
    """Storms of a wet day: weight by hour, probability of a second and a third, duration (h), most (mm/h)."""

    hourly: Hours
    second: float
    third: float
    hours: float
    most: float


class Reliability(ParameterSet):
    """Gaps of stations: unavailable share (lognormal) and length of a gap (lognormal, h)."""

    unavailable_median: float
    unavailable_sd: float
    unavailable_most: float
    gap_hours: float
    gap_sd: float
    gap_most: float


class Sites(ParameterSet):
    """How stations differ within a city: position (degrees), warmth (K), gusts, exposure, catch of rain (ln)."""

    position_sd: float
    temperature_sd: float
    temperature_hours: float
    temperature_site_sd: float
    catch_sd: float
    gust_sd: float
    gust_hours: float
    exposure_sd: float


class Processes(Group):
    """What holds for every city."""

    fires: Fires
    haze_memory: Memory
    wind_memory: Memory
    dew_point_memory: Memory
    removal: Removal
    storms: Storms
    stations: Reliability
    sites: Sites


@cache
def climate(city: City) -> Climate:
    """Get the climate of a city: what was measured there, else its archetype (moved half a year in the south)."""
    archetype, own = table("climates")[city.climate], own_sets(city, Climate.model_fields)
    found = valid(Climate, {**archetype, **own}, f"climate {city.climate} of {city.id}")
    if city.latitude >= 0 or found.hemisphere == "none":
        return found
    borrowed = archetype.keys() - own.keys()
    return found.model_copy(update={name: _half_a_year_later(getattr(found, name)) for name in borrowed})


@cache
def sharing(region: str) -> Sharing:
    """Get what the cities of a weather region share, the default where nothing is known."""
    page = table("regions")
    return valid(Sharing, page.get(region, page["default"])["sharing"], f"regions.toml: {region}.sharing")


@cache
def processes() -> Processes:
    """Get the parameters that hold for every city: fires, storms, reliability."""
    return valid(Processes, table("processes"), "processes.toml")


def _half_a_year_later(found: Any) -> Any:
    if not isinstance(found, ParameterSet):
        return found
    changes: dict[str, Any] = {}
    for name, value in found:
        if name == "harmonics":
            changes[name] = tuple(-v if i in (1, 2, 5, 6) else v for i, v in enumerate(value))
        elif isinstance(value, tuple) and len(value) == 12:
            changes[name] = value[6:] + value[:6]
    return found.model_copy(update=changes)
