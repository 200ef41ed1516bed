"""Messages, births and reads for tests of stores, of one run and one city."""

from __future__ import annotations

import numpy as np

from collector.language.indicators import Origin
from collector.language.messages import Event, Field, Message, Readings, Statistic
from collector.language.profile import CityProfile, Status
from collector.language.topics import Address, Kind
from collector.stores.protocol import Accepted, Selection, Store

START = 1_772_323_200  # 2026-03-01T00:00:00Z
CITY = CityProfile("chiang-mai", "Chiang Mai", "Thailand", 18.79, 98.98, "Asia/Bangkok", 127_000, "municipality")
RUN = ["run-1"]  # that of the test, where it has one of its own


def address(
    station: str = "a", kind: Kind = Kind.READINGS, city: str = "chiang-mai", run: str | None = None
) -> Address:
    return Address(run or RUN[0], city, "environment", station, kind)


def readings(times: list[int], **columns: list[float]) -> Readings:
    values = {name: np.array(cells, dtype=np.float64) for name, cells in columns.items()}
    return Readings(np.array(times, dtype="datetime64[s]"), values)


def accepted(
    body: Readings | Event | Statistic, seq: int | None = 0, at: Address | None = None, session: str = "s1"
) -> Accepted:
    kinds = {Readings: Kind.READINGS, Event: Kind.EVENTS, Statistic: Kind.STATISTICS}
    told = Message(at or address(kind=kinds[type(body)]), None if seq is None else session, seq, body)
    return Accepted(told, digest=(seq or 0) + 2**40, received=1.5)


def event(identity: str, kind: str, time: int = START, **fields: Field) -> Event:
    return Event(np.datetime64(time, "s"), identity, kind, fields)


def statistic(value: float, revision: int = 0, published: int = START, period: str = "2026-02") -> Statistic:
    return Statistic("unemployment", period, np.datetime64(published, "s"), revision, value)


def birth(online: bool = True, session: str = "s1", origin: Origin = Origin.SIMULATED) -> Status:
    profile = CITY if online else None
    return Status(online, session, profile, origin if online else None, "haze" if online else None)


def selection(*indicators: str, **selected: object) -> Selection:
    return Selection(indicators, **{"runs": (RUN[0],), **selected})  # type: ignore[arg-type]


def values(store: Store, indicator: str = "pm25", **selected: object) -> list[float]:
    return [float(v) for v in store.read(selection(indicator, **selected))["value"].to_pylist()]
