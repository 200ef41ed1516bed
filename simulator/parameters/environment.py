"""The parameters of noise, rivers and greenhouse gases of a city."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from pydantic import Field, model_validator

from simulator.cities import City
from simulator.parameters.tables import Group, Hours, ParameterSet, own_sets, table, valid


class Noise(ParameterSet):
    """Noise of roads: speed (km/h), heavy vehicles (%), and in dB(A) what is heard without the road, by hour.

    `flow` is the mean flow (1/h) of the road a meter stands at, `flow_sd` its sd between meters (ln), `correction`
    what distance and screens take (dB), `rain` what a wet road adds (dB), `sd` and `hours` a meter's own variation.
    """

    flow: Annotated[float, Field(gt=0)]
    flow_sd: float
    speed: Annotated[float, Field(gt=0)]
    heavy: Annotated[float, Field(ge=0, le=100)]
    correction: float
    rain: float
    background: Hours
    sd: float
    hours: float
    site_sd: float


class River(ParameterSet):
    """A river or canal: its level (m) without storms, its response to rain, and the levels of warning.

    Without storms the level is `low` and `base_flow` (m) for every mm of monthly rain, that of this month and of the
    two before weighted by `recharge`. `runoff` is the share of rain that runs off, `hours` the recession, `rise` m per
    mm stored and its sd (ln), `sd` and `sd_hours` a gauge's own variation (m), `datum_sd` how gauges differ (m).
    """

    low: float
    base_flow: Annotated[float, Field(ge=0)]
    recharge: tuple[float, float, float]
    runoff: Annotated[float, Field(gt=0, le=1)]
    hours: Annotated[float, Field(gt=0)]
    rise: Annotated[float, Field(gt=0)]
    rise_sd: float
    sd: float
    sd_hours: float
    datum_sd: float
    alert_level: float
    danger_level: float

    @model_validator(mode="after")
    def _danger_is_above_alert(self) -> River:
        if self.danger_level <= self.alert_level:
            raise ValueError(f"danger_level must be above alert_level {self.alert_level}, came {self.danger_level}")
        return self


class Oxygen(ParameterSet):
    """Oxygen of the water: usual deficit (mg/L), what rain washes in (mg/L per mm), rates (1/h), daily cycle.

    `algae` is the mean production of oxygen by photosynthesis (mg/L/h), `water_hours` how slowly water follows the
    temperature of the air, `share_sd` how stations differ (ln), `sd` and `hours` a station's own variation (mg/L).
    """

    deficit: float
    load: float
    decay: Annotated[float, Field(gt=0)]
    reaeration: Annotated[float, Field(gt=0)]
    algae: Annotated[float, Field(ge=0)]
    water_hours: Annotated[float, Field(gt=0)]
    share_sd: float
    sd: float
    hours: float

    @model_validator(mode="after")
    def _rates_differ(self) -> Oxygen:
        if self.decay == self.reaeration:
            raise ValueError(f"decay and reaeration must differ, came {self.decay} for both")
        return self


class GreenhouseGases(ParameterSet):
    """Emission factors: `grid_factor` of electricity in t CO2e/MWh, `vehicle_factor` of traffic in t CO2e/km."""

    grid_factor: Annotated[float, Field(ge=0)]
    vehicle_factor: Annotated[float, Field(ge=0)]


class Environment(Group):
    """The noise, the water and the emissions of a city."""

    noise: Noise
    river: River
    oxygen: Oxygen
    greenhouse_gases: GreenhouseGases


@cache
def environment(city: City) -> Environment:
    """Get the parameters of a city's noise, water and emissions."""
    return valid(
        Environment, table("environment") | own_sets(city, Environment.model_fields), f"environment of {city.id}"
    )
