"""What stands between a foreign payload and the collector: a decoder makes messages of it.

The collector reads wire version 1 itself; what does not follow it is offered to its decoders, in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from collector.language.errors import WireError
from collector.language.messages import Message
from collector.language.profile import Status
from collector.language.topics import Address, CityAddress


@dataclass(frozen=True, slots=True)
class Heard:
    """What a payload says: its messages (none: nothing in it was asked for), and births that go with them.

    A numbered message comes alone. `run` is whose account the delivery goes to.
    """

    run: str
    messages: tuple[Message, ...]
    births: tuple[tuple[Address | CityAddress, Status], ...] = ()


class Decoder(Protocol):
    """Reads payloads of one kind."""

    @property
    def topics(self) -> Sequence[str]:
        """The MQTT topic filters to subscribe to, beside those of wire version 1."""

    def run(self, topic: str) -> str:
        """The run that what comes on a topic belongs to; empty if the topic is not for this decoder."""

    def decode(self, topic: str, payload: bytes, received: float | None) -> Heard | None:
        """What a payload says, None if it is not for this decoder.

        `received` is when it was heard (seconds since 1970), None where nobody knows (a retained message).
        Raises `WireError` for a payload that is for this decoder and not what it expects.
        """


def decode(decoders: Sequence[Decoder], topic: str, payload: bytes, received: float | None) -> Heard | None:
    """What the first decoder that understands a payload hears in it, None if it is for none of them.

    Raises the `WireError` of the first that should have understood, where none does.
    """
    first: WireError | None = None
    for one in decoders:
        try:
            heard = one.decode(topic, payload, received)
        except WireError as error:
            first = first or error
            continue
        if heard is not None:
            return heard
    if first is not None:
        raise first
    return None
