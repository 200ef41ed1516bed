"""`nakhon solve`: the plan simulated, searched, and told as a table, as JSON, as a curve."""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.language.errors import InputError
from nakhon import __version__
from nakhon.solving.known import Known, known_of
from nakhon.solving.plan import Plan, load_plan
from nakhon.solving.search import Answer, Found, answer, search
from nakhon.solving.simulating import simulating
from nakhon.solving.telling import aside_lines, curve_rows, interval_as_data, show, verdict_lines
from nakhon.terminal.console import told
from nakhon.validating.validate import cores, showing_steps


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where the answer goes beside the terminal: as JSON on it, its curve into a CSV file."""

    as_json: bool = False
    curve: Path | None = None


@dataclass(frozen=True, slots=True)
class Solution:
    """The plan, what the search found, what measurements say, and the answer after undoing the bias (if known)."""

    plan: Plan
    found: Found
    known: tuple[Known, ...]
    shifted: Answer | None
    seconds: float


def solve(source: str, workers: int | None, outputs: Outputs) -> bool:
    """Simulate, search, print, write; whether the targets are reachable. Raises `InputError`."""
    plan = load_plan(source)
    if outputs.curve is not None and not outputs.curve.absolute().parent.is_dir():
        raise InputError(f"cannot write {outputs.curve}: there is no folder {outputs.curve.absolute().parent}")
    solution = solved(plan, workers or cores())
    if outputs.curve is not None:
        _write(solution, outputs.curve)
    if outputs.as_json:
        print(json.dumps(as_data(solution), indent=1, ensure_ascii=False))
    else:
        show(plan, solution.found, solution.known, solution.shifted, solution.seconds)
    return solution.found.answer.reachable


def solved(plan: Plan, workers: int) -> Solution:
    """Get the solution of a plan, simulated in some processes."""
    began = time.monotonic()
    with showing_steps(told) as tell, simulating(plan, workers, tell) as outcome:
        found = search(plan.lever, plan.targets, outcome, plan.points, plan.most_settings)
    known = tuple(known_of(one) for one in plan.targets)
    shifted = None
    if any(one.shift for one in known):
        moved = found.curve.shifted([one.shift or 0.0 for one in known])
        shifted = answer(plan.lever, plan.targets, moved)
    return Solution(plan, found, known, shifted, time.monotonic() - began)


def as_data(solution: Solution) -> dict[str, Any]:
    """Get the solution as JSON holds it; what is not finite is null."""
    plan, found = solution.plan, solution.found
    scenario = plan.at(plan.lever.low)
    data = {
        "title": plan.title,
        "version": __version__,
        "scenario": scenario.name,
        "digest_at_low": scenario.digest,
        "seed": plan.seed,
        "replications": plan.replications,
        "cadence_seconds": plan.cadence,
        "lever": {
            "path": plan.lever.path, "low": plan.lever.low, "high": plan.lever.high, "better": plan.lever.better,
            "resolution": plan.lever.resolution, "note": plan.lever_note,
        },
        "targets": [str(one) for one in plan.targets],
        "sources": [one.source for one in plan.targets],
        "answer": _answer_as_data(plan, found.answer),
        "verdict": [*verdict_lines(plan, found.answer), *aside_lines(plan, found)],
        "measured": [
            {"sentences": list(one.sentences), "shift": one.shift, "shift_from": one.shift_from}
            for one in solution.known
        ],
        "answer_after_shift": None if solution.shifted is None else _answer_as_data(plan, solution.shifted),
        "ended": found.ended,
        "complete": found.complete,
        "settings": len(found.curve.settings),
        "runs": len(found.curve.settings) * plan.replications,
        "seconds": round(solution.seconds, 1),
        "curve": curve_rows(plan, found.curve),
    }  # fmt: skip
    return {key: _finite(value) for key, value in data.items()}


def _answer_as_data(plan: Plan, found: Answer) -> dict[str, Any]:
    return {
        "reachable": found.reachable,
        "setting": found.setting,
        "interval": interval_as_data(found.interval),
        "joint_probability": interval_as_data(found.joint),
        "targets": [
            {
                "reachable": one.reachable,
                "from": one.low,
                "to": one.high,
                "edge": interval_as_data(one.edge),
                "monotone": one.monotone,
                "lever_moves_it": one.moves,
                "best_end": one.toward,
                "probability_at_best_end": interval_as_data(one.best.probability),
                "probability_at_setting": interval_as_data(found.chances[place].probability) if found.chances else None,
            }
            for place, one in enumerate(found.regions)
        ],
        "contradicting": [[str(plan.targets[one]), str(plan.targets[other])] for one, other in found.contradicting],
    }


def _write(solution: Solution, path: Path) -> None:
    rows = curve_rows(solution.plan, solution.found.curve)
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    told.print(f"wrote {path}")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
