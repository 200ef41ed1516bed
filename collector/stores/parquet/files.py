"""The files of an experiment: its plan, its runs, and the values of each as Parquet.

DIR/experiment.json                     the plan
DIR/runs/<variant>/<replication>.json   what became of a run; `done` only when its values are on the disk
DIR/runs/<variant>/<replication>.parquet
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from collector.language.errors import InputError, StoreError

PLAN = "experiment.json"
FORMAT = 1
LARGEST_PLAN = 1 << 28
NEEDED = {"variants", "cities", "baseline", "replications", "bucket_seconds"}
COLUMNS = ("city", "indicator", "time", "value", "n")
SCHEMA = pa.schema(
    [
        ("city", pa.dictionary(pa.int32(), pa.string())),
        ("indicator", pa.dictionary(pa.int32(), pa.string())),
        ("time", pa.timestamp("s")),
        ("value", pa.float64()),
        ("n", pa.int32()),
    ]
)
"""The values of a run, sorted by city, indicator and time (start of the bucket, UTC)."""


@dataclass(frozen=True, slots=True)
class Run:
    """One replication of a variant, in a directory of results."""

    directory: Path
    variant: str
    replication: int

    @property
    def name(self) -> str:
        """The name of the run in a store: `half-burning-0003`."""
        return f"{self.variant}-{self.replication:04d}"

    @property
    def values(self) -> Path:
        """Where its values are."""
        return self.directory / "runs" / self.variant / f"{self.replication:04d}.parquet"

    @property
    def record(self) -> Path:
        """Where it is said what became of it."""
        return self.values.with_suffix(".json")

    def told(self) -> dict[str, Any]:
        """What is recorded of the run; empty where nothing is, or nothing that can be read."""
        try:
            found = json.loads(self.record.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def is_done(self, told: Mapping[str, Any] | None = None, *, thoroughly: bool = False) -> bool:
        """Whether it is finished and its values are there, by their size or (thoroughly) by their digest."""
        told = self.told() if told is None else told
        try:
            if told.get("status") != "done" or self.values.stat().st_size != told.get("bytes"):
                return False
            return not thoroughly or digest_of(self.values) == told.get("sha256")
        except OSError:
            return False


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_plan(directory: Path) -> dict[str, Any]:
    """The plan of the experiment in a directory. Raises `InputError` where there is none that can be read."""
    path = directory / PLAN
    try:
        if path.stat().st_size > LARGEST_PLAN:
            raise InputError(f"{path}: expected at most {LARGEST_PLAN:,} bytes")
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"no results of an experiment in {directory}: there is no {PLAN}; `nakhon experiment run` writes one"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT or not found.keys() >= NEEDED:
        raise InputError(f"{path}: expected results in format {FORMAT}; were they written by another version?")
    return found


def runs_of(directory: Path, plan: Mapping[str, Any]) -> list[Run]:
    """The runs of an experiment of which something is recorded, by variant in the plan's order and replication."""
    found = []
    for variant in plan["variants"]:
        records = sorted((directory / "runs" / variant["name"]).glob("[0-9][0-9][0-9][0-9].json"))
        found += [Run(directory, variant["name"], int(record.stem)) for record in records]
    return found


def read_values(
    run: Run, cities: Collection[str] = (), indicators: Collection[str] = (), columns: Sequence[str] = COLUMNS
) -> pa.Table:
    """The values of a run, as `SCHEMA`; of some cities and indicators, if any are named. Raises `StoreError`."""
    try:
        with pq.ParquetFile(run.values) as file:
            groups = [place for place in range(file.num_row_groups) if _holds(file, place, cities)]
            table = file.read_row_groups(groups, columns=list(columns))
            table = table.cast(pa.schema([SCHEMA.field(name) for name in columns]))  # Parquet knows no whole seconds
    except (OSError, pa.ArrowException, KeyError) as error:
        raise StoreError(f"cannot read {run.values}: {error}; `nakhon experiment run` makes it anew") from None
    for column, wanted in (("city", cities), ("indicator", indicators)):
        if wanted:
            table = table.filter(pc.is_in(table[column].cast(pa.string()), pa.array(sorted(wanted), pa.string())))
    return table


def _holds(file: pq.ParquetFile, group: int, cities: Collection[str]) -> bool:
    """Whether a group of rows can hold one of the cities, by the bounds that the file keeps of it."""
    kept = file.metadata.row_group(group).column(0).statistics
    return not cities or kept is None or not kept.has_min_max or any(kept.min <= city <= kept.max for city in cities)
