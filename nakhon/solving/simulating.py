"""One run of a scenario as the numbers that targets ask for, and many of them in processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np

from collector.answers.intervals import Floats
from collector.answers.targets import Target
from collector.answers.totals import Kind
from collector.language.indicators import IndicatorKind, Rollup, indicator
from nakhon.solving.plan import Plan
from nakhon.solving.search import Outcome
from simulator import parameters
from simulator.cities import cities
from simulator.drivers import WARM_UP_DAYS, FireSeason, local_day
from simulator.experiment import DERIVED
from simulator.experiment import Gathering as DayGathering
from simulator.run import CityBlock, Simulation, sharing_fires
from simulator.scenario import Scenario, StationCounts
from simulator.stations import KINDS
from simulator.streams import Streams
from simulator.validation.fires import fire_basin
from simulator.validation.mapping import FIRES

DAY = 86_400
BLOCK_DAYS = 112
APART = ("air-quality", "air-quality-node", "weather")
"""Kinds of stations whose values do not depend on what other stations there are."""


Tell = Callable[[int, int], None]


@contextlib.contextmanager
def simulating(plan: Plan, workers: int, tell: Tell) -> Iterator[Outcome]:
    """Yield what simulates the outcomes of settings, in processes that stay until the end of the block.

    `tell` is called with how many of how many runs are done.
    """
    if workers <= 1:
        yield lambda settings: _outcomes(plan, settings, tell, None)
        return
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which they inherit: Ctrl-C is for us to answer
        try:
            pool.submit(abs, 0)
        finally:
            signal.signal(signal.SIGINT, before)
        yield lambda settings: _outcomes(plan, settings, tell, pool)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _outcomes(plan: Plan, settings: Sequence[float], tell: Tell, pool: ProcessPoolExecutor | None) -> Floats:
    """Get the outcomes (settings, replications, targets)."""
    scenarios = [_needed(plan.at(setting), plan.targets) for setting in settings]
    steps = [
        partial(simulated, scenario, replication, plan.targets, plan.shares)
        for scenario in scenarios
        for replication in range(plan.replications)
    ]
    coming = (step() for step in steps) if pool is None else pool.map(_call, steps)
    done = []
    for number, one in enumerate(coming, start=1):
        done.append(one)
        tell(number, len(steps))
    return np.array(done).reshape(len(settings), plan.replications, len(plan.targets))


def _call(step: Callable[[], list[float]]) -> list[float]:
    return step()


def simulated(
    scenario: Scenario, replication: int, targets: tuple[Target, ...], shares: tuple[float, ...]
) -> list[float]:
    """Get the number of each target in one replication; NaN where nothing was said."""
    gatherings = {(one.city, one.indicator): Gathering(scenario, one.city, one.indicator) for one in targets}
    simulation = Simulation(scenario, replication)
    while simulation.now < scenario.end:
        for block in simulation.city_by_city(min(scenario.end, simulation.now + BLOCK_DAYS * DAY)):
            for gathering in gatherings.values():
                gathering.add(block)
    return [
        share * _number(one, gatherings[one.city, one.indicator], scenario, replication)
        for one, share in zip(targets, shares, strict=True)
    ]


class Gathering:
    """The values of an indicator in a city: by local day of what is measured, else one by one.

    Days are combined as in the results of experiments. Events that are counted are counted by day, others and
    statistics come one by one (of a statistic the last revision of each period).
    """

    def __init__(self, scenario: Scenario, city: str, identity: str) -> None:
        self._city, self._identity = city, identity
        self._entry = None if identity == FIRES else indicator(identity)
        whole = self._entry is not None and bucket_of(identity) > 0.0
        self._days = DayGathering(city, [identity], DAY, (scenario.start, scenario.end)) if whole else None
        self._parts: list[Floats] = [np.empty(0)]
        self._periods: dict[str, tuple[int, float]] = {}

    def add(self, block: CityBlock) -> None:
        """Take what a block of the city says."""
        if self._entry is None or block.city != self._city:
            return
        if self._days is not None:
            self._days.add(block)
        elif self._entry.kind is IndicatorKind.EVENT:
            mine = [told for part in block.events.parts for told in part.told]
            self._parts += [told.values for told in mine if told.happening.type == self._entry.event]
        else:
            for _, told in block.statistics:
                if told.indicator == self._identity and told.revision >= self._periods.get(told.period, (-1, 0.0))[0]:
                    self._periods[told.period] = (told.revision, told.value)

    def values(self) -> Floats:
        """Get the values, those of days in the order of time."""
        if self._days is not None:
            return next(self._days.series()).values
        if self._periods:
            return np.array([value for _, (_, value) in sorted(self._periods.items())])
        return np.concatenate(self._parts)


def days_of(scenario: Scenario, city: str) -> list[int]:
    """Get the local days (since 1970-01-01) that a scenario touches in a city."""
    zone = ZoneInfo(cities()[city].timezone)
    return list(range(local_day(scenario.start, zone), local_day(scenario.end - 1, zone) + 1))


def hotspots(scenario: Scenario, city: str, replication: int, days: Sequence[int]) -> Floats:
    """Get the hotspots of the whole basin whose fires a city has, on local days (since 1970-01-01)."""
    basin, first = fire_basin(city), scenario.start // DAY - WARM_UP_DAYS
    season = FireSeason(
        Streams(scenario.seed, replication),
        basin,
        first,
        parameters.processes().fires,
        scenario.assumptions.burning_severity,
        influence=scenario.influences(*sharing_fires(basin)).on("fires"),
    )
    season[max(days)]
    return np.array([season.hotspots[day - first] for day in days], dtype=np.float64)


def bucket_of(identity: str) -> float:
    """Get the length (s) of what is counted for an indicator: a day, or nothing for what comes one by one."""
    if identity == FIRES:
        return float(DAY)
    entry = indicator(identity)
    single = entry.kind is IndicatorKind.STATISTIC or (
        entry.kind is IndicatorKind.EVENT and entry.rollup is not Rollup.SUM
    )
    return 0.0 if single else float(DAY)


def _number(target: Target, gathering: Gathering, scenario: Scenario, replication: int) -> float:
    if target.indicator == FIRES:
        values = hotspots(scenario, target.city, replication, days_of(scenario, target.city))
        if target.statistic.kind is Kind.TOTAL:
            return float(values.sum())
    else:
        values = gathering.values()
    return float(target.statistic.of(target.indicator, values[None, :], bucket_of(target.indicator))[0])


def _needed(scenario: Scenario, targets: Sequence[Target]) -> Scenario:
    """Get the scenario with what the targets need: their cities and, where that changes nothing, their stations."""
    asked = tuple(city for city in scenario.cities if any(one.city == city for one in targets))
    told = {DERIVED[one.indicator][0] if one.indicator in DERIVED else one.indicator for one in targets}
    kinds = {kind for kind, about in KINDS.items() if told & set(about.indicators)}
    stations = {city: scenario.stations[city] for city in asked}
    if kinds <= set(APART):
        names = [kind.replace("-", "_") for kind in sorted(kinds)]
        stations = {
            city: StationCounts.only(**{name: getattr(counts, name) for name in names})
            for city, counts in stations.items()
        }
    return replace(scenario, cities=asked, stations=stations)
