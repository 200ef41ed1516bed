"""Which of the readings (or messages) said a fault of the ledger concerns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collector.auditing.expected import Integers, Mask
from collector.language.errors import LedgerError, PayloadError
from collector.language.ledger import Effect, Fault
from collector.language.time import parse_time

NOBODY = -1


def explained(
    faults: Sequence[Fault], stations: Sequence[str], station: Integers, seq: Integers, time: Integers
) -> dict[Effect, Integers]:
    """By effect, for each row the index of the fault that has it there, -1 where none has. Times in milliseconds."""
    by_effect = {effect: np.full(len(seq), NOBODY, dtype=np.int64) for effect in Effect}
    for number, fault in enumerate(faults):
        concerned = _concerned(fault, stations, station, seq, time)
        by_effect[fault.effect][concerned] = number
    return by_effect


def _concerned(fault: Fault, stations: Sequence[str], station: Integers, seq: Integers, time: Integers) -> Mask:
    if fault.seq:
        first = np.array([fault.seq.get(name, (1, 0))[0] for name in stations], dtype=np.int64)
        last = np.array([fault.seq.get(name, (1, 0))[1] for name in stations], dtype=np.int64)
        within: Mask = (first[station] <= seq) & (seq <= last[station])
        return within
    there = np.array([fault.concerns(name) for name in stations], dtype=np.bool_)[station]
    since = _milliseconds(fault.since, -(1 << 62))
    until = _milliseconds(fault.until, 1 << 62)
    return there & (time >= since) & (time <= until)


def _milliseconds(text: str, otherwise: int) -> int:
    if not text:
        return otherwise
    try:
        return 1_000 * parse_time(text)
    except PayloadError as error:
        raise LedgerError(f"a fault of the ledger has no proper time: {error}") from None
