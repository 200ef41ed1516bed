"""Which stations a city has, of which kinds, and where the parameters of what they measure come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import cast

from collector.language.profile import StationProfile
from simulator import parameters
from simulator.cities import City
from simulator.parameters.tables import ParameterSet
from simulator.scenario import StationCounts
from simulator.streams import Streams


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of station: prefix of its ids, name, pillar, indicators.

    `periodic` whether it speaks at every tick, `gaps` whether it falls silent, `service` what waits there.
    """

    prefix: str
    name: str
    pillar: str
    indicators: tuple[str, ...]
    periodic: bool = True
    gaps: bool = True
    service: str = ""


KINDS: Mapping[str, Kind] = {
    "air-quality": Kind("aq", "Air-quality mast", "environment", ("pm25", "pm10", "no2", "o3")),
    "air-quality-node": Kind("an", "Low-cost air-quality node", "environment", ("pm25", "pm10")),
    "weather": Kind(
        "wx", "Weather station", "environment", ("air_temperature", "relative_humidity", "rain", "wind_speed")
    ),
    "traffic": Kind("tr", "Traffic counter", "economy", ("traffic_flow", "travel_time_index")),
    "feeder": Kind("fd", "Feeder meter", "economy", ("electricity_demand",)),
    "service-desk": Kind(
        "sd", "Service desk", "governance",
        ("service_backlog", "service_requests", "resolution_time", "citizen_rating"), gaps=False, service="requests",
    ),
    "statistics-office": Kind(
        "so", "Statistics office", "governance",
        (
            "visitor_arrivals", "eservice_adoption", "sla_compliance", "hotel_occupancy", "unemployment",
            "eservice_share", "eprocurement_share", "internet_access", "gpp_per_capita", "ghg_per_capita",
        ),
        periodic=False, gaps=False,
    ),
    "permit-office": Kind(
        "po", "Permit office", "governance", ("permit_wait",), periodic=False, gaps=False, service="permits"
    ),
    "dispatch-centre": Kind(
        "dc", "Emergency dispatch centre", "governance", ("emergency_response",),
        periodic=False, gaps=False, service="emergencies",
    ),
    "grid-control": Kind(
        "gc", "Grid control centre", "economy", ("power_outages",), periodic=False, gaps=False, service="outages"
    ),
    "business-registry": Kind(
        "br", "Business registry", "economy", ("business_registrations",),
        periodic=False, gaps=False, service="registrations",
    ),
    "open-data-portal": Kind(
        "od", "Open-data portal", "governance", ("open_datasets",), periodic=False, gaps=False, service="datasets"
    ),
    "noise-meter": Kind("nm", "Noise meter", "environment", ("noise_laeq",)),
    "river-gauge": Kind("rg", "River gauge", "environment", ("water_level", "dissolved_oxygen")),
    "payment-gateway": Kind("pg", "Payment gateway", "economy", ("digital_payments",)),
    "city-portal": Kind("cp", "City portal", "governance", ("portal_uptime",), gaps=False),
}  # fmt: skip


def stations_of(city: City, counts: StationCounts, cadence: int, streams: Streams) -> tuple[StationProfile, ...]:
    """Get the stations of a city, by kind and number; positions are scattered around its centre."""
    origins = origins_of(city)
    return tuple(
        _station(city, kind, number, cadence, origins, streams)
        for kind in KINDS
        for number in range(1, getattr(counts, kind.replace("-", "_")) + 1)
    )


_SETS: Mapping[str, tuple[str, ...]] = {
    "pm25": ("climate.season", "climate.haze", "climate.day"),
    "pm10": ("climate.season", "climate.haze", "climate.particles"),
    "no2": ("climate.nitrogen_dioxide", "economy.traffic"),
    "o3": ("climate.ozone", "climate.nitrogen_dioxide"),
    "noise_laeq": ("environment.noise", "economy.traffic"),
    "water_level": ("environment.river", "climate.rain"),
    "dissolved_oxygen": ("environment.oxygen", "climate.temperature"),
    "ghg_per_capita": ("environment.greenhouse_gases", "economy.energy"),
    "air_temperature": ("climate.temperature",),
    "relative_humidity": ("climate.temperature", "climate.dew_point"),
    "rain": ("climate.rain",),
    "wind_speed": ("climate.wind",),
    "traffic_flow": ("economy.traffic",),
    "travel_time_index": ("economy.traffic",),
    "electricity_demand": ("economy.electricity",),
    "visitor_arrivals": ("economy.visitors", "economy.smoke"),
    "hotel_occupancy": ("economy.occupancy", "economy.visitors", "economy.smoke"),
    "unemployment": ("economy.unemployment",),
    "internet_access": ("economy.internet_access",),
    "gpp_per_capita": ("economy.gpp",),
    "digital_payments": ("economy.payments",),
    "service_requests": ("services.requests.demand",),
    "service_backlog": ("services.requests.work",),
    "resolution_time": ("services.requests.work",),
    "citizen_rating": ("governance.rating",),
    "eservice_adoption": ("governance.adoption",),
    "sla_compliance": ("governance.service_level", "services.requests.work"),
    "eservice_share": ("governance.electronic_services",),
    "eprocurement_share": ("governance.procurement",),
    "portal_uptime": ("governance.portal",),
    "permit_wait": ("services.permits.demand", "services.permits.work"),
    "emergency_response": ("services.emergencies.work", "governance.response"),
    "power_outages": ("services.outages.demand", "services.outages.work"),
    "business_registrations": ("services.registrations.demand",),
    "open_datasets": ("services.datasets.demand",),
}
"""The sets of parameters an indicator is made of."""
_STRENGTH = ("assumed", "derived", "measured")


def origins_of(city: City) -> dict[str, str]:
    """Get where the parameters of each indicator come from in a city, the weakest of its sets.

    Measured (there), derived (from measurements there or elsewhere) or assumed.
    """
    return {
        indicator: min((made.origin for made in sets.values()), key=_STRENGTH.index)
        for indicator, sets in sets_of(city).items()
    }


def sets_of(city: City) -> dict[str, dict[str, ParameterSet]]:
    """Get the sets of parameters of each indicator in a city by their names, each with its origin and source."""
    groups = {
        "climate": parameters.climate(city),
        "economy": parameters.economy(city),
        "environment": parameters.environment(city),
        "governance": parameters.governance(city),
        "services": parameters.services(city),
    }
    return {indicator: {path: _set(groups, path) for path in paths} for indicator, paths in _SETS.items()}


def _set(groups: Mapping[str, object], path: str) -> ParameterSet:
    group, *names = path.split(".")
    return cast("ParameterSet", reduce(getattr, names, groups[group]))


def _station(
    city: City, kind: str, number: int, cadence: int, origins: Mapping[str, str], streams: Streams
) -> StationProfile:
    made = KINDS[kind]
    identity = f"{made.prefix}-{number:02d}"
    spread = parameters.processes().sites.position_sd
    north, east = streams.generator(f"{city.id}/{identity}", "position").standard_normal(2).tolist()
    return StationProfile(
        id=identity,
        city=city.id,
        pillar=made.pillar,
        kind=kind,
        name=f"{made.name} {number}",
        cadence=cadence if made.periodic else 0,
        indicators=made.indicators,
        latitude=round(city.latitude + spread * north, 4),
        longitude=round(city.longitude + spread * east, 4),
        origins={indicator: origins[indicator] for indicator in made.indicators},
    )
