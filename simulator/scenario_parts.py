"""The parts of a scenario: its stations, what it assumes of the world and what it changes on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Generic, TypeVar

from simulator.scenario_file import Expected, number, whole

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class StationCounts:
    """How many stations of each kind a city has."""

    air_quality: int = 2
    weather: int = 1
    traffic: int = 2
    feeder: int = 1
    service_desk: int = 1
    statistics_office: int = 1
    permit_office: int = 1
    dispatch_centre: int = 1
    grid_control: int = 1
    business_registry: int = 1
    open_data_portal: int = 1
    noise_meter: int = 1
    river_gauge: int = 1
    payment_gateway: int = 1
    city_portal: int = 1
    air_quality_node: int = 0

    @classmethod
    def only(cls, **counts: int) -> StationCounts:
        """Get these numbers of stations, and none of any other kind."""
        return cls(**{entry.name: counts.pop(entry.name, 0) for entry in fields(cls)}, **counts)

    @property
    def total(self) -> int:
        """Get the number of stations of all kinds."""
        return sum(asdict(self).values())


KINDS = tuple(entry.name for entry in fields(StationCounts))
"""The kinds of stations, as a scenario file names them."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the scenario assumes of the world.

    `burning_severity` multiplies the fire hotspots (1.0 is the mean of 2023 to 2025), `rainfall` the rain amounts.
    """

    burning_severity: float = 1.0
    rainfall: float = 1.0


@dataclass(frozen=True, slots=True)
class Policies:
    """What the scenario changes on purpose.

    `crews` is added to the crews of every service desk. `ambassadors` is a number of digital ambassadors in each
    city; no effect size has been published, so their effect on adoption is an assumption.
    """

    crews: int = 0
    ambassadors: int = 0


@dataclass(frozen=True, slots=True)
class Setting(Generic[Number]):
    """A number that a scenario sets: what it may be, its unit and its meaning."""

    expected: Expected[Number]
    unit: str
    meaning: str


ASSUMPTIONS: Mapping[str, Setting[float]] = MappingProxyType(
    {
        "burning_severity": Setting(number(0, 10), "×", "fire hotspots, relative to the mean of 2023 to 2025"),
        "rainfall": Setting(number(0, 5), "×", "rain of a wet day, relative to the climate"),
    }
)
"""What a scenario may assume, by name."""
POLICIES: Mapping[str, Setting[int]] = MappingProxyType(
    {
        "crews": Setting(whole(0, 1_000), "crews", "crews added to every service desk, round the clock"),
        "ambassadors": Setting(whole(0, 10_000), "people", "digital ambassadors in each city; their effect is assumed"),
    }
)
"""What a scenario may change on purpose, by name."""
COUNT = whole(0, 10_000)
"""How many stations of a kind there may be."""
