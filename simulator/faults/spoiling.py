"""Payloads broken on purpose, each in one way that a consumer should reject."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from simulator.faults.fault import Fault, Luck
from simulator.faults.kinds import ANY, SPOILED

Spoil = Callable[[bytes], bytes]
"""Makes a broken payload of a good one."""


def spoil_of(fault: Fault, luck: Luck, *about: object) -> Spoil:
    """What a fault does to the payload of a message; `about` names the message."""
    how, size = fault.parameters["how"], fault.parameters["size"]
    if how == ANY:
        how = SPOILED[int(luck.uniform("how", *about) * len(SPOILED))]
    if how == "oversized":
        return lambda payload: payload[:-1] + b" " * max(0, size - len(payload)) + payload[-1:]
    where = luck.uniform("where", *about)
    return lambda payload: _WAYS[how](payload, where)


def _truncated(payload: bytes, where: float) -> bytes:
    return payload[: 1 + int(where * max(0, len(payload) - 2))]


def _wrong_type(payload: bytes, _where: float) -> bytes:
    told = _object(payload)
    return _dumped({name: {"is": value} for name, value in told.items()})


def _wrong_schema(payload: bytes, _where: float) -> bytes:
    return _dumped({"schema": "unknown", "data": [_object(payload)]})


def _bad_utf8(payload: bytes, where: float) -> bytes:
    at = 1 + int(where * max(0, len(payload) - 2))
    return payload[:at] + b"\xff\xfe" + payload[at:]


def _not_json(payload: bytes, _where: float) -> bytes:
    return b"<reading>" + payload.replace(b'"', b"'") + b"</reading>"


def _object(payload: bytes) -> dict[str, object]:
    try:
        told = json.loads(payload)
    except ValueError:
        told = None
    return told if isinstance(told, dict) else {"payload": repr(payload)}


def _dumped(told: object) -> bytes:
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()


_WAYS: Mapping[str, Callable[[bytes, float], bytes]] = {
    "truncated": _truncated,
    "wrong-type": _wrong_type,
    "wrong-schema": _wrong_schema,
    "bad-utf8": _bad_utf8,
    "not-json": _not_json,
}
