"""One reading in a message: JSON with the indicator, the time, the value and its unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collector.language import codec
from collector.language.messages import Message, Readings
from collector.language.time import format_times
from simulator.formats.patterns import Pattern
from simulator.formats.protocol import Body, Outgoing, Places, Speakers, cells
from simulator.formats.stations import topic_values
from simulator.formats.units import ucum_code


class Reading:
    """One message for each time and indicator; a missing value is null.

    Events and statistics hold one thing each already and are told as in wire version 1.
    """

    def __init__(self, speakers: Speakers, topic: Pattern) -> None:
        self._places = Places(speakers)
        self._topic = topic

    def session_started(self) -> Sequence[Outgoing]:
        """Nothing beside the births of the wire."""
        return ()

    def parts(self, body: Body) -> Sequence[Body]:
        """One cell each."""
        return cells(body)

    def encode(self, message: Message) -> Sequence[Outgoing]:
        """One payload. Raises `ValueError` for readings that are not one of the `parts`."""
        topic = self._topic.fill(topic_values(message, self._places))
        if isinstance(message.body, Readings):
            return (Outgoing(topic, codec.dump(_fields(message, message.body))),)
        return (Outgoing(topic, codec.encode(message)),)


def _fields(message: Message, body: Readings) -> dict[str, Any]:
    ((indicator, column),), (time,) = body.columns.items(), format_times(body.times)
    value = column.item()
    told: dict[str, Any] = {} if message.session is None else {"session": message.session, "seq": message.seq}
    told |= {"indicator": indicator, "time": time, "value": value if value == value else None}
    unit = ucum_code(indicator)
    return told if unit is None else told | {"unit": unit}
