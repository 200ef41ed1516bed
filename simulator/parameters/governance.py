"""The parameters of the governance of a city."""

from __future__ import annotations

from datetime import date
from functools import cache
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

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
    """When and how a statistic appears.

    The figure of a `period` is told `days` after its end, at `hour` (local): once, or several times, the last of which
    is true. The first has a relative `bias` and a relative error of `sd`, which later ones lose in equal steps.
    """

    period: Literal["day", "month", "year"]
    days: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    hour: Annotated[int, Field(ge=0, le=23)]
    bias: float = 0.0
    sd: Annotated[float, Field(ge=0)] = 0.0
    digits: Annotated[int, Field(ge=0, le=6)]

    @model_validator(mode="after")
    def _ends_with_the_truth(self) -> Publication:
        if any(later <= earlier for earlier, later in pairwise(self.days)):
            raise ValueError(f"expected days one after another, came {list(self.days)}")
        if len(self.days) == 1 and (self.bias or self.sd):
            raise ValueError("a figure that is never revised can have no bias and no sd; add the days of a revision")
        return self


class ServiceLevel(ParameterSet):
    """Within how many hours a request should be closed, by category, and any other."""

    hours: dict[str, Annotated[float, Field(gt=0)]]
    otherwise: Annotated[float, Field(gt=0)]


class ElectronicServices(ParameterSet):
    """Services that become electronic one by one: how many, when half of them are, rate (1/a) of the logistic."""

    services: Annotated[int, Field(gt=0)]
    midpoint: date
    rate: Annotated[float, Field(gt=0)]


class Procurement(ParameterSet):
    """Electronic procurement: when half the ceiling (%) is reached, rate (1/a), spread of the logit, memory."""

    midpoint: date
    rate: Annotated[float, Field(gt=0)]
    ceiling: Annotated[float, Field(gt=0, le=100)]
    sd: Annotated[float, Field(ge=0)]
    memory: Annotated[float, Field(ge=0, lt=1)]


class Portal(ParameterSet):
    """A portal of the city: mean hours between failures and mean hours to repair."""

    up_hours: Annotated[float, Field(gt=0)]
    down_hours: Annotated[float, Field(gt=0)]


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
    publication: dict[str, Publication]
    rating: Rating
    response: Response
    open_data: OpenData
    service_level: ServiceLevel
    electronic_services: ElectronicServices
    procurement: Procurement
    portal: Portal


@cache
def governance(city: City) -> Governance:
    """Get the parameters of a city's governance."""
    return valid(Governance, table("governance") | own_sets(city, Governance.model_fields), f"governance of {city.id}")
