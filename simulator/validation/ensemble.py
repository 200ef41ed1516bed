"""An ensemble beside measurements: replications of what was measured, and the statistics of each of them.

Replications run in processes, one world (records simulated together) and one replication at a time; what comes back
is statistics only. A replication of a segment has luck of its own, so that segments are independent years.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from simulator.validation.driven import FIGURES, driven, driven_rows
from simulator.validation.families import Record, measure
from simulator.validation.fires import simulated_hotspots
from simulator.validation.gathering import gathering_of
from simulator.validation.judgement import Declared, Row, judge, spread_of
from simulator.validation.mapping import FIRES
from simulator.validation.reading import Measured, Skipped, residual_pair
from simulator.validation.series import Series
from simulator.validation.spread import rearranged, yearly
from simulator.validation.statistics import Figures
from simulator.validation.worlds import World, simulated_blocks, worlds_of

LEAST_YEARS = 2
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Ensemble:
    """How many replications, from which seed, in how many processes."""

    replications: int = 60
    seed: int = 7
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Spreads:
    """The figures of a measured record, of its years, and of its rearrangements."""

    observed: Figures
    years: list[Figures]
    draws: list[Figures]


@dataclass(frozen=True, slots=True)
class Replication:
    """The figures of each record in one replication, or why a record has none."""

    figures: dict[str, Figures]
    missing: dict[str, str]


Tell = Callable[[int, int], None]
Step = Callable[[], Replication | Spreads]


@dataclass(frozen=True, slots=True)
class Experiment:
    """A driver experiment: its name, what was measured, and the fires that drive it."""

    name: str
    measured: Measured
    fires: Measured


def experimented(
    experiments: Sequence[Experiment], ensemble: Ensemble, wanted: Callable[[str], bool], tell: Tell
) -> list[Row]:
    """Get the rows of driver experiments, each with all replications."""
    rows = []
    for one in experiments:
        if not any(wanted(row_of) for row_of in (f"{one.name}: {what}" for what in FIGURES)):
            continue
        steps = [
            partial(driven, one.measured, one.fires, ensemble.seed, number) for number in range(ensemble.replications)
        ]
        simulated = performed(steps, min(ensemble.workers, len(steps)), tell)
        rows += [row for row in driven_rows(one.name, one.measured, one.fires, simulated) if wanted(row.name)]
    return rows


def validated(
    measured: Sequence[Measured], ensemble: Ensemble, wanted: Callable[[str], bool], tell: Tell
) -> tuple[list[Row], list[Skipped]]:
    """Get the rows of all wanted statistics, in the order of the records, and the records that cannot be simulated.

    `wanted` says of a row's name whether it is judged; a record without such a row is not simulated. `tell` is called
    with how many of how many steps are done.
    """
    chosen = [one for one in measured if any(wanted(row_name(one, name)) for name in observed(one))]
    needed = {name for one in chosen for name in (one.of or ())}
    worlds = worlds_of([one for one in measured if one in chosen or one.name in needed])
    spreads, replications = _computed(chosen, worlds, ensemble, tell)
    missing = {name: why for told in replications for name, why in told.missing.items()}
    rows = [
        row
        for one in chosen
        if one.name not in missing
        for row in rows_of(one, spreads[one.name], replications, ensemble.replications)
        if wanted(row.name)
    ]
    names = [one.name for one in chosen]
    return rows, [Skipped(name, why) for name, why in missing.items() if name in names]


def row_name(one: Measured, figure: str) -> str:
    """Get the name of the row of a figure."""
    return f"{one.name}: {figure}"


def observed(one: Measured) -> Figures:
    """Get the figures of a measured record."""
    return measure(one.record, one.families)


def rows_of(one: Measured, spreads: Spreads, replications: Sequence[Replication], asked: int) -> Iterator[Row]:
    """Get the rows of one record, family by family."""
    for key, family in one.families.items():
        unit = family.unit.replace("{unit}", one.unit).replace("{residual}", _residual_unit(one))
        for name, value in family.function(one.record).items():
            simulated = [
                told.figures[one.name][name] for told in replications if name in told.figures.get(one.name, {})
            ]
            declared = one.declared.get(key) or _shifted(one, key, name)
            spread = spread_of(name, value, spreads.years, spreads.draws, declared, circular=family.circular)
            yield judge(row_name(one, name), unit, value, simulated, asked, spread, circular=family.circular)


def _shifted(one: Measured, key: str, name: str) -> Declared | None:
    """Get the spread of days over a limit that follows from a declared spread of the level of the whole year."""
    level = one.declared.get("quantiles")
    if key != "exceedance" or level is None or not level.relative or not isinstance(one.record, Series):
        return None
    family, values = one.families[key], one.record.values
    more, less = (
        family.function(replace(one.record, values=values * np.exp(sd)))[name] for sd in (level.sd, -level.sd)
    )
    return Declared((more - less) / 2.0, relative=False, source=f"{level.source}; all days higher or lower by it")


def _residual_unit(one: Measured) -> str:
    return "1" if isinstance(one.record, Series) and one.record.logarithmic else one.unit


def replicate(world: World, seed: int, replication: int) -> Replication:
    """Get the figures of all records of a world in one replication."""
    records, missing = simulated(world, seed, replication)
    for pair in world.pairs:
        first, second = (records.get(name) for name in pair.of or ("", ""))
        if isinstance(first, Series) and isinstance(second, Series):
            both = residual_pair(first, second)
            records |= {} if both is None else {pair.name: both}
        else:
            missing[pair.name] = "one of the two is not simulated"
    kept = {one.name: one for one in (*world.singles, *world.pairs)}
    return Replication({name: measure(record, kept[name].families) for name, record in records.items()}, missing)


def simulated(world: World, seed: int, replication: int) -> tuple[dict[str, Record], dict[str, str]]:
    """Get the simulated records of a world, and of those without one the reason."""
    gatherings = {one.name: gathering_of(one) for one in world.singles if one.indicator != FIRES}
    scenarios = world.scenarios(seed) if gatherings else []
    for number, scenario in enumerate(scenarios):
        for block in simulated_blocks(scenario, replication * len(scenarios) + number):
            for one in world.singles:
                if one.city == block.city and one.name in gatherings:
                    gatherings[one.name].add(block)
    records: dict[str, Record] = {
        one.name: _fires(one, seed, replication) for one in world.singles if one.indicator == FIRES
    }
    missing = {name: why for name, gathering in gatherings.items() if (why := gathering.why_not())}
    records |= {name: gathering.record() for name, gathering in gatherings.items() if name not in missing}
    return records, missing


def _fires(one: Measured, seed: int, replication: int) -> Series:
    assert isinstance(one.record, Series)  # noqa: S101 - hotspots are a daily series
    days = one.record.calendar.astype("datetime64[D]").astype(np.int64)
    values = simulated_hotspots(one.city, seed, replication, int(days[0]), len(days))
    return replace(one.record, values=np.where(np.isfinite(one.record.values), values, np.nan))


def spreads_of(one: Measured) -> Spreads:
    """Get the figures of a record, of its years and of its rearrangements; none of less than two complete years."""
    figures = partial(measure, families=one.families)
    years = yearly(one.record, figures)
    if len(years) < LEAST_YEARS:
        return Spreads(figures(one.record), [], [])
    weekly = any(family.weekly for family in one.families.values())
    return Spreads(figures(one.record), years, rearranged(one.record, figures, weekly=weekly))


def _computed(
    chosen: Sequence[Measured], worlds: Sequence[World], ensemble: Ensemble, tell: Tell
) -> tuple[dict[str, Spreads], list[Replication]]:
    """Get the spreads by record and all replications."""
    steps: list[Step] = [
        partial(replicate, world, ensemble.seed, number) for world in worlds for number in range(ensemble.replications)
    ]
    steps += [partial(spreads_of, one) for one in chosen]
    done = list(performed(steps, min(ensemble.workers, len(steps)), tell))
    cut = len(steps) - len(chosen)
    spreads = {one.name: told for one, told in zip(chosen, done[cut:], strict=True) if isinstance(told, Spreads)}
    return spreads, [told for told in done[:cut] if isinstance(told, Replication)]


def performed(steps: Sequence[Callable[[], Result]], workers: int, tell: Tell) -> list[Result]:
    """Get what each step gives, in the order of the steps; in processes if there are several workers."""
    if workers <= 1:
        return [_told(step(), tell, number, len(steps)) for number, step in enumerate(steps, start=1)]
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            futures = [pool.submit(step) for step in steps]
            for number, future in enumerate(as_completed(futures), start=1):
                _told(future.result(), tell, number, len(steps))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in futures]


def _told(result: Result, tell: Tell, number: int, steps: int) -> Result:
    tell(number, steps)
    return result
