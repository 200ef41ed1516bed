"""Interventions and shocks: what changes a driver of a city for a while, as pure functions of time.

An intervention scales or shifts a driver that the models have, in some cities or at some of their stations, from a
time to another. Its effect enters where the driver is computed, and what follows from it emerges. Where nothing acts,
nothing is computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Way = Literal["scale", "shift"]
Hours = tuple[int, int]
"""From one local hour to another."""
DAY = 86_400
STATIONS: Mapping[str, str] = {
    "weather": "wx", "traffic": "tr", "feeder": "fd", "noise_meter": "nm", "river_gauge": "rg", "payment_gateway": "pg",
    "city_portal": "cp", "service_desk": "sd", "permit_office": "po", "dispatch_centre": "dc", "grid_control": "gc",
    "business_registry": "br", "open_data_portal": "od",
}  # fmt: skip
"""The kinds of stations that an intervention may be limited to, and what the ids of theirs begin with."""


@dataclass(frozen=True, slots=True)
class Driver:
    """Something that an intervention can act on: what it is, how it is changed, and in which unit.

    A `scale` multiplies the driver, a `shift` is added to it. `enters` are the indicators that are the driver itself
    (their change is assumed, not found); what changes in all others emerges from the models. `station` is the kind of
    station at which the driver can be changed alone: its own value or its own queue. Empty: it is of a whole city.
    """

    name: str
    way: Way
    unit: str
    meaning: str
    low: float
    high: float
    enters: tuple[str, ...] = ()
    station: str = ""


def _rate(name: str, what: str, station: str, enters: tuple[str, ...] = ()) -> Driver:
    return Driver(name, "scale", "×", f"{what}, relative to what would come", 0.0, 10.0, enters, station)


def _service(name: str, what: str, crews: str, station: str) -> tuple[Driver, Driver]:
    more = f"{crews} more (or fewer) at every station, in its hours"
    return (
        Driver(f"{name}_crews", "shift", crews, more, -50.0, 50.0, station=station),
        Driver(f"{name}_work", "scale", "×", f"hours of work that {what} needs", 0.05, 20.0, station=station),
    )


_ALL = (
    Driver("fires", "scale", "×", "fire hotspots of the whole burning basin that a city shares", 0.0, 10.0),
    Driver("haze", "scale", "×", "PM2.5 of the air over the city, whatever carried it there", 0.05, 20.0, ("pm25",)),
    Driver("rainfall", "scale", "×", "rain of a wet day, by local day", 0.0, 10.0, ("rain",)),
    Driver("wet_days", "shift", "1", "probability that a local day is wet", -1.0, 1.0),
    Driver(
        "air_temperature", "shift", "K", "temperature of the air over the city",
        -15.0, 15.0, ("air_temperature",), "weather",
    ),
    Driver("wind", "scale", "×", "strength of the wind", 0.05, 5.0, ("wind_speed",), "weather"),
    Driver("traffic", "scale", "×", "vehicles that want to pass on all roads", 0.0, 3.0, ("traffic_flow",), "traffic"),
    Driver("traffic_emissions", "scale", "×", "NO2 and greenhouse gases of a vehicle on its way", 0.0, 5.0),
    Driver(
        "road_noise", "shift", "dB", "sound level of the traffic on a road", -20.0, 20.0, ("noise_laeq",), "noise_meter"
    ),
    Driver(
        "electricity_demand", "scale", "×", "electricity demand of all feeders",
        0.0, 5.0, ("electricity_demand",), "feeder",
    ),
    Driver("runoff", "scale", "×", "rain that reaches rivers and canals at once", 0.0, 5.0),
    Driver(
        "water_level", "shift", "m", "level of rivers and canals, whatever moves it: a tide, a dam, a gate",
        -10.0, 10.0, ("water_level",), "river_gauge",
    ),
    _rate("requests", "requests of citizens", "service_desk", ("service_requests",)),
    *_service("requests", "a request", "crews", "service_desk"),
    _rate("permits", "applications for permits", "permit_office"),
    *_service("permits", "an application", "officers", "permit_office"),
    _rate("emergencies", "emergency calls", "dispatch_centre"),
    *_service("emergencies", "a mission", "units", "dispatch_centre"),
    _rate("outages", "failures of the electricity network", "grid_control", ("power_outages",)),
    *_service("outages", "a repair", "repair crews", "grid_control"),
    _rate("registrations", "registrations of companies", "business_registry", ("business_registrations",)),
    _rate("datasets", "published open data sets", "open_data_portal", ("open_datasets",)),
    Driver(
        "portals", "scale", "×", "share of the probes that portals answer while they are up",
        0.0, 1.0, ("portal_uptime",), "city_portal",
    ),
    Driver(
        "visitors", "scale", "×", "visitors, and the rooms they occupy",
        0.0, 5.0, ("visitor_arrivals", "hotel_occupancy"),
    ),
    Driver(
        "digital_payments", "scale", "×", "digital payments of those who pay so",
        0.0, 5.0, ("digital_payments",), "payment_gateway",
    ),
    Driver("eservice_innovation", "scale", "×", "people who take up digital services of their own accord", 0.0, 20.0),
    Driver(
        "electronic_services", "shift", "a", "years by which the city is ahead in making services electronic",
        -10.0, 10.0, ("eservice_share",),
    ),
    Driver(
        "electronic_procurement", "shift", "a", "years by which the city is ahead in electronic procurement",
        -10.0, 10.0, ("eprocurement_share",),
    ),
    Driver(
        "internet_access", "shift", "a", "years by which households are ahead in getting internet access",
        -10.0, 10.0, ("internet_access",),
    ),
    Driver("unemployment", "scale", "×", "share of the labour force without work", 0.0, 5.0, ("unemployment",)),
    Driver("gpp_per_capita", "scale", "×", "product of the province per person", 0.1, 5.0, ("gpp_per_capita",)),
)  # fmt: skip
DRIVERS: Mapping[str, Driver] = {driver.name: driver for driver in _ALL}
"""What interventions can act on, by name."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What an intervention does to one driver when it is in full force: a factor, or what is added."""

    driver: str
    size: float


