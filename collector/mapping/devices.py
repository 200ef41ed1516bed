"""The decoder behind a mapping: what devices publish becomes messages of stations, measured, and their births."""

from __future__ import annotations

import logging
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import numpy as np

from collector.formats import senml
from collector.intake.decoder import Heard
from collector.language.codec import MAXIMUM_SEQ
from collector.language.errors import InputError, PayloadError
from collector.language.indicators import Origin
from collector.language.messages import Message, Readings
from collector.language.profile import StationProfile, Status
from collector.language.topics import ROOT, Address, CityAddress, is_segment
from collector.mapping.names import Template, station_id
from collector.mapping.paths import ABSENT, Path, document, leaves, look_up, written
from collector.mapping.rules import Mapping, Rule, Source, Where
from collector.mapping.times import check_ahead
from collector.mapping.units import to_catalogue

REMEMBERED = 100_000
FIELDS_TOLD = 1_000
ROWS = 100_000
NO_TIME = "nobody knows when it was measured: a retained message without a time of its own"

Names = MutableMapping[tuple[str, str, str], tuple[str, str]]
Table = defaultdict[int, dict[str, float]]  # time: indicator: value
Births = list[tuple[Address | CityAddress, Status]]

log = logging.getLogger("nakhon.collector")


class Devices:
    """Reads what the rules of a mapping describe.

    `names` remembers which device a station id stands for; mappings that share it cannot mix up their devices. `quiet`
    says nothing of what is left out. `unmapped` counts fields that no rule speaks of, `missed` messages that a device's
    own counter says never came.
    """

    def __init__(self, mapping: Mapping, names: Names | None = None, *, quiet: bool = False) -> None:
        self.mapping = mapping
        self._quiet = quiet
        self.topics: Sequence[str] = tuple(dict.fromkeys(rule.pattern.filter for rule in mapping.rules))
        self.unmapped: Counter[str] = Counter()
        self.missed = 0
        self._names: Names = {} if names is None else names
        self._taken = frozenset(one.id for one in mapping.stations.values())
        self._born: dict[Address | CityAddress, frozenset[str]] = {}
        self._counted: dict[Address, int] = {}

    def run(self, topic: str) -> str:
        """The run that what comes on a topic belongs to; empty if no rule has the topic."""
        for rule in self.mapping.rules:
            parts = rule.pattern.match(topic)
            if parts is not None:
                values = [parts.get(field, "") if isinstance(field, str) else "" for field in rule.run.fields]
                run = rule.run.render(tuple(values))
                return run if is_segment(run) else ""
        return ""

    def decode(self, topic: str, payload: bytes, received: float | None) -> Heard | None:
        """What a payload says, None if no rule has its topic. Raises `PayloadError` that names the path."""
        found = [(rule, parts) for rule in self.mapping.rules if (parts := rule.pattern.match(topic)) is not None]
        if not found:
            return None
        for rule, parts in found:
            root, records = _records(rule, payload, received)
            meant = [record for record in records if _holds(rule.where, record, root)]
            if not meant:
                continue
            tables = self._tables(rule, parts, root, meant, received)
            if tables:
                return self._heard(rule, root, topic, tables)
        if any(rule.others == "ignore" for rule, _ in found):
            return Heard(self.run(topic), ())
        raise PayloadError(_unfit([rule for rule, _ in found]))

    def _tables(
        self, rule: Rule, parts: dict[str, str], root: object, records: Sequence[object], received: float | None
    ) -> dict[Address, tuple[str, Table]]:
        """The values of each station by time and indicator, with its device's name."""
        tables: dict[Address, tuple[str, Table]] = {}
        for record in records:
            rows = list(_rows(rule, record, root, received))
            if not rows:
                continue
            address, device = self._address(rule, parts, record, root)
            _, table = tables.setdefault(address, (device, defaultdict(dict)))
            for time, source, value in rows:
                if (before := table[time].setdefault(source.indicator, value)) != value and before == before:
                    where = f"{source.indicator} at {written(source.path)}"
                    raise PayloadError(f"{where}: two values in one second; times are kept to the second")
        return tables

    def _heard(self, rule: Rule, root: object, topic: str, tables: dict[Address, tuple[str, Table]]) -> Heard:
        session, number = _numbered(rule, root)
        if session is not None and len(tables) > 1:
            raise PayloadError(f"expected one station in a numbered message, came {len(tables)}")
        messages = [Message(at, session, number, _readings(table)) for at, (_, table) in tables.items()]
        births: Births = []
        if not topic.startswith(f"{ROOT}/"):  # stations of wire version 1 are born by themselves
            for address, (device, table) in tables.items():
                births += self._births(rule, address, device, {name for row in table.values() for name in row})
        self._note(rule, root, topic, next(iter(tables)))
        return Heard(messages[0].address.run, tuple(messages), tuple(births))

    def _address(self, rule: Rule, parts: dict[str, str], record: object, root: object) -> tuple[Address, str]:
        run, city, pillar = (_segment(template, parts, record, root) for template in (rule.run, rule.city, rule.pillar))
        values = rule.station.values(parts, record, root)
        device = "/".join(values) or rule.station.text
        known = self.mapping.stations.get(device)
        rendered = rule.station.render(values)
        station = known.id if known and known.id else station_id(rendered, values)
        if station in self._taken and not (known and known.id):
            station = station_id(rendered, (*values, ""))  # a [[station]] has this id: it gets a digest
        whose = (self.mapping.name, "\0".join((rendered, *values)))
        if _remember(self._names, (run, city, station), whose) != whose:
            raise PayloadError(
                f"two devices would be the station {station} of {city}: give one mapping another station, "
                f'such as "{self.mapping.name}-{{station}}"'
            )
        return Address(run, city, pillar, station), device

    def _births(self, rule: Rule, address: Address, device: str, names: set[str]) -> Births:
        """The births of a city and a station that are new, or of which more is known."""
        births: Births = []
        place, city = CityAddress(address.run, address.city), self.mapping.cities.get(address.city)
        if city is not None and place not in self._born:
            births.append((place, self._birth(city)))
            _remember(self._born, place, frozenset())
        known = self._born.get(address, frozenset())
        if not names <= known:
            told = known | names
            births.append((address, self._birth(self._profile(rule, address, device, told))))
            self._born.pop(address, None)
            _remember(self._born, address, told)
        return births

    def _birth(self, profile: Any) -> Status:
        return Status(True, self.mapping.session, profile, Origin.MEASURED)

    def _profile(self, rule: Rule, address: Address, device: str, names: frozenset[str]) -> StationProfile:
        told = self.mapping.stations.get(device)
        return StationProfile(
            address.station,
            address.city,
            address.pillar,
            (told.kind if told else None) or rule.kind,
            (told.name if told else None) or device[:200],
            rule.cadence,
            tuple(sorted(names)),
            told.latitude if told else None,
            told.longitude if told else None,
        )

    def _note(self, rule: Rule, root: object, topic: str, address: Address) -> None:
        """Count what is left out, and what a device's own counter says never came; say each new thing once."""
        if not rule.senml:
            new = [path for path in map(written, leaves(root, rule.known)) if self._left_out(path)]
            if new and not self._quiet:
                told = ascii(", ".join(new))
                log.info("%s: left out, for they are not mapped: %s (on %a)", self.mapping.name, told, topic)
        counted = ABSENT if rule.counter is None else look_up(root, rule.counter)
        if isinstance(counted, int) and not isinstance(counted, bool):
            last = self._counted.pop(address, counted)
            if counted > last + 1:
                self.missed += counted - last - 1
                gap = f"{counted - last - 1} messages before number {counted}"
                log.warning("%s: station %s: %s never came", self.mapping.name, address.station, gap)
            _remember(self._counted, address, counted)

    def _left_out(self, path: str) -> bool:
        """Count a field that is left out; whether it is the first of its name."""
        if path not in self.unmapped and len(self.unmapped) >= FIELDS_TOLD:
            path = "(more)"
        self.unmapped[path] += 1
        return self.unmapped[path] == 1


