"""The MQTT 5 properties of messages: all but the time they are published at are packed once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from collector.language.client import Packed, content, expiry, user_property


class Packing:
    """Packs the properties of messages: content type, whether it is text, when it expires, user properties.

    `standing` are those that every message has, `message_expiry` is in seconds.
    """

    def __init__(self, standing: Sequence[tuple[str, str]], message_expiry: int | None) -> None:
        self._standing = b"".join(user_property(name, value) for name, value in standing)
        self._expiry = b"" if message_expiry is None else expiry(message_expiry)
        self._contents: dict[tuple[str, bool], bytes] = {}

    def properties(self, content_type: str, text: bool, more: Sequence[tuple[str, str]] = ()) -> Packed:
        """The properties of a message that is published now."""
        kind = (content_type, text)
        fixed = self._contents.get(kind) or self._contents.setdefault(kind, content(*kind) + self._expiry)
        published = user_property("published", datetime.now(UTC).isoformat(timespec="milliseconds"))
        own = (user_property(name, value) for name, value in more)
        return Packed(b"".join((fixed, self._standing, published, *own)))
