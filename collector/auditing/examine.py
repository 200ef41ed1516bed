"""The examination of a consumer that keeps readings without their numbers, by station, indicator, time and value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from collector.auditing import counting, names
from collector.auditing.counting import Judged
from collector.auditing.diagnosis import Diagnosis
from collector.auditing.expected import Expected, Integers, Scope, expected_readings
from collector.auditing.faults import explained
from collector.auditing.findings import Findings
from collector.auditing.found import Found, Tolerance
from collector.auditing.habits import diagnose_habits
from collector.auditing.matching import Comparison, Pairing, compare
from collector.auditing.times import Moved, diagnose_times
from collector.auditing.values import diagnose_values
from collector.language.errors import InputError
from collector.language.ledger import Effect, Ledger

Called = Callable[[str], str]
EVERYTHING = Scope()


def examine(
    ledger: Ledger, found: Found, called: Called, tolerance: Tolerance, sink: str, scope: Scope = EVERYTHING
) -> Findings:
    """What a consumer made of the readings of a ledger.

    `called` is what the sink calls a station (`city/pillar/station`) of the ledger; `sink` names it in the report;
    `scope` is what of the ledger it is meant to keep.
    Raises `InputError` if two stations have one name there, or if the sink knows none of them.
    """
    whole = expected_readings(ledger)
    expected = whole.within(scope)
    asked, told = _bound(expected, found, called, tolerance)
    if not len(asked.found.time) or (asked.key < 0).all():
        _refuse_a_stranger(expected, found, called)
    moved = diagnose_times(asked)
    pairing = asked.pair(moved.time)
    altered, changed = diagnose_values(asked, pairing)
    diagnoses = (*told, *moved.diagnoses, *changed, *diagnose_habits(asked, pairing))
    faults = explained(ledger.faults, expected.stations, expected.station, expected.seq, expected.time)
    judged, outside = _judge(asked, moved, pairing, altered | moved.altered, faults)
    total, stations = counting.accounts(expected, judged, faults)
    return Findings(
        run=ledger.header.run,
        session=ledger.header.session,
        sink=sink,
        unit="readings",
        total=total,
        stations=stations,
        timeline=counting.timeline(expected, judged),
        diagnoses=diagnoses,
        gaps=counting.gaps(expected, judged.state, faults, ledger.faults),
        faults=counting.shown_faults(faults, ledger.faults),
        ignored=outside,
        unreadable=found.unreadable,
        doubts=_doubts(ledger, expected, found, whole.count - expected.count),
    )


def _bound(
    expected: Expected, found: Found, called: Called, tolerance: Tolerance
) -> tuple[Comparison, tuple[Diagnosis, ...]]:
    """Both sides, with the stations and indicators that the names mean, and what was done to names."""
    meant = _distinct(expected.stations, called)
    stations, altered_stations = names.bind(found.stations, meant)
    indicators, altered_indicators = names.bind(
        found.indicators, {name: number for number, name in enumerate(expected.indicators)}
    )
    asked = compare(expected, found, stations[found.station], indicators[found.indicator], tolerance)
    told = []
    for what, altered, known, column in (
        ("station", altered_stations, found.stations, found.station),
        ("indicator", altered_indicators, found.indicators, found.indicator),
    ):
        if altered:
            rows = np.isin(column, [number for number, name in enumerate(known) if name in altered])
            told.append(names.describe(what, altered, int((rows & (asked.key >= 0)).sum()), found.count))
    return asked, tuple(told)


def _distinct(stations: Sequence[str], called: Called) -> dict[str, int]:
    meant: dict[str, int] = {}
    for number, station in enumerate(stations):
        name = called(station)
        if name in meant:
            raise InputError(
                f"the sink file gives {stations[meant[name]]} and {station} the same name {name!r}: name the column of "
                'the city too (city = "..."), or a form such as "{city}/{station}"'
            )
        meant[name] = number
    return meant


def _refuse_a_stranger(expected: Expected, found: Found, called: Called) -> None:
    if not found.count:
        return
    wanted = ", ".join(repr(called(name)) for name in expected.stations[:3])
    there = ", ".join(repr(name) for name in found.stations[:3])
    if not set(expected.indicators) & set(found.indicators):
        there += f" with {', '.join(repr(name) for name in found.indicators[:3])}"
        wanted += f" with {', '.join(repr(name) for name in expected.indicators[:3])}"
    raise InputError(f"the sink knows none of the stations of this ledger: it holds {there}; expected {wanted}")


def _judge(
    asked: Comparison, moved: Moved, pairing: Pairing, altered: np.ndarray[tuple[int], np.dtype[np.bool_]],
    faults: Mapping[Effect, Integers],
) -> tuple[Judged, int]:  # fmt: skip
    """The state of every expected row; and how many found rows are not of this ledger at all."""
    expected, found = asked.expected, asked.found
    held = pairing.holder(expected.count)
    there = held >= 0
    rows = np.maximum(held, 0)
    agree = there & asked.agrees(rows, np.where(there, np.arange(expected.count), -1)) if found.count else there
    received = np.where(there, found.received[rows], np.nan) if found.count else np.full(expected.count, np.nan)
    arrived = ~np.isnan(received)
    turned = np.zeros(expected.count, dtype=np.bool_)
    turned[arrived] = counting.reordered(expected.station[arrived], expected.seq[arrived], received[arrived])
    latency = received - expected.at
    limit = np.inf if asked.tolerance.late is None else asked.tolerance.late
    nobody = pairing.row < 0
    inside = (moved.time >= expected.time.min()) & (moved.time <= expected.time.max()) & (asked.key >= 0)
    strangers = asked.key[nobody & inside] // len(expected.indicators)
    judged = Judged(
        state=counting.state_of(there, agree, there & altered[rows] if found.count else there, faults),
        latency=latency,
        reordered=turned,
        late=np.nan_to_num(latency, nan=-np.inf) > limit,
        copies=np.bincount(pairing.row[pairing.again], minlength=expected.count),
        strangers=strangers,
        arrived=bool(arrived.any()),
        timed=bool((~np.isnan(latency)).any()) and asked.tolerance.late is not None,
    )
    return judged, int((nobody & ~inside).sum())


def _doubts(ledger: Ledger, expected: Expected, found: Found, outside: int) -> tuple[str, ...]:
    doubts = []
    if not ledger.closed:
        doubts.append("The publisher did not end in order: its last messages may never have reached the broker.")
    if ledger.torn:
        doubts.append("The last line of the ledger is torn; it is left out.")
    if not found.valued:
        doubts.append("The sink has no values: station, indicator and time were compared, nothing else.")
    if expected.left_out:
        doubts.append(f"{expected.left_out:,} events and statistics of the ledger are not compared: only readings are.")
    if outside:
        doubts.append(f"{outside:,} readings of the ledger are outside the scope of the sink file.")
    if found.unreadable:
        doubts.append(f"{found.unreadable:,} rows of the sink make no sense, for example {found.example}.")
    if not np.isnan(found.received).all() and np.isnan(expected.at).all():
        doubts.append("The ledger does not tell when each message was said: there is no latency.")
    return tuple(doubts)
