"""The driver experiment: the fire hotspots that were counted go in, the PM2.5 of a city comes out.

Each replication simulates the city with the counted hotspots in the place of drawn ones; everything else has its luck.
The median over the replications, day by day, is what the model makes of the fires; it is no forecast, as hotspots are
known only afterwards.
"""

from __future__ import annotations

import numpy as np

from simulator.validation.fires import fire_basin
from simulator.validation.gathering import gathering_of
from simulator.validation.judgement import Row
from simulator.validation.reading import Measured
from simulator.validation.series import Floats, Series
from simulator.validation.statistics import LIMITS
from simulator.validation.worlds import World, simulated_blocks, whole

LEAST_R2, MOST_ERROR = 0.55, 10.0
BAND = (0.05, 0.5, 0.95)
LEAST_DAYS = 30
FIGURES = ("R² of the median", "mean absolute error", *(f"days over {limit:g}" for limit in LIMITS))


def driven(one: Measured, fires: Measured, seed: int, replication: int) -> Floats:
    """Get the simulated daily series of a city with the hotspots that were counted, NaN where nothing was measured."""
    assert isinstance(fires.record, Series)  # noqa: S101 - hotspots are a daily series
    days = fires.record.calendar.astype("datetime64[D]").astype(np.int64)
    known = np.isfinite(fires.record.values)
    counted = dict(zip(days[known].tolist(), fires.record.values[known].tolist(), strict=True))
    start, end = int(one.edges[0]), int(one.edges[-1])
    (scenario,) = World((one,), (), ((start, start + whole(end - start)),)).scenarios(seed)
    gathering = gathering_of(one)
    for block in simulated_blocks(scenario, replication, {fire_basin(one.city): counted}):
        gathering.add(block)
    record = gathering.record()
    assert isinstance(record, Series)  # noqa: S101 - gathered from a series
    return record.values


def driven_rows(name: str, one: Measured, fires: Measured, simulated: list[Floats]) -> list[Row]:
    """Get the rows of a driver experiment: R², mean absolute error, and days over the limits.

    R² = 1 - Σ (o - m)² / Σ (o - mean o)² with the median m over replications, on the days that have both measurements.
    """
    assert isinstance(one.record, Series)  # noqa: S101 - checked by the mapping
    assert isinstance(fires.record, Series)  # noqa: S101 - checked by the mapping
    burned = fires.record.calendar[np.isfinite(fires.record.values)]
    values = np.array(simulated)
    days = np.isfinite(one.record.values) & np.isin(one.record.calendar, burned) & np.isfinite(values).any(axis=0)
    if days.sum() < LEAST_DAYS:
        return []
    measured, paths = one.record.values[days], values[:, days]
    middle = np.nanmedian(paths, axis=0)
    r2 = 1.0 - float(((measured - middle) ** 2).sum() / ((measured - measured.mean()) ** 2).sum())
    error = float(np.abs(measured - middle).mean())
    found = [
        _threshold(f"{name}: R² of the median", "1", r2, LEAST_R2, 1.0),
        _threshold(f"{name}: mean absolute error", one.unit, error, 0.0, MOST_ERROR),
    ]
    for limit in LIMITS:
        known = np.isfinite(paths).sum(axis=1)  # a simulated day is missing where all stations were silent
        counts = (paths > limit).sum(axis=1) * days.sum() / np.maximum(known, 1)
        low, median, high = (float(value) for value in np.quantile(counts, BAND))
        observed = float((measured > limit).sum())
        inside = low <= observed <= high
        why = "in the 90 % band" if inside else f"{observed:.0f} days, the 90 % band is {low:.0f} to {high:.0f}"
        row = f"{name}: days over {limit:g}"
        found.append(Row(row, "d", observed, low, median, high, None, "90 % band", high - low, inside, why))
    return found


def _threshold(name: str, unit: str, value: float, low: float, high: float) -> Row:
    inside = low <= value <= high
    why = f"a bound of {low:g} to {high:g}, fixed beforehand"
    return Row(name, unit, value, low, None, high, None, "fixed bound", high - low, inside, why)
