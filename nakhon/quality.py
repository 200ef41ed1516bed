"""`nakhon store flag` and `nakhon store flags`: a pass of the detectors over a store, and what it found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table

from collector.language.errors import InputError
from collector.language.time import format_epoch
from collector.quality.examine import Series, examine
from collector.quality.kinds import FlagKind, check_kinds
from collector.stores import open_store
from collector.stores.flagging import FLAGS, flagging
from collector.stores.protocol import Selection, Store
from nakhon.terminal.plain import plain

ROWS_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Choice:
    """Which flags to tell: empty means all."""

    run: str | None = None
    cities: tuple[str, ...] = ()
    indicators: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


def flag(url: str, run: str | None, console: Console) -> None:
    """Look through a store (a run of it) and put what was found in the place of its flags.

    Raises `InputError` for a store that keeps no flags, or a run that is not there.
    """
    store = open_store(url)
    try:
        keeper, runs = flagging(store), [info.run for info in store.runs()]
        if run is not None and run not in runs:
            raise InputError(f"no run {run!r} in {url}: it has {', '.join(runs) or 'none'}")
        for name in runs if run is None else [run]:
            found = found_in(store, name)
            keeper.flag(name, found)
            counted = Counter(found["kind"].to_pylist())
            told = ", ".join(f"{counted[kind]:,} {kind}" for kind in FlagKind if counted[kind]) or "nothing odd"
            console.print(f"{name}: {told}", markup=False)
    finally:
        store.close()


def found_in(store: Store, run: str) -> pa.Table:
    """The flags that the detectors find in a run, as a table of `FLAGS`."""
    cadences = {(one.city, one.pillar, one.id): one.cadence for one in store.stations(run)}
    known = store.series(run).filter(pc.greater(pc.field("readings"), 0)).to_pylist()
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for row in known:
        groups.setdefault((row["city"], row["indicator"]), {})[row["station"]] = row["pillar"]
    rows = [
        {"run": run, "city": city, "pillar": pillars[station], "station": station, "indicator": indicator} | finding
        for (city, indicator), pillars in groups.items()
        for station, finding in _findings(store, run, city, indicator, pillars, cadences)
    ]
    return pa.Table.from_pylist(rows, schema=FLAGS)


def _findings(
    store: Store,
    run: str,
    city: str,
    indicator: str,
    pillars: Mapping[str, str],
    cadences: Mapping[tuple[str, str, str], int],
) -> Iterator[tuple[str, dict[str, Any]]]:
    declared = {name: cadences.get((city, pillar, name), 0) for name, pillar in pillars.items()}
    if not any(declared.values()):
        return
    table = store.read(Selection((indicator,), (city,), (run,), flagged=True))
    series = [_series(name, table, declared[name]) for name in declared]
    for station, findings in examine(indicator, series).items():
        for one in findings:
            span = {name: np.datetime64(at, "s").item() for name, at in (("first", one.first), ("last", one.last))}
            told = {"kind": one.kind.value, "value": one.value, "threshold": one.threshold, "detail": one.detail}
            yield station, told | span


def _series(name: str, table: pa.Table, cadence: int) -> Series:
    mine = table.filter(pc.equal(table["station"], name))
    times = mine["time"].to_numpy().astype("datetime64[s]").astype(np.int64)
    return Series(name, times, mine["value"].to_numpy(), cadence)


def show(url: str, choice: Choice, console: Console, *, as_json: bool) -> None:
    """Print flags: what, where, from when to when, why."""
    check_kinds(choice.kinds)
    store = open_store(url, read_only=True)
    try:
        rows = [row for row in flagging(store).flags(choice.run).to_pylist() if _chosen(row, choice)]
    finally:
        store.close()
    if as_json:
        print(json.dumps([_told(row) for row in rows], ensure_ascii=False))
        return
    table = Table("kind", "run", "city", "station", "indicator", "from", "to", "why")
    for row in rows[:ROWS_SHOWN]:
        told = _told(row)
        cells = [told[name] for name in ("kind", "run", "city", "station", "indicator", "first", "last", "detail")]
        table.add_row(*(plain(str(cell)) for cell in cells))
    console.print(table)
    kinds = Counter(row["kind"] for row in rows)
    told_kinds = ", ".join(f"{kinds[kind]:,} {kind} ({kind.meaning})" for kind in FlagKind if kinds[kind])
    more = f"; the first {ROWS_SHOWN} are shown, --json prints all" if len(rows) > ROWS_SHOWN else ""
    if not rows:
        told_kinds = "none of these was found, or nobody looked: nakhon store flag does"
    console.print(f"{len(rows):,} flags: {told_kinds}{more}", markup=False, soft_wrap=True)


def _chosen(row: Mapping[str, Any], choice: Choice) -> bool:
    asked: Sequence[tuple[tuple[str, ...], str]] = (
        (choice.cities, "city"), (choice.indicators, "indicator"), (choice.kinds, "kind"),
    )  # fmt: skip
    return all(not names or row[column] in names for names, column in asked)


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    stamps = {name: format_epoch(int(np.datetime64(row[name], "s").astype(np.int64))) for name in ("first", "last")}
    return dict(row) | stamps
