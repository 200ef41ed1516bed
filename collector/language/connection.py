"""Connections to a broker, any number of them, driven by one thread.

paho reads and writes the sockets; a `Network` watches them in one selector loop, keeps them alive, and connects them
again with exponential back-off and full jitter. Nothing here knows what is said over a connection.
"""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from collector.language.broker import Broker
from collector.language.errors import BrokerError

KEEPALIVE = 30
CONNECT_TIMEOUT = 10.0
LONGEST_BACKOFF = 30.0
PACKETS_A_TURN = 200
TICK = 0.5


@dataclass(frozen=True, slots=True)
class Session:
    """How a connection presents itself: who it is, how long the broker remembers it, what to say if it dies.

    `expiry` is in seconds (MQTT 5; 3.1.1 sessions do not expire); 0 asks for a clean session. `window` is how many
    unacknowledged messages the broker may hand out (MQTT 5), and how many we have under way ourselves.
    """

    client_id: str
    expiry: int = 0
    window: int = 1000
    manual_ack: bool = False
    will: tuple[str, bytes] | None = None


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
    in. `generation` counts the connections made.
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
    ) -> None:
        self.broker = broker
        self.session = session
        self.generation = 0
        self.up = threading.Event()
        self.refusal: str | None = None
        self._network = network
        self._on_up = on_up
        self._on_down = on_down
        self._on_message = on_message
        self._on_acknowledged = on_acknowledged
        self._backoff = _Backoff()
        self._closing = False
        self._is_5 = broker.protocol == MQTTProtocolVersion.MQTTv5
        self.progress = False
        self.client = self._make_client()

    def _make_client(self) -> mqtt.Client:
        broker, session = self.broker, self.session
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=session.client_id,
            clean_session=None if self._is_5 else session.expiry == 0,
            protocol=MQTTProtocolVersion(broker.protocol),
            manual_ack=session.manual_ack,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT
        client.max_inflight_messages_set(min(session.window, 60_000))
        client.max_queued_messages_set(0)
        if broker.username is not None:
            client.username_pw_set(broker.username, broker.password)
        if broker.tls:
            client.tls_set_context(_tls(broker))
        if session.will is not None:
            client.will_set(session.will[0], session.will[1], qos=1, retain=True)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_message = self._message
        client.on_publish = self._published
        client.on_socket_open = lambda _c, _u, sock: self._network.watch(self, sock)
        client.on_socket_close = lambda _c, _u, sock: self._network.unwatch(sock)
        client.on_socket_register_write = lambda _c, _u, _sock: self._network.want_write(self)
        return client

    def connect(self) -> None:
        """Connect, or plan to try again (network thread)."""
        if self._closing:
            return
        properties = None
        clean: bool | Literal[3] = mqtt.MQTT_CLEAN_START_FIRST_ONLY
        if self._is_5:
            clean = self.session.expiry == 0
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = self.session.expiry
            properties.ReceiveMaximum = min(self.session.window, 65_535)
        try:
            self.client.connect(self.broker.host, self.broker.port, KEEPALIVE, clean_start=clean, properties=properties)
        except (OSError, ValueError) as error:
            self.refusal = _explain(self.broker, error)
            self._network.later(self._backoff.next(), self.connect)

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
        self.client.disconnect()

    def _connected(self, _client: object, _data: object, flags: Any, reason: Any, _properties: object) -> None:
        if reason.is_failure:
            self.refusal = _refused(self.broker, str(reason))
            return
        self._backoff.reset()
        self.refusal = None
        self.generation += 1
        if self._on_up is not None:
            self._on_up(bool(flags.session_present))
        self.up.set()

    def _disconnected(self, _client: object, _data: object, _flags: Any, reason: Any, _properties: object) -> None:
        stood = self.up.is_set()
        self.up.clear()
        if self._closing:
            return
        if stood and self._on_down is not None:
            self._on_down("it broke" if str(reason) == "Unspecified error" else str(reason))
        self._network.later(self._backoff.next(), self.connect)

    def _message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        self.progress = True
        if self._on_message is not None:
            self._on_message(message)

    def _published(self, _client: object, _data: object, mid: int, _reason: object, _properties: object) -> None:
        self.progress = True
        if self._on_acknowledged is not None:
            self._on_acknowledged(mid)


@dataclass(order=True, slots=True)
class _Timer:
    due: float
    call: Callable[[], None] = field(compare=False)


