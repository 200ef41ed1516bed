"""What was done to times: another zone, or parts of them cut off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.auditing.diagnosis import Diagnosis, believable, part
from collector.auditing.expected import Floats, Integers, Mask
from collector.auditing.matching import Comparison, Index

QUARTER = 900_000
OFFSETS = [quarters * QUARTER for quarters in range(-4 * 14, 4 * 14 + 1) if quarters]  # zones reach from -12 to +14 h
CUTS = {1_000: "milliseconds", 60_000: "seconds", 3_600_000: "minutes", 86_400_000: "time of day"}
SAMPLE = 20_000
ABOVE_CHANCE = 3


@dataclass(frozen=True, slots=True)
class Moved:
    """The times of the found rows as they were meant (milliseconds), where they differ, and why."""

    time: Integers
    altered: Mask
    diagnoses: tuple[Diagnosis, ...]


def diagnose_times(asked: Comparison) -> Moved:
    """The times that the readings had, for as many as an offset or a cut explains."""
    moved = Moved(asked.found.time, np.zeros(asked.found.count, dtype=np.bool_), ())
    for _ in range(3):
        wrong = _wrong(asked, moved)
        if not len(wrong):
            break
        further = _shifted(asked, moved, wrong) or _cut(asked, moved)
        if further is None:
            break
        moved = further
    return moved


def _wrong(asked: Comparison, moved: Moved) -> Integers:
    """The found rows that stand for nothing, or for a reading of another value."""
    right = asked.agrees(np.arange(asked.found.count), asked.pair(moved.time).row)
    return np.flatnonzero(~right & (asked.key >= 0))


def _shifted(asked: Comparison, moved: Moved, wrong: Integers) -> Moved | None:
    """With the offset that explains the most of what is wrong; without values, the most of everything."""
    rows = _sampled(wrong if asked.found.valued else np.flatnonzero(asked.key >= 0))
    hits = np.array([_hits(asked, moved, rows, offset) for offset in OFFSETS])
    best = int(hits.argmax())
    chance = int(np.median(hits)) if asked.found.valued else _hits(asked, moved, rows, 0)
    limit = ABOVE_CHANCE * chance if asked.found.valued else chance
    if hits[best] <= limit or not believable(int(hits[best]) - (0 if asked.found.valued else chance), len(rows) // 10):
        return None
    offset = OFFSETS[best]
    chosen = _vote(asked, moved, offset) if asked.found.valued else asked.key >= 0
    if not believable(int(chosen.sum()), len(wrong)):
        return None
    return _with(moved, chosen, asked.found.time - offset, _zone(asked, chosen, offset, len(wrong)))


def _hits(asked: Comparison, moved: Moved, rows: Integers, offset: int) -> int:
    expected = asked.index.find(asked.key[rows], moved.time[rows] - offset, asked.tolerance.time)
    return int(asked.agrees(rows, expected).sum())


def _vote(asked: Comparison, moved: Moved, offset: int) -> Mask:
    """The rows that an offset explains better than none: a whole station if nearly all of it, else tick by tick.

    The readings of one station and time came in one message and were moved together.
    """
    rows = np.arange(asked.found.count)
    before = asked.agrees(rows, asked.index.find(asked.key, moved.time, asked.tolerance.time))
    after = asked.agrees(rows, asked.index.find(asked.key, moved.time - offset, asked.tolerance.time))
    station = np.where(asked.key >= 0, asked.key // len(asked.expected.indicators), -1)
    _, group = np.unique(station * (1 << 42) + moved.time // 1_000, return_inverse=True)
    _, station = np.unique(station, return_inverse=True)
    gains = after.astype(np.int64) - before
    ticks = np.bincount(group, gains)[group] > 0
    whole = (np.bincount(station, after) >= 0.9 * np.bincount(station)) & (np.bincount(station, gains) > 0)
    chosen: Mask = (ticks | whole[station]) & (asked.key >= 0) & ~moved.altered
    return chosen


def _zone(asked: Comparison, chosen: Mask, offset: int, wrong: int) -> Diagnosis:
    count = int(chosen.sum())
    way = "ahead of" if offset > 0 else "behind"
    hours, minutes = divmod(abs(offset) // 60_000, 60)
    text = (
        f"times are {hours}:{minutes:02d} h {way} the truth for {part(count, asked.found.count)} of the readings "
        "found: a shifted time zone"
    )
    facts = {"offset_seconds": offset // 1_000}
    return Diagnosis("time_zone_shifted", text, count, wrong, count / asked.found.count, facts)


def _cut(asked: Comparison, moved: Moved) -> Moved | None:
    """With the cut that explains the most of what is wrong, and of the rows that stand where another does."""
    pairing = asked.pair(moved.time)
    right = asked.agrees(np.arange(asked.found.count), pairing.row) & ~pairing.again
    wrong = np.flatnonzero(~right & (asked.key >= 0))
    missed = np.ones(asked.expected.count, dtype=np.bool_)
    missed[pairing.row[right]] = False
    best = max((_truth_before(asked, moved, wrong, missed, unit) for unit in CUTS), key=lambda one: int(one[1].sum()))
    unit, explained, time = best
    rows = wrong[explained]
    if not believable(len(rows), len(wrong)):
        return None
    chosen = np.zeros(asked.found.count, dtype=np.bool_)
    chosen[rows] = True
    meant = asked.found.time.copy()
    meant[rows] = time[explained]
    text = (
        f"the {CUTS[unit]} of the times were cut off for {part(len(rows), asked.found.count)} of the readings found: "
        f"all that are of one {_unit(unit)} look alike"
    )
    told = Diagnosis("time_truncated", text, len(rows), len(wrong), len(rows) / asked.found.count, {"to": _unit(unit)})
    return _with(moved, chosen, meant, told)


def _truth_before(
    asked: Comparison, moved: Moved, wrong: Integers, missed: Mask, unit: int
) -> tuple[int, Mask, Integers]:
    """Which of the wrong rows a cut explains, and the times before it.

    A row of a time without that part is paired with a reading that was missed, of the same series, interval and value;
    where several are alike, or there are no values, in order.
    """
    expected = asked.expected
    candidates = np.flatnonzero((expected.time % unit != 0) & missed)
    mine = moved.time[wrong]
    explained = np.zeros(len(wrong), dtype=np.bool_)
    if not len(candidates):
        return unit, explained, mine
    floor = expected.time[candidates] // unit * unit
    rows = np.flatnonzero(mine % unit == 0)
    values = expected.value[candidates], asked.found.value[wrong[rows]]
    value = np.concatenate(values if asked.found.valued else [np.zeros(len(one)) for one in values])
    key = np.concatenate([asked.key_of(candidates), asked.key[wrong[rows]]])
    group = _groups(key, np.concatenate([floor, mine[rows]]), value)
    said, heard = group[: len(candidates)], group[len(candidates) :]
    at = Index(said, _ordinal(said)).find(heard, _ordinal(heard))
    explained[rows] = at >= 0
    meant = mine.copy()
    meant[rows] = expected.time[candidates[np.maximum(at, 0)]]
    return unit, explained, meant


def _groups(key: Integers, time: Integers, value: Floats) -> Integers:
    """One number for all rows that are alike."""
    order = np.lexsort((value, time, key))
    changes = [np.diff(column[order]) != 0 for column in (key, time, value)]
    groups = np.empty(len(key), dtype=np.int64)
    groups[order] = np.r_[0, np.cumsum(np.logical_or.reduce(changes))]
    return groups


def _ordinal(group: Integers) -> Integers:
    """How many of the same group come before, for each."""
    order = np.argsort(group, kind="stable")
    grouped = group[order]
    starts = np.flatnonzero(np.r_[True, grouped[1:] != grouped[:-1]]) if len(grouped) else grouped
    out = np.empty(len(group), dtype=np.int64)
    out[order] = np.arange(len(group)) - np.repeat(starts, np.diff(np.r_[starts, len(group)]))
    return out


def _with(moved: Moved, chosen: Mask, time: Integers, told: Diagnosis) -> Moved:
    return Moved(np.where(chosen, time, moved.time), moved.altered | chosen, (*moved.diagnoses, told))


def _unit(milliseconds: int) -> str:
    return {1_000: "second", 60_000: "minute", 3_600_000: "hour", 86_400_000: "day"}[milliseconds]


def _sampled(rows: Integers) -> Integers:
    """At most so many of the rows, spread evenly."""
    return rows if len(rows) <= SAMPLE else rows[np.linspace(0, len(rows) - 1, SAMPLE).astype(np.int64)]
