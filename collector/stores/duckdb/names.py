"""The small tables of names (run, city, station, series, stream) as the writer knows them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from collector.language.indicators import Rollup, indicators
from collector.language.profile import CityProfile, StationProfile, Status, decode_status, encode_status
from collector.language.topics import Address, CityAddress
from collector.stores.duckdb.connection import insert

_TYPES = {
    "run": [("id", pa.uint32()), ("name", pa.string()), ("scenario", pa.string()), ("digest", pa.string())],
    "city": [("id", pa.uint32()), ("run", pa.uint32()), ("name", pa.string())],
    "station": [("id", pa.uint32()), ("city", pa.uint32()), ("pillar", pa.string()), ("name", pa.string())],
    "series": [
        ("id", pa.uint32()),
        ("station", pa.uint32()),
        ("city", pa.uint32()),
        ("indicator", pa.string()),
        ("registered", pa.bool_()),
        ("rollup", pa.string()),
    ],
    "stream": [("id", pa.uint32()), *((name, pa.string()) for name in ("run", "city", "station", "session"))],
}
_BIRTH = pa.schema(
    [
        ("id", pa.uint32()),
        ("timezone", pa.string()),
        ("origin", pa.string()),
        ("online", pa.bool_()),
        ("session", pa.string()),
        ("birth", pa.string()),
    ]
)


@dataclass(slots=True)
class StationNames:
    """A station's number, its city's, and the numbers of its series by indicator."""

    id: int
    city: int
    series: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _State:
    timezone: str | None
    origin: str | None
    online: bool
    session: str
    birth: str


class Names:
    """Numbers for names, given out on first sight; `flush` writes the new ones in the caller's transaction.

    To be thrown away when that transaction fails.
    """

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self._new: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _TYPES}
        self._births: dict[str, dict[int, _State]] = {"city": {}, "station": {}}
        self._states: dict[tuple[str, int], _State] = {}
        self._scenarios: list[tuple[str, str | None, int]] = []
        self._bounds: list[tuple[float, float]] = [(-np.inf, np.inf)]
        self._series_city: list[int] = [0]
        self._highest = dict.fromkeys(("run", "city", "station", "stream"), 0)
        self._city_run: dict[int, int] = {}
        self._rules: dict[tuple[int, str], str] = {}
        self._told: list[tuple[str, int, str]] = []
        self._arrays: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]] | None = None
        self._runs: dict[str, tuple[int, str | None]] = {}
        self._cities: dict[tuple[str, str], int] = {}
        self._stations: dict[tuple[str, str, str, str], StationNames] = {}
        self._streams: dict[tuple[str, str, str, str], int] = {}
        self._load(connection)

    @property
    def cities(self) -> int:
        """The highest number of a city."""
        return self._highest["city"]

    def station(self, address: Address) -> StationNames:
        """The station behind an address."""
        key = (address.run, address.city, address.pillar, address.station)
        known = self._stations.get(key)
        if known is None:
            known = StationNames(self._next("station"), self.city(address.run, address.city))
            self._stations[key] = known
            self._new["station"].append((known.id, known.city, address.pillar, address.station))
        return known

    def series(self, station: StationNames, indicator: str) -> int:
        """The number of a series of a station."""
        number = station.series.get(indicator)
        if number is None:
            number = station.series[indicator] = len(self._series_city)
            entry = indicators().get(indicator)
            usual = (entry.rollup if entry else Rollup.MEAN).value
            rollup = self._rules.setdefault((self._city_run[station.city], indicator), usual)
            self._new["series"].append((number, station.id, station.city, indicator, entry is not None, rollup))
            self._add_series(indicator, station.city)
        return number

    def stream(self, address: Address, session: str) -> int:
        """The number of a stream."""
        key = (address.run, address.city, address.station, session)
        number = self._streams.get(key)
        if number is None:
            number = self._streams[key] = self._next("stream")
            self._new["stream"].append((number, *key))
        return number

    def city(self, run: str, city: str) -> int:
        """The number of a city in a run."""
        number = self._cities.get((run, city))
        if number is None:
            number = self._cities[run, city] = self._next("city")
            self._city_run[number] = self._run(run)
            self._new["city"].append((number, self._city_run[number], city))
        return number

    def limits(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Lowest and highest plausible value and city, each by the number of the series."""
        if self._arrays is None or len(self._arrays[0]) != len(self._bounds):
            bounds = np.array(self._bounds, dtype=np.float64)
            self._arrays = bounds[:, 0], bounds[:, 1], np.array(self._series_city, dtype=np.int64)
        return self._arrays

    def born(self, address: Address | CityAddress, status: Status) -> None:
        """Take note of a birth or a will; the will of another session than the newest is ignored."""
        if isinstance(address, CityAddress):
            table, number = "city", self.city(address.run, address.city)
        else:
            table, number = "station", self.station(address).id
        old = self._states.get((table, number))
        if status.online and status.profile is not None:
            self._note_run(address.run, status)
            state = _state(status)
        elif old is not None and not status.online and status.session == old.session:
            state = _State(old.timezone, old.origin, False, old.session, old.birth)
        else:
            return
        if state != old:
            self._states[table, number] = self._births[table][number] = state
            if old is None or _profile(state) != _profile(old):
                self._told.append((table, number, state.birth))

    def flush(self, connection: DuckDBPyConnection) -> None:
        """Write the new names and births."""
        for table, rows in self._new.items():
            if rows:
                schema = pa.schema(_TYPES[table])
                columns = [list(column) for column in zip(*rows, strict=True)]
                names = ", ".join(schema.names)
                insert(connection, f"{table} ({names})", pa.table(columns, schema=schema))
                rows.clear()
        for table, births in self._births.items():
            if births:
                _update(connection, table, births)
                births.clear()
        if self._told:
            insert(connection, "births", _births_table(self._told))
            self._told.clear()
        for row in self._scenarios:
            connection.execute("UPDATE run SET scenario = ?, digest = ? WHERE id = ?", row)
        self._scenarios.clear()

    def _run(self, run: str) -> int:
        known = self._runs.get(run)
        if known is None:
            known = self._runs[run] = (self._next("run"), None)
            self._new["run"].append((known[0], run, None, None))
        return known[0]

    def _next(self, table: str) -> int:
        self._highest[table] += 1
        return self._highest[table]

    def _note_run(self, run: str, status: Status) -> None:
        number = self._run(run)
        if status.scenario is None or self._runs[run][1] is not None:
            return
        self._runs[run] = (number, status.scenario)
        self._scenarios.append((status.scenario, status.digest, number))

    def _add_series(self, indicator: str, city: int) -> None:
        entry = indicators().get(indicator)
        self._bounds.append((entry.minimum, entry.maximum) if entry else (-np.inf, np.inf))
        self._series_city.append(city)

    def _load(self, connection: DuckDBPyConnection) -> None:
        run_names = {}
        for number, name, scenario in connection.execute("SELECT id, name, scenario FROM run").fetchall():
            self._runs[name] = (number, scenario)
            run_names[number] = name
        cities = {}
        for number, run, name in connection.execute("SELECT id, run, name FROM city").fetchall():
            cities[number] = (run_names[run], name)
            self._cities[cities[number]] = number
            self._city_run[number] = run
        stations = {}
        for number, city, pillar, name in connection.execute("SELECT id, city, pillar, name FROM station").fetchall():
            stations[number] = self._stations[*cities[city], pillar, name] = StationNames(number, city)
        rows = connection.execute("SELECT id, station, city, indicator, rollup FROM series ORDER BY id").fetchall()
        for number, station, city, indicator, rollup in rows:
            while len(self._bounds) < number:  # a run that was deleted left its numbers unused
                self._add_series("", 0)
            stations[station].series[indicator] = number
            self._rules[self._city_run[city], indicator] = rollup
            self._add_series(indicator, city)
        for number, *key in connection.execute("SELECT * FROM stream").fetchall():
            self._streams[tuple(key)] = number
        for table in self._births:
            self._load_states(connection, table)
        for table in self._highest:
            query = f"SELECT coalesce(max(id), 0) FROM {table}"  # noqa: S608 - names of our own
            self._highest[table] = connection.execute(query).fetchall()[0][0]

    def _load_states(self, connection: DuckDBPyConnection, table: str) -> None:
        timezone = "timezone" if table == "city" else "NULL"
        columns = f"id, {timezone}, origin, online, session, birth"
        query = f"SELECT {columns} FROM {table} WHERE birth IS NOT NULL"  # noqa: S608 - names of our own
        for number, *state in connection.execute(query).fetchall():
            self._states[table, number] = _State(*state)


