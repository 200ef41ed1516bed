"""Faults at work in a run: from bodies that stations would say to what is really sent, and when.

A fault begins and ends at a tick. What a message goes through is decided by its own time, never by when it is sent,
so that a run told the same faults says the same whether live or at full speed.
"""

from __future__ import annotations

import math
import time as wall
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from collector.language.errors import InputError
from collector.language.ledger import Effect
from collector.language.messages import Message
from collector.language.profile import StationProfile
from simulator.clock import Clock
from simulator.faults.account import Account
from simulator.faults.connections import strike
from simulator.faults.fault import Fault, Luck
from simulator.faults.holding import MessageFault
from simulator.faults.kinds import Family
from simulator.faults.outlet import Outlet
from simulator.faults.sending import Sending
from simulator.faults.values import Body, ValueFault, act_in_order
from simulator.streams import Streams

FLUSH = 1.0

Number = Callable[[StationProfile, Body], Message]


class Faults:
    """The faults of a run, in the order in which they were declared. While `quiet` nothing needs to go through them.

    `stations` are those of each city; `grace` (seconds) is how long after a tick it may be said in a pack. `said` is
    the time (seconds since 1970) of what was said last; who says something while they are quiet keeps it.
    """

    def __init__(
        self, streams: Streams, stations: Mapping[str, Sequence[StationProfile]], clock: Clock, grace: int = 0
    ) -> None:
        self.stations = stations
        self.quiet = True
        self.said = -math.inf
        self._now = -math.inf
        self._streams, self._clock, self._grace = streams, clock, grace
        self._bound: tuple[Outlet, Sending] | None = None
        self._waiting: list[Fault] = []
        self._accounts: dict[str, Account] = {}
        self._ended: list[Account] = []
        self._ranks: dict[str, int] = {}
        self._values: list[ValueFault] = []
        self._flushed = wall.monotonic()

    def bind(self, outlet: Outlet) -> None:
        """Say to whom the messages go; before anything is said."""
        self._bound = outlet, Sending(outlet, self._clock)

    @property
    def outlet(self) -> Outlet:
        """Where messages go."""
        return self._ready()[0]

    @property
    def due(self) -> float:
        """The simulated time at which something held back is to be sent next; infinite if nothing is."""
        return self._ready()[1].due

    @property
    def waiting(self) -> list[Fault]:
        """The faults whose time has not come."""
        return list(self._waiting)

    @property
    def names(self) -> tuple[str, ...]:
        """The ids of all faults that ever were; the ledger knows each by its own."""
        return tuple(self._ranks)

    @property
    def acting(self) -> list[Account]:
        """The accounts of the faults that act."""
        return list(self._accounts.values())

    def concerned(self, fault: Fault) -> list[StationProfile]:
        """The stations that a fault concerns. Raises `InputError` if there is none."""
        found = [one for many in self.stations.values() for one in many if fault.target.concerns(one)]
        if not found:
            raise InputError(f"the fault {fault.id} concerns no station: {self._near(fault)}")
        return found

    def add(self, faults: Iterable[Fault]) -> None:
        """Have faults act when their time comes. Raises `InputError` if one concerns no station."""
        asked = list(faults)
        for fault in asked:
            self.concerned(fault)
        self._ranks |= {fault.id: len(self._ranks) + at for at, fault in enumerate(asked)}
        self._waiting += asked
        self._settle()

    def end(self, identity: str, until: int) -> Account | Fault | None:
        """End a fault at a time: its account if it acts, itself if it never began; None if there is none of that id."""
        for at, fault in enumerate(self._waiting):
            if fault.id == identity:
                return self._waiting.pop(at)
        if (account := self._accounts.get(identity)) is not None:
            ended = replace(account.fault, until=max(until, account.fault.since))
            account.fault = ended
            self._ready()[1].change(ended)
            for one in self._values:
                one.fault = ended if one.fault.id == identity else one.fault
        return account

    def say(self, time: int, station: StationProfile, body: Body, number: Number) -> list[Message] | None:
        """Say what a station would say at a time, through all faults; what was numbered. None: no more is taken."""
        _outlet, sending = self._ready()
        if time > self._now and not self.move(time):
            return None
        said: list[Message] = []
        for changed, hands in act_in_order(self._values, station, body, time):
            message = number(station, changed)
            for one in hands:
                self._accounts[one.fault.id].note(message, Effect.NONE)
            if not sending.say(message, time, station):
                return None
            said.append(message)
        self.said = max(self.said, time)
        return said

    def move(self, time: float) -> bool:
        """Begin and end what is to begin and to end by a time, and send what is due; False if no more is taken."""
        self._now = max(self._now, time)
        sending = self._ready()[1]
        for fault in [fault for fault in self._waiting if fault.since <= time]:
            self._waiting.remove(fault)
            self._begin(fault)
        taken = sending.release(time)
        for account in self.acting:
            if self._over(account.fault, time):
                taken = self._finish(account) and taken
        self._settle()
        self._flush(at_once=self.quiet or self._clock.pace < math.inf)
        return taken

    def finish(self) -> None:
        """Send what is held back and close all accounts; what nobody takes any more is noted as never sent."""
        self._ready()[1].finish()
        for account in self.acting:
            self._finish(account)
        self._settle()
        self._flush(at_once=True)

    def _ready(self) -> tuple[Outlet, Sending]:
        if self._bound is None:
            raise ValueError("bind the faults to an outlet first")
        return self._bound

    def _over(self, fault: Fault, time: float) -> bool:
        grace = self._grace if fault.kind.family is Family.VALUE else 0
        return fault.until is not None and fault.until + grace <= time

    def _begin(self, fault: Fault) -> None:
        stations = self.concerned(fault)
        where = tuple(f"{one.city}/{one.pillar}/{one.id}" for one in stations)
        outlet, sending = self._ready()
        account = Account(fault, (fault.target.where,) if fault.target.plain else where, outlet.note)
        if fault.kind.family is Family.CONNECTION:
            self._strike(fault, stations, account)
            return
        account.tell()
        self._accounts[fault.id] = account
        luck = Luck(self._streams, fault)
        if fault.kind.family is Family.VALUE:
            self._values.append(ValueFault(fault, luck, account))
            self._values.sort(key=lambda one: self._ranks[one.fault.id])
        else:
            sending.add(MessageFault(fault, luck, account, self._ranks[fault.id]))

    def _strike(self, fault: Fault, stations: Sequence[StationProfile], account: Account) -> None:
        connections = self.outlet.connections
        if connections is None:
            account.tell(refused="there are no connections")
            return
        harmed = strike(fault, stations, connections)
        account.acted = len(harmed)
        account.tell(connections=harmed)

    def _finish(self, account: Account) -> bool:
        taken = self._ready()[1].let_go(account.fault)
        del self._accounts[account.fault.id]
        self._values = [one for one in self._values if one.fault.id != account.fault.id]
        account.flush()
        account.tell()
        account.ended = True
        self._ended.append(account)
        return taken

    def _settle(self) -> None:
        held = 0
        if self._bound is not None:
            if not self._accounts:
                self._bound[1].forget()
            held = self._bound[1].held
        self.quiet = not (self._waiting or self._accounts or held)

    def _flush(self, *, at_once: bool) -> None:
        if at_once or wall.monotonic() - self._flushed > FLUSH:
            self._flushed = wall.monotonic()
            for account in (*self._accounts.values(), *self._ended):
                account.flush()
            if self.quiet:
                self._ended.clear()

    def _near(self, fault: Fault) -> str:
        asked = replace(fault.target, station=None)
        names = dict.fromkeys(one.id for many in self.stations.values() for one in many if asked.concerns(one))
        if not names:
            return "no station of this run has that city, pillar, kind and indicator"
        return f"expected a station such as {', '.join(list(names)[:8])}, came {fault.target.station}"
