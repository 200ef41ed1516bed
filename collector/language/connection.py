"""A connection to a broker that stands again whenever it breaks, with exponential back-off and full jitter.

paho speaks the protocol, a `Network` drives any number of connections from one thread. Nothing here knows what is said.
"""

from __future__ import annotations

import random
import selectors
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from collector.language.broker import Broker
from collector.language.client import AliasingClient, Client
from collector.language.errors import BrokerError
from collector.language.network import Network
from collector.language.obstacles import explained, hung_up, refused
from collector.language.session import LARGEST_PACKET, Limits, Session

__all__ = ["Connection", "Limits", "Network", "Session", "reach"]

KEEPALIVE = 30
CONNECT_TIMEOUT = 10.0
LONGEST_BACKOFF = 30.0
STEADY = 10.0
REST = 20.0


@dataclass(slots=True)
class _Backoff:
    delay: float = 0.25

    def next(self) -> float:
        self.delay = min(self.delay * 2, LONGEST_BACKOFF)
        return random.uniform(0, self.delay)

    def reset(self) -> None:
        self.delay = 0.25


class Connection:
    """One connection: `client` is paho's, for `publish`, `subscribe` and `ack`.

    `on_up` is called in the network thread each time the connection stands, with whether the broker remembered the
    session; `on_down` each time it breaks; `on_message` and `on_acknowledged` (with the message's id) for what comes
    in, `on_refused` (with the id and the reason) before it when that was a refusal. `generation` counts the attempts to
    connect. While it is paused nothing is read; a pause that is longer than the broker's patience is spent
    disconnected. Set `forgotten` before the end to have the broker forget the session.
    """

    def __init__(
        self,
        network: Network,
        broker: Broker,
        session: Session,
        on_up: Callable[[bool], None] | None = None,
        on_down: Callable[[str], None] | None = None,
        on_message: Callable[[mqtt.MQTTMessage], None] | None = None,
        on_acknowledged: Callable[[int], None] | None = None,
        on_refused: Callable[[int, str], None] | None = None,
    ) -> None:
        self.broker = broker
        self.session = session
        self.generation = 0
        self.up = threading.Event()
        self.refusal: str | None = None
        self.limits = Limits()
        self._network = network
        self._on_up = on_up
        self._on_down = on_down
        self._on_message = on_message
        self._on_acknowledged = on_acknowledged
        self._on_refused = on_refused
        self._backoff = _Backoff()
        self._closing = False
        self._opening = False
        self._stood = 0.0
        self._pauses = 0
        self._away: float | None = None
        self._frozen = False
        self._full = False
        self._progress = False
        self.paused = False
        self.forgotten = False
        self._is_5 = broker.protocol == MQTTProtocolVersion.MQTTv5
        self.client = self._make_client()

    def _make_client(self) -> Client:
        broker, session = self.broker, self.session
        client = (AliasingClient if session.aliases else Client)(
            CallbackAPIVersion.VERSION2,
            client_id=session.client_id,
            clean_session=None if self._is_5 else session.expiry == 0,
            protocol=MQTTProtocolVersion(broker.protocol),
            transport="websockets" if broker.path is not None else "tcp",
            manual_ack=session.manual_ack,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT
        client.max_inflight_messages_set(min(session.window, 60_000))
        client.max_queued_messages_set(0)
        if broker.path is not None:
            client.ws_set_options(broker.path)
        if broker.username is not None:
            client.username_pw_set(broker.username, broker.password)
        if broker.tls:
            client.tls_set_context(_tls(broker))
        self._set_will(client)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_message = self._message
        client.on_publish = self._published
        client.on_socket_open = lambda _c, _u, _sock: self._network.watch(self)
        client.on_socket_close = lambda _c, _u, _sock: self._network.unwatch(self)
        client.on_socket_register_write = lambda _c, _u, _sock: self._network.want_write(self)
        return client

    def _set_will(self, client: Client) -> None:
        if self.session.will is None:
            return
        topic, payload = self.session.will
        properties = None
        if self._is_5 and self.session.will_delay:
            properties = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
            properties.WillDelayInterval = self.session.will_delay
        client.will_set(topic, payload, qos=1, retain=True, properties=properties)

    def connect(self) -> None:
        """Connect, or plan to try again (network thread)."""
        if self._closing or self.paused or self._opening:
            return
        self.generation += 1
        self._opening = True
        properties = None
        clean: bool | Literal[3] = mqtt.MQTT_CLEAN_START_FIRST_ONLY
        if self._is_5:
            clean = self.session.expiry == 0
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = self.session.expiry
            properties.ReceiveMaximum = min(self.session.window, 65_535)
        self.client.connect_async(
            self.broker.host, self.broker.port, KEEPALIVE, clean_start=clean, properties=properties
        )
        self._network.aside(self._open)

    def _open(self) -> None:
        """Open the socket (an opener's thread)."""
        watch = threading.Timer(CONNECT_TIMEOUT, self.client.give_up) if self.broker.path is not None else None
        if watch is not None:
            watch.daemon = True
            watch.start()
        try:
            self.client.open()
        except (OSError, ValueError, mqtt.WebsocketConnectionError) as error:
            self._network.call(partial(self._failed, error))
        else:
            self._network.call(self._enter)
        finally:
            if watch is not None:
                watch.cancel()

    def _failed(self, error: Exception) -> None:
        self._opening = False
        if not self._closing:
            self.refusal = explained(self.broker, error)
            self._network.later(self._backoff.next(), self.connect)

    def _enter(self) -> None:
        self._opening = False
        if self._closing or self.paused:
            self.client.discard()
            return
        try:
            self.client.enter()
        except (OSError, ValueError) as error:
            self._failed(error)

    def wait_up(self, timeout: float) -> None:
        """Return when the connection stands. Raises `BrokerError` if it is refused, or not there in time."""
        deadline = time.monotonic() + timeout
        while not self.up.wait(0.05):
            if self.refusal is not None:
                raise BrokerError(self.refusal)
            if time.monotonic() > deadline:
                raise BrokerError(f"no answer from {self.broker.url} within {timeout:g} s")

    def close(self) -> None:
        """Say good-bye to the broker (network thread); the will is not published."""
        self._closing = True
        properties = None
        if self.forgotten and self._is_5:
            properties = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 0
        self.client.disconnect(properties=properties)

    def kill(self, seconds: float | None = None) -> None:
        """Cut the connection without a word, so that the will is published (network thread).

        It is made again after `seconds`, without them after the usual back-off.
        """
        self._away = seconds
        self._frozen = False
        if self.client.socket() is not None:
            self.client.drop()

    def freeze(self, frozen: bool = True) -> None:
        """Neither read nor write, nor notice: the connection is half open; or go on (network thread)."""
        self._frozen = frozen
        self._network.watch(self)
        if not frozen:
            self._network.call(partial(self._network.read, self))
            self._network.want_write(self)

    def pause(self) -> None:
        """Read nothing more until `resume` (network thread)."""
        if not self.paused:
            self.paused = True
            self._pauses += 1
            self._network.watch(self)
            self._network.later(REST, partial(self._rest, self._pauses))

    def resume(self) -> None:
        """Read again, or connect again (network thread)."""
        if not self.paused:
            return
        self.paused = False
        if self.client.socket() is None:
            self.connect()
        else:
            self._network.watch(self)
            self._network.call(partial(self._network.read, self))  # what TLS holds, the selector does not see

    def _rest(self, pause: int) -> None:
        """Leave the broker if the pause still lasts: it would take our silence for death."""
        if self.paused and self._pauses == pause:
            self.client.disconnect()

    @property
    def socket(self) -> Any:
        """The socket, or None."""
        return self.client.socket()

    @property
    def events(self) -> int:
        """What the network is to watch the socket for."""
        if self._frozen:
            return 0
        return (0 if self.paused else selectors.EVENT_READ) | (selectors.EVENT_WRITE if self._full else 0)

    def read(self) -> bool:
        """Take a packet; whether there may be more that the selector does not see (network thread)."""
        if self.paused or self._frozen:
            return False
        self._progress = False
        if self.client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return False
        return self._progress or (self.broker.tls and self.socket is not None and self.socket.pending() > 0)

    def write(self) -> None:
        """Write what is queued, as far as the socket takes it (network thread)."""
        if not self._frozen:
            self.client.loop_write()  # even with nothing to write: only this lets paho ask again
            self._full = self.client.want_write() and self.client.socket() is not None

    def look(self) -> None:
        """Send a sign of life when one is due (network thread)."""
        if not self._frozen:
            self.client.loop_misc()

    def broken(self, error: Exception) -> None:
        """What the broker said makes no sense: hang up (network thread)."""
        self.refusal = (
            f"what {self.broker.url} answers is not understood ({type(error).__name__}: {error}): does it speak MQTT "
            f"{'5' if self._is_5 else '3.1.1'} at this port?"
        )
        if self.client.socket() is not None:
            self.client.drop()

    def _connected(self, _client: object, _data: object, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self.refusal = refused(self.broker, str(reason))
            return
        self._stood = time.monotonic()
        self.refusal = None
        self._heed(properties)
        if self._on_up is not None:
            self._on_up(bool(flags.session_present))
        self.up.set()

    def _heed(self, properties: Any) -> None:
        """Keep within what the broker takes."""
        told = {} if properties is None else vars(properties)
        self.limits = Limits(
            qos=told.get("MaximumQoS", 2),
            retain=bool(told.get("RetainAvailable", 1)),
            under_way=told.get("ReceiveMaximum", 65_535),
            packet=told.get("MaximumPacketSize", LARGEST_PACKET),
            aliases=told.get("TopicAliasMaximum", 0),
        )
        self.client.allow_under_way(min(self.session.window, 60_000, self.limits.under_way))
        if isinstance(self.client, AliasingClient):
            self.client.aliases_allowed = min(self.session.aliases, self.limits.aliases)

    def _disconnected(self, _client: object, _data: object, _flags: Any, reason: Any, _properties: object) -> None:
        stood = self.up.is_set()
        self.up.clear()
        self._full = False
        if self._closing:
            return
        if not stood and self.refusal is None:
            self.refusal = hung_up(self.broker)
        if stood and time.monotonic() - self._stood > STEADY:
            self._backoff.reset()
        if stood and self._on_down is not None:
            self._on_down("it broke" if str(reason) == "Unspecified error" else str(reason))
        if not self.paused:
            delay, self._away = self._backoff.next() if self._away is None else self._away, None
            self._network.later(delay, self.connect)

    def _message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        self._progress = True
        if self._on_message is not None:
            self._on_message(message)

    def _published(self, _client: object, _data: object, mid: int, reason: Any, _properties: object) -> None:
        self._progress = True
        if reason.is_failure and self._on_refused is not None:
            self._on_refused(mid, str(reason))
        if self._on_acknowledged is not None:
            self._on_acknowledged(mid)


def reach(broker: Broker, timeout: float = CONNECT_TIMEOUT) -> None:
    """Return if a broker takes us. Raises `BrokerError` with the reason if it does not."""
    network = Network("reach").start()
    try:
        connection = Connection(network, broker, Session(f"nakhon-reach-{random.randrange(1 << 32):08x}"))
        network.add(connection)
        connection.wait_up(timeout)
    finally:
        network.stop()


@lru_cache(maxsize=8)
def _tls(broker: Broker) -> ssl.SSLContext:
    """What TLS needs, once for all connections: it takes long to read and much memory."""
    try:
        context = ssl.create_default_context(cafile=broker.authority)
        if broker.certificate:
            context.load_cert_chain(broker.certificate, broker.key)
    except (OSError, ssl.SSLError) as error:
        raise BrokerError(f"cannot use the certificates given for {broker.url}: {error}") from None
    return context
