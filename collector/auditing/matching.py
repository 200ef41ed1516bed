"""Readings that were found paired with readings that were expected, by station, indicator and time: all at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.auditing.expected import Expected, Floats, Integers, Mask
from collector.auditing.found import Found, Tolerance
from collector.language.errors import LedgerError

MARGIN = 3 * 86_400_000  # a row further outside the ledger's times than any clock or zone puts it cannot be of the run


class Index:
    """Where the reading of a key (station and indicator) at a time stands among those expected."""

    def __init__(self, key: Integers, time: Integers) -> None:
        self._start = int(time.min()) - MARGIN
        self._span = int(time.max()) + MARGIN - self._start + 1
        if (int(key.max()) + 1) * self._span >= 1 << 62:
            raise LedgerError("the ledger spans too long a time with too many series to be compared: split it")
        place = key * self._span + (time - self._start)
        self._order = np.argsort(place, kind="stable")
        self._sorted = place[self._order]

    def find(self, key: Integers, time: Integers, tolerance: int = 0) -> Integers:
        """The expected row nearest in time within the tolerance (milliseconds), -1 where there is none."""
        at, gap = self._nearest(key, time)
        rows: Integers = np.where(gap <= tolerance, self._order[at], -1)
        return rows

    def rivals(self, key: Integers, time: Integers) -> tuple[Integers, Integers]:
        """The first of the expected rows of this very time in sorted order, and how many there are."""
        place = key * self._span + (time - self._start)
        first = np.searchsorted(self._sorted, place, "left")
        return first, np.searchsorted(self._sorted, place, "right") - first

    def row(self, at: Integers) -> Integers:
        """The expected row at a place in sorted order."""
        rows: Integers = self._order[at]
        return rows

    def _nearest(self, key: Integers, time: Integers) -> tuple[Integers, Integers]:
        inside = (key >= 0) & (time >= self._start) & (time < self._start + self._span)
        place = np.where(inside, key * self._span + (time - self._start), -1)
        after = np.searchsorted(self._sorted, place)
        before = np.maximum(after - 1, 0)
        after = np.minimum(after, len(self._sorted) - 1)
        gap_before, gap_after = np.abs(place - self._sorted[before]), np.abs(self._sorted[after] - place)
        nearest = np.where(gap_before < gap_after, before, after)
        other_key = (self._sorted[nearest] // self._span) != key
        gap = np.where(inside & ~other_key, np.minimum(gap_before, gap_after), np.iinfo(np.int64).max)
        return nearest, gap


@dataclass(frozen=True, slots=True)
class Pairing:
    """For each found row the expected row it stands for (-1: none), and whether another row stands for it already."""

    row: Integers
    again: Mask

    @property
    def first(self) -> Mask:
        """Where a found row is the one that stands for its expected row."""
        firsts: Mask = (self.row >= 0) & ~self.again
        return firsts

    def holder(self, count: int) -> Integers:
        """For each of the expected rows the found row that stands for it, -1 where it is lost."""
        held = np.full(count, -1, dtype=np.int64)
        firsts = np.flatnonzero(self.first)
        held[self.row[firsts]] = firsts
        return held


@dataclass(frozen=True, slots=True)
class Comparison:
    """The two sides and what may differ; `key` are the keys of the found rows, -1 for names that nobody knows."""

    expected: Expected
    found: Found
    tolerance: Tolerance
    index: Index
    key: Integers

    def pair(self, time: Integers) -> Pairing:
        """The pairing if the found rows were of these times.

        Of several rows for one reading that whose value is right counts. Several readings of one time (a clock that
        stood still) are paired in the order of their values.
        """
        row = self.index.find(self.key, time, self.tolerance.time)
        again = np.zeros(len(row), dtype=np.bool_)
        there = np.flatnonzero(row >= 0)
        if len(np.unique(row[there])) == len(there):
            return Pairing(row, again)
        value = self.found.value[there]
        expected = row[there]
        first, rivals = self.index.rivals(self.key_of(expected), self.expected.time[expected])
        wrong = ~self.tolerance.agree(value, self.expected.value[expected])
        rank = rank_in(first, np.where(rivals > 1, value, wrong))
        again[there] = rank >= rivals
        several = np.flatnonzero((rivals > 1) & (rank < rivals))
        row[there[several]] = self._in_order_of_value(first[several], rivals[several], rank[several])
        return Pairing(row, again)

    def key_of(self, rows: Integers) -> Integers:
        """The keys of expected rows."""
        return keys(self.expected.station[rows], self.expected.indicator[rows], len(self.expected.indicators))

    def agrees(self, rows: Integers, expected: Integers) -> Mask:
        """Whether the values of found rows are those of expected rows; False where there is none (-1)."""
        same = self.tolerance.agree(self.found.value[rows], self.expected.value[expected])
        return same & (expected >= 0)

    def _in_order_of_value(self, first: Integers, rivals: Integers, rank: Integers) -> Integers:
        out = np.empty(len(first), dtype=np.int64)
        for start in np.unique(first).tolist():
            here = first == start
            group = self.index.row(np.arange(start, start + int(rivals[here][0])))
            out[here] = group[np.argsort(self.expected.value[group], kind="stable")][rank[here]]
        return out


def compare(
    expected: Expected, found: Found, station: Integers, indicator: Integers, tolerance: Tolerance
) -> Comparison:
    """The two sides, once it is known which station and indicator of the ledger each found row means (-1: none)."""
    width = len(expected.indicators)
    index = Index(keys(expected.station, expected.indicator, width), expected.time)
    key = np.where((station >= 0) & (indicator >= 0), keys(station, indicator, width), -1)
    return Comparison(expected, found, tolerance, index, key)


def keys(station: Integers, indicator: Integers, width: int) -> Integers:
    """One number for a station and an indicator."""
    return station * width + indicator


def rank_in(group: Integers, order: Floats) -> Integers:
    """How many rows of the same group come before each row, by an order within the group."""
    sorting = np.lexsort((order, group))
    grouped = group[sorting]
    starts = np.flatnonzero(np.r_[True, grouped[1:] != grouped[:-1]]) if len(grouped) else grouped
    sizes = np.diff(np.r_[starts, len(grouped)])
    rank = np.empty(len(group), dtype=np.int64)
    rank[sorting] = np.arange(len(grouped)) - np.repeat(starts, sizes)
    return rank