def _state(status: Status) -> _State:
    timezone = status.profile.timezone if isinstance(status.profile, CityProfile) else None
    return _State(timezone, status.origin, True, status.session, encode_status(status).decode())


def _profile(state: _State) -> tuple[CityProfile | StationProfile | None, str | None]:
    return decode_status(state.birth.encode()).profile, state.origin


def _births_table(told: list[tuple[str, int, str]]) -> pa.Table:
    since = pa.array([int(time.time())] * len(told), pa.int64()).cast(pa.timestamp("s"))
    kinds, numbers, births = (list(column) for column in zip(*told, strict=True))
    return pa.table({"kind": kinds, "id": pa.array(numbers, pa.uint32()), "since": since, "birth": births})


def _update(connection: DuckDBPyConnection, table: str, births: dict[int, _State]) -> None:
    rows = [(number, b.timezone, b.origin, b.online, b.session, b.birth) for number, b in births.items()]
    columns = [list(column) for column in zip(*rows, strict=True)]
    names = ["origin", "online", "session", "birth"] + (["timezone"] if table == "city" else [])
    changes = ", ".join(f"{name} = incoming.{name}" for name in names)
    connection.register("incoming", pa.table(columns, schema=_BIRTH))
    connection.execute(f"UPDATE {table} SET {changes} FROM incoming WHERE {table}.id = incoming.id")  # noqa: S608
    connection.unregister("incoming")
