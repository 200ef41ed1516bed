"""The mouth of the cities: one connection a city with birth and will, QoS 1, sessions, flow control."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime

from paho.mqtt.client import MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from collector.language.broker import Broker
from collector.language.codec import encode
from collector.language.connection import Connection, Network, Session
from collector.language.control import Reply, Request, decode_committed, decode_request, encode_reply
from collector.language.errors import InputError, PayloadError
from collector.language.ledger import LedgerWriter, entry_of
from collector.language.messages import Message
from collector.language.profile import StationProfile, Status, decode_status, encode_status
from collector.language.topics import Address, CityAddress, Kind, committed_topic, control_topic
from simulator.flow import WINDOW, Flow

EXPIRY = 3600
GOODBYE = 30.0

Obey = Callable[[Request, Callable[[Reply], None]], None]


@dataclass(frozen=True, slots=True)
class Cast:
    """Who speaks in a run: each city's birth, and its stations."""

    run: str
    births: Mapping[str, Status]
    stations: Mapping[str, Sequence[StationProfile]]


class Publisher:
    """Publishes messages of a run, one connection a city.

    A message is written in the ledger before it is handed to the broker. Messages under way when a connection breaks
    are sent again when it stands again. Each connection announces its city and stations (retained) whenever it comes
    up, and again when a late will of an earlier connection has overwritten the birth.
    """

    def __init__(
        self,
        broker: Broker,
        cast: Cast,
        session: str,
        *,
        qos: int = 1,
        window: int = WINDOW,
        ledger: LedgerWriter | None = None,
        tell: Callable[[str], None] = lambda _text: None,
        obey: Obey | None = None,
    ) -> None:
        self.flow = Flow(session, window, tell)
        self._broker = broker
        self._cast = cast
        self._session = session
        self._qos = qos
        self._ledger = ledger
        self._tell = tell
        self._obey = obey
        self._network = Network("publisher")
        self._connections = {city: self._connection(city) for city in cast.births}
        self._ending = False
        self._template = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        self._template.ContentType = "application/json"
        self._template.PayloadFormatIndicator = 1

    def _connection(self, city: str) -> Connection:
        address = CityAddress(self._cast.run, city)
        will = encode_status(self._cast.births[city].offline())
        session = Session(
            f"nakhon-{self._session}-{city}"[:64], expiry=EXPIRY, window=WINDOW, will=(address.topic, will)
        )
        first = city == next(iter(self._cast.births))
        return Connection(
            self._network,
            self._broker,
            session,
            on_up=lambda _remembered: self._announce(city, listen=first),
            on_down=lambda reason: self._tell(f"{city}: connection lost ({reason}); connecting again"),
            on_message=lambda message: self._hear(city, message),
            on_acknowledged=lambda _mid: self.flow.acknowledge(),
        )

    def start(self, timeout: float = 10.0) -> None:
        """Connect every city. Raises `BrokerError` if the broker cannot be reached, `InputError` if the run exists."""
        refuse_a_run_that_exists(self._broker, self._cast.run, timeout)
        self._network.start()
        try:
            for connection in self._connections.values():
                self._network.add(connection)
            deadline = time.monotonic() + timeout
            for connection in self._connections.values():
                connection.wait_up(max(0.1, deadline - time.monotonic()))
        except BaseException:
            self._network.stop()
            raise

    def publish(self, message: Message) -> bool:
        """Hand a message to its city's connection when there is room for it; False if the publisher is closing."""
        payload = encode(message)
        if not self.flow.admit():
            return False
        if self._ledger is not None and message.seq is not None:
            self._ledger.record(entry_of(message, payload))
        connection = self._connections[message.address.city]
        connection.client.publish(message.address.topic, payload, qos=self._qos, properties=self._properties())
        return True

    def finish(self, timeout: float = GOODBYE) -> int:
        """Deliver what is under way, say that the cities are offline, leave.

        Returns how many messages the broker did not take in time (seconds).
        """
        left = self.flow.wait_until_taken(timeout)
        self._ending = True
        self.flow.close()
        for city, connection in self._connections.items():
            self._status(connection, CityAddress(self._cast.run, city), self._cast.births[city].offline())
        if not left:
            left = self.flow.wait_until_taken(timeout)
        self._network.stop()
        return left

    def _announce(self, city: str, *, listen: bool) -> None:
        connection = self._connections[city]
        topics = [CityAddress(self._cast.run, city).topic]
        if listen:
            topics += [committed_topic(self._cast.run), control_topic(self._cast.run)]
        connection.client.subscribe([(topic, 1) for topic in topics])
        self._birth(city)

    def _birth(self, city: str) -> None:
        connection, birth, run = self._connections[city], self._cast.births[city], self._cast.run
        self._status(connection, CityAddress(run, city), birth)
        for station in self._cast.stations[city]:
            address = Address(run, city, station.pillar, station.id, Kind.STATUS)
            self._status(connection, address, birth.for_station(station))

    def _status(self, connection: Connection, address: Address | CityAddress, status: Status) -> None:
        self.flow.expect()
        connection.client.publish(
            address.topic, encode_status(status), qos=1, retain=True, properties=self._properties()
        )

    def _hear(self, city: str, message: MQTTMessage) -> None:
        payload = bytes(message.payload)
        try:
            if message.topic == committed_topic(self._cast.run):
                self.flow.hear(decode_committed(payload), retained=message.retain)
            elif message.topic == control_topic(self._cast.run):
                self._command(city, message)
            elif not self._ending and not (status := decode_status(payload)).online:
                self._tell(f"{city}: an offline message of session {status.session} came late; announcing it again")
                self._birth(city)
        except PayloadError as error:
            self._tell(f"not understood on {message.topic}: {error}")

    def _command(self, city: str, message: MQTTMessage) -> None:
        if self._obey is None or message.retain:
            return
        connection = self._connections[city]
        topic = f"{control_topic(self._cast.run)}/replies"
        self._obey(
            decode_request(bytes(message.payload)),
            lambda reply: self._network.call(lambda: self._reply(connection, topic, reply)),
        )

    def _reply(self, connection: Connection, topic: str, reply: Reply) -> None:
        self.flow.expect()
        connection.client.publish(topic, encode_reply(reply), qos=1)

    def _properties(self) -> Properties | None:
        if self._broker.protocol != 5:
            return None
        properties = copy(self._template)  # to make one anew takes paho longer than to send it
        published = datetime.now(UTC).isoformat(timespec="milliseconds")
        vars(properties)["UserProperty"] = [("run", self._cast.run), ("schema", "1"), ("published", published)]
        return properties


def new_session() -> str:
    """A random name for the session of a publisher."""
    return secrets.token_hex(4)


def refuse_a_run_that_exists(broker: Broker, run: str, timeout: float) -> None:
    """Raise `InputError` if a run of that name has been announced at the broker."""
    found = threading.Event()
    settled = threading.Event()
    network = Network("look")

    def ask(_remembered: bool) -> None:
        connection.client.subscribe(f"nakhon/v1/{run}/+/status", qos=1)

    connection = Connection(
        network, broker, Session(f"nakhon-look-{new_session()}"), on_up=ask, on_message=lambda _message: found.set()
    )
    connection.client.on_subscribe = lambda *_args: settled.set()
    network.start().add(connection)
    try:
        connection.wait_up(timeout)
        settled.wait(timeout)
        taken = found.wait(0.2)
    finally:
        network.stop()
    if taken:
        raise InputError(f"the run {run!r} exists at {broker.url}: leave --run out or give another name")
