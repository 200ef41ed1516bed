"""Small experiments for tests: their files, and their results made in this process."""

from __future__ import annotations

import hashlib
from pathlib import Path

from collector.stores.parquet.files import PLAN, Run
from nakhon.experimenting.experiment_file import load_experiment
from nakhon.experimenting.plan import Experiment
from nakhon.experimenting.plan_data import plan_as_data
from nakhon.experimenting.run import tasks_of
from nakhon.experimenting.workers import performed
from nakhon.experimenting.writing import write_json

SCENARIO = """
name = "few-days"
start = 2026-02-26T00:00:00Z
duration = "{days}d"
cadence = "1h"
[cities]
include = ["chiang-mai", "rayong", "yangon"]
"""
EXPERIMENT = """
name = "fires"
title = "Fewer fires"
question = "What do fewer fires change?"
scenario = "few-days"
replications = {replications}

[[variants]]
name = "half"
title = "Half of the fires"
set = {{ "assumptions.burning_severity" = 0.5 }}
"""


def files(folder: Path, replications: int = 2, more: str = "", days: int = 4) -> Path:
    """An experiment file of two variants in three cities, with its scenario beside it."""
    (folder / "few-days.toml").write_text(SCENARIO.format(days=days))
    path = folder / "fires.toml"
    path.write_text(EXPERIMENT.format(replications=replications) + more)
    return path


def made(file: Path, directory: Path) -> Experiment:
    """The experiment of a file, after all its runs were made in this process."""
    plan = load_experiment(file)
    write_json(directory / PLAN, plan_as_data(plan))
    for task in tasks_of(plan, plan.replications):
        write_json(Run(directory, task.variant, task.replication).record, performed(directory, task))
    return plan


def digests(directory: Path) -> dict[str, str]:
    """The SHA-256 of every file of values, by its place."""
    found = sorted(directory.glob("runs/*/*.parquet"))
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
