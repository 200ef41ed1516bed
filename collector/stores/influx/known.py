"""What the store already holds under the keys of messages, for those that have no number."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from collector.language.messages import Event, Message, Readings, Statistic
from collector.language.topics import Address
from collector.stores.influx.accounts import NAME, fields_of
from collector.stores.influx.connection import Influx
from collector.stores.influx.flux import PLACE, keep, points, tagged
from collector.stores.influx.lines import joined, tag_value
from collector.stores.protocol import Body

AT_ONCE = 100  # messages in a question: what is asked for stands in its text
Held = list[Body | None]
_EITHER = '(r._field == "value" or r._field == "flagged")'
_TEXTS = "r._field =~ /^fields(_[0-9]+)?$/"
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Asked:
    """A message and its place among those asked for."""

    place: int
    address: Address
    body: Body

    @property
    def time(self) -> int:
        return int(self.body.times[0].astype(np.int64)) if isinstance(self.body, Readings) else 0


def known(influx: Influx, bucket: str, messages: Sequence[Message]) -> Held:
    """For each message what is stored under its keys, None where nothing is."""
    held: Held = [None] * len(messages)
    asked = sorted((_Asked(i, m.address, m.body) for i, m in enumerate(messages)), key=lambda one: one.time)
    for kind, answer in ((Readings, _readings), (Event, _events), (Statistic, _statistics)):
        those = [one for one in asked if isinstance(one.body, kind)]
        for at in range(0, len(those), AT_ONCE):
            answer(influx, bucket, those[at : at + AT_ONCE], held)
    return held


def _readings(influx: Influx, bucket: str, asked: Sequence[_Asked], held: Held) -> None:
    times = [one.body.times.astype(np.int64) for one in asked if isinstance(one.body, Readings)]
    start, end = min(int(t[0]) for t in times), max(int(t[-1]) for t in times) + 1
    flux = points(bucket, "readings", [_at(asked), _EITHER], start=start, end=end)
    columns = {"_time": pa.timestamp("s", "UTC"), "_value": pa.float64()} | dict.fromkeys((*PLACE, "indicator"), NAME)
    table = influx.ask(flux + keep(["_field", *columns]), columns)
    table = table.set_column(0, "_time", table["_time"].cast(pa.int64()))
    stored: dict[tuple[str, ...], dict[int, float]] = {}
    for time, value, *key in zip(*(column.to_pylist() for column in table.columns), strict=True):
        stored.setdefault(tuple(map(tag_value, key)), {})[time] = value
    for one, seconds in zip(asked, times, strict=True):
        held[one.place] = _filled(one, seconds.tolist(), stored)


def _filled(one: _Asked, times: list[int], stored: dict[tuple[str, ...], dict[int, float]]) -> Readings | None:
    assert isinstance(one.body, Readings)  # noqa: S101 - for the type checker
    columns = {}
    for indicator in one.body.columns:
        told = stored.get((*_place(one.address), indicator), {})
        columns[indicator] = np.array([told.get(time, np.nan) for time in times])
    if all(np.isnan(column).all() for column in columns.values()):
        return None
    return Readings(one.body.times, columns)


def _events(influx: Influx, bucket: str, asked: Sequence[_Asked], held: Held) -> None:
    identities = sorted({one.body.id for one in asked if isinstance(one.body, Event)})
    flux = points(bucket, "events", [_at(asked), tagged("id", identities), _TEXTS])
    stored: dict[tuple[str, ...], Event] = {}
    rows = fields_of(influx, flux, (*PLACE, "id", "type"))
    for key, fields in sorted(rows.items(), key=lambda row: int(row[0][-1])):
        *place, identity, kind, time = key
        at = np.datetime64(int(time) // _NANOSECONDS, "s")
        event = Event(at, identity, kind, json.loads(joined("fields", fields)))
        stored.setdefault((*place, identity), event)
    for one in asked:
        assert isinstance(one.body, Event)  # noqa: S101
        held[one.place] = stored.get((*_place(one.address), one.body.id))


def _statistics(influx: Influx, bucket: str, asked: Sequence[_Asked], held: Held) -> None:
    periods = sorted({one.body.period for one in asked if isinstance(one.body, Statistic)})
    flux = points(bucket, "statistics", [_at(asked), tagged("period", periods), _EITHER])
    stored: dict[tuple[str, ...], Statistic] = {}
    rows = fields_of(influx, flux, (*PLACE, "indicator", "period", "revision"))
    for key, fields in sorted(rows.items(), key=lambda row: int(row[0][-1])):
        *place, indicator, period, revision, time = key
        published = np.datetime64(int(time) // _NANOSECONDS, "s")
        value = float(next(iter(fields.values())))
        stored.setdefault(
            (*place, indicator, period, revision), Statistic(indicator, period, published, int(revision), value)
        )
    for one in asked:
        assert isinstance(one.body, Statistic)  # noqa: S101
        held[one.place] = stored.get(
            (*_place(one.address), one.body.indicator, one.body.period, str(one.body.revision))
        )


def _at(asked: Iterable[_Asked]) -> str:
    """A condition: the point is of one of the stations asked for."""
    stations = dict.fromkeys(_place(one.address) for one in asked)
    terms = (
        " and ".join(tagged(name, [value]) for name, value in zip(PLACE, place, strict=True)) for place in stations
    )
    return f"({' or '.join(f'({term})' for term in terms)})"


def _place(address: Address) -> tuple[str, str, str, str]:
    return address.run, address.city, address.pillar, address.station
