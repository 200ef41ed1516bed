"""Wire version 1: a tick or a pack of readings, an event, a statistic in a message of JSON."""

from __future__ import annotations

from collections.abc import Sequence

from collector.language import codec
from collector.language.messages import Message
from simulator.formats.protocol import Body, Outgoing, Speakers, whole


class Wire:
    """Says everything, in the topics and payloads of `docs/wire.md`."""

    def __init__(self, speakers: Speakers) -> None:
        del speakers  # a message knows its address

    def session_started(self) -> Sequence[Outgoing]:
        """Nothing beside the births of the wire."""
        return ()

    def parts(self, body: Body) -> Sequence[Body]:
        """The body as it is."""
        return whole(body)

    def encode(self, message: Message) -> Sequence[Outgoing]:
        """One payload."""
        return (Outgoing(message.address.topic, codec.encode(message)),)
