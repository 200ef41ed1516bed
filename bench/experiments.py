"""Experiments: what named streams are worth, how processes and a cluster scale, and a large one; prints JSON.

`variance`: the shipped burning-ban experiment. For each variant the variance of the difference of a season's mean PM2.5
from the baseline, with the replications paired (named streams) and with each replication beside another one
(independent seeds), and their ratio with the 95 % interval of a bootstrap over replications. Beside it the ratio of a
perfectly paired multiplicative effect Y' = rY, (1 + r²) / (1 - r)², with r of the outcome: the ratio of the means. Of
r = the ratio of the fires it is told too, and it is no bound: only the smoke in PM2.5 is multiplied by it. What is left
of the bound is told in two ways: with the same fires in all replications, where the effect is the same in all of them,
and by the streams whose draws get out of step between the scenarios.
`throughput`: runs a second with 1 and 2 workers, by the times at which runs were finished, after the first two of each
worker (starting takes some seconds); efficiency is the rate of 2 over twice that of 1. Processes here, and Dask with a
scheduler and workers over TCP on this machine.
`big`: 29 cities, a year, hourly cadence, 2 scenarios: time, peak memory of a worker, bytes on disk.

    python bench/experiments.py variance [--replications 60] [--workers 2]
    python bench/experiments.py throughput [--replications 20] [--days 60]
    python bench/experiments.py big [--replications 30] [--days 365] [--cities 29] [--bucket 1d] [--workers 2]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from collector.answers.totals import Kind, Statistic
from nakhon.experimenting.experiment_file import load_experiment, parse_experiment
from nakhon.experimenting.plan import Experiment
from nakhon.experimenting.reading import results
from nakhon.experimenting.run import run_experiment
from simulator.cities import members
from simulator.experiment import gathered
from simulator.scenario import Scenario, StationCounts
from simulator.streams import Streams

PORT = 18_790
FIRES = {"burning-ban": 0.5, "fires-30-percent-less": 0.7}
SCENARIO = """
name = "bench"
start = 2025-12-31T17:00:00Z
duration = "{days}d"
cadence = "1h"
[cities]
include = {cities}
"""
PLAN = """
name = "bench"
scenario = "bench.toml"
replications = {replications}
bucket = "{bucket}"
[[variants]]
name = "burning-ban"
set = {{ "interventions[burning-ban].start" = 2026-01-15 }}
"""


def variance(replications: int, workers: int) -> dict[str, Any]:
    plan = replace(load_experiment("burning-ban"), replications=replications, indicators=("pm25",))
    with tempfile.TemporaryDirectory() as folder:
        run_experiment(plan, Path(folder, "out"), workers)
        found = results(Path(folder, "out"))
        outcomes = found.outcomes("pm25", "chiang-mai", Statistic(Kind.MEAN))
    told = {
        one.name: against_bounds(outcomes[place], outcomes[0]) | {"bound_by_fires": round(bound(FIRES[one.name]), 1)}
        for place, one in enumerate(found.variants[1:], start=1)
    }
    fewer = [one.scenario for one in plan.variants if one.name in ("baseline", "fires-30-percent-less")]
    same_fires = np.array([[mean_pm25(one, number) for number in range(replications)] for one in fewer])
    return {
        "indicator": "mean of pm25 in chiang-mai",
        "replications": replications,
        **told,
        "fires-30-percent-less, the same fire luck in all replications": against_bounds(same_fires[1], same_fires[0]),
        "streams": synchronised(*fewer),
    }


def against_bounds(variant: np.ndarray, baseline: np.ndarray) -> dict[str, Any]:
    """The reduction, beside that of an effect that multiplies every replication by the same: the ratio of the means."""
    ratio, found = float(variant.mean() / baseline.mean()), reduction(variant, baseline)
    shares = [found["reduction"], *found["interval"]]
    return found | {
        "ratio_of_means": round(ratio, 3),
        "bound_by_means": round(bound(ratio), 1),
        "percent_of_bound_by_means": [round(100 * one / bound(ratio)) for one in shares],
        "ratios_of_replications": [round(float(one), 3) for one in np.percentile(variant / baseline, [2.5, 97.5])],
        "correlation_of_ratio_and_level": round(float(np.corrcoef(variant / baseline, baseline)[0, 1]), 2),
    }


def mean_pm25(scenario: Scenario, replication: int) -> float:
    """The mean of PM2.5 in Chiang Mai where all replications have the fires of the first."""
    made = Streams.generator

    def held(streams: Streams, name: str, purpose: str) -> np.random.Generator:
        return made(Streams(streams.seed) if name.startswith("fires/") else streams, name, purpose)

    with mock.patch.object(Streams, "generator", held):
        (found,) = gathered(only_air(scenario), replication, ("pm25",))
    return float(np.nanmean(found.values))


def only_air(scenario: Scenario) -> Scenario:
    return replace(scenario, cities=("chiang-mai",), stations={"chiang-mai": StationCounts.only(air_quality=2)})


def synchronised(*scenarios: Scenario) -> dict[str, int]:
    """How many streams a run of both draws from, and how many of them end in another state in the other."""
    ends = []
    for scenario in scenarios:
        with watched() as drawn:
            list(gathered(replace(scenario, end=scenario.start + 60 * 86_400), 0, ()))
        ends.append({name: [str(one.bit_generator.state) for one in mine] for name, mine in drawn.items()})
    names = ends[0].keys() | ends[1].keys()
    return {"drawn_from": len(names), "out_of_step": sum(ends[0].get(name) != ends[1].get(name) for name in names)}


@contextmanager
def watched() -> Iterator[dict[tuple[str, str], list[np.random.Generator]]]:
    """Yield the generators that are made in the block, by name and purpose."""
    made, drawn = Streams.generator, {}

    def noted(streams: Streams, name: str, purpose: str) -> np.random.Generator:
        one = made(streams, name, purpose)
        drawn.setdefault((name, purpose), []).append(one)
        return one

    with mock.patch.object(Streams, "generator", noted):
        yield drawn


def bound(ratio: float) -> float:
    return (1 + ratio**2) / (1 - ratio) ** 2


def reduction(variant: np.ndarray, baseline: np.ndarray) -> dict[str, Any]:
    apart = np.roll(variant, len(variant) // 2) - baseline
    paired = variant - baseline
    luck = np.random.default_rng(1).integers(0, len(paired), (2_000, len(paired)))
    ratios = apart[luck].var(axis=1, ddof=1) / paired[luck].var(axis=1, ddof=1)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return {
        "variance_independent": round(float(apart.var(ddof=1)), 3),
        "variance_paired": round(float(paired.var(ddof=1)), 4),
        "reduction": round(float(apart.var(ddof=1) / paired.var(ddof=1)), 1),
        "interval": [round(float(low), 1), round(float(high), 1)],
    }


def throughput(replications: int, days: int) -> dict[str, Any]:
    told: dict[str, Any] = {"runs": 2 * replications, "days": days, "cities": 3}
    for way in ("processes", "dask"):
        rates = {}
        for workers in (1, 2):
            with tempfile.TemporaryDirectory() as folder:
                plan, out = planned(Path(folder), 3, days, replications, "1d"), Path(folder, "out")
                if way == "dask":
                    with cluster(Path(folder), workers) as address:
                        run_experiment(plan, out, dask=address)
                else:
                    run_experiment(plan, out, workers)
                rates[workers] = rate(out, workers)
        told[way] = {
            "runs_per_second": {str(workers): round(found, 3) for workers, found in rates.items()},
            "efficiency": round(rates[2] / (2 * rates[1]), 3),
        }
    return told


def rate(directory: Path, workers: int) -> float:
    """Runs a second after the first two of each worker."""
    times = sorted(path.stat().st_mtime_ns / 1e9 for path in directory.glob("runs/*/*.parquet"))[2 * workers - 1 :]
    return (len(times) - 1) / (times[-1] - times[0])


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[str]:
    address, started = f"tcp://127.0.0.1:{PORT}", []
    common = ["--no-dashboard"]
    commands = [["dask_scheduler", "--host", "127.0.0.1", "--port", str(PORT), *common]]
    commands += [["dask_worker", address, "--nthreads", "1", "--no-nanny", *common] for _ in range(workers)]
    try:
        for place, (module, *options) in enumerate(commands):
            with (folder / f"{place}.log").open("wb") as log:
                command = [sys.executable, "-m", f"distributed.cli.{module}", *options]
                started.append(subprocess.Popen(command, cwd=folder, stdout=log, stderr=log))
        deadline = time.monotonic() + 60
        while (logs := "".join(path.read_text() for path in folder.glob("*.log"))).count("Registered to") < workers:
            if time.monotonic() > deadline:
                raise SystemExit(f"the cluster did not start: {logs[-500:]}")
            time.sleep(0.1)
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(30)


def big(cities: int, days: int, replications: int, bucket: str, workers: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        plan, out = planned(Path(folder), cities, days, replications, bucket), Path(folder, "out")
        began = time.monotonic()
        run_experiment(plan, out, workers)
        seconds = time.monotonic() - began
        records = [json.loads(path.read_text()) for path in out.glob("runs/*/*.json")]
    return {
        "cities": cities,
        "days": days,
        "replications": replications,
        "scenarios": 2,
        "bucket": bucket,
        "workers": workers,
        "seconds": round(seconds, 1),
        "seconds_a_run": round(float(np.mean([one["seconds"] for one in records])), 2),
        "peak_mib_of_a_worker": max(one["peak_mib"] for one in records),
        "bytes_on_disk": sum(one["bytes"] for one in records),
        "values": sum(one["rows"] for one in records),
        "failed": sum(one["status"] != "done" for one in records),
    }


def planned(folder: Path, cities: int, days: int, replications: int, bucket: str) -> Experiment:
    names = members("ascn", date(2023, 12, 31))[:cities]
    (folder / "bench.toml").write_text(SCENARIO.format(days=days, cities=json.dumps(names)))
    return parse_experiment(PLAN.format(replications=replications, bucket=bucket), "bench", folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["variance", "throughput", "big"])
    parser.add_argument("--replications", type=int)
    parser.add_argument("--days", type=int)
    parser.add_argument("--cities", type=int, default=29)
    parser.add_argument("--bucket", default="1d")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    if given.mode == "variance":
        told = variance(given.replications or 60, given.workers)
    elif given.mode == "throughput":
        told = throughput(given.replications or 20, given.days or 60)
    else:
        told = big(given.cities, given.days or 365, given.replications or 30, given.bucket, given.workers)
    print(json.dumps({given.mode: told}, indent=1))


if __name__ == "__main__":
    main()
