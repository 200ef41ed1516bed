"""One run simulated and written: the same bytes wherever and whenever, provenance beside them."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import resource
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from collector.stores.parquet.files import SCHEMA, Run
from nakhon import __version__
from simulator.experiment import Series, gathered
from simulator.scenario import Scenario

TEMPORARY = ".part"


@dataclass(frozen=True, slots=True)
class Task:
    """One replication of a variant to simulate."""

    variant: str
    replication: int
    scenario: Scenario
    indicators: tuple[str, ...]
    bucket: int
    warm_up: int


def simulated(task: Task) -> tuple[bytes, dict[str, Any]]:
    """The Parquet file of a run and its record; what goes wrong is in the record, and the file is empty."""
    began, record = time.monotonic(), provenance(task)
    try:
        payload, rows = _parquet(task)
    except Exception as error:  # noqa: BLE001 - whatever a model may raise is the answer of this run
        return b"", failed(record, f"{type(error).__name__}: {error}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)
    return payload, record | {
        "status": "done",
        "seconds": round(time.monotonic() - began, 3),
        "peak_mib": round(peak, 1),
        "rows": rows,
        "bytes": len(payload),
        "sha256": hashlib.sha256(payload).hexdigest(),
    }


def provenance(task: Task) -> dict[str, Any]:
    """What is recorded of a run before it is done: what it is, which versions make it, and where."""
    return {
        "status": "running",
        "variant": task.variant,
        "replication": task.replication,
        "digest": task.scenario.digest,
        "seed": task.scenario.seed,
        "nakhon": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pyarrow": pa.__version__,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "error": None,
    }


def failed(record: Mapping[str, Any], why: str) -> dict[str, Any]:
    """The record of a run that failed."""
    return dict(record) | {"status": "failed", "error": why[:2_000]}


def write_values(run: Run, payload: bytes) -> None:
    """Write the values of a run so that they are there whole or not at all."""
    _replace(run.values, payload)


def write_json(path: Path, told: Mapping[str, Any]) -> None:
    """Write what is told so that it is there whole or not at all."""
    _replace(path, (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode())


def clean(directory: Path) -> None:
    """Remove what was left half written."""
    for path in directory.glob(f"runs/*/*{TEMPORARY}"):
        with suppress(FileNotFoundError):
            path.unlink()


def _parquet(task: Task) -> tuple[bytes, int]:
    about = {
        "variant": task.variant,
        "replication": str(task.replication),
        "digest": task.scenario.digest,
        "seed": str(task.scenario.seed),
        "nakhon": __version__,
    }
    series = gathered(task.scenario, task.replication, task.indicators, task.bucket, task.warm_up)
    sink, rows = pa.BufferOutputStream(), 0
    with pq.ParquetWriter(
        sink,
        SCHEMA.with_metadata(about),
        compression="zstd",
        use_dictionary=["city", "indicator"],
        column_encoding={"time": "DELTA_BINARY_PACKED", "value": "BYTE_STREAM_SPLIT", "n": "DELTA_BINARY_PACKED"},
    ) as writer:
        for city, of_city in groupby(series, key=lambda one: one.city):
            table = _table(city, list(of_city))
            writer.write_table(table, row_group_size=max(table.num_rows, 1))
            rows += table.num_rows
    return sink.getvalue().to_pybytes(), rows


def _table(city: str, series: list[Series]) -> pa.Table:
    """The rows of a city that have a value."""
    there = [np.flatnonzero(np.isfinite(one.values)) for one in series]
    which = np.repeat(np.arange(len(series), dtype=np.int32), [len(rows) for rows in there])

    def column(name: str) -> Any:
        return np.concatenate([getattr(one, name)[rows] for one, rows in zip(series, there, strict=True)])

    return pa.table(
        [
            pa.DictionaryArray.from_arrays(np.zeros(len(which), np.int32), pa.array([city], pa.string())),
            pa.DictionaryArray.from_arrays(which, pa.array([one.indicator for one in series], pa.string())),
            pa.array(column("times")).cast(pa.timestamp("s")),
            pa.array(column("values")),
            pa.array(column("n").astype(np.int32)),
        ],
        schema=SCHEMA,
    )


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
