"""Which of the readings (or messages) said a fault of the ledger concerns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from collector.auditing.expected import Integers
from collector.language.errors import LedgerError, PayloadError
from collector.language.ledger import Effect, Fault
from collector.language.time import parse_time

NOBODY = -1


def explained(
    faults: Sequence[Fault], stations: Sequence[str], station: Integers, seq: Integers, time: Integers
) -> dict[Effect, Integers]:
    """By effect, for each row the index of the fault that has it there, -1 where none has. Times in milliseconds."""
    by_effect = {effect: np.full(len(seq), NOBODY, dtype=np.int64) for effect in Effect}
    places = {name: number for number, name in enumerate(stations)}
    by_number, by_time = _Rows(station, seq, len(stations)), _Rows(station, time, len(stations))
    for number, fault in enumerate(faults):
        for rows in _concerned(fault, places, by_number, by_time):
            by_effect[fault.effect][rows] = number
    return by_effect


class _Rows:
    """The rows of each station in the order of a key: what lies between two keys is found without looking at all."""

    def __init__(self, station: Integers, key: Integers, stations: int) -> None:
        self._order = np.lexsort((key, station))
        self._keys = key[self._order]
        self._begins = np.searchsorted(station[self._order], np.arange(stations + 1))

    def between(self, station: int, first: int, last: int) -> Integers:
        """The rows of a station whose key is from `first` to `last`, both included."""
        begin, end = self._begins[station], self._begins[station + 1]
        keys = self._keys[begin:end]
        rows: Integers = self._order[
            begin + np.searchsorted(keys, first) : begin + np.searchsorted(keys, last, "right")
        ]
        return rows


def _concerned(fault: Fault, places: Mapping[str, int], by_number: _Rows, by_time: _Rows) -> Iterator[Integers]:
    if fault.seq:
        for name, (first, last) in fault.seq.items():
            if name in places:
                yield by_number.between(places[name], first, last)
        return
    since, until = _milliseconds(fault.since, -(1 << 62)), _milliseconds(fault.until, 1 << 62)
    for name, place in places.items():
        if fault.concerns(name):
            yield by_time.between(place, since, until)


def _milliseconds(text: str, otherwise: int) -> int:
    if not text:
        return otherwise
    try:
        return 1_000 * parse_time(text)
    except PayloadError as error:
        raise LedgerError(f"a fault of the ledger has no proper time: {error}") from None