def _records(rule: Rule, payload: bytes, received: float | None) -> tuple[object, Sequence[object]]:
    """The whole payload, and what is looked at one by one in it."""
    if rule.senml:
        resolved = senml.resolve(senml.records(payload), received)
        return {}, [{r.measure: r.value, "device": r.device, "unit": r.unit, "time": r.time} for r in resolved]
    root = document(payload)
    if rule.each is None:
        return root, [root]
    found = look_up(root, rule.each)
    if found is ABSENT:
        return root, []
    if not isinstance(found, list):
        raise PayloadError(f"expected a list at {written(rule.each)}, came {type(found).__name__}")
    if len(found) > ROWS:
        raise PayloadError(f"expected at most {ROWS} elements at {written(rule.each)}, came {len(found)}")
    return root, found


def _find(record: object, root: object, path: Path) -> object:
    found = look_up(record, path)
    return look_up(root, path) if found is ABSENT else found


def _holds(where: Where, record: object, root: object) -> bool:
    for path, wanted in where:
        found = _find(record, root, path)
        if found != wanted or isinstance(found, bool) != isinstance(wanted, bool):
            return False
    return True


def _rows(rule: Rule, record: object, root: object, received: float | None) -> Iterator[tuple[int, Source, float]]:
    """The values in a record: times (one, or a list of them) with the values of each indicator; NaN for null."""
    chosen: dict[str, tuple[Source, object]] = {}
    for source in rule.sources:
        found = _find(record, root, source.path) if _holds(source.where, record, root) else ABSENT
        if found is not ABSENT:
            chosen.setdefault(source.indicator, (source, found))
    if not chosen:
        return
    times = _times(rule, record, root, received)
    unit = look_up(record, ("unit",)) if rule.senml else None
    for source, found in chosen.values():
        cells = found if isinstance(times, list) else [found]
        at = times if isinstance(times, list) else [times]
        if not isinstance(cells, list) or len(cells) != len(at):
            raise PayloadError(f"{written(source.path)}: expected {len(at)} values, one for each time")
        for time, cell in zip(at, cells, strict=True):
            yield time, source, _value(cell, source, rule, unit)


