"""What the cities say right now: the last values and who is online, held in memory beside the store.

The thread that commits calls `Live.update` after each commit; the page's stream asks for `Live.view`. Memory is
bounded: runs that were quiet longest give way, and what a cap leaves out is counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from collector.language.indicators import Origin, Rollup, indicators
from collector.language.messages import Event, Message, Readings
from collector.language.profile import CityProfile, Status
from collector.language.time import period_start
from collector.language.topics import Address, CityAddress
from collector.stores.protocol import Batch, Fate, Store

RUNS = 20
SERIES = 50_000
SESSIONS = 16
FRESH = 86_400  # seconds that a station may lag behind its city's newest value and still count in it
ANY = (-math.inf, math.inf)
MIXED = "mixed"  # the origin of a run whose stations tell different ones


@dataclass(frozen=True, slots=True)
class RunState:
    """A run: its origin, its newest reading time (seconds since 1970), messages heard."""

    run: str
    origin: str | None
    scenario: str | None
    time: int | None
    messages: int


@dataclass(frozen=True, slots=True)
class CityState:
    """A city: `online` is None while no birth has been heard; `stations` is how many are online, of how many."""

    id: str
    online: bool | None
    profile: CityProfile | None
    time: int | None
    stations: tuple[int, int]


@dataclass(frozen=True, slots=True)
class LastValue:
    """The last value of an indicator in a city, over its `stations` of `known` that spoke within a day of `time`.

    Values of several stations combine as the indicator says: sum, max, energetic mean, and the mean otherwise.
    """

    city: str
    indicator: str
    time: int
    value: float
    stations: int
    known: int


@dataclass(frozen=True, slots=True)
class View:
    """A run at one moment, or what changed since an earlier version.

    `runs` are all that are held, oldest first; `deliveries` count every fate of every run since the collector
    started; `hidden` counts values that a cap left out.
    """

    version: int
    run: str | None
    runs: tuple[RunState, ...]
    cities: tuple[CityState, ...]
    values: tuple[LastValue, ...]
    deliveries: dict[Fate, int]
    hidden: int


@dataclass(slots=True)
class _Presence:
    session: str | None = None
    online: bool | None = None
    profile: CityProfile | None = None
    origin: str | None = None
    earlier: list[str] = field(default_factory=list)

    def hear(self, status: Status) -> bool:
        """Whether a birth or a will changed anything: those of superseded sessions do not."""
        if not status.online:
            self.online = self.online and status.session != self.session
            return status.session == self.session
        if status.session in self.earlier:
            return False
        if self.session is not None and self.session != status.session:
            self.earlier = [*self.earlier, self.session][-SESSIONS:]
        self.session, self.online = status.session, True
        if isinstance(status.profile, CityProfile):
            self.profile = status.profile
        return True


@dataclass(slots=True)
class _Group:
    """One indicator of one city: the last (time, value) of each station."""

    cells: dict[str, tuple[int, float]] = field(default_factory=dict)
    version: int = 0


@dataclass(slots=True)
class _City:
    presence: _Presence = field(default_factory=_Presence)
    stations: dict[str, _Presence] = field(default_factory=dict)
    groups: dict[str, _Group] = field(default_factory=dict)
    time: int | None = None
    version: int = 0


@dataclass(slots=True)
class _Run:
    cities: dict[str, _City] = field(default_factory=dict)
    origins: Counter[str] = field(default_factory=Counter)  # how many cities and stations tell each
    mixed: bool = False  # as the store says, of stations whose births are not held here
    scenario: str | None = None
    time: int | None = None
    messages: int = 0
    series: int = 0
    restored: bool = False

    @property
    def origin(self) -> str | None:
        """What all that told their origin agree on, "mixed" where they differ."""
        told = [name for name, count in self.origins.items() if count]
        return MIXED if self.mixed or len(told) > 1 else next(iter(told), None)

    def tell(self, presence: _Presence, origin: Origin | None) -> None:
        """A city or a station has told its origin, in the place of what it told before."""
        if origin is None:
            return
        if presence.origin is not None:
            self.origins[presence.origin] -= 1
        presence.origin = origin.value
        self.origins[origin.value] += 1


class Live:
    """The last values of the newest runs; safe to use from several threads.

    Parameters
    ----------
    runs
        How many runs are held; the one that was quiet longest gives way.
    series
        How many series, and how many births, a run may have here. What is beyond is counted in `View.hidden`.
    """

    def __init__(self, runs: int = RUNS, series: int = SERIES) -> None:
        self._lock = Lock()
        self._limits = (runs, series)
        self._runs: dict[str, _Run] = {}
        self._created: list[str] = []
        self._deliveries: Counter[Fate] = Counter(dict.fromkeys(Fate, 0))
        self._hidden = 0
        self._version = 0
        self._bounds = {entry.id: (entry.minimum, entry.maximum) for entry in indicators().values()}

    def update(self, batch: Batch) -> None:
        """Take in what was just committed."""
        with self._lock:
            self._version += 1
            for (_, fate), count in batch.counts.items():
                self._deliveries[fate] += count
            for address, status in batch.births:
                self._announce(self._run(address.run), address, status)
            name, run = "", None
            for accepted in batch.accepted:
                message = accepted.message
                if run is None or message.address.run != name:
                    name = message.address.run
                    run = self._run(name)
                self._hear(run, message)

    def restore(self, store: Store, name: str | None = None) -> None:
        """Take in the last values of a run (default: the newest) from the store, once; newer ones heard stay."""
        known = {info.run: info.origin for info in store.runs()}
        if name is None:
            if not known:
                return
            name = list(known)[-1]
        if self.restored(name):
            return
        births, latest = store.cities(name), store.latest(name)
        times = latest["time"].cast("timestamp[s]").cast("int64").to_pylist()
        with self._lock:
            self._version += 1
            run = self._run(name)
            run.restored = True
            run.mixed = known.get(name) == MIXED
            for profile, status in births:
                self._remember(run, profile, status)
            columns = [latest[key].to_pylist() for key in ("city", "station", "indicator", "value", "quality")]
            for city, station, indicator, value, quality, time in zip(*columns, times, strict=True):
                held = run.cities.get(city) or self._city(run, city)
                if held is not None and not quality and value is not None:
                    self._place(run, held, station, indicator, time, value)

    def restored(self, run: str) -> bool:
        """Whether a run is held with all that the store knew of it."""
        with self._lock:
            return run in self._runs and self._runs[run].restored

    def newest(self) -> str | None:
        """The run that started last."""
        with self._lock:
            return self._created[-1] if self._created else None

    def presence(self, run: str, city: str) -> dict[str, bool | None]:
        """Which stations of a city are online; None where none of their births was heard."""
        with self._lock:
            held = self._runs[run].cities.get(city) if run in self._runs else None
            if held is None:
                return {}
            gone = held.presence.session if held.presence.online is False else None
            return {name: one.online and one.session != gone for name, one in held.stations.items()}

    def view(self, run: str | None, since: int = 0) -> View:
        """A run as it is now (`since` 0), or what changed in it after version `since`."""
        with self._lock:
            runs = tuple(_run_state(name, self._runs[name]) for name in self._created)
            cities = self._runs[run].cities if run in self._runs else {}
            changed = [(name, city) for name, city in cities.items() if city.version > since]
            states = tuple(_city_state(name, city) for name, city in changed)
            values = tuple(_last_values(changed, since))
            return View(self._version, run, runs, states, values, dict(self._deliveries), self._hidden)

    def _run(self, name: str) -> _Run:
        run = self._runs.pop(name, None)
        if run is None:
            run = _Run()
            self._created.append(name)
            if len(self._runs) >= self._limits[0]:
                quiet = next(iter(self._runs))
                del self._runs[quiet]
                self._created.remove(quiet)
        self._runs[name] = run  # moves to the end: the order is that of the last word heard
        return run

    def _announce(self, run: _Run, address: Address | CityAddress, status: Status) -> None:
        city = self._city(run, address.city)
        if city is None:
            return
        presence = city.presence
        if isinstance(address, Address):
            presence = self._station(run, city, address.station)
        if presence.hear(status):
            city.version = self._version
            run.tell(presence, status.origin)
            run.scenario = status.scenario or run.scenario

    def _remember(self, run: _Run, profile: CityProfile, status: Status) -> None:
        city = self._city(run, profile.id)
        if city is not None and city.presence.session is None:
            city.presence = _Presence(status.session, status.online, profile)
            city.version = self._version
            run.tell(city.presence, status.origin)
        run.scenario = run.scenario or status.scenario

    def _city(self, run: _Run, name: str) -> _City | None:
        city = run.cities.get(name)
        if city is None and self._room(run):
            city = run.cities[name] = _City()
        return city

    def _station(self, run: _Run, city: _City, name: str) -> _Presence:
        presence = city.stations.get(name)
        if presence is None:
            presence = _Presence()
            if self._room(run):
                city.stations[name] = presence
        return presence

    def _room(self, run: _Run) -> bool:
        if run.series >= self._limits[1]:
            self._hidden += 1
            return False
        run.series += 1
        return True

    def _hear(self, run: _Run, message: Message) -> None:
        run.messages += 1
        name, station, body = message.address.city, message.address.station, message.body
        city = run.cities.get(name) or self._city(run, name)
        if city is None:
            return
        if isinstance(body, Readings):
            seconds = body.times.view(np.int64)
            newest = seconds.item(-1)
            for indicator, column in body.columns.items():
                lowest, highest = self._bounds.get(indicator, ANY)
                value = column.item(-1)
                if lowest <= value <= highest:
                    self._place(run, city, station, indicator, newest, value)
                elif len(sound := np.flatnonzero((column >= lowest) & (column <= highest))):
                    self._place(run, city, station, indicator, seconds.item(sound[-1]), column.item(sound[-1]))
        elif isinstance(body, Event):
            for indicator, told in body.fields.items():
                if indicator in self._bounds and isinstance(told, int | float) and not isinstance(told, bool):
                    self._place_sound(run, city, station, indicator, _seconds(body.time), float(told))
        else:
            start = _seconds(period_start(body.period))
            self._place_sound(run, city, station, body.indicator, start, body.value)

    def _place_sound(self, run: _Run, city: _City, station: str, indicator: str, time: int, value: float) -> None:
        lowest, highest = self._bounds.get(indicator, ANY)
        if lowest <= value <= highest:
            self._place(run, city, station, indicator, time, value)

    def _place(self, run: _Run, city: _City, station: str, indicator: str, time: int, value: float) -> None:
        group = city.groups.get(indicator)
        if group is None:
            group = city.groups[indicator] = _Group()
        cell = group.cells.get(station)
        if cell is None:
            if not self._room(run):
                return
        elif time < cell[0]:
            return
        group.cells[station] = (time, value)
        group.version = city.version = self._version
        if city.time is None or time > city.time:
            city.time = time
            if run.time is None or time > run.time:
                run.time = time


def combine(values: Iterable[float], across: Rollup) -> float:
    """One value for the stations of a city: their sum, maximum, energetic mean (sound levels), or mean otherwise."""
    held = list(values)
    if across is Rollup.SUM:
        return math.fsum(held)
    if across is Rollup.MAX:
        return max(held)
    if across is Rollup.ENERGETIC_MEAN:
        return 10 * math.log10(math.fsum(10 ** (value / 10) for value in held) / len(held))
    return math.fsum(held) / len(held)


def _last_values(cities: list[tuple[str, _City]], since: int) -> Iterator[LastValue]:
    catalogue = indicators()
    for name, city in cities:
        for indicator, group in city.groups.items():
            if group.version > since and group.cells:
                newest = max(time for time, _ in group.cells.values())
                fresh = [value for time, value in group.cells.values() if time > newest - FRESH]
                across = catalogue[indicator].across if indicator in catalogue else Rollup.MEAN
                yield LastValue(name, indicator, newest, combine(fresh, across), len(fresh), len(group.cells))


def _city_state(name: str, city: _City) -> CityState:
    gone = city.presence.session if city.presence.online is False else None  # stations that shared its connection too
    online = sum(station.online is True and station.session != gone for station in city.stations.values())
    return CityState(name, city.presence.online, city.presence.profile, city.time, (online, len(city.stations)))


def _run_state(name: str, run: _Run) -> RunState:
    return RunState(name, run.origin, run.scenario, run.time, run.messages)


def _seconds(time: np.datetime64) -> int:
    return int(time.astype(np.int64))
