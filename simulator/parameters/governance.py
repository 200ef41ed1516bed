"""The parameters of the governance of a city."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Annotated

from pydantic import Field

from simulator.cities import City
from simulator.parameters.tables import Group, ParameterSet, own_sets, table, valid


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


class Rating(ParameterSet):
    """Ratings of resolved requests: share who rate, shares of at most 1 to 4 stars, effect of ln hours, usual hours."""

    share: Annotated[float, Field(gt=0, le=1)]
    at_most: Annotated[tuple[float, ...], Field(min_length=4, max_length=4)]
    slope: float
    usual_hours: float


class Response(ParameterSet):
    """The way of the first unit to an emergency in free traffic: median (minutes) and sigma (ln)."""

    median_minutes: float
    sigma: float


class OpenData(ParameterSet):
    """Open data: how many data sets there are before the scenario begins."""

    before: int


class Governance(Group):
    """The digital services of a city and its statistics office."""

    adoption: Adoption
    publication: Publication
    rating: Rating
    response: Response
    open_data: OpenData


@cache
def governance(city: City) -> Governance:
    """Get the parameters of a city's governance."""
    return valid(Governance, table("governance") | own_sets(city, Governance.model_fields), f"governance of {city.id}")