class Network:
    """The thread that drives connections. Use as a context manager, or `start` and `stop`."""

    def __init__(self, name: str = "network") -> None:
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._calls: deque[Callable[[], None]] = deque()
        self._timers: list[_Timer] = []
        self._connections: list[Connection] = []
        self._writing: set[Connection] = set()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> Network:
        """Start the thread."""
        self._thread.start()
        return self

    def add(self, connection: Connection) -> None:
        """Drive a connection: connect it now and again whenever it breaks."""
        self._connections.append(connection)
        self.call(connection.connect)

    def call(self, function: Callable[[], None]) -> None:
        """Run a function in the network thread, soon."""
        self._calls.append(function)
        self.wake()

    def later(self, delay: float, function: Callable[[], None]) -> None:
        """Run a function in the network thread after a delay in seconds (network thread only)."""
        self._timers.append(_Timer(time.monotonic() + delay, function))
        self._timers.sort()

    def stop(self, timeout: float = 5.0) -> None:
        """Disconnect in order and end the thread."""
        for connection in self._connections:
            self.call(connection.close)
        self.call(self._finish)
        self._thread.join(timeout)

    def _finish(self) -> None:
        self._stopping = True

    def wake(self) -> None:
        """Interrupt the wait of the network thread."""
        with contextlib.suppress(BlockingIOError):
            self._wake_write.send(b"\0")

    def watch(self, connection: Connection, sock: Any) -> None:
        """Watch a socket that paho opened."""
        self._selector.register(sock, selectors.EVENT_READ, connection)

    def unwatch(self, sock: Any) -> None:
        """Forget a socket that paho closes."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(sock)

    def want_write(self, connection: Connection) -> None:
        """Write what a connection has queued (any thread)."""
        self._writing.add(connection)
        if threading.current_thread() is not self._thread:
            self.wake()

    def _run(self) -> None:
        next_tick = time.monotonic()
        while not self._stopping:
            for key, _mask in self._selector.select(self._patience(next_tick)):
                if key.data is None:
                    self._drain_wake()
                else:
                    self._read(key.data)
            self._run_calls()
            now = time.monotonic()
            if now >= next_tick:
                next_tick = now + TICK
                self._keep_alive()
            self._write()
        self._write()
        self._selector.close()
        self._wake_read.close()
        self._wake_write.close()

    def _patience(self, next_tick: float) -> float:
        if self._writing or self._calls:
            return 0.0 if self._calls else 0.001
        due = min(next_tick, self._timers[0].due) if self._timers else next_tick
        return max(0.0, due - time.monotonic())

    def _drain_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wake_read.recv(4096):
                pass

    def _read(self, connection: Connection) -> None:
        for _ in range(PACKETS_A_TURN):
            connection.progress = False
            if connection.client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS or not connection.progress:
                return
        if connection.broker.tls:
            self.call(lambda: self._read(connection))  # what TLS holds back, the selector does not see

    def _run_calls(self) -> None:
        while self._calls:
            self._calls.popleft()()
        now = time.monotonic()
        while self._timers and self._timers[0].due <= now:
            self._timers.pop(0).call()

    def _keep_alive(self) -> None:
        for connection in self._connections:
            connection.client.loop_misc()

    def _write(self) -> None:
        for connection in list(self._writing):
            self._writing.discard(connection)  # before looking: another thread may add to it meanwhile
            connection.client.loop_write()  # even with nothing to write: only this lets paho ask again
            if connection.client.want_write():
                self._writing.add(connection)


def reach(broker: Broker, timeout: float = CONNECT_TIMEOUT) -> None:
    """Return if a broker takes us. Raises `BrokerError` with the reason if it does not."""
    network = Network("reach").start()
    try:
        connection = Connection(network, broker, Session(f"nakhon-reach-{random.randrange(1 << 32):08x}"))
        network.add(connection)
        connection.wait_up(timeout)
    finally:
        network.stop()


def _tls(broker: Broker) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=broker.authority)
        if broker.certificate:
            context.load_cert_chain(broker.certificate, broker.key)
    except (OSError, ssl.SSLError) as error:
        raise BrokerError(f"cannot use the certificates given for {broker.url}: {error}") from None
    return context


def _explain(broker: Broker, error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"nothing listens at {broker.url}: start a broker there, or name another with --broker"
    if isinstance(error, socket.gaierror):
        return f"no host named {broker.host!r}: check --broker"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {broker.url} is not trusted ({error.verify_message}): name its authority with --ca"
    if isinstance(error, TimeoutError):
        return f"no answer from {broker.url}"
    return f"cannot connect to {broker.url}: {error}"


def _refused(broker: Broker, reason: str) -> str:
    hint = ""
    if "auth" in reason.lower() or "user name" in reason.lower():
        hint = "; user and password come from NAKHON_MQTT_USERNAME and NAKHON_MQTT_PASSWORD"
    return f"{broker.url} refuses the connection: {reason}{hint}"
