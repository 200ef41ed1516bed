"""Results of an experiment with known answers: the files that runs leave, with numbers that a test makes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from collector.stores.parquet.files import PLAN, SCHEMA, Run
from nakhon.experimenting.experiment_file import load_experiment
from nakhon.experimenting.plan_data import plan_as_data
from nakhon.experimenting.writing import write_json
from simulator.experiment import edges

SCENARIO = """
name = "days"
start = {start}T00:00:00
duration = "{days}d"
cadence = "1h"
[cities]
include = ["chiang-mai", "rayong"]
"""
EXPERIMENT = """
name = "known"
title = "Known <b>answers</b> & more"
question = "What is known?"
scenario = "days"
replications = {replications}
indicators = ["pm25", "rain", "service_backlog", "electricity_demand"]

[[variants]]
name = "half"
title = "Half of the fires"
set = {{ "assumptions.burning_severity" = 0.5 }}

[[variants]]
name = "most"
title = "A fifth of the fires less"
set = {{ "assumptions.burning_severity" = 0.8 }}

[[variants]]
name = "wet"
title = "Wet"
set = {{ "assumptions.rainfall" = 1.5 }}

[[targets]]
indicator = "pm25"
city = "chiang-mai"
statistic = "mean"
at_most = 35
probability = 0.8
source = "a test"

[[costs]]
variant = "half"
amount = 1000
per = "year"
currency = "THB"
assumption = "a test"

[[costs]]
variant = "most"
amount = 300
per = "year"
currency = "THB"
assumption = "a test"
"""
Series = Callable[[str, int, str, str, int], np.ndarray]
"""The values of a variant, a replication, a city, an indicator, for so many buckets."""
SEVERITY = {"baseline": 1.0, "half": 0.5, "most": 0.8, "wet": 1.0}


def known(variant: str, replication: int, city: str, indicator: str, buckets: int) -> np.ndarray:
    """PM2.5 is 20 and 25 times the fires; rain is scaled; the backlog has luck of its own; the load is the same."""
    rng = np.random.default_rng([replication, len(city), len(indicator)])
    luck = rng.normal(0.0, 2.0) + rng.normal(0.0, 1.0, buckets)
    if indicator == "pm25":
        return 20.0 + SEVERITY[variant] * (25.0 + luck)
    if indicator == "rain":
        return (1.5 if variant == "wet" else 1.0) * np.abs(luck)
    if indicator == "service_backlog":
        return 50.0 + np.random.default_rng([replication, len(variant), len(city)]).normal(0.0, 3.0, buckets)
    return 100.0 + luck


def results(
    folder: Path, series: Series = known, replications: int = 12, more: str = "", start: str = "2026-02-01",
    days: int = 40, left_out: frozenset[tuple[str, int]] = frozenset(),
) -> Path:  # fmt: skip
    """The directory of results of an experiment whose values are known."""
    (folder / "days.toml").write_text(SCENARIO.format(start=start, days=days))
    (folder / "known.toml").write_text(EXPERIMENT.format(replications=replications) + more)
    plan, directory = load_experiment(folder / "known.toml"), folder / "results"
    directory.mkdir()
    write_json(directory / PLAN, plan_as_data(plan))
    scenario = plan.baseline.scenario
    for variant in plan.variants:
        for number in range(replications):
            if (variant.name, number) not in left_out:
                payload = _parquet(variant.name, number, plan.indicators, scenario, series)
                _write(Run(directory, variant.name, number), payload, variant.scenario.digest)
    return directory


def _parquet(variant: str, number: int, indicators: tuple[str, ...], scenario: object, series: Series) -> bytes:
    parts = []
    for city in sorted(scenario.cities):
        starts = edges(city, 86_400, (scenario.start, scenario.end))[:-1]
        for indicator in sorted(indicators):
            n = len(starts)
            columns = [
                pa.array([city] * n).dictionary_encode(), pa.array([indicator] * n).dictionary_encode(),
                pa.array(starts.astype("datetime64[s]")), pa.array(series(variant, number, city, indicator, n)),
                pa.array(np.full(n, 24, np.int32)),
            ]  # fmt: skip
            parts.append(pa.Table.from_arrays(columns, names=SCHEMA.names).cast(SCHEMA))
    content = io.BytesIO()
    pq.write_table(pa.concat_tables(parts).unify_dictionaries(), content)
    return content.getvalue()


def _write(run: Run, payload: bytes, digest: str) -> None:
    run.values.parent.mkdir(parents=True, exist_ok=True)
    run.values.write_bytes(payload)
    record = {
        "status": "done", "variant": run.variant, "replication": run.replication, "digest": digest, "seed": 1,
        "nakhon": "0", "python": "3", "numpy": "2", "host": "here", "seconds": 1.0, "bytes": len(payload),
        "sha256": hashlib.sha256(payload).hexdigest(), "error": None,
    }  # fmt: skip
    write_json(run.record, record)