@dataclass(frozen=True, slots=True)
class Intervention:
    """What changes drivers of some cities from `start` to before `end` (seconds since 1970-01-01 UTC; None: for good).

    It grows in a straight line over `ramp` seconds after its start and fades likewise before its end. `strength`
    multiplies it (1 as described, 0 without effect). `cities` are their ids, None for all; `stations` are ids or kinds
    of stations in them, None for the cities themselves. `hours` (local) are those of crews that it adds, None for the
    hours of the first shift. `source` is the publication its size is taken from; without one, `assumption` gives the
    reasoning.
    """

    id: str
    title: str
    effects: tuple[Effect, ...]
    start: int
    end: int | None = None
    ramp: int = 0
    strength: float = 1.0
    cities: tuple[str, ...] | None = None
    source: str | None = None
    assumption: str | None = None
    stations: tuple[str, ...] | None = None
    hours: Hours | None = None

    def weight(self, times: Times) -> Floats:
        """Get how much of the intervention acts at times (epoch seconds), 0 to `strength`, (times,)."""
        rise, fall = times - self.start, (1 << 60 if self.end is None else self.end) - times
        inside = (rise >= 0) & (fall > 0)
        shape = np.minimum(np.minimum(rise, fall) / self.ramp, 1.0) if self.ramp else np.ones(len(times))
        return np.where(inside, self.strength * shape, 0.0)

    def acts_in(self, city: str) -> bool:
        """Say whether it acts in a city."""
        return self.cities is None or city in self.cities

    def acts_at(self, station: str, driver: str) -> bool:
        """Say whether it changes a driver at one station: the station is named, or its kind is, and the driver fits."""
        kind = DRIVERS[driver].station
        fits = bool(kind) and station.rsplit("-", 1)[0] == STATIONS[kind]
        return fits and self.stations is not None and (station in self.stations or kind in self.stations)

    def shifted(self, seconds: int) -> Intervention:
        """Get the same intervention, earlier or later."""
        return replace(self, start=self.start + seconds, end=None if self.end is None else self.end + seconds)

    def described(self) -> dict[str, object]:
        """Get what changes results, for a digest."""
        words, later = ("id", "title", "source", "assumption"), ("stations", "hours")
        given = asdict(self)
        return {name: given[name] for name in given if name not in words and (name not in later or given[name])}


Acting = Sequence[tuple[Intervention, float]]
"""Interventions with the size of their effect on a driver."""


