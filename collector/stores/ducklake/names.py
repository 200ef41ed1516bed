"""Digests for names: every collector comes to the same number by itself, so that none has to hand them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from collector.language.codec import digest
from collector.language.indicators import indicators
from collector.language.profile import CityProfile, Status, encode_status
from collector.language.topics import Address, CityAddress
from collector.stores.duckdb.names import StationNames
from collector.stores.ducklake.connection import append

_TEXT = pa.string()
_TYPES = {
    "place": [("id", pa.int64()), ("city", pa.int64()), ("run", _TEXT), ("city_name", _TEXT), ("pillar", _TEXT),
              ("station", _TEXT)],
    "series": [("id", pa.int64()), ("station", pa.int64()), ("city", pa.int64()), ("indicator", _TEXT)],
    "stream": [("id", pa.int64()), ("run", _TEXT), ("city", _TEXT), ("station", _TEXT), ("session", _TEXT),
               ("topic", _TEXT)],
    "birth": [("place", pa.int64()), ("run", _TEXT), ("online", pa.bool_()), ("session", _TEXT), ("timezone", _TEXT),
              ("origin", _TEXT), ("scenario", _TEXT), ("digest", _TEXT), ("body", _TEXT)],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stream:
    """The digest of a stream, and whether its messages are numbered."""

    id: int
    numbered: bool


class Names:
    """The names this process has said; `flush` appends the new ones in the caller's transaction.

    Stations and series also have small numbers of this process alone, for arrays. What another process has said
    already is said again, once. To be thrown away when the transaction fails.
    """

    def __init__(self) -> None:
        self._new: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _TYPES}
        self._said: dict[int, tuple[Any, ...]] = {}
        self._cities: dict[tuple[str, str], int] = {}
        self._stations: dict[tuple[str, str, str, str], StationNames] = {}
        self._streams: dict[tuple[str, ...], Stream] = {}
        self._station_digests = [0]
        self._series_digests = [0]
        self._bounds: list[tuple[float, float]] = [(-np.inf, np.inf)]
        self._arrays: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]] | None = None

    def station(self, address: Address) -> StationNames:
        """The station behind an address, under the numbers of this process."""
        key = (address.run, address.city, address.pillar, address.station)
        known = self._stations.get(key)
        if known is None:
            city, number = self.city(address.run, address.city), digested("station", *key)
            known = self._stations[key] = StationNames(len(self._station_digests), city)
            self._station_digests.append(number)
            self._new["place"].append((number, city, *key))
        return known

    def series(self, station: StationNames, indicator: str) -> int:
        """The number in this process of a series of a station."""
        number = station.series.get(indicator)
        if number is None:
            number = station.series[indicator] = len(self._series_digests)
            place = self._station_digests[station.id]
            told = digested("series", str(place), indicator)
            self._series_digests.append(told)
            self._new["series"].append((told, place, station.city, indicator))
            entry = indicators().get(indicator)
            self._bounds.append((entry.minimum, entry.maximum) if entry else (-np.inf, np.inf))
        return number

    def stream(self, address: Address, session: str) -> int:
        """The digest of a stream of numbered messages."""
        return self.stream_of(address, session).id

    def stream_of(self, address: Address, session: str | None) -> Stream:
        """The stream of a message: those without a number have one of their own for each topic."""
        key: tuple[str, ...] = (address.run, address.city, address.station, session or "")
        if session is None:
            key = (*key, address.topic)
        known = self._streams.get(key)
        if known is None:
            numbered = session is not None
            known = self._streams[key] = Stream(digested("stream", *key), numbered)
            topic = address.topic.removesuffix(f"/{address.kind.value}")
            self._new["stream"].append((known.id, *key[:3], session, topic))
        return known

    def city(self, run: str, city: str) -> int:
        """The digest of a city in a run."""
        number = self._cities.get((run, city))
        if number is None:
            number = self._cities[run, city] = digested("city", run, city)
            self._new["place"].append((number, number, run, city, None, None))
        return number

    def limits(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Lowest and highest plausible value and digest, each by the number of the series in this process."""
        if self._arrays is None or len(self._arrays[0]) != len(self._bounds):
            bounds = np.array(self._bounds, dtype=np.float64)
            self._arrays = bounds[:, 0], bounds[:, 1], np.array(self._series_digests, dtype=np.int64)
        return self._arrays

    def station_digests(self) -> NDArray[np.int64]:
        """The digest of every station by its number in this process."""
        return np.array(self._station_digests, dtype=np.int64)

    def born(self, address: Address | CityAddress, status: Status) -> None:
        """Take note of a birth or a will; readers see which of them are still true."""
        if isinstance(address, CityAddress):
            place = self.city(address.run, address.city)
        else:
            place = self._station_digests[self.station(address).id]
        if status.online and status.profile is None:
            return
        zone = status.profile.timezone if isinstance(status.profile, CityProfile) else None
        facts = (zone, status.origin, status.scenario, status.digest, encode_status(status).decode())
        told = (place, address.run, status.online, status.session, *(facts if status.online else (None,) * 5))
        if self._said.get(place) != told:
            self._said[place] = told
            self._new["birth"].append(told)

    def flush(self, connection: DuckDBPyConnection) -> None:
        """Append the new names and births."""
        for table, rows in self._new.items():
            if rows:
                schema = pa.schema(_TYPES[table])
                append(connection, table, pa.table([list(one) for one in zip(*rows, strict=True)], schema=schema))
                rows.clear()


def digested(*names: str) -> int:
    """63 bits that stand for names, the same in every process; that two of ten million are alike has odds of 1:180,000.

    63, for DuckDB cannot hand a larger number on to Arrow when it narrows a join.
    """
    return digest("\x1f".join(names).encode()) >> 1
