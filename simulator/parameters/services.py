"""The parameters of what waits: the demand for a service, the work it makes, and who is on duty."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from pydantic import Field, model_validator

from simulator.cities import City
from simulator.parameters.tables import Group, Hours, ParameterSet, Week, own_sets, table, valid


class Demand(ParameterSet):
    """How many cases come to a station: a day, by hour and weekday, how unevenly, and what rain adds.

    `dispersion` is the shape of the gamma factor of days, `most_mixing` its bound. The rate is multiplied by
    1 + rain_effect w, with w the rain of the last `rain_hours` over `rain_full` (mm), at most 1.
    """

    per_day: Annotated[float, Field(gt=0)]
    hourly: Hours
    weekday: Week
    dispersion: Annotated[float, Field(gt=0)]
    rain_effect: Annotated[float, Field(ge=0)] = 0.0
    rain_full: float = 30.0
    rain_hours: float = 6.0
    most_mixing: float = 2.0


class Category(Group):
    """A category of cases: its share, its work (lognormal: median in h, sigma of ln h), its priority (0 is first)."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    share: Annotated[float, Field(gt=0, le=1)]
    median_hours: Annotated[float, Field(gt=0)] = 1.0
    sigma: Annotated[float, Field(ge=0)] = 0.0
    priority: int = 0


class Shift(Group):
    """Crews on duty from one local hour to another on the first `days` days of the week, Monday first.

    A crew finishes what it has begun.
    """

    crews: Annotated[int, Field(gt=0)]
    begins: Annotated[int, Field(ge=0, le=23)] = 0
    ends: Annotated[int, Field(ge=1, le=24)] = 24
    days: Annotated[int, Field(ge=1, le=7)] = 7


class Work(ParameterSet):
    """The work on cases, by category, and the shifts of those who do it; without shifts cases are only counted."""

    categories: Annotated[tuple[Category, ...], Field(min_length=1)]
    shifts: tuple[Shift, ...] = ()

    @model_validator(mode="after")
    def _shares_add_up(self) -> Work:
        total = sum(category.share for category in self.categories)
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"the shares of the categories must add up to 1, came {total:.4f}")
        return self


class Service(Group):
    """What waits at one kind of station: the demand and the work."""

    demand: Demand
    work: Work


class Services(Group):
    """All that waits or is counted in a city, by the name a kind of station gives its service."""

    requests: Service
    permits: Service
    emergencies: Service
    outages: Service
    registrations: Service
    datasets: Service


@cache
def services(city: City) -> Services:
    """Get the parameters of what waits in a city."""
    return valid(Services, table("services") | own_sets(city, Services.model_fields), f"services of {city.id}")
