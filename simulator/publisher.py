"""The mouth of the cities: a fleet of connections with births and wills, sessions, flow control, any payload format."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from paho.mqtt.client import MQTTMessage
from paho.mqtt.properties import Properties

from collector.language.broker import Broker
from collector.language.codec import encode
from collector.language.connection import Connection, Network, Session
from collector.language.control import Reply, Request, decode_committed, decode_request, encode_reply
from collector.language.errors import PayloadError
from collector.language.ledger import Fault, LedgerWriter, Record
from collector.language.messages import Message
from collector.language.profile import Status, decode_status, encode_status
from collector.language.topics import Address, CityAddress, committed_topic, control_topic
from simulator.faults.spoiling import Spoil
from simulator.fleet import Cast, Fleet, Member, allow_files, members_of, warnings_of
from simulator.flow import Flow
from simulator.formats import Open, Outgoing, format_of
from simulator.formats.wire import Wire
from simulator.harm import Harm
from simulator.line import Line
from simulator.outbox import Item, Outbox
from simulator.outcome import Account
from simulator.packing import Packing
from simulator.ramp import stand
from simulator.refusals import Refusals
from simulator.service import Service
from simulator.session import new_session, refuse_a_run_that_exists
from simulator.spread import Spread
from simulator.unsent import Unproven

__all__ = ["Account", "Cast", "Publisher", "new_session", "refuse_a_run_that_exists"]

GOODBYE = 30.0
GATHER = 1.0
TOLD = 20

Obey = Callable[[Request, Callable[[Reply], None]], None]


class Publisher:
    """Publishes messages of a run over a fleet of connections.

    A message is written in the ledger before it is handed to the broker, both by the thread of the network, as many at
    once as were said since it last looked. From QoS 1 on, messages under way when a
    connection breaks are sent again when it stands again, and what is said meanwhile waits for it. Each connection
    announces its city and stations (retained) whenever it comes up, and again when a late will of an earlier connection
    has overwritten the birth.
    """

    def __init__(
        self,
        broker: Broker,
        cast: Cast,
        session: str,
        *,
        service: Service | None = None,
        fleet: Fleet | None = None,
        make: Open | None = None,
        ledger: LedgerWriter | None = None,
        tell: Callable[[str], None] = lambda _text: None,
        obey: Obey | None = None,
    ) -> None:
        self.service = service or Service()
        self.fleet = fleet or Fleet()
        self.flow = Flow(session, self.service.window, tell, self.service.patience, self._gave_up)
        self.account = Account()
        self._broker = broker
        self._cast = cast
        self._ledger = ledger
        self._tell = tell
        self._obey = obey
        self._network = Network("publisher")
        self._outbox = Outbox(self._network, ledger, self._hand, self._stop_speaking)
        self._unproven = Unproven(self._network, self.note) if ledger is not None and not self.service.qos else None
        self._refusals = Refusals(self.account, self.note, tell)
        self._answers = ledger is not None and self.service.qos > 0 and broker.protocol == 5
        self._acknowledged = 0
        self._losses: list[tuple[str, str]] = []
        self._ending = False
        standing = (("run", cast.run), ("schema", "1"), *self.service.about)
        self._packing = Packing(standing, self.service.message_expiry) if broker.protocol == 5 else None
        opened = make or format_of("wire")
        self.lines = [self._line(member, opened) for member in members_of(self.fleet, cast, session)]
        self._by_place = {line.member.label: line for line in self.lines}
        self._is_wire = isinstance(self.lines[0].told, Wire)
        self._harm = Harm(self.lines, self._network, cast.run, self.birth, self.say)

    def _line(self, member: Member, opened: Open) -> Line:
        service = self.service
        session = Session(
            member.client_id,
            expiry=service.remembered(self._broker.protocol),
            window=service.under_way(self._broker.protocol),
            will=member.will if service.statuses else None,
            will_delay=service.will_delay,
            aliases=service.aliases,
        )
        line = Line(member, opened(member.cast))
        line.connection = Connection(
            self._network,
            self._broker,
            session,
            on_up=lambda _remembered: self._up(line),
            on_down=lambda reason: self._down(line, reason),
            on_message=lambda message: self._hear(line, message),
            on_acknowledged=lambda mid: self._taken(line, mid),
            on_refused=lambda mid, reason: self._refused(line, mid, reason),
        )
        return line

    def warnings(self) -> Iterator[str]:
        """What may surprise of what is asked."""
        return warnings_of(self.fleet, [line.member for line in self.lines], self._broker.protocol)

    @property
    def told(self) -> str:
        """How many connections there are, and how long it took to make them; empty for a few."""
        if len(self.lines) <= TOLD or not self.account.seconds:
            return ""
        rate = len(self.lines) / self.account.seconds
        return f", {len(self.lines):,} connections in {self.account.seconds:.1f} s ({rate:,.0f}/s)"

    def _gave_up(self) -> None:
        self.account.gave_up = True

    def _stop_speaking(self) -> None:
        """The ledger takes nothing more: admit nothing, wait for nothing (network thread)."""
        self.flow.close()
        self.flow.lose(self.flow.wait_until_taken(0.0))

    def start(self, timeout: float = 10.0) -> None:
        """Make every connection, at the fleet's rate, and announce all who speak.

        Raises `BrokerError` with how many stand if the broker refuses one or does not answer in time (seconds, beyond
        the time that the rate asks for), `InputError` if the run exists or the system allows too few open files.
        """
        allow_files(len(self.lines))
        if self.service.statuses:
            refuse_a_run_that_exists(self._broker, self._cast.run, timeout)
        self._network.start()
        began = time.monotonic()
        try:
            stand(self.lines, self._network, self.fleet.ramp, timeout)
        except BaseException:
            self._network.stop()
            raise
        self.account.connections = len(self.lines)
        self.account.seconds = time.monotonic() - began

    @property
    def connections(self) -> Harm:
        """What can be done to the connections on purpose."""
        return self._harm

    def publish(self, message: Message, spoil: Spoil | None = None) -> bool:
        """Record a message when there is room for it, and hand it to its connection; False if the publisher is closing.

        What its format cannot say at all is not said. Raises `LedgerError` if the ledger cannot be written.
        """
        line = self._line_of(message.address)
        outs = line.told.encode(message)
        if not outs:
            return True
        if not self.flow.admit():
            self._outbox.check()
            return False
        out = outs[0] if spoil is None else _spoilt(outs[0], spoil)
        self._outbox.put(Item(message, self._record(message, out, spoil), line, out))
        return True

    def record(self, message: Message, spoil: Spoil | None = None) -> None:
        """Write a message in the ledger that is sent later, or never."""
        if outs := self._line_of(message.address).told.encode(message):
            out = outs[0] if spoil is None else _spoilt(outs[0], spoil)
            self._outbox.put(Item(message, self._record(message, out, spoil)))

    def send(self, message: Message, spoil: Spoil | None = None, *, copy: bool = False) -> bool:
        """Hand over a message that is recorded already; False if the publisher is closing."""
        line = self._line_of(message.address)
        outs = line.told.encode(message)
        if outs and not self.flow.admit(copy=copy):
            return False
        if outs:
            self._outbox.put(Item(message, None, line, outs[0] if spoil is None else _spoilt(outs[0], spoil)))
        return True

    def note(self, told: Fault) -> None:
        """Write a fault in the ledger, if there is one."""
        self._outbox.put(Item(fault=told))

    def _record(self, message: Message, out: Outgoing, spoil: Spoil | None) -> Record | None:
        if self._ledger is None or message.seq is None:
            return None
        return message, out.payload, None if self._is_wire and spoil is None else encode(message)

    def _hand(self, line: Line, out: Outgoing, message: Message) -> None:
        if not self._refusals.fits(line, out, message):
            self.flow.lose(1)
            return
        sent = line.hand(out, message, self.service.qos, self._send)
        if self._unproven is not None:
            self._unproven.handed(line, message, sent=sent)
        if not sent:
            self.flow.lose(1)
            self.account.unsent += 1

    def _line_of(self, address: Address) -> Line:
        match self.fleet.spread:
            case Spread.CITY:
                return self._by_place[address.city]
            case Spread.STATION:
                return self._by_place[f"{address.city}/{address.pillar}/{address.station}"]
            case Spread.ONE:
                return self.lines[0]

    def _send(self, line: Line, out: Outgoing, message: Message) -> None:
        if not self._refusals.fits(line, out, message):
            self._taken(line, 0)
            self.flow.refuse()
            return
        told = line.connection.client.publish(
            out.topic,
            out.payload,
            qos=self.service.qos,
            retain=out.retain or self.service.retain,
            properties=self._properties(out),
        )
        if self._answers:
            line.under_way[told.mid] = message

    def finish(self, timeout: float = GOODBYE) -> int:
        """Deliver what is under way, say that the cities are offline, leave.

        Returns how many messages the broker did not take in time (seconds, or what the service has patience for).
        Raises `LedgerError` if the ledger could not be written.
        """
        if self.service.patience is not None:
            timeout = min(timeout, self.service.patience)
        left = self.flow.wait_until_taken(timeout)
        self._ending = True
        self.flow.close()
        if self.service.statuses:
            said = threading.Event()
            self._network.call(lambda: self._farewell(said))
            said.wait(timeout)
        if not left:
            left = self.flow.wait_until_taken(timeout)
        for line in self.lines:
            line.connection.forgotten = not left
        self._network.stop()
        if self._unproven is not None:
            self._unproven.end()
        self._refusals.finish()
        self._outbox.keep()
        return left

    def _farewell(self, said: threading.Event) -> None:
        for line in self.lines:
            if line.up:
                for address, status in line.member.farewells:
                    self.say(line, address, status)
        said.set()

    def _up(self, line: Line) -> None:
        """A connection stands (network thread): announce who speaks over it, then say what has waited."""
        if self.service.statuses:
            topics = [line.member.will[0]]
            if line is self.lines[0]:
                topics += [committed_topic(self._cast.run), control_topic(self._cast.run)]
            line.connection.client.subscribe([(topic, 1) for topic in topics])
            line.births_unheard = 0
        if self._unproven is not None:
            self._unproven.up(line)
        self.birth(line)
        if not line.unannounced:
            for out in line.told.session_started():
                self._announce(line, out)
        line.open(self._send)

    def birth(self, line: Line) -> None:
        """Announce who speaks over a connection, unless it is to be silent about it (network thread)."""
        if self.service.statuses and not line.unannounced:
            line.births_unheard += 1
            for address, status in line.member.births:
                self.say(line, address, status)

    def say(self, line: Line, address: Address | CityAddress, status: Status) -> None:
        """Publish the status of a city or a station, retained (network thread)."""
        self._announce(line, Outgoing(address.topic, encode_status(status), retain=True))

    def _announce(self, line: Line, out: Outgoing) -> None:
        """Say something beside the messages, at least once (network thread)."""
        if not self._refusals.fits(line, out):
            return
        self.flow.expect()
        told = line.connection.client.publish(
            out.topic, out.payload, qos=1, retain=out.retain, properties=self._properties(out)
        )
        line.reliable.add(told.mid)

    def _down(self, line: Line, reason: str) -> None:
        lost = line.shut(self.service.qos)
        if self._unproven is not None:
            self._unproven.down(line)
        self.flow.lose(lost)
        self.account.unsent += lost
        self.account.losses += 1
        self._losses.append((line.member.label, reason))
        if len(self._losses) == 1:
            self._network.later(GATHER if len(self.lines) > 1 else 0.0, self._tell_losses)

    def _tell_losses(self) -> None:
        who, reason = self._losses[0]
        many = f" and {len(self._losses) - 1:,} more" if len(self._losses) > 1 else ""
        self._losses.clear()
        self._tell(f"{who}{many}: connection lost ({reason}); connecting again")

    def _taken(self, line: Line, mid: int) -> None:
        line.took(mid)
        self._acknowledged += 1
        if self._acknowledged == 1:
            self._network.call(self._tell_acknowledged)

    def _tell_acknowledged(self) -> None:
        """Say at once how many were acknowledged since the network last looked: whoever waits is woken once."""
        count, self._acknowledged = self._acknowledged, 0
        self.flow.acknowledge(count)

    def _refused(self, line: Line, mid: int, reason: str) -> None:
        """The broker has answered something with a refusal; that it has answered is counted beside it."""
        self._refusals.answered(line.under_way.get(mid), reason)
        if mid not in line.reliable:
            self.flow.refuse()

    def _hear(self, line: Line, message: MQTTMessage) -> None:
        payload = bytes(message.payload)
        try:
            if message.topic == committed_topic(self._cast.run):
                self.flow.hear(decode_committed(payload), retained=message.retain)
            elif message.topic == control_topic(self._cast.run):
                self._command(line, message)
            elif not self._ending:
                self._look_at(line, decode_status(payload))
        except PayloadError as error:
            self._tell(f"not understood on {message.topic}: {error}")

    def _look_at(self, line: Line, status: Status) -> None:
        """Announce again what an offline message has overwritten; one that comes before our birth has not."""
        if status.online:
            line.births_unheard -= line.births_unheard > 0 and status.session == line.member.births[0][1].session
        elif not line.births_unheard and not line.unannounced:
            who = line.member.label
            self._tell(f"{who}: an offline message of session {status.session} came late; announcing it again")
            self.birth(line)

    def _command(self, line: Line, message: MQTTMessage) -> None:
        if self._obey is None or message.retain:
            return
        topic = f"{control_topic(self._cast.run)}/replies"
        self._obey(
            decode_request(bytes(message.payload)),
            lambda reply: self._network.call(lambda: self._announce(line, Outgoing(topic, encode_reply(reply)))),
        )

    def _properties(self, out: Outgoing) -> Properties | None:
        packing = self._packing
        return None if packing is None else packing.properties(out.content_type, out.text, out.properties)


def _spoilt(out: Outgoing, spoil: Spoil) -> Outgoing:
    return replace(out, payload=spoil(out.payload))
