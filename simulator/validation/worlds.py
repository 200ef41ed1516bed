"""What must be simulated to see the same as was measured: which cities, when, and with how many stations.

Records are simulated together if they are a pair, or if they cover nearly the same time; a record with holes of more
than 60 days is simulated in segments, each from its own start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np

from simulator.run import CityBlock, Hotspots, Simulation
from simulator.scenario import Scenario, StationCounts
from simulator.validation.mapping import FIRES
from simulator.validation.reading import DAY, HOUR, Measured
from simulator.validation.series import Integers, Series

ALIKE = 0.9
HOLE_DAYS = 60
BLOCK_DAYS = 112
TICKETS_WARM_UP_DAYS = 28
PUBLICATION_DAYS = 100


@dataclass(frozen=True, slots=True)
class World:
    """Records simulated together: single ones, pairs of them, and the segments of time (epoch seconds) they cover."""

    singles: tuple[Measured, ...]
    pairs: tuple[Measured, ...]
    segments: tuple[tuple[int, int], ...]

    @property
    def cost(self) -> float:
        """Get roughly how much there is to simulate: cities times days."""
        days = sum(end - start for start, end in self.segments) / DAY
        return days * len({one.city for one in self.singles})

    def scenarios(self, seed: int) -> list[Scenario]:
        """Get what to simulate, segment by segment."""
        return [_scenario(self.singles, start, end, seed) for start, end in self.segments]


def worlds_of(measured: Sequence[Measured]) -> list[World]:
    """Get the worlds of some records, the costliest first."""
    singles = [one for one in measured if one.of is None]
    pairs = [one for one in measured if one.of is not None]
    groups: list[list[Measured]] = []
    for one in singles:
        linked = [group for group in groups if any(_linked(one, other, pairs) for other in group)]
        groups = [group for group in groups if group not in linked]
        groups.append([*(other for group in linked for other in group), one])
    found = [_world(group, pairs) for group in groups]
    return sorted(found, key=lambda world: -world.cost)


def _linked(one: Measured, other: Measured, pairs: Iterable[Measured]) -> bool:
    if any(pair.of is not None and {one.name, other.name} == set(pair.of) for pair in pairs):
        return True
    first, end = max(one.edges[0], other.edges[0]), min(one.edges[-1], other.edges[-1])
    longest = max(one.edges[-1], other.edges[-1]) - min(one.edges[0], other.edges[0])
    return bool(end - first >= ALIKE * longest)


def _world(group: Sequence[Measured], pairs: Iterable[Measured]) -> World:
    names = {one.name for one in group}
    return World(
        tuple(group),
        tuple(pair for pair in pairs if pair.of is not None and names >= set(pair.of)),
        tuple(_segments(group)),
    )


def _segments(group: Sequence[Measured]) -> list[tuple[int, int]]:
    """Get the stretches of time with values in any record, holes of up to 60 days included."""
    spans = np.concatenate([_spans(one) for one in group])
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    ends = np.maximum.accumulate(spans[:, 1])
    cuts = np.flatnonzero(spans[1:, 0] > ends[:-1] + HOLE_DAYS * DAY) + 1
    starts = np.concatenate(([0], cuts))
    lasts = np.concatenate((cuts, [len(spans)])) - 1
    before, after = _margins(group)
    made = zip(spans[starts, 0].tolist(), ends[lasts].tolist(), strict=True)
    return [(start - before, start - before + whole(end + after - start + before)) for start, end in made]


def _spans(one: Measured) -> Integers:
    if not isinstance(one.record, Series):
        return np.array([[one.edges[0], one.edges[-1]]])
    rows = np.flatnonzero(one.record.present > 0.0) * one.record.width
    return np.column_stack((one.edges[rows], one.edges[rows + one.record.width]))


def _margins(group: Sequence[Measured]) -> tuple[int, int]:
    """Get the time simulated before (requests that wait already) and after (statistics published late)."""
    before = TICKETS_WARM_UP_DAYS if any(one.kind == "service_desk" for one in group) else 0
    after = PUBLICATION_DAYS if any(one.kind == "statistics_office" for one in group) else 0
    return before * DAY, after * DAY


def simulated_blocks(
    scenario: Scenario, replication: int, hotspots: Hotspots = MappingProxyType({})
) -> Iterator[CityBlock]:
    """Get what the cities of a scenario say, block by block, with hotspots that were counted if there are any."""
    simulation = Simulation(scenario, replication, hotspots)
    while simulation.now < scenario.end:
        yield from simulation.advance(min(scenario.end, simulation.now + BLOCK_DAYS * DAY))


def whole(length: int) -> int:
    """Get a time (s) that is whole hours and at least a given one."""
    return -(-length // HOUR) * HOUR


def _scenario(group: Sequence[Measured], start: int, end: int, seed: int) -> Scenario:
    chosen = tuple(dict.fromkeys(one.city for one in group if one.indicator != FIRES))
    return Scenario(
        name="validation",
        title="Validation",
        description="The cities, stations and times of measured series.",
        start=start,
        end=end,
        cadence=HOUR,
        seed=seed,
        cities=chosen,
        stations={city: _counts(one for one in group if one.city == city) for city in chosen},
    )


def _counts(group: Iterable[Measured]) -> StationCounts:
    counts = {field.name: 0 for field in fields(StationCounts)}
    for one in group:
        for kind in _needed(one):
            counts[kind] = max(counts[kind], one.stations)
    return StationCounts(**counts)


def _needed(one: Measured) -> tuple[str, ...]:
    """Get the kinds of stations a record needs: its own, and that of the temperature beside it."""
    if not one.kind:
        return ()
    beside = isinstance(one.record, Series) and one.record.companion is not None
    return (one.kind, "weather") if beside else (one.kind,)
