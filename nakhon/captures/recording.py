"""A neutral ear: whatever is said on a broker, captured as it came, whoever says it and whatever it means."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import permutations

from paho.mqtt.client import MQTTMessage, topic_matches_sub
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from collector.language.broker import Broker
from collector.language.connection import Connection, Network, Session
from collector.language.errors import BrokerError, InputError
from nakhon.captures.capture import NONE, PROPERTIES, Captured, MessageProperties

KEPT_FOR = 7 * 86_400
BROKEN_FOR = 3_600
WINDOW = 10_000

_TEMPLATE = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]

Take = Callable[[Captured], None]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ear:
    """What to listen to, and as whom.

    Under a `name` the broker keeps for seven days what comes while nobody listens; without, it forgets us when we
    leave. `group` shares the messages with other listeners of the group. Raises `InputError` for topics that cannot be.
    """

    topics: Sequence[str] = ("#",)
    qos: int = 2
    name: str | None = None
    group: str | None = None

    def __post_init__(self) -> None:
        check_filters(self.topics)

    @property
    def filters(self) -> list[str]:
        """What is subscribed to."""
        share = f"$share/{self.group}/" if self.group else ""
        return [f"{share}{topic}" for topic in self.topics]


class Recorder:
    """Hears topics at a broker, and hands each message to `take` in the order they come (in the network thread).

    With MQTT 5 it hears whether a message was published retained; with 3.1.1 only whether the broker had kept it. What
    comes while the connection is broken is heard afterwards as long as the broker remembers us. A message is
    acknowledged when `take` returns. An error that it raises ends the recording: it is in `failed`.
    """

    def __init__(self, broker: Broker, ear: Ear, take: Take, *, tell: Tell = lambda _text: None) -> None:
        self._ear = ear
        self._take = take
        self._tell = tell
        self._subscribed = threading.Event()
        self._refused: str | None = None
        self._began = time.monotonic()
        self.failed: Exception | None = None
        self._network = Network("recorder")
        name = ear.name or f"nakhon-record-{secrets.token_hex(4)}"
        session = Session(name, KEPT_FOR if ear.name else BROKEN_FOR, WINDOW, manual_ack=True)
        self.connection = Connection(
            self._network, broker, session, on_up=self._up, on_down=self._down, on_message=self._hear
        )
        self.connection.client.on_subscribe = self._granted

    def start(self, timeout: float = 10.0) -> None:
        """Return when the broker has granted the topics. Raises `BrokerError` if it does not, in time (seconds)."""
        self._network.start().add(self.connection)
        try:
            self.connection.wait_up(timeout)
            self._wait_granted(timeout)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Leave; the broker forgets us unless we have a name."""
        self.connection.forgotten = self._ear.name is None
        self._network.stop()

    def say(self, topic: str, payload: bytes, *, qos: int = 1) -> None:
        """Publish something over the same connection (any thread)."""
        self.connection.client.publish(topic, payload, qos=qos)

    def _wait_granted(self, timeout: float) -> None:
        if not self._subscribed.wait(timeout):
            raise BrokerError(f"{self.connection.broker.url} did not answer the subscription within {timeout:g} s")
        if self._refused is not None:
            raise BrokerError(self._refused)

    def _up(self, remembered: bool) -> None:
        if self._subscribed.is_set() and not remembered:
            self._tell("the broker has forgotten us: what was said meanwhile is missing")
        if self.connection.broker.protocol == 5:
            options = SubscribeOptions(qos=self._ear.qos, retainAsPublished=True, retainHandling=1)
            self.connection.client.subscribe([(topic, options) for topic in self._ear.filters])
        else:
            self.connection.client.subscribe([(topic, self._ear.qos) for topic in self._ear.filters])

    def _down(self, reason: str) -> None:
        self._tell(f"connection lost ({reason}); connecting again")

    def _granted(self, _client: object, _data: object, _mid: int, reasons: Sequence[object], *_: object) -> None:
        for topic, reason in zip(self._ear.filters, reasons, strict=False):
            if getattr(reason, "is_failure", False):
                self._refused = f"{self.connection.broker.url} does not grant {topic}: {reason}"
        self._subscribed.set()

    def _hear(self, message: MQTTMessage) -> None:
        if self.failed is not None:
            return
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "\N{REPLACEMENT CHARACTER}"
        now = time.monotonic() - self._began
        heard = Captured(
            topic, bytes(message.payload), message.qos, message.retain, message.dup, time.time(), now,
            properties_of(message),
        )  # fmt: skip
        try:
            self._take(heard)
        except Exception as error:  # noqa: BLE001 - whoever records is told, in the thread that waits
            self.failed = error
            return
        if message.qos:
            self.connection.client.ack(message.mid, message.qos)


def check_filters(topics: Sequence[str]) -> tuple[str, ...]:
    """The topic filters, if they are some and none covers another. Raises `InputError` with what is wrong."""
    if not topics:
        raise InputError("expected at least one topic, such as 'nakhon/v1/#', or '#' for all")
    for topic in topics:
        levels = topic.split("/")
        whole = all(level in ("#", "+") or not set(level) & {"#", "+"} for level in levels)
        if not topic or "\0" in topic or "#" in levels[:-1] or not whole:
            raise InputError(f"expected a topic such as a/b, a/+/c or a/#, came {topic!r}")
    for topic, other in permutations(topics, 2):
        if topic_matches_sub(topic, other):
            raise InputError(f"{other!r} is within {topic!r}: its messages would come twice; give one of them")
    return tuple(topics)


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a topic is one of those that a filter stands for."""
    return bool(topic_matches_sub(topic_filter, topic))


def properties_of(message: MQTTMessage) -> MessageProperties:
    """The properties that its publisher gave a message."""
    known = {} if message.properties is None else vars(message.properties)
    told = {ours: known[theirs] for ours, theirs in PROPERTIES.items() if theirs in known}
    return MessageProperties(**told | {"user": tuple(told.get("user", ()))}) if told else NONE


def publishable(given: MessageProperties) -> Properties | None:
    """The properties as paho publishes them; None where there are none."""
    if given == NONE:
        return None
    properties = copy(_TEMPLATE)  # to make one anew takes paho longer than to send it
    told = {theirs: getattr(given, ours) for ours, theirs in PROPERTIES.items()} | {"UserProperty": list(given.user)}
    vars(properties).update({name: value for name, value in told.items() if value not in (None, [])})
    return properties
