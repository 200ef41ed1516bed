"""Spans in which a zone keeps its offset: a store combines values into buckets at one offset each time it is asked."""

from __future__ import annotations

from itertools import pairwise

from collector.comparing.difference import DAY
from collector.language.time import MONDAY, offset

_STEP = 14 * DAY
_LONGEST = 90 * DAY  # longer buckets may hold two changes
_MOST = 24  # changes; a wrong clock may reach over a century


def spans(zone: str, first: int, last: int, bucket: int) -> list[tuple[int, int]]:
    """The spans from `first` to `last` (UTC, seconds) to be asked for one by one, so that days are those of the zone.

    One, where its offset stays, changes too often, or buckets are too short or too long to notice. A bucket in which
    the offset changes is a span of its own; where summer time ends, its last hour is left out, for it has no place in a
    bucket of this length.
    """
    if not 3600 < bucket <= _LONGEST or (DAY % bucket and bucket % DAY) or last <= first:
        return [(first, last)]
    whole, told, since = max(bucket, DAY), [], first
    changes = _changes(zone, first, last)
    for moment in changes if len(changes) <= _MOST else ():
        before, after = offset(zone, moment - 1), offset(zone, moment)
        clock = (moment + before - MONDAY) // whole * whole + MONDAY
        begin, end = clock - before, clock + whole - after
        told += [(since, begin), (begin, min(end, begin + whole))]
        since = end
    clipped = [(max(begin, first), min(end, last)) for begin, end in [*told, (since, last)]]
    return [(begin, end) for begin, end in clipped if begin < end]


def _changes(zone: str, first: int, last: int) -> list[int]:
    """The moments at which the offset of a zone changes: the first second of the new one."""
    probes = [*range(first, last, _STEP), last]
    return [_change(zone, low, high) for low, high in pairwise(probes) if offset(zone, low) != offset(zone, high)]


def _change(zone: str, low: int, high: int) -> int:
    old = offset(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset(zone, middle) == old else (low, middle)
    return high
