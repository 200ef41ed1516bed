"""Commands to a running simulation and their answers, and the collector's word on what it has stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from collector.language.codec import dump, load
from collector.language.errors import PayloadError

Checked = TypeVar("Checked")
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]


@checked_dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class Request:
    """A command with a correlation id, which comes back in the reply."""

    id: Word
    command: Word
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request: what came of it, or why it was refused."""

    id: str
    ok: bool
    result: dict[str, Any] = field(default_factory=dict)
    error: str | None = None


@checked_dataclass(frozen=True, slots=True, config={"extra": "ignore"})
class Committed:
    """A collector's word: so many distinct messages of a session are safe (stored, or kept as rejected).

    Collectors of one `group` share the messages among them, so their words add up.
    """

    collector: Word
    session: Word
    messages: Annotated[int, Field(ge=0)]
    group: Word | None = None


def encode_request(request: Request) -> bytes:
    """The payload of a request."""
    return dump({"id": request.id, "command": request.command, "arguments": request.arguments})


def decode_request(payload: bytes) -> Request:
    """The request behind a payload. Raises `PayloadError`."""
    return _checked(TypeAdapter(Request), payload)


def encode_reply(reply: Reply) -> bytes:
    """The payload of a reply."""
    told = {"id": reply.id, "ok": reply.ok}
    return dump(told | ({"result": reply.result} if reply.ok else {"error": reply.error}))


def encode_committed(committed: Committed) -> bytes:
    """The payload of a collector's word."""
    told = {"collector": committed.collector, "session": committed.session, "messages": committed.messages}
    return dump(told if committed.group is None else told | {"group": committed.group})


def decode_committed(payload: bytes) -> Committed:
    """The collector's word behind a payload. Raises `PayloadError`."""
    return _checked(TypeAdapter(Committed), payload)


def _checked(adapter: TypeAdapter[Checked], payload: bytes) -> Checked:
    try:
        return adapter.validate_python(load(payload))
    except ValidationError as error:
        first = error.errors()[0]
        raise PayloadError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:300]) from None
