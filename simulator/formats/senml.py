"""SenML (RFC 8428): a pack of records in JSON, with the base name, time and version in its first record.

A unit that the registry of SenML does not have is left out: the number stays in the catalogue's unit. Secondary units
(RFC 8798) are announced by version 26 (RFC 9100). `session` and `seq` are two more fields of the first record, which
a reader that does not know them ignores (RFC 8428 section 4.4). A missing value has no record.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from collector.language import codec
from collector.language.errors import InputError
from collector.language.messages import Message, Readings
from collector.language.time import format_epoch
from simulator.formats.patterns import Pattern
from simulator.formats.protocol import Body, Outgoing, Places, Speakers, whole
from simulator.formats.stations import topic_values
from simulator.formats.units import SECONDARY, senml_unit

MEDIA_TYPE = "application/senml+json"
SECONDARY_UNITS = 10 + 2**4
"""The version of a pack with secondary units: feature code 4 (RFC 9100)."""
EARLIEST = 2**28
"""A smaller time is relative to now (RFC 8428 section 4.5.3)."""

Record = dict[str, Any]


class SenmlJson:
    """Readings as SenML in JSON; events and statistics, which SenML does not know, as in wire version 1."""

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
        """One payload; none for readings of which every one is missing. Raises `InputError` for times before 1978."""
        topic = self._topic.fill(topic_values(message, self._places))
        if not isinstance(message.body, Readings):
            return (Outgoing(topic, codec.encode(message)),)
        pack = records(message, message.body)
        return (Outgoing(topic, *self._pack(pack)),) if pack else ()

    def _pack(self, pack: list[Record]) -> tuple[bytes, str, bool]:
        return json.dumps(pack, separators=(",", ":"), allow_nan=False).encode(), MEDIA_TYPE, True


def records(message: Message, body: Readings) -> list[Record]:
    """The records of a message, time by time."""
    epochs = body.times.view(np.int64).tolist()
    start = epochs[0]
    if start < EARLIEST:
        raise InputError(
            f"SenML has no times before {format_epoch(EARLIEST)}; this message is of {format_epoch(start)}"
        )
    columns = [(name, senml_unit(name), column.tolist()) for name, column in body.columns.items()]
    pack = [
        _record(name, unit, epoch - start, cells[at])
        for at, epoch in enumerate(epochs)
        for name, unit, cells in columns
        if cells[at] == cells[at]
    ]
    if pack:
        secondary = any(record.get("u") in SECONDARY for record in pack)
        pack[0] = _base(message, start, secondary=secondary) | pack[0]
    return pack


def _base(message: Message, start: int, *, secondary: bool) -> Record:
    base: Record = {"bn": f"{message.address.city}/{message.address.station}/", "bt": start}
    if secondary:
        base["bver"] = SECONDARY_UNITS
    return base if message.session is None else base | {"session": message.session, "seq": message.seq}


def _record(name: str, unit: str | None, after: int, value: float) -> Record:
    record: Record = {"n": name, "v": value}
    if unit is not None:
        record["u"] = unit
    return record | {"t": after} if after else record
