"""The results of an experiment, as arrays: what was asked, what ran, and the values of an indicator in a city."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
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
from collector.stores.parquet.files import SCHEMA, Run, read_plan, read_values, runs_of
from nakhon.experimenting.plan import Cost, DesignPlan, Stop

Floats = NDArray[np.float64]
Stamps = NDArray[np.datetime64]
ByIndicator = Mapping[str, pa.Table]
_EMPTY = SCHEMA.empty_table().select(["time", "value", "n"])


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
    times: Stamps
    values: Floats
    n: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Results:
    """The results in a directory. `paired` are the replications that every variant has finished.

    `plan` is the whole of `experiment.json`; `records` what is recorded of each finished run, by variant and number;
    `places` those of the variants by name.
    """

    directory: Path
    plan: Mapping[str, Any]
    variants: tuple[VariantResult, ...]
    paired: tuple[int, ...]
    cities: tuple[str, ...]
    indicators: tuple[str, ...]
    targets: tuple[Target, ...]
    stop: tuple[Stop, ...]
    costs: tuple[Cost, ...]
    design: DesignPlan | None
    records: Mapping[tuple[str, int], Mapping[str, Any]] = field(hash=False)
    places: Mapping[str, int] = field(hash=False)

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
        if variant not in self.places:
            raise InputError(f"no variant {variant!r} in {self.directory}; there are {', '.join(self.places)}")
        return self.places[variant]

    def table(self, indicator: str, city: str) -> Values:
        """The values of an indicator in a city, of the paired replications. Raises `StoreError`."""
        mine = [held.get(indicator, _EMPTY) for held in _of_city(self, city)]
        stamps = [table["time"].to_numpy().astype("datetime64[s]") for table in mine]
        times = _together(stamps)
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
    done: dict[str, list[int]] = {one["name"]: [] for one in plan["variants"]}
    for name, replication in records:
        done[name].append(replication)
    variants = tuple(_variant(one, done[one["name"]]) for one in plan["variants"])
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
        tuple(_stop(one) for one in _listed(plan["stop"])),
        tuple(Cost(**one) for one in plan["costs"]),
        _design(plan["design"]),
        records,
        {one.name: place for place, one in enumerate(variants)},
    )


def target_in(one: Mapping[str, Any]) -> Target:
    """The target that JSON holds."""
    bound = one.get("at_most", one.get("at_least"))
    return Target(
        one["indicator"], one["city"], _statistic(one), float(bound), "at_most" in one, one["probability"],
        one["source"], one["name"],
    )  # fmt: skip


def _names(run: Run) -> list[str]:
    return sorted(pc.unique(read_values(run, columns=("indicator",))["indicator"].cast(pa.string())).to_pylist())


@lru_cache(maxsize=1)
def _read(directory: Path, runs: tuple[tuple[str, int], ...], city: str) -> tuple[ByIndicator, ...]:
    return tuple(_by_indicator(read_values(Run(directory, *run), (city,))) for run in runs)


def _together(stamps: Sequence[Stamps]) -> Stamps:
    """All times of some series, in order; mostly they are the same in all."""
    if all(np.array_equal(stamps[0], other) for other in stamps[1:]):
        return stamps[0] if stamps else np.empty(0, "datetime64[s]")
    return np.unique(np.concatenate(stamps))


def _by_indicator(table: pa.Table) -> ByIndicator:
    """The rows of each indicator of one city: in a run's file they follow one another."""
    column = table["indicator"].unify_dictionaries().combine_chunks()
    codes, names = column.indices.to_numpy(), column.dictionary.to_pylist()
    edges = np.flatnonzero(np.diff(codes, prepend=-1, append=-1))
    rows = table.select(_EMPTY.column_names)
    return {names[codes[first]]: rows.slice(first, last - first) for first, last in pairwise(edges.tolist())}


def _of_city(found: Results, city: str) -> Sequence[ByIndicator]:
    """The rows of a city, of every variant and its paired replications; those of the last city are kept."""
    runs = tuple((one.name, replication) for one in found.variants for replication in found.paired)
    return _read(found.directory, runs, city)


def _variant(one: Mapping[str, Any], done: Sequence[int]) -> VariantResult:
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
        tuple(sorted(done)),
    )


def _statistic(one: Mapping[str, Any]) -> Statistic:
    return Statistic(Kind(one["statistic"]), np.nan if one["limit"] is None else float(one["limit"]))


def _listed(stops: Any) -> list[Mapping[str, Any]]:
    """The stopping rules of a plan, which held a single one or None at first."""
    return [stops] if isinstance(stops, Mapping) else list(stops or ())


def _stop(one: Mapping[str, Any]) -> Stop:
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
