"""How good the flags are: precision and recall of each kind against faults that were injected and written in a ledger.

Cities are simulated with faults of known place, time and size, said into a store as they stand, the detectors pass over
the store, and what they flag is held against the ledger. Sizes are drawn from ranges that include hard cases. Of a gap
it is asked whether the ledger holds no value there either (natural gaps are real), of the other kinds whether a fault
of that kind is in the ledger. Prints a table, or JSON.

    .venv/bin/python bench/quality.py [--seeds 3] [--first 1] [--days 28] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from collector.language.ledger import Fault, Ledger, read_ledger
from collector.language.time import parse_time
from collector.quality.kinds import FlagKind
from collector.stores import open_store
from nakhon.quality import found_in

CITIES = ("chiang-mai", "rayong", "khon-kaen")
COUNTS = {"air_quality": 4, "weather": 4, "traffic": 4, "noise_meter": 3, "river_gauge": 3}
TARGETS = (
    *((f"aq-{n:02d}", name) for n in range(1, 5) for name in ("pm25", "no2", "o3")),
    *((f"wx-{n:02d}", name) for n in range(1, 5) for name in ("air_temperature", "relative_humidity", "wind_speed")),
    *((f"tr-{n:02d}", "traffic_flow") for n in range(1, 5)),
)
KIND_OF = {"stuck": FlagKind.STUCK, "spike": FlagKind.SPIKE, "silence": FlagKind.GAP, "drift": FlagKind.DRIFT,
           "clock-skew": FlagKind.CLOCK}  # fmt: skip
Series = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Episode:
    """A fault on one series, [first, last] in seconds since 1970 as the station told its times."""

    series: Series
    kind: FlagKind
    first: int
    last: int


def main() -> None:
    """Simulate, flag, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="how many runs")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--days", type=int, default=28, help="length of a run")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    figures = [one for seed in range(asked.first, asked.first + asked.seeds) for one in score(seed, asked.days)]
    told = {kind.value: _summed([tally for name, tally in figures if name is kind]) for kind in FlagKind}
    if asked.json:
        print(json.dumps(told, indent=1))
        return
    print(f"{'kind':8}{'injected':>10}{'found':>8}{'recall':>8}{'flags':>8}{'right':>8}{'precision':>11}")
    for kind, row in told.items():
        recall, precision = (f"{row[name]:.2f}" if row[name] is not None else "-" for name in ("recall", "precision"))
        print(f"{kind:8}{row['injected']:10}{row['found']:8}{recall:>8}{row['flags']:8}{row['right']:8}{precision:>11}")


