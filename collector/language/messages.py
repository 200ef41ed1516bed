"""What a station can say: readings, an event, a revision of a statistic. The same objects on both sides of the wire."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from collector.language.topics import Address

Times = NDArray[np.datetime64]
Values = NDArray[np.float64]
Field = str | float | int | bool | None


@dataclass(frozen=True, slots=True)
class Readings:
    """A station's readings: `times` (n,) UTC in datetime64[s], and per indicator a column (n,), NaN where missing."""

    times: Times
    columns: dict[str, Values]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at `time` (UTC, whole seconds), with an id unique in the station and a dotted type.

    A field named as an indicator is a reading of it (`resolution_time` of `service_request.closed`, in that
    indicator's unit).
    """

    time: np.datetime64
    id: str
    type: str
    fields: dict[str, Field] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Statistic:
    """The value of an indicator over a period, as published at a time.

    `period` is an ISO 8601 calendar period: a year ("2026"), a quarter ("2026-Q1"), a month ("2026-02") or a local
    day ("2026-02-14"). `revision` counts from 0; a later revision replaces an earlier one, which is kept.
    """

    indicator: str
    period: str
    published: np.datetime64
    revision: int
    value: float


@dataclass(frozen=True, slots=True)
class Message:
    """A body and who said it: the station's address, the publisher's session, and its number in that session.

    `session` and `seq` are None for a device that does not number its messages.
    """

    address: Address
    session: str | None
    seq: int | None
    body: Readings | Event | Statistic

    @property
    def values(self) -> int:
        """How many values it carries; a missing one does not count."""
        if not isinstance(self.body, Readings):
            return 1
        columns = self.body.columns.values()
        if len(self.body.times) == 1:
            return sum([(value := column.item()) == value for column in columns])
        return sum(int(np.count_nonzero(column == column)) for column in columns)
