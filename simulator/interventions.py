"""Interventions and shocks: what changes a driver of a city for a while, as pure functions of time.

An intervention scales or shifts a driver that the models have, in some cities, from a time to another. Its effect
enters where the driver is computed, and what follows from it emerges. Where nothing acts, nothing is computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Way = Literal["scale", "shift"]
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Driver:
    """Something that an intervention can act on: what it is, how it is changed, and in which unit.

    A `scale` multiplies the driver, a `shift` is added to it. `enters` are the indicators that are the driver itself
    (their change is assumed, not found); what changes in all others emerges from the models.
    """

    name: str
    way: Way
    unit: str
    meaning: str
    low: float
    high: float
    enters: tuple[str, ...] = ()


def _rate(name: str, what: str, enters: tuple[str, ...] = ()) -> Driver:
    return Driver(name, "scale", "×", f"{what}, relative to what would come", 0.0, 10.0, enters)


def _service(name: str, what: str, crews: str) -> tuple[Driver, Driver]:
    return (
        Driver(f"{name}_crews", "shift", crews, f"{crews} more (or fewer) at every station, in its hours", -50.0, 50.0),
        Driver(f"{name}_work", "scale", "×", f"hours of work that {what} needs", 0.05, 20.0),
    )


_ALL = (
    Driver("fires", "scale", "×", "fire hotspots of the whole burning basin that a city shares", 0.0, 10.0),
    Driver("haze", "scale", "×", "PM2.5 of the air over the city, whatever carried it there", 0.05, 20.0, ("pm25",)),
    Driver("rainfall", "scale", "×", "rain of a wet day, by local day", 0.0, 10.0, ("rain",)),
    Driver("wet_days", "shift", "1", "probability that a local day is wet", -1.0, 1.0),
    Driver("air_temperature", "shift", "K", "temperature of the air over the city", -15.0, 15.0, ("air_temperature",)),
    Driver("wind", "scale", "×", "strength of the wind", 0.05, 5.0, ("wind_speed",)),
    Driver("traffic", "scale", "×", "vehicles that want to pass on all roads", 0.0, 3.0, ("traffic_flow",)),
    Driver("traffic_emissions", "scale", "×", "NO2 and greenhouse gases of a vehicle on its way", 0.0, 5.0),
    Driver("road_noise", "shift", "dB", "sound level of the traffic on a road", -20.0, 20.0, ("noise_laeq",)),
    Driver(
        "electricity_demand", "scale", "×", "electricity demand of all feeders", 0.0, 5.0, ("electricity_demand",)
    ),
    Driver("runoff", "scale", "×", "rain that reaches rivers and canals at once", 0.0, 5.0),
    _rate("requests", "requests of citizens", ("service_requests",)),
    *_service("requests", "a request", "crews"),
    _rate("permits", "applications for permits"),
    *_service("permits", "an application", "officers"),
    _rate("emergencies", "emergency calls"),
    *_service("emergencies", "a mission", "units"),
    _rate("outages", "failures of the electricity network", ("power_outages",)),
    *_service("outages", "a repair", "repair crews"),
    _rate("registrations", "registrations of companies", ("business_registrations",)),
    _rate("datasets", "published open data sets", ("open_datasets",)),
    Driver(
        "visitors", "scale", "×", "visitors, and the rooms they occupy",
        0.0, 5.0, ("visitor_arrivals", "hotel_occupancy"),
    ),
    Driver("digital_payments", "scale", "×", "digital payments of those who pay so", 0.0, 5.0, ("digital_payments",)),
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
    multiplies it (1 as described, 0 without effect). `cities` are their ids, None for all. `source` is the
    publication its size is taken from; without one, `assumption` gives the reasoning.
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

    def weight(self, times: Times) -> Floats:
        """Get how much of the intervention acts at times (epoch seconds), 0 to `strength`, (times,)."""
        rise, fall = times - self.start, (1 << 60 if self.end is None else self.end) - times
        inside = (rise >= 0) & (fall > 0)
        shape = np.minimum(np.minimum(rise, fall) / self.ramp, 1.0) if self.ramp else np.ones(len(times))
        return np.where(inside, self.strength * shape, 0.0)

    def acts_in(self, city: str) -> bool:
        """Say whether it acts in a city."""
        return self.cities is None or city in self.cities

    def shifted(self, seconds: int) -> Intervention:
        """Get the same intervention, earlier or later."""
        return replace(self, start=self.start + seconds, end=None if self.end is None else self.end + seconds)

    def described(self) -> dict[str, object]:
        """Get what changes results, for a digest."""
        words = ("id", "title", "source", "assumption")
        return {name: given for name, given in asdict(self).items() if name not in words}


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

        The k-th of n steps comes when k / n of the ramp is over.
        """
        for one, size in self.acting:
            count = round(abs(size) * one.strength)
            for step in range(1, count + 1):
                late = one.ramp * step // count
                end = None if one.end is None else one.end - late
                if end is None or end > one.start + late:
                    yield (1 if size > 0 else -1), one.start + late, end


class Influences:
    """All that acts in one place (a city, or cities that share something), by driver."""

    def __init__(self, interventions: Iterable[Intervention] = (), cities: Iterable[str] = ()) -> None:
        here = set(cities)
        found: dict[str, list[tuple[Intervention, float]]] = {}
        for one in interventions:
            if one.cities is None or here & set(one.cities):
                for effect in one.effects:
                    found.setdefault(effect.driver, []).append((one, effect.size))
        self._found = {name: Influence(DRIVERS[name].way, tuple(acting)) for name, acting in found.items()}

    def on(self, driver: str) -> Influence:
        """Get what acts on a driver."""
        return self._found.get(driver) or Influence(DRIVERS[driver].way)

    def act(self, driver: str, values: Floats, times: Times) -> Floats:
        """Get values of a driver at times (..., times) as the interventions leave them."""
        return self.on(driver).act(values, times)


CONSTANT = Influence("scale")
"""Nothing acts on a driver that is scaled."""
UNDISTURBED = Influences()
"""Nothing acts."""
