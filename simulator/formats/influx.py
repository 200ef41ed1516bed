"""InfluxDB line protocol: a line for each time, event or revision, with times in nanoseconds.

    readings,city=…,pillar=…,run=…,station=… pm25=83.2,pm10=120.1,session="9f3c21",seq=41i 1772352000000000000

The id of an event, and the period and revision of a statistic, are tags, so that no line overwrites another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from collector.language.messages import Event, Field, Message, Readings, Statistic
from simulator.formats.patterns import Pattern
from simulator.formats.protocol import Body, Outgoing, Places, Speakers, whole
from simulator.formats.stations import topic_values

MEDIA_TYPE = "text/plain"
_QUOTED = str.maketrans({"\\": "\\\\", '"': '\\"'})


class Influx:
    """Says everything; a missing value and an event's field without one are left out."""

    def __init__(self, speakers: Speakers, topic: Pattern) -> None:
        self._places = Places(speakers)
        self._topic = topic

    def session_started(self) -> Sequence[Outgoing]:
        """Nothing beside the births of the wire."""
        return ()

    def parts(self, body: Body) -> Sequence[Body]:
        """The body as it is."""
        return whole(body)

    def encode(self, message: Message) -> Sequence[Outgoing]:
        """One payload of lines; none for an unnumbered message of which every reading is missing."""
        lines = "\n".join(_lines(message))
        if not lines:
            return ()
        return (Outgoing(self._topic.fill(topic_values(message, self._places)), lines.encode(), MEDIA_TYPE),)


def _lines(message: Message) -> Iterable[str]:
    at = message.address
    place = f"city={at.city},pillar={at.pillar},run={at.run},station={at.station}"
    number = [] if message.session is None else [f'session="{message.session}"', f"seq={message.seq}i"]
    match message.body:
        case Readings():
            yield from _readings(message.body, f"readings,{place}", number)
        case Event(time, identity, kind, fields):
            told = [f"{name}={_field(value)}" for name, value in fields.items() if value is not None] + number
            yield f"events,{place},id={identity},type={kind} {','.join(told or ['told=true'])} {_nanoseconds(time)}"
        case Statistic(indicator, period, published, revision, value):
            key = f"statistics,{place},indicator={indicator},period={period},revision={revision}"
            yield f"{key} {','.join([f'value={float(value)}', *number])} {_nanoseconds(published)}"


def _readings(body: Readings, key: str, number: list[str]) -> Iterable[str]:
    columns = [(name, column.tolist()) for name, column in body.columns.items()]
    for at, epoch in enumerate(body.times.view(np.int64).tolist()):
        fields = [f"{name}={cells[at]}" for name, cells in columns if cells[at] == cells[at]]
        if fields or number:
            yield f"{key} {','.join(fields + number)} {epoch * 1_000_000_000}"


def _field(value: Field) -> str:
    if isinstance(value, str):
        return f'"{value.translate(_QUOTED)}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(float(value or 0))


def _nanoseconds(time: np.datetime64) -> int:
    return int(time.astype("datetime64[s]").astype(np.int64)) * 1_000_000_000
