"""The parameters of the models, read from `scenarios/parameters/*.toml`, each set with its origin and source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collector.language.errors import InputError
from simulator.cities import City

Twelve = Annotated[tuple[float, ...], Field(min_length=12, max_length=12)]
Hours = Annotated[tuple[float, ...], Field(min_length=24, max_length=24)]
Week = Annotated[tuple[float, ...], Field(min_length=7, max_length=7)]
Origin = Literal["measured", "derived", "assumed"]


class ParameterSet(BaseModel):
    """Parameters that belong together: where they come from, and the citation."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    origin: Origin
    source: Annotated[str, Field(min_length=1)]


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


class Climate(BaseModel):
    """All that weather and haze need in one city."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    hemisphere: Literal["north", "none"] = "north"
    temperature: Temperature
    dew_point: DewPoint
    rain: Rain
    wind: Wind
    season: Season
    haze: Haze
    day: Day
    particles: Particles


class Region(ParameterSet):
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


class Processes(BaseModel):
    """What holds for every city."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    fires: Fires
    mainland_haze: HazeMemory
    temperature_day: TemperatureDay
    storms: Storms
    stations: Reliability
    sites: Sites


class Traffic(ParameterSet):
    """Traffic: hour factors, mean flow (1/h) and its sd between stations (ln), anomaly and its shared part.

    `capacity` (practical) and `most` (what the road carries) are relative to the mean.
    """

    weekday: Hours
    weekend: Hours
    mean: float
    mean_sd: float
    capacity: float
    most: float
    anomaly_sd: float
    anomaly_hours: float
    city_share: float


class Electricity(ParameterSet):
    """Electricity: factors, mean (MW) and its sd between feeders (ln), response to heat, holiday factor, anomaly."""

    hourly: Hours
    weekday: Week
    mean: float
    mean_sd: float
    threshold: float
    slope: float
    holiday: float
    anomaly_sd: float
    anomaly_hours: float
    city_share: float


class Visitors(ParameterSet):
    """Visitors: month factors, arrivals a day per 1,000 inhabitants, dispersion, lowest mean."""

    monthly: Twelve
    per_thousand: float
    dispersion: float
    lowest: float


class Requests(ParameterSet):
    """Requests at a desk: volume a day, hour factors, dispersion, effect of rain, bound of the daily factor."""

    per_day: float
    hourly: Hours
    dispersion: float
    rain_effect: float
    rain_full: float
    rain_hours: float
    most_mixing: float


class Work(ParameterSet):
    """Work on requests: categories with their share, median (h) and sigma (ln h); crews of a desk."""

    categories: tuple[str, ...]
    shares: tuple[float, ...]
    median_hours: tuple[float, ...]
    sigma: tuple[float, ...]
    crews: int


class Adoption(ParameterSet):
    """Adoption of digital services (Bass): coefficients, ceiling (%), launch, and the effect of ambassadors."""

    innovation: float
    imitation: float
    ceiling: float
    launch: date
    ambassadors_per_effect: float
    ambassador_effect: float


class Publication(ParameterSet):
    """When and how statistics appear: hour of day, days to the revision, error of the first figure."""

    hour: int
    revision_days: int
    first_bias: float
    first_sd: float


class Governance(BaseModel):
    """Service desks, digital services and the statistics office."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    requests: Requests
    work: Work
    adoption: Adoption
    publication: Publication


class Instrument(ParameterSet):
    """An instrument: gain and offset (drawn once per station), noise, steps per unit, limits."""

    gain: float = 1.0
    gain_sd: float = 0.0
    offset_sd: float = 0.0
    relative: float = 0.0
    absolute: float = 0.0
    steps: Annotated[int, Field(gt=0)]
    least: float | None = None
    most: float | None = None


Model = TypeVar("Model", bound=BaseModel)


@cache
def climate(city: City) -> Climate:
    """Get the climate of a city: what was measured there, else its archetype (moved half a year in the south)."""
    archetype, measured = _table("climates")[city.climate], _table("cities").get(city.id, {})
    found = _valid(Climate, {**archetype, **measured}, f"climate {city.climate} of {city.id}")
    if city.latitude >= 0 or found.hemisphere == "none":
        return found
    borrowed = archetype.keys() - measured.keys()
    return found.model_copy(update={name: _half_a_year_later(getattr(found, name)) for name in borrowed})


@cache
def region(name: str) -> Region:
    """Get what the cities of a weather region share, the default where nothing is known."""
    table = _table("regions")
    return _valid(Region, table.get(name, table["default"]), f"regions.toml: {name}")


@cache
def processes() -> Processes:
    """Get the parameters that hold for every city: fires, storms, reliability."""
    return _valid(Processes, _table("processes"), "processes.toml")


@cache
def traffic() -> Traffic:
    """Get the parameters of traffic."""
    return _valid(Traffic, _table("economy")["traffic"], "economy.toml: traffic")


@cache
def electricity() -> Electricity:
    """Get the parameters of electricity demand."""
    return _valid(Electricity, _table("economy")["electricity"], "economy.toml: electricity")


@cache
def visitors(weather_region: str) -> Visitors:
    """Get the parameters of visitors, of the region where they are known."""
    table = _table("economy")
    name = f"visitors-{weather_region}"
    return _valid(Visitors, table.get(name, table["visitors"]), f"economy.toml: {name}")


@cache
def governance() -> Governance:
    """Get the parameters of service desks, digital services and the statistics office."""
    return _valid(Governance, _table("governance"), "governance.toml")


@cache
def instruments() -> Mapping[str, Instrument]:
    """Get the instrument of each indicator that is measured by one."""
    return {key: _valid(Instrument, entry, f"instruments.toml: {key}") for key, entry in _table("instruments").items()}


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


@cache
def _table(name: str) -> dict[str, Any]:
    page = files("scenarios") / "parameters" / f"{name}.toml"
    return tomllib.loads(page.read_text(encoding="utf-8"))


def _valid(model: type[Model], entry: Mapping[str, Any], where: str) -> Model:
    try:
        return model.model_validate(entry)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}, came {e['input']!r}" for e in error.errors())
        raise InputError(f"{where}: {wrong}") from error
