"""Messages of devices that do not number them: readings are known by station, indicator and time.

An event is known by its id, a statistic by its period and revision. What is stored first stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from collector.language.messages import Event, Message, Readings, Statistic
from collector.stores.protocol import Fate, Store

Body = Readings | Event | Statistic
Facts = dict[Any, Any]


def settle(messages: Sequence[Message], store: Store) -> list[tuple[Fate, Message]]:
    """The fate of each message, in order, and what of it is new.

    Duplicate if all it says is stored, conflict if any of it contradicts what is stored, stored otherwise; of readings
    that are partly stored, only the rest is kept. Messages of one call are checked against each other too.
    """
    if not messages:
        return []
    said: Facts = {}
    settled = []
    for message, body in zip(messages, store.known(messages), strict=True):
        facts = _facts(message, message.body)
        before = ({} if body is None else _facts(message, body)) | {key: said[key] for key in facts if key in said}
        fate = _fate(facts, before)
        if fate is Fate.STORED:
            said |= facts
            message = _rest(message, facts.keys() & before.keys())  # noqa: PLW2901
        settled.append((fate, message))
    return settled


def _fate(facts: Facts, before: Facts) -> Fate:
    if any(before.get(key, value) != value for key, value in facts.items()):
        return Fate.CONFLICT
    return Fate.DUPLICATE if facts.keys() <= before.keys() else Fate.STORED


def _facts(message: Message, body: Body) -> Facts:
    at = (message.address.run, message.address.city, message.address.station)
    match body:
        case Readings():
            times = body.times.astype(np.int64).tolist()
            return {
                (at, name, time): value
                for name, column in body.columns.items()
                for time, value in zip(times, column.tolist(), strict=True)
                if value == value  # a missing value says nothing
            }
        case Event():
            return {(at, body.id): (int(body.time.astype(np.int64)), body.type, body.fields)}
        case Statistic():
            published = int(body.published.astype(np.int64))
            return {(at, body.indicator, body.period, body.revision): (published, body.value)}


def _rest(message: Message, stored: set[Any]) -> Message:
    body = message.body
    if not stored or not isinstance(body, Readings):
        return message
    at = (message.address.run, message.address.city, message.address.station)
    times = body.times.astype(np.int64).tolist()
    columns = {
        name: np.where([(at, name, time) in stored for time in times], np.nan, column)
        for name, column in body.columns.items()
    }
    return replace(message, body=Readings(body.times, columns))
