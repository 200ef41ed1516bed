"""`nakhon listen`: a neutral recorder. It writes down what a broker hands it, judges nothing, and forgets nothing."""

from __future__ import annotations

import json
import secrets
import threading
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console

from collector.language.broker import Broker
from collector.language.connection import Connection, Network, Session
from collector.language.errors import InputError
from collector.sinks.capture import VERSION
from nakhon import __version__
from nakhon.terminal.interrupt import on_interrupt

A_LINE_EVERY = 5.0
KEPT_FOR = 7 * 86_400
WINDOW = 1_000


@dataclass(frozen=True, slots=True)
class Ear:
    """What to listen to, and how.

    `name` makes the session persistent: the broker keeps under it what comes while nobody listens. `group` shares the
    messages with other listeners of the group. `limit` is the size of the file in bytes at which it ends.
    """

    topics: Sequence[str] = ("#",)
    qos: int = 1
    name: str | None = None
    group: str | None = None
    limit: int = 1 << 34
    seconds: float | None = None

    @property
    def wanted(self) -> list[tuple[str, int]]:
        """What to subscribe to."""
        share = f"$share/{self.group}/" if self.group else ""
        return [(f"{share}{topic}", self.qos) for topic in self.topics]


class Capture:
    """Writes messages down, each on a line of its own that is handed to the system at once."""

    def __init__(self, path: Path, facts: dict[str, Any]) -> None:
        try:
            self._file = path.open("xb", buffering=0)
        except FileExistsError:
            raise InputError(f"{path} exists; a capture is never overwritten: name another file") from None
        except OSError as error:
            raise InputError(f"cannot write the capture {path}: {error.strerror}") from None
        self.messages = self.size = 0
        self.trouble: str | None = None
        self._write({"capture": VERSION, "nakhon": __version__} | facts)

    def take(self, message: Any) -> None:
        """Write a message down as it came; once a line cannot be written, say why in `trouble` and write no more."""
        if self.trouble is not None:
            return
        received = time.time()
        try:
            self._write(_told(message, received))
            self.messages += 1
        except OSError as error:
            self.trouble = f"cannot write any more: {error.strerror}"

    def _write(self, told: dict[str, Any]) -> None:
        line = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
        while line:  # a disk that fills up takes a part of a line, and refuses the rest
            taken = self._file.write(line) or 0
            self.size += taken
            line = line[taken:]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def listen(broker: Broker, ear: Ear, out: Path, console: Console) -> bool:
    """Record until Ctrl-C, the time or the size is reached; whether the file could be written to the end.

    A message is acknowledged when its line is written: with a `name` nothing is lost while the listener is away.
    Raises `InputError` if the file exists, `BrokerError` if the broker cannot be reached.
    """
    facts = {"broker": broker.url, "topics": list(ear.topics), "qos": ear.qos, "started": round(time.time(), 3)}
    over = threading.Event()
    network = Network("listener")
    wanted = ear.wanted
    with Capture(out, facts) as capture:

        def hear(message: Any) -> None:
            if over.is_set():
                return
            capture.take(message)
            if message.qos and capture.trouble is None:
                connection.client.ack(message.mid, message.qos)
            if capture.trouble is not None or capture.size >= ear.limit:
                over.set()

        def subscribe(_remembered: bool) -> None:
            connection.client.subscribe(wanted)

        connection = Connection(
            network,
            broker,
            Session(ear.name or f"nakhon-listen-{secrets.token_hex(4)}", KEPT_FOR if ear.name else 0, WINDOW, True),
            on_up=subscribe,
            on_down=lambda reason: console.print(f"[yellow]connection lost ({reason}); connecting again"),
            on_message=hear,
        )
        network.start().add(connection)
        try:
            connection.wait_up(10.0)
            console.print(f"listening to {', '.join(topic for topic, _ in wanted)} at {broker.url}, into {out}")
            _wait(capture, ear, over, console)
        finally:
            over.set()
            network.stop()
        return _end(capture, ear, out, console)


def _wait(capture: Capture, ear: Ear, over: threading.Event, console: Console) -> None:
    began = told = time.monotonic()
    with on_interrupt(over.set):
        while not over.wait(0.1):
            now = time.monotonic()
            if ear.seconds is not None and now - began >= ear.seconds:
                return
            if now - told >= A_LINE_EVERY:
                told = now
                rate = capture.messages / (now - began)
                console.print(f"{capture.messages:,} messages, {capture.size:,} bytes, {rate:,.0f} messages/s")


def _end(capture: Capture, ear: Ear, out: Path, console: Console) -> bool:
    console.print(f"{capture.messages:,} messages in {out} ({capture.size:,} bytes)")
    if capture.trouble is not None:
        console.print(f"[red]{capture.trouble}: what came after is not in the file")
        return False
    if capture.size >= ear.limit:
        console.print(f"[red]{out} has reached its limit of {ear.limit:,} bytes (--limit): what came after is lost")
        return False
    return True


def _told(message: Any, received: float) -> dict[str, Any]:
    payload = bytes(message.payload)
    told = {
        "received": round(received, 6),
        "topic": _topic(message),
        "qos": message.qos,
        "retain": bool(message.retain),
        "dup": bool(message.dup),
    }
    properties = _properties(message)
    if properties:
        told["properties"] = properties
    try:
        return told | {"payload": payload.decode()}
    except UnicodeDecodeError:
        return told | {"base64": b64encode(payload).decode()}


def _topic(message: Any) -> str:
    try:
        return str(message.topic)
    except UnicodeDecodeError:
        return "\N{REPLACEMENT CHARACTER}"


def _properties(message: Any) -> dict[str, Any]:
    """The properties of MQTT 5 by their names in the standard, without what our own connection is concerned with."""
    found = getattr(message, "properties", None)
    if found is None:
        return {}
    told: dict[str, Any] = found.json()
    told.pop("SubscriptionIdentifier", None)
    return told
