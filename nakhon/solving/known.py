"""What is known of a target from measurements: statistics outside their band, and the bias of its number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from collector.answers.targets import Target
from collector.answers.totals import Kind
from simulator.validation.mapping import FIRES, load_map

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """What measurements say of a target, in sentences, and what to add to an outcome to undo the bias (if known)."""

    sentences: tuple[str, ...]
    shift: float | None = None
    shift_from: str = ""


def known_of(target: Target) -> Known:
    """Get what the shipped validation says of the city, the indicator and the number of a target."""
    if target.indicator == FIRES:
        return Known(("Hotspots are the driver of the model, drawn; they are not compared here.",))
    where = f"{target.indicator} of {target.city}"
    names = _records(target.city, target.indicator)
    rows = [row for row in _rows() if row["name"].rpartition(": ")[0] in names]
    if not rows:
        return Known((f"No measurement was laid beside {where}: the probability is the model's alone.",))
    mine = [row for row in rows if _is_number(target, row) and row["median"] is not None]
    said = [_compared(row) for row in mine]
    outside = [row["name"].split(": ", 1)[1] for row in rows if not row["inside"]]
    if outside:
        shown = ", ".join(dict.fromkeys(outside))
        said.append(f"Of {len(rows)} statistics of {where}, {len(outside)} are outside their band: {shown}.")
    if not mine:
        said.append(f"The number of the target ({target.statistic}) itself was not compared with measurements.")
        return Known(tuple(said))
    driven = [row for row in mine if " driven by " in row["name"]]
    row = (driven or mine)[0]
    return Known(tuple(said), float(row["observed"] - row["median"]), str(row["name"]))


def _compared(row: Row) -> str:
    off = row["median"] - row["observed"]
    way = "too many" if off > 0 else "too few"
    band = "90 % band" if row["spread_from"] == "90 % band" else "95 % band"
    return (
        f"{row['name']}: measured {row['observed']:.0f}, simulated median {row['median']:.0f} "
        f"({band} {row['low']:.0f} to {row['high']:.0f}), so the model has {abs(off):.1f} {way} in the median."
    )


def _is_number(target: Target, row: Row) -> bool:
    asked = f"days over {target.statistic.limit:g}"
    return target.statistic.kind is Kind.COUNT_OVER and row["name"].rpartition(": ")[2] in {asked, f"{asked} a year"}


@cache
def _rows() -> tuple[Row, ...]:
    found = files("scenarios") / "validation" / "results.json"
    return tuple(json.loads(found.read_text("utf-8"))["rows"]) if found.is_file() else ()


@cache
def _records(city: str, identity: str) -> frozenset[str]:
    """Get the names of the measured records of an indicator in a city, and of the driver experiments on them."""
    _, shipped = load_map()
    series = {one.name for one in shipped.series if one.city == city and one.indicator == identity}
    return frozenset(series | {one.name for one in shipped.driven if one.series in series})
