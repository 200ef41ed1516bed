"""The parameters of weather and haze: of a city, of a weather region, and those that hold for every city."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field

from simulator.cities import City
from simulator.parameters.tables import Group, Hours, ParameterSet, Twelve, Week, own_sets, table, valid


class Temperature(ParameterSet):
    """Air temperature: monthly mean (°C) and daily range (K), anomaly (K) and its time constant (h)."""

    mean: Twelve
    daily_range: Twelve
    anomaly_sd: float
    anomaly_hours: float


class DewPoint(ParameterSet):
    """Dew point: monthly mean (°C), anomaly (K) and its time constant (h)."""

    mean: Twelve
    anomaly_sd: float
    anomaly_hours: float


class Rain(ParameterSet):
    """Rain: monthly sum (mm) and wet days; transition probabilities and gamma shape where they were measured."""

    monthly: Twelve
    wet_days: Twelve
    p01: Twelve | None = None
    p11: Twelve | None = None
    shape: float | None = None


class Wind(ParameterSet):
    """Wind: mean speed by hour (m/s), time constant (h) of its anomaly."""

    hourly: Hours
    anomaly_hours: float


class Season(ParameterSet):
    """Season of ln PM2.5: harmonics a0, c1, s1, ... and the effect of regional fire activity."""

    harmonics: Annotated[tuple[float, ...], Field(min_length=7, max_length=7)]
    fires: float = 0.0


class HazeMemory(ParameterSet):
    """Memory of ln PM2.5: share of the fast term, time constants (h)."""

    fast_share: float
    fast_hours: float
    slow_hours: float


class Haze(HazeMemory):
    """Variation of ln PM2.5 around its season: memory, years, wind, washout (`climates.toml` explains each)."""

    sd: float
    year_sd: float
    wind_exponent: float
    washout: float
    washout_exponent: float
    washout_efficiency: float
    recovery_hours: float
    station_share: float
    station_hours: float
    site_sd: float


class Day(ParameterSet):
    """Factors of PM2.5 by hour and by weekday, Monday first."""

    hourly: Hours
    weekday: Week


class Particles(ParameterSet):
    """Share of PM2.5 in PM10: mean, sd over time and between stations, time constant (h)."""

    mean: float
    sd: float
    station_sd: float
    hours: float


class Climate(Group):
    """All that weather and haze need in one city."""

    hemisphere: Literal["north", "none"] = "north"
    temperature: Temperature
    dew_point: DewPoint
    rain: Rain
    wind: Wind
    season: Season
    haze: Haze
    day: Day
    particles: Particles


class Sharing(ParameterSet):
    """What cities of a weather region share: loading on the mainland, correlation of haze and of weather, basin."""

    mainland: float
    together: float
    weather: float
    basin: str | None = None


class Fires(ParameterSet):
    """Hotspots a day by month, dispersion, day-to-day memory, sd between years (ln), span of the average (days)."""

    daily: Twelve
    dispersion: float
    memory: float
    year_sd: float
    span_days: int


class TemperatureDay(ParameterSet):
    """Shape of the day of temperature, from about -1 to 1."""

    hourly: Hours


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
    """How stations differ within a city: position (degrees), warmth (K), gusts, exposure, catch of rain (ln).

    `share_least` and `share_most` bound the share of PM2.5 in PM10 of a city, `share_site_most` a station's own part.
    """

    position_sd: float
    temperature_sd: float
    temperature_hours: float
    temperature_site_sd: float
    catch_sd: float
    gust_sd: float
    gust_hours: float
    exposure_sd: float
    share_least: float
    share_most: float
    share_site_most: float


class Processes(Group):
    """What holds for every city."""

    fires: Fires
    mainland_haze: HazeMemory
    temperature_day: TemperatureDay
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
