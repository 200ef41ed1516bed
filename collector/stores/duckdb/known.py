"""What the store already holds under the keys of messages, for those that have no number."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.language.messages import Event, Message, Readings, Statistic
from collector.language.time import format_epoch
from collector.language.topics import Address
from collector.stores.protocol import Body

_READINGS = """
SELECT place, indicator, line, min(value)
FROM asked JOIN series_named USING (run, city, pillar, station, indicator)
     JOIN readings ON readings.series = series_named.series AND readings.time = asked.time
WHERE readings.time >= ?::TIMESTAMP_S AND readings.time <= ?::TIMESTAMP_S
GROUP BY place, indicator, line
"""
# Of a time whose raw values are gone only the last value of a series can be told; any other contradicts infinity.
_GONE = """
SELECT place, indicator, line, any_value(CASE WHEN tally.last = asked.time THEN tally.value ELSE 'inf'::DOUBLE END)
FROM asked JOIN series_named USING (run, city, pillar, station, indicator) JOIN tally USING (series)
     JOIN (SELECT series, max(raw) AS raw FROM thinned GROUP BY series) AS thin USING (series)
WHERE asked.time < thin.raw
GROUP BY place, indicator, line
"""
_EVENTS = """
SELECT place, epoch(arg_min(events.time, events.rowid))::BIGINT, events.id,
       arg_min(events.type, events.rowid), arg_min(fields, events.rowid)
FROM asked JOIN run ON run.name = asked.run JOIN city ON city.run = run.id AND city.name = asked.city
     JOIN station ON station.city = city.id AND station.pillar = asked.pillar AND station.name = asked.station
     JOIN events ON events.station = station.id AND events.id = asked.id
GROUP BY place, events.id
"""
_STATISTICS = """
SELECT place, indicator, period, epoch(arg_min(published, statistics.rowid))::BIGINT, revision,
       arg_min(value, statistics.rowid)
FROM asked JOIN series_named USING (run, city, pillar, station, indicator)
     JOIN statistics USING (series, period, revision)
GROUP BY place, indicator, period, revision
"""
_ADDRESS = [(name, pa.string()) for name in ("run", "city", "pillar", "station")]

Held = list[Body | None]


def known(connection: DuckDBPyConnection, messages: Sequence[Message], *, thinned: bool = False) -> Held:
    """For each message what is stored under its keys, first come first kept, None where nothing is.

    `thinned` says that some values are there as half hours only. Of their times it is infinity, which every value
    contradicts: whether such a reading is new cannot be told, so it is kept apart rather than lost or counted twice.
    """
    held: Held = [None] * len(messages)
    _readings(connection, messages, held, thinned=thinned)
    _events(connection, messages, held)
    _statistics(connection, messages, held)
    return held


def _readings(connection: DuckDBPyConnection, messages: Sequence[Message], held: Held, *, thinned: bool) -> None:
    keys = [
        (place, *_names(message.address), indicator, line, time)
        for place, message in enumerate(messages)
        if isinstance(message.body, Readings)
        for line, time in enumerate(message.body.times.astype(np.int64).tolist())
        for indicator in message.body.columns
    ]
    if not keys:
        return
    columns = [("indicator", pa.string()), ("line", pa.int64()), ("time", pa.timestamp("s"))]
    _ask(connection, keys, columns)
    times = [key[-1] for key in keys]
    bounds = [format_epoch(min(times))[:-1], format_epoch(max(times))[:-1]]
    gone = connection.execute(_GONE).fetchall() if thinned else []
    for place, indicator, line, value in [*gone, *connection.execute(_READINGS, bounds).fetchall()]:
        body = held[place]
        if body is None:
            body = held[place] = _empty(messages[place].body)
        assert isinstance(body, Readings)  # noqa: S101 - for the type checker
        body.columns[indicator][line] = value


def _events(connection: DuckDBPyConnection, messages: Sequence[Message], held: Held) -> None:
    keys = [(i, *_names(m.address), m.body.id) for i, m in enumerate(messages) if isinstance(m.body, Event)]
    if keys:
        _ask(connection, keys, [("id", pa.string())])
        for place, time, identity, kind, fields in connection.execute(_EVENTS).fetchall():
            held[place] = Event(np.datetime64(time, "s"), identity, kind, json.loads(fields))


def _statistics(connection: DuckDBPyConnection, messages: Sequence[Message], held: Held) -> None:
    keys = [
        (i, *_names(m.address), m.body.indicator, m.body.period, m.body.revision)
        for i, m in enumerate(messages)
        if isinstance(m.body, Statistic)
    ]
    if keys:
        _ask(connection, keys, [("indicator", pa.string()), ("period", pa.string()), ("revision", pa.uint64())])
        for place, indicator, period, published, revision, value in connection.execute(_STATISTICS).fetchall():
            held[place] = Statistic(indicator, period, np.datetime64(published, "s"), revision, value)


def _ask(connection: DuckDBPyConnection, keys: list[tuple[Any, ...]], columns: list[tuple[str, Any]]) -> None:
    schema = pa.schema([("place", pa.int64()), *_ADDRESS, *columns])
    connection.register("asked", pa.table([list(column) for column in zip(*keys, strict=True)], schema=schema))


def _names(address: Address) -> tuple[str, str, str, str]:
    return address.run, address.city, address.pillar, address.station


def _empty(body: object) -> Readings:
    assert isinstance(body, Readings)  # noqa: S101 - for the type checker
    return Readings(body.times, {name: np.full(len(body.times), np.nan) for name in body.columns})
