"""What a store took after the states of alerts were kept, looked at now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from collector.alerts.board import AHEAD, Board
from collector.alerts.notices import Notice
from collector.stores.protocol import RunInfo, Selection, Store

LATE = AHEAD
"""Seconds behind its run that a station may lag and still be looked at again after a crash."""

Bounds = Mapping[str, tuple[float, float]]


def replay(board: Board, store: Store, bounds: Bounds, *, anew: bool) -> list[Notice]:
    """Bring a board up to what a store holds; the notices that come of it.

    `anew` takes what is there as given: nothing is told of what was stored before there were rules.
    """
    notices: list[Notice] = []
    runs = store.runs()[-20:]
    for info in runs:
        _learn(board, store, info)
        if anew:
            _begin(board, store, info.run)
            board.hidden = 0
        else:
            notices += _again(board, store, info, bounds)
            notices += board.look(info.run)
    return notices


def _learn(board: Board, store: Store, info: RunInfo) -> None:
    state = board.run(info.run)
    state.origin = info.origin
    state.names |= {profile.id: profile.name for profile, _ in store.cities(info.run)}
    state.irregular |= {(one.city, one.id) for one in store.stations(info.run) if not one.cadence}


def _begin(board: Board, store: Store, run: str) -> None:
    """Take the last times as heard: who falls silent from now on is told of."""
    for city, station, indicator, time in _last(store, run):
        if not board.sane(run, city, station, time, time):
            continue
        if board.watches(indicator):
            board.run(run).seen[city, station, indicator] = time
        for _ in board.hear(run, city, station, time):
            pass


def _again(board: Board, store: Store, info: RunInfo, bounds: Bounds) -> Iterator[Notice]:
    """Take what is newer than what was seen of each series, in the order of time."""
    state = board.run(info.run)
    watermark = state.watermark
    if info.last is None:
        return
    seen = {series: time for series, time in state.seen.items() if not state.astray(time)}
    start = None if watermark is None else watermark - LATE
    if board.indicators:
        table = store.read(Selection(board.indicators, runs=(info.run,), start=start, flagged=True)).sort_by("time")
        times = table["time"].to_numpy().astype("datetime64[s]").astype(np.int64).tolist()
        columns = [table[name].to_pylist() for name in ("city", "station", "indicator", "value")]
        for city, station, indicator, value, time in zip(*columns, times, strict=True):
            series = (city, station, indicator)
            if value is None or time <= seen.get(series, time - 1):
                continue
            if not board.sane(info.run, city, station, time, time):
                continue
            low, high = bounds[indicator]
            yield from board.take(info.run, series, time, value, sound=low <= value <= high)
            yield from board.hear(info.run, city, station, time)
    for city, station, _, time in _last(store, info.run):
        if board.sane(info.run, city, station, time, time):
            yield from board.hear(info.run, city, station, time)


def _last(store: Store, run: str) -> Iterator[tuple[str, str, str, int]]:
    table = store.series(run)
    names = [table[name].to_pylist() for name in ("city", "station", "indicator")]
    times = table["last"].cast("timestamp[s]").cast("int64").to_pylist()
    for city, station, indicator, time in zip(*names, times, strict=True):
        if time is not None:
            yield city, station, indicator, time
