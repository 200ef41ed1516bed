"""The results of an experiment, as arrays: what was asked, what ran, and the values of an indicator in a city."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from collector.answers.designs import Factor
from collector.answers.stopping import StoppingRule
from collector.answers.targets import Target
from collector.answers.totals import Kind, Statistic
from collector.language.errors import InputError
from collector.stores.parquet.files import Run, read_plan, read_values, runs_of
from nakhon.experimenting.plan import Cost, DesignPlan, Stop

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class VariantResult:
    """A variant: what it is, what sets it apart from the baseline, its digest and what it costs more (if declared).

    `differences` have path, meaning, unit, before, after and text; `interventions` id, title, effects, source and
    assumption. `done` are the replications that are finished.
    """

    name: str
    title: str
    description: str
    digest: str
    settings: Mapping[str, Any]
    differences: tuple[Mapping[str, Any], ...]
    interventions: tuple[Mapping[str, Any], ...]
    cost: float | None
    scenario: Mapping[str, Any]
    done: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """An indicator of a city: starts of buckets (buckets,) in UTC, and values (variants, replications, buckets).

    In the order of `Results.variants` and `Results.paired`; NaN where nothing was said. `n` counts what was combined.
    """

    indicator: str
    city: str
    times: NDArray[np.datetime64]
    values: Floats
    n: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Results:
    """The results in a directory. `paired` are the replications that every variant has finished.

    `plan` is the whole of `experiment.json`; `records` what is recorded of each finished run, by variant and number.
    """

    directory: Path
    plan: Mapping[str, Any]
    variants: tuple[VariantResult, ...]
    paired: tuple[int, ...]
    cities: tuple[str, ...]
    indicators: tuple[str, ...]
    targets: tuple[Target, ...]
    stop: Stop | None
    costs: tuple[Cost, ...]
    design: DesignPlan | None
    records: Mapping[tuple[str, int], Mapping[str, Any]] = field(hash=False)

    @property
    def baseline(self) -> VariantResult:
        """The variant that differences are taken from: the first."""
        return self.variants[0]

    @property
    def bucket(self) -> int:
        """The length of a bucket (s)."""
        return int(self.plan["bucket_seconds"])

    def position(self, variant: str) -> int:
        """The place of a variant in `variants`. Raises `InputError` for one that is not there."""
        names = [one.name for one in self.variants]
        if variant not in names:
            raise InputError(f"no variant {variant!r} in {self.directory}; there are {', '.join(names)}")
        return names.index(variant)

    def table(self, indicator: str, city: str) -> Values:
        """The values of an indicator in a city, of the paired replications. Raises `StoreError`."""
        held = _of_city(self, city)
        mine = [table.filter(pc.equal(table["indicator"].cast(pa.string()), indicator)) for table in held]
        stamps = [table["time"].to_numpy().astype("datetime64[s]") for table in mine]
        times = np.unique(np.concatenate(stamps)) if stamps else np.empty(0, "datetime64[s]")
        shape = (len(self.variants), len(self.paired), len(times))
        values, n = np.full((len(mine), len(times)), np.nan), np.zeros((len(mine), len(times)), np.int64)
        for row, (table, stamp) in enumerate(zip(mine, stamps, strict=True)):
            places = np.searchsorted(times, stamp)
            values[row, places], n[row, places] = table["value"].to_numpy(), table["n"].to_numpy()
        return Values(indicator, city, times, values.reshape(shape), n.reshape(shape))

    def outcomes(self, indicator: str, city: str, statistic: Statistic) -> Floats:
        """One number of each run, (variants, replications)."""
        table = self.table(indicator, city)
        return np.array([statistic.of(indicator, rows, float(self.bucket)) for rows in table.values])


def results(directory: str | Path) -> Results:
    """The results of an experiment, finished or under way. Raises `InputError` where there are none."""
    directory = Path(directory)
    plan = read_plan(directory)
    told = {(run.variant, run.replication): (run, run.told()) for run in runs_of(directory, plan)}
    records = {key: found for key, (run, found) in told.items() if run.is_done(found)}
    variants = tuple(_variant(one, records) for one in plan["variants"])
    paired = sorted(set.intersection(*(set(one.done) for one in variants)))
    first = next(iter(records), None)
    here = {} if first is None else dict.fromkeys(_names(Run(directory, *first)))
    return Results(
        directory,
        plan,
        variants,
        tuple(paired),
        tuple(one["id"] for one in plan["cities"]),
        tuple(here),
        tuple(target_in(one) for one in plan["targets"]),
        _stop(plan["stop"]),
        tuple(Cost(**one) for one in plan["costs"]),
        _design(plan["design"]),
        records,
    )


def target_in(one: Mapping[str, Any]) -> Target:
    """The target that JSON holds."""
    bound = one.get("at_most", one.get("at_least"))
    return Target(
        one["indicator"], one["city"], _statistic(one), float(bound), "at_most" in one, one["probability"],
        one["source"], one["name"],
    )  # fmt: skip


def _names(run: Run) -> list[str]:
    return sorted(set(read_values(run)["indicator"].cast(pa.string()).to_pylist()))


@lru_cache(maxsize=2)
def _read(directory: Path, runs: tuple[tuple[str, int], ...], city: str) -> tuple[pa.Table, ...]:
    return tuple(read_values(Run(directory, *run), (city,)) for run in runs)


def _of_city(found: Results, city: str) -> Sequence[pa.Table]:
    """The tables of a city, of every variant and its paired replications; the last two cities are kept."""
    runs = tuple((one.name, replication) for one in found.variants for replication in found.paired)
    return _read(found.directory, runs, city)


def _variant(one: Mapping[str, Any], records: Mapping[tuple[str, int], Mapping[str, Any]]) -> VariantResult:
    return VariantResult(
        one["name"],
        one["title"],
        one["description"],
        one["digest"],
        one["settings"],
        tuple(one["differences"]),
        tuple(one["interventions"]),
        one["cost"],
        one["scenario"],
        tuple(sorted(replication for name, replication in records if name == one["name"])),
    )


def _statistic(one: Mapping[str, Any]) -> Statistic:
    return Statistic(Kind(one["statistic"]), np.nan if one["limit"] is None else float(one["limit"]))


def _stop(one: Mapping[str, Any] | None) -> Stop | None:
    if one is None:
        return None
    rule = StoppingRule(one["half_width"], one["relative"], one["confidence"], one["least"], one["most"])
    return Stop(rule, one["indicator"], one["city"], _statistic(one))


def _design(one: Mapping[str, Any] | None) -> DesignPlan | None:
    if one is None:
        return None
    factors = tuple(
        Factor(path=f["path"], low=_number(f["low"]), high=_number(f["high"]), values=tuple(f["values"]),
               base=_number(f["base"]), whole=f["whole"])
        for f in one["factors"]
    )  # fmt: skip
    rows = tuple(tuple(row) for row in one["rows"])
    return DesignPlan(one["kind"], factors, rows, tuple(one["variants"]), one["percent"])


def _number(given: float | None) -> float:
    return np.nan if given is None else float(given)
