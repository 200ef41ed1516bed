"""Captured messages made into those of another run, another session, another time or other topics.

Run, session and times are known in Nakhon's own JSON (the wire, single readings, the states for Home Assistant); a
prefix fits any topic. What is not asked for stays as it is, byte for byte.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from collector.language.codec import dump, load
from collector.language.errors import InputError, PayloadError
from collector.language.time import format_epoch, parse_time
from collector.language.topics import is_segment
from nakhon.captures.capture import LONGEST_TOPIC, Captured, MessageProperties

ROOT = "nakhon/"
DISCOVERY = "homeassistant/"
_RUN = re.compile(r"(nakhon/[a-z0-9-]+/)[a-z0-9][a-z0-9-]{0,62}(?=/)")
EXPECTED = "run=NAME, session=new, time=now or prefix=TOPIC"


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What is to be made new: the run, every session, the times (the first becomes now), what topics begin with."""

    run: str | None = None
    session: bool = False
    now: bool = False
    prefix: str | None = None


UNCHANGED = Rewriting()


def parse_rewriting(texts: Sequence[str]) -> Rewriting:
    """What options such as `run=again` ask for. Raises `InputError`."""
    told: dict[str, Any] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name in told:
            raise InputError(f"--rewrite {name} is given twice")
        match name:
            case "run" if is_segment(value):
                told["run"] = value
            case "session" if value == "new":
                told["session"] = True
            case "time" if value == "now":
                told["time"] = True
            case "prefix" if value.strip("/") and value[0] != "$" and not set(value) & {"+", "#", "\0"}:
                told["prefix"] = value.rstrip("/")
            case _:
                raise InputError(f"expected --rewrite {EXPECTED}, came {text!r}")
    return Rewriting(told.get("run"), "session" in told, "time" in told, told.get("prefix"))


class Rewriter:
    """Makes captured messages new, one after the other; equal sessions stay equal.

    `unknown` counts messages of Nakhon whose session and times were to be made new and are not in its own JSON: they
    were left as they are.
    """

    def __init__(self, asked: Rewriting, now: Callable[[], float] = time.time) -> None:
        self.unknown = 0
        self._asked = asked
        self._now = now
        self._sessions: dict[str, str] = {}
        self._shift: int | None = None

    def __call__(self, captured: Captured) -> Captured:
        """The message as it is to be said. Raises `InputError` for a topic that gets too long."""
        if self._asked == UNCHANGED:
            return captured
        topic, payload = captured.topic, captured.payload
        if topic.startswith(ROOT):
            topic, payload = self._new_run(topic), self._body(payload)
        elif topic.startswith(DISCOVERY) and self._asked.run:
            payload = self._new_run(payload.decode(errors="surrogateescape")).encode(errors="surrogateescape")
        return replace(
            captured, topic=self._prefixed(topic), payload=payload, properties=self._properties(captured.properties)
        )

    def _new_run(self, text: str) -> str:
        return _RUN.sub(rf"\g<1>{self._asked.run}", text) if self._asked.run else text

    def _prefixed(self, topic: str) -> str:
        if self._asked.prefix is None:
            return topic
        told = f"{self._asked.prefix}/{topic}"
        if len(told.encode()) > LONGEST_TOPIC:
            raise InputError(f"expected a shorter prefix: the topic {topic[:60]!r}... gets longer than MQTT allows")
        return told

    def _body(self, payload: bytes) -> bytes:
        if not (self._asked.session or self._asked.now):
            return payload
        try:
            told = load(payload)
            changed = self._session(told) | self._times(told)
        except PayloadError:
            self.unknown += 1
            return payload
        return dump(told | changed) if changed else payload

    def _session(self, told: dict[str, Any]) -> dict[str, Any]:
        session = told.get("session")
        if not self._asked.session or not isinstance(session, str):
            return {}
        return {"session": self._sessions.setdefault(session, secrets.token_hex(4))}

    def _times(self, told: dict[str, Any]) -> dict[str, Any]:
        if not self._asked.now:
            return {}
        return {name: self._shifted(told[name]) for name in ("time", "published") if told.get(name) is not None}

    def _shifted(self, given: object) -> object:
        if isinstance(given, list):
            return [self._shifted(one) for one in given]
        epoch = parse_time(given)
        if self._shift is None:
            self._shift = int(self._now()) - epoch
        return format_epoch(epoch + self._shift)

    def _properties(self, given: MessageProperties) -> MessageProperties:
        new = {"run": self._asked.run} if self._asked.run else {}
        if self._asked.now:
            new["published"] = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds")
        user = tuple((name, new.get(name, value)) for name, value in given.user)
        response = None if given.response_topic is None else self._prefixed(self._new_run(given.response_topic))
        return replace(given, user=user, response_topic=response)
