"""paho's client, taught to connect without stopping others, to drop a broker that talks nonsense, and aliases.

Connecting waits for the network: `open` may be called in any thread, and `enter` then goes on with what was opened.
A topic alias belongs to one network connection, and paho sends again what was under way before; so the alias is put in
where a packet is made, anew for each connection.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MessageState, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties, VariableByteIntegers
from paho.mqtt.reasoncodes import ReasonCode

TOPIC_ALIAS = 0x23
REFUSALS = 0x80  # reason codes from there on
PAYLOAD_FORMAT, MESSAGE_EXPIRY, CONTENT_TYPE, USER_PROPERTY = b"\x01", b"\x02", b"\x03", b"\x26"


class Client(mqtt.Client):
    """A client whose sockets are opened apart from their use."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._opened: Any = None
        self._opening: socket.socket | None = None
        self._made: socket.socket | None = None
        self.on_alive: Callable[[], None] | None = None

    def open(self) -> None:
        """Open a socket to the host that was set, with TLS and WebSocket as asked (any thread).

        Raises `OSError`, `ValueError` or paho's `WebsocketConnectionError`.
        """
        try:
            self._opened = super()._create_socket()
        except BaseException:
            if self._made is not None:
                self._made.close()
            raise
        finally:
            opening, self._opening, self._made = self._opening, None, None
            if opening is not None:
                opening.close()

    def enter(self) -> None:
        """Speak to the broker over the socket that was opened (the network's thread).

        paho says everything again at once that is not acknowledged, more than the broker takes: keep the rest back.
        """
        self.reconnect()
        with self._out_message_mutex:
            for number, message in enumerate(self._out_messages.values()):
                if number >= self._max_inflight_messages:
                    message.state = MessageState.MQTT_MS_QUEUED

    def ask(self) -> bool:
        """Ask the broker for a sign of life, and have `on_alive` called when it comes (the network's thread).

        False if it was asked before and has not answered yet.
        """
        return self._ping_t == 0 and self._send_pingreq() == MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_pingresp(self) -> MQTTErrorCode:
        done = super()._handle_pingresp()
        if self.on_alive is not None:
            self.on_alive()
        return done

    def _handle_pubrec(self) -> MQTTErrorCode:
        """A refusal at QoS 2 ends the exchange (MQTT 5, 4.3.3); paho goes on with it and never tells."""
        told = bytes(self._in_packet["packet"])
        mid, code = int.from_bytes(told[:2]), told[2] if len(told) > 2 else 0
        if code < REFUSALS or mid not in self._out_messages:
            return super()._handle_pubrec()
        with self._out_message_mutex:
            reason = ReasonCode(PacketTypes.PUBREC, identifier=code)
            return self._do_on_publish(mid, reason, Properties(PacketTypes.PUBREC))  # type: ignore[no-untyped-call]

    def allow_under_way(self, count: int) -> None:
        """Have at most so many messages under way; paho itself takes it only before it connects."""
        self._max_inflight_messages = count

    def _update_inflight(self) -> MQTTErrorCode:
        if len(self._out_messages) <= self._inflight_messages:  # paho looks at all of them to find that none waits
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        return super()._update_inflight()

    def give_up(self) -> None:
        """End an `open` that takes too long: what it waits for ends as if the broker had hung up (any thread)."""
        if (opening := self._opening) is not None:
            with contextlib.suppress(OSError):
                opening.shutdown(socket.SHUT_RDWR)

    def drop(self) -> None:
        """Hang up without a word (the network's thread); `on_disconnect` is called."""
        self._sock_close()
        self._do_on_disconnect(packet_from_broker=False, v1_rc=MQTTErrorCode.MQTT_ERR_CONN_LOST)

    def discard(self) -> None:
        """Close a socket that was opened and is not wanted any more."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def _create_socket(self) -> Any:
        opened, self._opened = self._opened, None
        if opened is None:
            raise ConnectionAbortedError("no socket was opened")
        return opened

    def _create_socket_connection(self) -> socket.socket:
        made = super()._create_socket_connection()
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._made, self._opening = made, made.dup()
        return made


class AliasingClient(Client):
    """A client that says a topic once in a connection, and then by its alias, as far as the broker allows."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.aliases_allowed = 0
        self._aliases: dict[bytes, int] = {}
        self._order = threading.Lock()

    def enter(self) -> None:
        """Forget the aliases of the connection before."""
        with self._order:
            self.aliases_allowed = 0
            self._aliases.clear()
        super().enter()

    def _send_publish(
        self,
        mid: int,
        topic: bytes,
        payload: Any = b"",
        qos: int = 0,
        retain: bool = False,
        dup: bool = False,
        info: mqtt.MQTTMessageInfo | None = None,
        properties: Properties | None = None,
    ) -> MQTTErrorCode:
        with self._order:  # the packet that introduces an alias goes before those that use it
            known = self._aliases.get(topic)
            if known is None and len(self._aliases) < self.aliases_allowed and not retain:
                self._aliases[topic] = len(self._aliases) + 1
                properties = _Aliased(len(self._aliases), properties)
            elif known is not None:
                topic, properties = b"", _Aliased(known, properties)
            return super()._send_publish(mid, topic, payload, qos, retain, dup, info, properties)


class Packed(Properties):
    """Properties of a message that were packed before: paho takes longer to pack a few than to send them."""

    def __init__(self, packed: bytes) -> None:
        vars(self)["packed"] = packed

    def pack(self) -> bytes:
        """Their length and their bytes."""
        packed: bytes = vars(self)["packed"]
        return _length(len(packed)) + packed


def content(media_type: str, text: bool) -> bytes:
    """The content type, and whether the payload is UTF-8 text, packed."""
    told = media_type.encode()
    return b"".join((PAYLOAD_FORMAT, bytes((text,)), CONTENT_TYPE, len(told).to_bytes(2), told))


def expiry(seconds: int) -> bytes:
    """After how many seconds the broker drops a message, packed."""
    return MESSAGE_EXPIRY + seconds.to_bytes(4)


def user_property(name: str, value: str) -> bytes:
    """A user property, packed."""
    told, said = name.encode(), value.encode()
    return b"".join((USER_PROPERTY, len(told).to_bytes(2), told, len(said).to_bytes(2), said))


class _Aliased(Packed):
    def __init__(self, alias: int, others: Properties | None) -> None:
        super().__init__(bytes((TOPIC_ALIAS, alias >> 8, alias & 0xFF)) + (b"" if others is None else unframed(others)))


def unframed(properties: Properties) -> bytes:
    """The bytes of properties without their length."""
    if isinstance(properties, Packed):
        return bytes(vars(properties)["packed"])
    packed: bytes = properties.pack()  # type: ignore[no-untyped-call]
    _, used = VariableByteIntegers.decode(packed)  # type: ignore[no-untyped-call]
    return packed[used:]


def _length(count: int) -> bytes:
    if count < 0x80:
        return bytes((count,))
    encoded: bytes = VariableByteIntegers.encode(count)  # type: ignore[no-untyped-call]
    return encoded
