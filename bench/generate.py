"""Generating a year of 29 cities with 100 series each, against drawing as many standard normals; prints JSON.

    python bench/generate.py [--days 365] [--block-days 112] [--processes 1]

29 cities with every kind of station, at 15 minutes: 12 air-quality masts (48 series), 2 low-cost nodes (4), 4 weather
stations (16), 4 noise meters (4), 2 river gauges (4), 8 traffic counters (16), 3 feeders (3), 2 payment gateways (2), 2
portals (2) and a service desk (1) each. What waits at the desk, a permit office, a dispatch centre and the grid control
(some 36 cases a day) is simulated one by one; their events, those of two registers, and the figures of a statistics
office are made too, and counted apart. The bound is `numpy.random.default_rng` (PCG64)
drawing as many standard normals in the same process, half of them before and half after. The simulation is streamed
block by block and dropped. The ratio is of CPU time. A value is one observed reading, or a gap in its place.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context

import numpy as np
import scipy.signal  # noqa: F401  (a simulation imports it when it first filters noise; starting is not measured here)

from simulator.cities import members
from simulator.run import Simulation
from simulator.scenario import Scenario, StationCounts

DAY, CADENCE, START, SERIES = 86_400, 900, 1_704_067_200, 100
COUNTS = StationCounts(
    air_quality=12, air_quality_node=2, weather=4, noise_meter=4, river_gauge=2, traffic=8, feeder=3,
    payment_gateway=2, city_portal=2, service_desk=1, permit_office=1, dispatch_centre=1, grid_control=1,
    business_registry=1, open_data_portal=1, statistics_office=1,
)  # fmt: skip
SUMMED = ("values", "events", "statistics", "cpu_s", "bound_cpu_s", "peak_rss_mib")


def simulate(names: tuple[str, ...], days: int, block_days: int) -> dict[str, float]:
    stations = dict.fromkeys(names, COUNTS)
    scenario = Scenario("bench", "bench", "", START, START + days * DAY, CADENCE, 7, names, stations)
    wall, cpu = time.perf_counter(), time.process_time()
    simulation = Simulation(scenario)
    values = events = statistics = 0
    while simulation.now < scenario.end:
        for block in simulation.city_by_city(min(simulation.now + block_days * DAY, scenario.end)):
            values += sum(observed.size for group in block.groups for observed in group.observed.values())
            events += len(block.events)
            statistics += len(block.statistics)
    spent = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    return {"values": values, "events": events, "statistics": statistics, **spent}


def draw(values: int) -> dict[str, float]:
    generator, block = np.random.default_rng(1), np.empty(100_000)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(values // block.size):
        generator.standard_normal(out=block)
    generator.standard_normal(out=block[: values % block.size])
    return {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}


def measure(task: tuple[tuple[str, ...], int, int]) -> dict[str, float]:
    names, days, block_days = task
    values = len(names) * SERIES * days * DAY // CADENCE
    before = draw(values // 2)
    done = simulate(names, days, block_days)
    after = draw(values - values // 2)
    if done["values"] != values:
        raise RuntimeError(f"expected {values} values, came {done['values']}")
    return {
        **done,
        "bound_cpu_s": before["cpu_s"] + after["cpu_s"],
        "bound_wall_s": before["wall_s"] + after["wall_s"],
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Generate a year of readings, against drawing normals.")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--block-days", type=int, default=112)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    names = members("ascn", date(2023, 12, 31))
    parts = [names[first :: options.processes] for first in range(options.processes)]
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        done = list(pool.map(measure, [(part, options.days, options.block_days) for part in parts]))
    total = {key: sum(part[key] for part in done) for key in SUMMED}
    report = {
        "cities": len(names),
        "series": len(names) * SERIES,
        "processes": options.processes,
        "values": int(total["values"]),
        "events": int(total["events"]),
        "statistics": int(total["statistics"]),
        "cpu_s": round(total["cpu_s"], 2),
        "normals_cpu_s": round(total["bound_cpu_s"], 2),
        "ratio_cpu": round(total["cpu_s"] / total["bound_cpu_s"], 2),
        "ns_per_value": round(1e9 * total["cpu_s"] / total["values"], 1),
        "wall_s": round(max(part["wall_s"] for part in done), 2),
        "normals_wall_s": round(max(part["bound_wall_s"] for part in done), 2),
        "peak_rss_mib": round(total["peak_rss_mib"]),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
