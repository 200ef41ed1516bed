"""From a state for every reading (or message) to accounts, gaps and a timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collector.auditing.expected import Expected, Floats, Integers, Mask
from collector.auditing.findings import STATES, Account, Gap, Timeline
from collector.language.ledger import Effect, Fault
from collector.language.time import format_epoch

BUCKETS = 48
STATE = {name: number for number, name in enumerate(STATES)}
EXCUSED = ("faulted", "rejected", "injected", "expired")
WRONG = ("altered", "corrupted")
ABSENT = ("rejected", "injected", "expired", "lost")


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of each expected row, (n,) each, and of the rows that nobody expected.

    `state` is an index into `STATES`. `latency` is in seconds (NaN where unknown), `arrived` whether the sink tells
    when anything came; `copies` are the rows too many of each row, `strangers` the stations of rows nobody said.
    """

    state: Integers
    latency: Floats
    reordered: Mask
    late: Mask
    copies: Integers
    strangers: Integers
    arrived: bool
    timed: bool


def state_of(there: Mask, agree: Mask, altered: Mask, faults: Mapping[Effect, Integers]) -> Integers:
    """The state of every expected row: whether it is there, is as it was said, or is not for a reason that is known."""
    by = {effect: rows >= 0 for effect, rows in faults.items()}
    choices = {
        "right": there & agree & ~altered,
        "faulted": there & by[Effect.ALTERED],
        "altered": there & altered,
        "corrupted": there,
        "rejected": by[Effect.MALFORMED],
        "injected": by[Effect.MISSING],
        "expired": by[Effect.EXPIRED],
    }
    numbers = [STATE[name] for name in choices]
    states: Integers = np.select(list(choices.values()), numbers, STATE["lost"]).astype(np.int64)
    return states


def accounts(
    expected: Expected, judged: Judged, faults: Mapping[Effect, Integers]
) -> tuple[Account, dict[str, Account]]:
    """The account of all, and of each station by name."""
    ends = np.cumsum(np.bincount(expected.station, minlength=len(expected.stations)))
    rows = np.split(np.argsort(expected.station, kind="stable"), ends[:-1])
    stations = {
        name: _account(judged, faults, rows[number], number)
        for number, name in sorted(enumerate(expected.stations), key=lambda item: item[1])
    }
    return _account(judged, faults, np.arange(expected.count), None), stations


def _account(judged: Judged, faults: Mapping[Effect, Integers], rows: Integers, station: int | None) -> Account:
    states = np.bincount(judged.state[rows], minlength=len(STATES))
    copies, sent_twice = judged.copies[rows], faults[Effect.DUPLICATED][rows] >= 0
    there = ~np.isin(judged.state[rows], [STATE[name] for name in ABSENT])
    late, delayed = judged.late[rows], faults[Effect.LATE][rows] >= 0
    latency = judged.latency[rows]
    latency = latency[~np.isnan(latency)]
    return Account(
        published=len(rows),
        **{name: int(states[number]) for name, number in STATE.items()},
        duplicated=int(copies[~sent_twice].sum()),
        duplicates_injected=int(copies[sent_twice].sum()),
        strangers=int(len(judged.strangers) if station is None else (judged.strangers == station).sum()),
        accepted=int((there & (faults[Effect.MALFORMED][rows] >= 0)).sum()),
        reordered=int(judged.reordered[rows].sum()) if judged.arrived else None,
        late=int((late & ~delayed).sum()) if judged.timed else None,
        late_injected=int((late & delayed).sum()),
        latency=_percentiles(latency),
    )


def _percentiles(latency: Floats) -> tuple[float, float, float] | None:
    if not len(latency):
        return None
    p50, p95, p99 = (round(float(value), 3) for value in np.percentile(latency, (50, 95, 99)))
    return p50, p95, p99


def timeline(expected: Expected, judged: Judged) -> Timeline:
    """When it happened, in at most 48 buckets of equal width over the times of the readings."""
    start, end = int(expected.time.min()), int(expected.time.max())
    buckets = min(BUCKETS, max(1, len(np.unique(expected.time))))
    width = (end - start + 1_000) / buckets
    bucket = np.minimum(((expected.time - start) / width).astype(np.int64), buckets - 1)

    def counts(states: Sequence[str]) -> list[int]:
        mine = np.isin(judged.state, [STATE[name] for name in states])
        return [int(count) for count in np.bincount(bucket[mine], minlength=buckets)]

    copies = np.bincount(bucket, judged.copies, minlength=buckets).astype(np.int64)
    return Timeline(
        format_epoch(start // 1_000), round(width / 1_000, 3), counts(STATES), counts(("lost",)), counts(EXCUSED),
        counts(WRONG), [int(count) for count in copies],
    )  # fmt: skip


def gaps(expected: Expected, state: Integers, faults: Mapping[Effect, Integers], told: Sequence[Fault]) -> list[Gap]:
    """What is missing, message after message: the largest first."""
    rows = np.flatnonzero(np.isin(state, [STATE[name] for name in ABSENT]))
    cause = np.full(expected.count, -1, dtype=np.int64)
    for effect in (Effect.EXPIRED, Effect.MISSING, Effect.MALFORMED):
        cause = np.where(faults[effect] >= 0, faults[effect], cause)
    rows = rows[np.lexsort((expected.time[rows], expected.seq[rows], expected.station[rows]))]
    seq, station, why = expected.seq[rows], expected.station[rows], cause[rows]
    begins = np.r_[True, (station[1:] != station[:-1]) | (seq[1:] > seq[:-1] + 1) | (why[1:] != why[:-1])]
    starts = np.flatnonzero(begins[: len(rows)])
    ends = np.r_[starts[1:], len(rows)]
    largest = np.argsort(starts - ends, kind="stable")
    return [_gap(expected, rows[starts[at] : ends[at]], cause, told) for at in largest[:2_000].tolist()]


def _gap(expected: Expected, rows: Integers, cause: Integers, told: Sequence[Fault]) -> Gap:
    why = int(cause[rows[0]])
    times = expected.time[rows] // 1_000
    return Gap(
        expected.stations[int(expected.station[rows[0]])],
        int(expected.seq[rows[0]]),
        int(expected.seq[rows[-1]]),
        format_epoch(int(times.min())),
        format_epoch(int(times.max())),
        len(rows),
        "unexplained" if why < 0 else f"{told[why].kind} ({told[why].id})",
    )


def reordered(station: Integers, seq: Integers, arrival: NDArray[Any]) -> Mask:
    """Which rows came after one of a higher number of their station, by the order of arrival."""
    order = np.lexsort((arrival, station))
    height = int(seq.max()) + 1 if len(seq) else 1
    place = station[order] * height + seq[order]
    highest = np.maximum.accumulate(place)
    out = np.zeros(len(seq), dtype=np.bool_)
    out[order] = place < highest
    return out


def shown_faults(faults: Mapping[Effect, Integers], told: Sequence[Fault]) -> dict[str, int]:
    """How many rows each fault concerns, by its id."""
    counts = {fault.id: 0 for fault in told}
    for rows in faults.values():
        for number, count in zip(*np.unique(rows[rows >= 0], return_counts=True), strict=True):
            counts[told[int(number)].id] += int(count)
    return counts