def score(seed: int, days: int) -> Iterator[tuple[FlagKind, tuple[int, int, int, int]]]:
    """Get for each kind how many were injected, of these found, how many flags there are, of these right."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "odd.toml").write_text(scenario(seed, days))
        command = [
            "simulate",
            "odd.toml",
            "--broker",
            "none",
            "--store",
            "duckdb://odd.duckdb",
            "--ledger",
            "l",
            "--run",
            "r",
        ]
        subprocess.run([sys.executable, "-m", "nakhon", *command], cwd=folder, check=True, capture_output=True)
        ledger = read_ledger(folder / "l")
        store = open_store(f"duckdb://{folder}/odd.duckdb")
        flags = found_in(store, "r").to_pylist()
        store.close()
    said, episodes = told(ledger)
    for kind in FlagKind:
        mine = [episode for episode in episodes if episode.kind is kind]
        found = [((f["city"], f["station"], f["indicator"]), *_span(f)) for f in flags if f["kind"] == kind]
        hit = sum(any(_meet(episode, *flag) for flag in found) for episode in mine)
        if kind is FlagKind.GAP:
            right = sum(not _any_within(said[series], first, last) for series, first, last in found)
        else:
            right = sum(any(_meet(episode, *flag) for episode in mine) for flag in found)
        yield kind, (len(mine), hit, len(found), right)


def scenario(seed: int, days: int) -> str:
    """A scenario with faults drawn from a seed: each series has one at most, each station one clock."""
    draw = random.Random(f"quality {seed}")
    counts = "\n".join(f"{name} = {count}" for name, count in COUNTS.items())
    head = (
        f'name = "odd"\nseed = {seed}\nstart = 2026-03-01T00:00:00Z\nduration = "{days}d"\ncadence = "15min"\n'
        f"[cities]\ninclude = {json.dumps(CITIES)}\n[stations]\n{counts}\n"
    )
    faults = []
    for city in CITIES:
        targets = list(TARGETS)
        draw.shuffle(targets)
        skewed = [targets.pop() for _ in range(2)]
        targets = [target for target in targets if target[0] not in {station for station, _ in skewed}]
        for fault, (station, indicator) in zip(["stuck", "spike", "silence", "drift"] * 3, targets, strict=False):
            faults.append(_fault(draw, fault, city, station, indicator, days))
        faults += [_fault(draw, "clock-skew", city, station, None, days) for station, _ in skewed]
    return head + "\n".join(faults)


def _fault(draw: random.Random, fault: str, city: str, station: str, indicator: str | None, days: int) -> str:
    hours = {"stuck": draw.choice([3, 6, 12, 24]), "silence": draw.choice([1, 3, 12]), "spike": 120}
    length = hours.get(fault, 24 * draw.choice([7, 10]))
    after = draw.randint(24 * 7, 24 * days - length - 24)
    sizes = {
        "spike": f"percent = {draw.choice([100, 200, 500])}\nprobability = 0.02",
        "drift": f"percent_per_day = {draw.choice([2, 5, 10])}",
        "clock-skew": f"offset = {draw.choice([120, 300, 3600, 25200])}",
    }
    aim = f'indicator = "{indicator}"\n' if indicator else ""
    return (
        f'[[faults]]\nfault = "{fault}"\ncity = "{city}"\nstation = "{station}"\n{aim}after = "{after}h"\n'
        f'for = "{length}h"\n{sizes.get(fault, "")}\n'
    )


def told(ledger: Ledger) -> tuple[dict[Series, list[int]], list[Episode]]:
    """The times said of each series, ascending, and the episodes of faults, from the ledger alone."""
    said: dict[Series, set[int]] = defaultdict(set)
    numbered: dict[tuple[str, str, int], list[int]] = {}
    for entry in ledger.entries:
        body = json.loads(entry.said or "{}")
        times = body["time"] if isinstance(body.get("time"), list) else [body.get("time")]
        epochs = [parse_time(time) for time in times if time]
        where = entry.address.city, entry.address.station
        numbered[*where, entry.seq] = epochs
        for name, cells in body.items():
            if name in ("session", "seq", "time"):
                continue
            for time, cell in zip(epochs, cells if isinstance(cells, list) else [cells], strict=False):
                if cell is not None:
                    said[*where, name].add(time)
    episodes = [one for fault in ledger.faults if not fault.seq for one in _episodes(fault, ledger, numbered, said)]
    return {series: sorted(times) for series, times in said.items()}, episodes


def _episodes(
    fault: Fault, ledger: Ledger, numbered: dict[tuple[str, str, int], list[int]], said: dict[Series, set[int]]
) -> Iterator[Episode]:
    kind = KIND_OF[fault.kind]
    city, station = str(fault.facts["city"]), str(fault.facts["station"])
    names = (
        [fault.facts["indicator"]]
        if "indicator" in fault.facts
        else [n for c, s, n in said if (c, s) == (city, station)]
    )
    first, last = parse_time(fault.since), parse_time(fault.until)
    touched = sorted(
        time
        for part in ledger.faults
        if part.facts.get("of") == fault.id
        for a, b in part.seq.values()
        for number in range(a, b + 1)
        for time in numbered.get((city, station, number), [])
    )
    for name in names:
        series = city, station, str(name)
        if kind is FlagKind.SPIKE:
            yield from (Episode(series, kind, time, time) for time in touched if time in said[series])
        elif kind is FlagKind.CLOCK and touched:
            yield Episode(series, kind, touched[0], touched[-1])
        else:
            yield Episode(series, kind, first, last - 1)


def _span(flag: dict[str, object]) -> tuple[int, int]:
    return tuple(int(np.datetime64(flag[name], "s").astype(np.int64)) for name in ("first", "last"))  # type: ignore[return-value,call-overload]


def _meet(episode: Episode, series: Series, first: int, last: int) -> bool:
    return episode.series == series and episode.first <= last and first <= episode.last


def _any_within(times: list[int], first: int, last: int) -> bool:
    at = np.searchsorted(times, [first, last + 1])
    return bool(at[1] > at[0])


def _summed(tallies: list[tuple[int, int, int, int]]) -> dict[str, float | int | None]:
    injected, found, flags, right = (sum(column) for column in zip(*tallies, strict=True))
    recall, precision = (found / injected if injected else None), (right / flags if flags else None)
    return {
        "injected": injected,
        "found": found,
        "recall": recall,
        "flags": flags,
        "right": right,
        "precision": precision,
    }


if __name__ == "__main__":
    main()
