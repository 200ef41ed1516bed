"""The faults of a scenario file, `[[faults]]`, and those of a command: read alike, every error at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from collector.language.errors import InputError
from collector.language.indicators import Pillar, indicators
from collector.language.time import format_epoch
from simulator.cities import UnknownNameError, describe_unknown
from simulator.faults.fault import Fault, Target
from simulator.faults.kinds import KINDS, FaultKind
from simulator.scenario_file import DURATION, MOMENT, NAME, TEXT, Expected, Table

TARGET = ("city", "pillar", "kind", "station", "indicator")
WINDOW = ("from", "until", "after", "for")
KEYS = ("fault", "id", *TARGET, *WINDOW, "probability")


@dataclass(frozen=True, slots=True)
class Place:
    """What a fault is read for: the time it counts from (seconds since 1970), the cities and kinds of stations."""

    base: int
    cities: Sequence[str]
    kinds: Sequence[str]


def read_faults(table: Table, place: Place) -> tuple[Fault, ...]:
    """The faults of a scenario; ids that are not given are f1, f2, ... by position."""
    found: list[Fault] = []
    for number, entry in enumerate(table.tables("faults"), start=1):
        fault = read_fault(entry, place, f"f{number}")
        if fault is None:
            continue
        if any(fault.id == other.id for other in found):
            entry.note("id", f"expected an id that no other fault has, came {fault.id}")
        found.append(fault)
    return tuple(found)


def fault_of(arguments: Mapping[str, object], place: Place, identity: str) -> Fault:
    """The fault of a command. Raises `InputError` with everything that is wrong."""
    table = Table(arguments)
    fault = read_fault(table, place, identity)
    if table.errors or fault is None:
        raise InputError("\n".join(table.errors))
    return fault


def read_fault(table: Table, place: Place, identity: str) -> Fault | None:
    """The fault in a table, or None (and what is wrong is noted)."""
    kind = table.take("fault", _known("fault", KINDS), "", required=True)
    if kind not in KINDS:
        return None
    made = KINDS[kind]
    table.allow(*KEYS, *(parameter.name for parameter in made.parameters))
    since, until = _window(table, place, made)
    return Fault(
        id=table.take("id", NAME, identity),
        fault=kind,
        target=_target(table, place, made),
        since=since,
        until=until,
        probability=_probability(table, made),
        parameters={one.name: table.take(one.name, one.expected, one.default) for one in made.parameters},
    )


def lines_of(faults: Iterable[Fault]) -> Iterator[str]:
    """Each fault in a line, for people."""
    for fault in faults:
        target = fault.target
        whom = " ".join(f"{name} {given}" for name in TARGET if (given := getattr(target, name)) is not None)
        given = ", ".join(f"{name} {value}" for name, value in fault.parameters.items() if value is not None)
        until = "its end" if fault.until is None else format_epoch(fault.until)
        window = f"at {format_epoch(fault.since)}"
        if fault.kind.probability is not None:
            window = f"{format_epoch(fault.since)} to {until}, probability {fault.probability:g}"
        yield f"fault {fault.id}: {fault.fault}{f' ({given})' if given else ''} of {whom or 'all stations'}, {window}"


def _known(what: str, names: Iterable[str]) -> Expected[str]:
    known = tuple(names)

    def read(given: object) -> str:
        text = TEXT.read(given)
        if text not in known:
            raise UnknownNameError(describe_unknown(what, text, known))
        return text

    return Expected(f"the name of a {what}", read)


def _moment(given: object) -> int:
    return MOMENT.read(datetime.fromisoformat(given) if isinstance(given, str) else given)


_WHEN = Expected(MOMENT.phrase, _moment)


def _chance(given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= 1:
        raise ValueError
    return float(given)


_CHANCE = Expected("a number above 0, at most 1", _chance)


def _glob(given: object) -> str:
    text = TEXT.read(given)
    if not text or len(text) > 63 or not set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789-*?[]!"):
        raise ValueError
    return text


_STATION = Expected("the id of a station, or a pattern such as aq-*", _glob)


def _target(table: Table, place: Place, made: FaultKind) -> Target:
    if "indicator" in table and not made.indicators:
        table.note("indicator", f"a fault of kind {made.name} concerns whole stations; leave the indicator out")
    kinds = tuple(kind.replace("_", "-") for kind in place.kinds)
    return Target(
        city=table.take("city", _known("city of this run", place.cities), "") or None,
        pillar=table.take("pillar", _known("pillar", (one.value for one in Pillar)), "") or None,
        kind=table.take("kind", _known("kind of station", kinds), "") or None,
        station=table.take("station", _STATION, "") or None,
        indicator=table.take("indicator", _known("indicator", indicators()), "") or None,
    )


def _window(table: Table, place: Place, made: FaultKind) -> tuple[int, int | None]:
    for first, second in (("from", "after"), ("until", "for")):
        if first in table and second in table:
            table.note(second, f"expected either {first} or {second}, came both")
    if made.probability is None:
        for key in ("until", "for"):
            if key in table:
                table.note(key, f"a fault of kind {made.name} happens at a moment; leave {key} out")
    since = max(place.base, table.take("from", _WHEN, place.base)) + table.take("after", DURATION, 0)
    until = table.take("until", _WHEN, 0) if "until" in table else None
    if "for" in table:
        until = since + table.take("for", DURATION, 0)
    if until is not None and until <= since and table.fine("from", "until", "after", "for"):
        table.note("until", f"expected a time after {format_epoch(since)}, came {format_epoch(until)}")
    return since, until


def _probability(table: Table, made: FaultKind) -> float:
    if made.probability is None:
        if "probability" in table:
            table.note("probability", f"a fault of kind {made.name} happens once; leave it out")
        return 1.0
    return table.take("probability", _CHANCE, made.probability)
