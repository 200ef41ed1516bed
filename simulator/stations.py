"""Which stations a city has, and how what is true becomes what they observe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from math import exp

import numpy as np
from scipy.special import ndtri

from collector.language.profile import StationProfile
from simulator import parameters
from simulator.cities import City
from simulator.parameters.climate import Reliability
from simulator.parameters.instruments import Instrument
from simulator.scenario import StationCounts
from simulator.streams import Floats, Streams


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
    "air-quality": Kind("aq", "Air-quality mast", "environment", ("pm25", "pm10")),
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
        "so", "Statistics office", "governance", ("visitor_arrivals", "eservice_adoption"), periodic=False, gaps=False
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
    "air_temperature": ("climate.temperature",),
    "relative_humidity": ("climate.temperature", "climate.dew_point"),
    "rain": ("climate.rain",),
    "wind_speed": ("climate.wind",),
    "traffic_flow": ("economy.traffic",),
    "travel_time_index": ("economy.traffic",),
    "electricity_demand": ("economy.electricity",),
    "visitor_arrivals": ("economy.visitors",),
    "service_requests": ("services.requests.demand",),
    "service_backlog": ("services.requests.work",),
    "resolution_time": ("services.requests.work",),
    "citizen_rating": ("governance.rating",),
    "eservice_adoption": ("governance.adoption",),
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
    groups = {
        "climate": parameters.climate(city),
        "economy": parameters.economy(city),
        "governance": parameters.governance(city),
        "services": parameters.services(city),
    }
    return {
        indicator: min((_origin(groups, path) for path in paths), key=_STRENGTH.index)
        for indicator, paths in _SETS.items()
    }


def _origin(groups: Mapping[str, object], path: str) -> str:
    group, *names = path.split(".")
    return str(reduce(getattr, (*names, "origin"), groups[group]))


class Instruments:
    """The instruments of several stations, one for each indicator: truth in, observation out.

    `luck` holds standard normals, (stations, 1), named as in `bias`: what each instrument has for good.
    """

    def __init__(self, instruments: Mapping[str, Instrument], luck: Mapping[str, Floats]) -> None:
        self._instruments = instruments
        self._gain, self._offset = {}, {}
        for name, made in instruments.items():
            self._gain[name] = made.steps * (made.gain + made.gain_sd * luck[f"{name}/gain"])
            self._offset[name] = made.steps * made.offset_sd * luck[f"{name}/offset"]

    def observe(self, truth: Mapping[str, Floats], noise: Mapping[str, Floats]) -> dict[str, Floats]:
        """Get what the instruments read, rounded to their resolution, in the place of the noise.

        Truth, noise (standard normals) and readings are by indicator, each (stations, ticks).
        """
        return {
            name: _read(self._instruments[name], self._gain[name], self._offset[name], values, noise[name])
            for name, values in truth.items()
        }


def bias(indicators: tuple[str, ...]) -> tuple[str, ...]:
    """Get the names of what instruments have for good: the gain and the offset of each."""
    return tuple(f"{indicator}/{part}" for indicator in indicators for part in ("gain", "offset"))


def _read(made: Instrument, gain: Floats, offset: Floats, truth: Floats, values: Floats) -> Floats:
    """Get the readings in the place of the noise (`values`), with gain and offset in steps."""
    if made.relative:
        values *= made.relative * made.steps
        values += gain
        values *= truth
    else:
        values *= made.absolute * made.steps
        values += gain * truth
    if made.offset_sd:
        values += offset
    if made.least is not None:
        np.maximum(values, made.least * made.steps, out=values)
    if made.most is not None:
        np.minimum(values, made.most * made.steps, out=values)
    np.rint(values, out=values)
    values += 0.0  # no negative zero
    values /= made.steps
    return values


def gaps(streams: Streams, station: str, reliability: Reliability) -> Iterator[tuple[int, int]]:
    """Get, one after another, how long a station speaks and how long it is then silent, in seconds.

    The unavailable share is lognormal between stations, the length of a gap lognormal; a station speaks for an
    exponential time of the mean that follows from both.
    """
    luck, made = streams.generator(station, "gaps"), reliability
    share = min(made.unavailable_median * exp(made.unavailable_sd * luck.standard_normal()), made.unavailable_most)
    speaking = 3600.0 * _mean_gap(made) * (1.0 - share) / share
    while True:
        silent = 3600.0 * np.minimum(made.gap_hours * np.exp(made.gap_sd * luck.standard_normal(16)), made.gap_most)
        spans = np.rint([speaking * luck.standard_exponential(16), silent])
        yield from map(tuple, np.maximum(spans, 1.0).astype(np.int64).T.tolist())


@cache
def _mean_gap(reliability: Reliability) -> float:
    """Get the mean of the lognormal length of a gap, cut at its maximum, in hours (by quantiles)."""
    quantiles = np.exp(reliability.gap_sd * ndtri((np.arange(1000) + 0.5) / 1000.0))
    return float(np.minimum(reliability.gap_hours * quantiles, reliability.gap_most).mean())


def _station(
    city: City, kind: str, number: int, cadence: int, origins: Mapping[str, str], streams: Streams
) -> StationProfile:
    made = KINDS[kind]
    identity = f"{made.prefix}-{number:02d}"
    spread = parameters.processes().sites.position_sd
    north, east = streams.generator(f"{city.id}/{identity}", "position").standard_normal(2)
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