def _times(rule: Rule, record: object, root: object, received: float | None) -> int | list[int]:
    if rule.time is None:
        if received is None:
            raise PayloadError(NO_TIME)
        return math.floor(received)
    found = _find(record, root, rule.time)
    if found is ABSENT:
        raise PayloadError(f"{written(rule.time)}: expected a time, came nothing")
    try:
        if isinstance(found, list):
            return [check_ahead(rule.read_time(one), received) for one in found]
        return check_ahead(rule.read_time(found), received)
    except PayloadError as error:
        raise PayloadError(f"{written(rule.time)}: {error}") from None


def _value(found: object, source: Source, rule: Rule, unit: object) -> float:
    if found is None or (isinstance(found, str) and found.strip() in rule.missing):
        return math.nan
    value = math.nan
    try:
        if isinstance(found, int | float | str) and not isinstance(found, bool):
            value = float(found)
        if math.isfinite(value):
            if isinstance(unit, str) and not source.declared:
                return to_catalogue(unit, source.indicator)(value)
            return source.conversion(value)
    except (ValueError, OverflowError):
        pass
    except InputError as error:
        raise PayloadError(f"{written(source.path)}: {error}") from None
    shown = ascii(found) if not isinstance(found, dict | list) else type(found).__name__
    raise PayloadError(f"{written(source.path)}: expected a number for {source.indicator}, came {shown[:60]}")


def _readings(table: Table) -> Readings:
    epochs = sorted(table)
    names = tuple(dict.fromkeys(name for row in table.values() for name in row))
    columns = {name: np.array([table[epoch].get(name, math.nan) for epoch in epochs]) for name in names}
    return Readings(np.array(epochs, dtype=np.int64).view("datetime64[s]"), columns)


def _segment(template: Template, parts: dict[str, str], record: object, root: object) -> str:
    text = template.render(template.values(parts, record, root))
    if not is_segment(text):
        raise PayloadError(
            f"expected lower-case letters, digits and hyphens for {template.text}, came {ascii(text)[:80]}"
        )
    return text


def _numbered(rule: Rule, root: object) -> tuple[str | None, int | None]:
    if rule.session is None or rule.number is None:
        return None, None
    session, number = look_up(root, rule.session), look_up(root, rule.number)
    if not isinstance(session, str) or not senml.SESSION.fullmatch(session):
        raise PayloadError(f"{written(rule.session)}: expected the name of a session")
    if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) < 17:
        number = int(number)
    if type(number) is not int or not 0 <= number <= MAXIMUM_SEQ:
        raise PayloadError(f"{written(rule.number)}: expected a whole number from 0")
    return session, number


def _unfit(rules: Sequence[Rule]) -> str:
    paths = list(dict.fromkeys(_place(rule, source) for rule in rules for source in rule.sources))
    shown = ", ".join(paths[:8]) + (" ..." if len(paths) > 8 else "")
    where = [written(path) for rule in rules for path, _ in rule.where]
    told = f" (with {', '.join(where)} as the mapping wants)" if where else ""
    return f"expected a value at one of {shown}{told}, came none"


def _place(rule: Rule, source: Source) -> str:
    return written(source.path) if rule.each is None else f"{written(rule.each)}[].{written(source.path)}"


def _remember(memory: Any, key: Any, value: Any) -> Any:
    """What a memory holds under a key, the value where it held nothing; bounded: what came first is forgotten."""
    if key not in memory and len(memory) >= REMEMBERED:
        del memory[next(iter(memory))]
    return memory.setdefault(key, value)
