"""Comparisons of made-up columns, for tests of what is asked of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from collector.comparing.compare import Evidence, compare_table
from collector.comparing.comparison import Column, Comparison, Entry, Request

HOUR, DAY = 3600, 86_400
START = 1_735_689_600  # 2025-01-01T00:00:00Z, a Wednesday
CHIANG_MAI = Column("base", "chiang-mai", "Chiang Mai", "simulated", population=200_000, population_kind="municipality",
                    area_km2=40.0)  # fmt: skip
KHON_KAEN = replace(CHIANG_MAI, city="khon-kaen", name="Khon Kaen", population=100_000, area_km2=50.0)
MEASURED = replace(CHIANG_MAI, run="real", origin="measured")
UTC = Request(("pm25",), local=False)


def table_of(column: Column, values: object, indicator: str = "pm25", step: int = HOUR, start: int = START) -> pa.Table:
    """A table of buckets of one column, a value each."""
    told = np.asarray(values, dtype=np.float64)
    names = {"run": column.run, "city": column.city, "indicator": indicator, "origin": column.origin}
    times = (start + step * np.arange(len(told))).astype("datetime64[s]")
    columns = {key: [name] * len(told) for key, name in names.items()} | {"time": times, "value": told}
    return pa.table(columns)


def compared(
    request: Request, *parts: tuple[Column, object], evidence: Evidence | None = None, start: int = START
) -> Comparison:
    """The comparison of columns on the first indicator of a request, from `start` on, a value a bucket."""
    tables = [table_of(column, values, request.indicators[0], request.bucket, start) for column, values in parts]
    return compare_table(request, [column for column, _ in parts], pa.concat_tables(tables), evidence)


def entries(request: Request, *parts: tuple[Column, object], evidence: Evidence | None = None) -> tuple[Entry, ...]:
    """The columns of that comparison."""
    return compared(request, *parts, evidence=evidence).sections[0].entries


def noise(level: float, n: int = 30 * 24, seed: int = 1) -> np.ndarray:
    """A level with white noise of deviation 1 (n,)."""
    return level + np.random.default_rng(seed).normal(size=n)
