"""The parameters of the economy of a city."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Annotated

from pydantic import Field

from simulator.cities import City
from simulator.parameters.tables import Group, Hours, MemoryTerms, ParameterSet, Twelve, Week, own_sets, table, valid


class Traffic(ParameterSet):
    """Traffic: hour factors, mean flow (1/h) and its sd between stations (ln), anomaly (ln).

    `capacity` (practical) and `most` (what the road carries) are relative to the mean. The city shares `city_share` of
    the variance of the anomaly, with `memory`; the rest is a station's own, with a time constant of `station_hours`.
    """

    weekday: Hours
    weekend: Hours
    mean: float
    mean_sd: float
    capacity: float
    most: float
    anomaly_sd: float
    memory: MemoryTerms
    city_share: float
    station_hours: float


class Electricity(ParameterSet):
    """Electricity: factors, mean (MW) and its sd between feeders (ln), response to heat, holiday factor, anomaly (ln).

    The city shares `city_share` of the variance of the anomaly, with `memory`; the rest is a feeder's own, with a time
    constant of `station_hours`.
    """

    hourly: Hours
    weekday: Week
    mean: float
    mean_sd: float
    threshold: float
    slope: float
    holiday: float
    anomaly_sd: float
    memory: MemoryTerms
    city_share: float
    station_hours: float


class Visitors(ParameterSet):
    """Visitors: month factors, sd of ln around them, arrivals a day per 1,000 inhabitants, dispersion, lowest mean."""

    monthly: Twelve
    month_sd: Annotated[float, Field(ge=0)]
    per_thousand: float
    dispersion: float
    lowest: float


class Smoke(ParameterSet):
    """What smoke keeps away (an assumption): share of visitors and of occupied rooms at the worst.

    The effect is proportional to the share of a day's PM2.5 above `threshold` (µg/m³), relative to its `usual` share
    in each month, which the month factors of visitors contain already.
    """

    threshold: Annotated[float, Field(gt=0)]
    visitors: Annotated[float, Field(ge=0, lt=1)]
    occupancy: Annotated[float, Field(ge=0, lt=1)]
    usual: Twelve


class Occupancy(ParameterSet):
    """Occupancy of accommodation: month factors, mean (%), spread of its logit around them, memory by month."""

    monthly: Twelve
    mean: Annotated[float, Field(gt=0, lt=100)]
    sd: Annotated[float, Field(ge=0)]
    memory: Annotated[float, Field(ge=0, lt=1)]


class Unemployment(ParameterSet):
    """Unemployment: mean (%), spread of its logit and its memory from month to month."""

    mean: Annotated[float, Field(gt=0, lt=100)]
    sd: Annotated[float, Field(ge=0)]
    memory: Annotated[float, Field(ge=0, lt=1)]


class Product(ParameterSet):
    """Gross provincial product per person: baht in a year, mean growth and spread (ln, a year)."""

    thb: Annotated[float, Field(gt=0)]
    year: int
    growth: float
    sd: Annotated[float, Field(ge=0)]


class InternetAccess(ParameterSet):
    """Households with internet access: share (%) in mid-year, ceiling (%) and rate (1/a) of the logistic."""

    share: Annotated[float, Field(gt=0)]
    year: int
    ceiling: Annotated[float, Field(gt=0, le=100)]
    rate: float


class Energy(ParameterSet):
    """Energy per person: electricity (kWh) and distance driven (km) in a year, growth and yearly spread (ln)."""

    electricity_kwh: Annotated[float, Field(gt=0)]
    year: int
    vehicle_km: Annotated[float, Field(gt=0)]
    growth: float
    sd: Annotated[float, Field(ge=0)]


class Payments(ParameterSet):
    """Digital payments at a gateway: people it serves and the spread between gateways (ln), payments a day of each.

    Bass adoption from `launch` to `ceiling` (%); `payday` is what is added on the last day of a month and on each of
    the days after it.
    """

    people: Annotated[float, Field(gt=0)]
    people_sd: Annotated[float, Field(ge=0)]
    per_day: Annotated[float, Field(ge=0)]
    launch: date
    innovation: Annotated[float, Field(gt=0)]
    imitation: float
    ceiling: Annotated[float, Field(gt=0, le=100)]
    hourly: Hours
    weekday: Week
    payday: Annotated[tuple[float, ...], Field(min_length=1, max_length=20)]


class Economy(Group):
    """The economy of a city."""

    traffic: Traffic
    electricity: Electricity
    visitors: Visitors
    smoke: Smoke
    occupancy: Occupancy
    unemployment: Unemployment
    gpp: Product
    internet_access: InternetAccess
    energy: Energy
    payments: Payments


@cache
def economy(city: City) -> Economy:
    """Get the parameters of a city's economy."""
    return valid(Economy, table("economy") | own_sets(city, Economy.model_fields), f"economy of {city.id}")
