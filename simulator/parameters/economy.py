"""The parameters of the economy of a city."""

from __future__ import annotations

from functools import cache

from simulator.cities import City
from simulator.parameters.tables import Group, Hours, ParameterSet, Twelve, Week, own_sets, table, valid


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


class Economy(Group):
    """The economy of a city."""

    traffic: Traffic
    electricity: Electricity
    visitors: Visitors


@cache
def economy(city: City) -> Economy:
    """Get the parameters of a city's economy."""
    return valid(Economy, table("economy") | own_sets(city, Economy.model_fields), f"economy of {city.id}")