@dataclass(frozen=True, slots=True)
class Influence:
    """All that acts on one driver in one place, as a pure function of time; it is false where nothing ever acts.

    Factors of several interventions multiply, shifts add.
    """

    way: Way
    acting: tuple[tuple[Intervention, float], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.acting)

    def at(self, times: Times) -> Floats:
        """Get the factor, or what is added, at times (epoch seconds): exactly 1 or 0 where nothing acts, (times,)."""
        found = np.ones(len(times)) if self.way == "scale" else np.zeros(len(times))
        for one, size in self.acting:
            if self.way == "scale":
                found *= 1.0 + (size - 1.0) * one.weight(times)
            else:
                found += size * one.weight(times)
        return found

    def on_days(self, days: Iterable[int]) -> Floats:
        """Get the factor, or what is added, at noon (UTC) of days since 1970-01-01, (days,)."""
        return self.at(np.fromiter(days, dtype=np.int64) * DAY + DAY // 2)

    def act(self, values: Floats, times: Times) -> Floats:
        """Get values at times (..., times) as the interventions leave them: the very same where none acts."""
        if not self:
            return values
        return np.asarray(values * self.at(times) if self.way == "scale" else values + self.at(times))

    @property
    def most(self) -> float:
        """Get the largest factor there can be, at least 1."""
        return float(np.prod([max(1.0, 1.0 + (size - 1.0) * one.strength) for one, size in self.acting]))

    def steps(self) -> Iterator[tuple[int, int, int | None]]:
        """Get a shift as whole steps: +1 or -1, from when, to before when (epoch seconds; None for good).

        The k-th of n steps comes when k / n of the ramp is over. Steps with hours of their own are in `shifts`.
        """
        for one, size in self.acting:
            if one.hours is None:
                yield from ((1 if size > 0 else -1, *span) for span in _spans(one, size))

    def shifts(self) -> Iterator[tuple[Hours, int, int | None]]:
        """Get what is added in hours of its own: the hours, from when, to before when (epoch seconds)."""
        for one, size in self.acting:
            if one.hours is not None and size > 0:
                yield from ((one.hours, *span) for span in _spans(one, size))


def _spans(one: Intervention, size: float) -> Iterator[tuple[int, int | None]]:
    count = round(abs(size) * one.strength)
    for step in range(1, count + 1):
        late = one.ramp * step // count
        end = None if one.end is None else one.end - late
        if end is None or end > one.start + late:
            yield one.start + late, end


class Influences:
    """All that acts in one place (a city, or cities that share something), by driver."""

    def __init__(self, interventions: Iterable[Intervention] = (), cities: Iterable[str] = ()) -> None:
        here = set(cities)
        found: dict[str, list[tuple[Intervention, float]]] = {}
        for one in interventions:
            if one.cities is None or here & set(one.cities):
                for effect in one.effects:
                    found.setdefault(effect.driver, []).append((one, effect.size))
        self._whole, self._local = (
            {name: chosen for name, acting in found.items() if (chosen := _which(acting, local=local))}
            for local in (False, True)
        )

    def on(self, driver: str, station: str = "") -> Influence:
        """Get what acts on a driver of the place; of a station, with what acts there alone."""
        local = tuple(pair for pair in self._local.get(driver, ()) if pair[0].acts_at(station, driver))
        return Influence(DRIVERS[driver].way, self._whole.get(driver, ()) + local)

    def act_here(self, driver: str, values: Floats, times: Times, stations: Sequence[str]) -> Floats:
        """Get values of a driver at times, (..., times), with what acts at stations alone: (stations, times) if any."""
        if driver not in self._local:
            return values
        way, local = DRIVERS[driver].way, self._local[driver]
        acting = (tuple(pair for pair in local if pair[0].acts_at(station, driver)) for station in stations)
        rows = np.broadcast_to(values, (len(stations), len(times)))
        return np.stack([Influence(way, one).act(row, times) for row, one in zip(rows, acting, strict=True)])

    def act(self, driver: str, values: Floats, times: Times) -> Floats:
        """Get values of a driver at times (..., times) as the interventions leave them."""
        return self.on(driver).act(values, times)


def _which(acting: Acting, *, local: bool) -> tuple[tuple[Intervention, float], ...]:
    """Get what acts at stations alone, or what acts on all of a place."""
    return tuple(pair for pair in acting if (pair[0].stations is not None) == local)


def ambassadors(scale: float, start: int) -> tuple[Intervention, ...]:
    """Get what digital ambassadors are short for: `scale` times as many people who take up services by themselves."""
    found = Intervention(
        "policies-ambassadors",
        "Digital ambassadors",
        (Effect("eservice_innovation", scale),),
        start,
        assumption="No effect size has been published.",
    )
    return () if scale == 1.0 else (found,)


CONSTANT = Influence("scale")
"""Nothing acts on a driver that is scaled."""
UNDISTURBED = Influences()
"""Nothing acts."""
