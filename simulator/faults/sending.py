"""From messages, numbered, to what is really sent: some never, some broken, some twice, late or in another order."""

from __future__ import annotations

import math
import time as wall
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from collector.language.ledger import Effect
from collector.language.messages import Event, Message, Readings
from collector.language.profile import StationProfile
from simulator.clock import Clock
from simulator.faults.fault import Fault
from simulator.faults.holding import Holding, Item, MessageFault, delay_of, next_burst, shuffled
from simulator.faults.outlet import Outlet
from simulator.faults.spoiling import Spoil, spoil_of
from simulator.faults.values import Body

PATIENCE = 0.2


class Sending:
    """Sends messages through message faults, in the order in which those were declared.

    A message that no fault strikes is published as ever. One that is struck is written in the ledger when it would
    have been said, and then sent as the faults will; its station is looked at once, when it is said.
    """

    def __init__(self, outlet: Outlet, clock: Clock) -> None:
        self._outlet, self._clock = outlet, clock
        self._faults: list[MessageFault] = []
        self._simulated, self._wall = Holding(), Holding()
        self._now = -math.inf

    def add(self, fault: MessageFault) -> None:
        """Have one more fault act, at its rank among them."""
        self._faults.append(fault)
        self._faults.sort(key=lambda one: one.rank)

    def change(self, fault: Fault) -> None:
        """Put a fault (another end, say) in the place of that of the same id."""
        for one in self._faults:
            if one.fault.id == fault.id:
                one.fault = fault

    def forget(self) -> None:
        """Forget all faults if nothing is held back; what is held knows its place among them."""
        if not self.held:
            self._faults = []

    @property
    def due(self) -> float:
        """The simulated time at which something is to be sent next; infinite if nothing is held until then."""
        return self._simulated.due

    @property
    def held(self) -> int:
        """How many messages (and copies) are held back."""
        gathered = sum(len(items) for one in self._faults for items in one.gathered.values())
        return len(self._simulated) + len(self._wall) + gathered

    def say(self, message: Message, time: int, station: StationProfile) -> bool:
        """Say a message of a station at a time; False if no more is taken."""
        self._now = max(self._now, time)
        item = Item(message, time)
        struck = [one for one in self._faults if concerns(one.fault, station, message.body) and one.acts(item)]
        if not struck:
            return self._outlet.publish(message)
        spoil = _spoil(struck, item)
        lost = next((one for one in struck if one.fault.fault == "lost"), None)
        if lost is not None:
            lost.account.note(message, Effect.MISSING)
            self._outlet.record(message, spoil)
            return True
        if spoil is not None and len(struck) == 1:
            return self._outlet.publish(message, spoil)
        self._outlet.record(message, spoil)
        return self._pass(replace(item, spoil=spoil, struck=tuple(struck)))

    def release(self, time: float) -> bool:
        """Send what is due by a simulated time, and by now; False if no more is taken."""
        self._now = max(self._now, time) if time < math.inf else self._now
        taken = True
        for holding, until in ((self._simulated, time), (self._wall, wall.monotonic())):
            for item in holding.ripe(until):
                taken = self._pass(item) and taken
        return taken

    def let_go(self, fault: Fault) -> bool:
        """Send what a fault has gathered; False if no more is taken."""
        taken = True
        for one in self._faults:
            if one.fault.id == fault.id:
                for station in list(one.gathered):
                    taken = self._let_go(one, station) and taken
        return taken

    def finish(self) -> None:
        """Send all that is held back, what waits for the wall when its time comes (at once if the run is stopped)."""
        while self.held:
            if self._clock.stopped:
                self._wall.hurry()
            self.release(math.inf)
            for one in self._faults:
                self.let_go(one.fault)
            if self._wall.due < math.inf:
                wall.sleep(max(0.0, min(self._wall.due - wall.monotonic(), PATIENCE)))

    def _pass(self, item: Item) -> bool:
        """Send a message through the faults that struck it, from its place on."""
        for at in range(item.place, len(item.struck)):
            one = item.struck[at]
            match one.fault.fault:
                case "duplicate":
                    if not self._duplicate(one, item, at):
                        return False
                case "late":
                    return self._late(one, item, at)
                case "burst":
                    one.account.note(item.message, Effect.LATE)
                    return self._hold(replace(item, by=one.account), next_burst(one.fault, item.time), at)
                case "reorder":
                    return self._gather(one, item, at)
        return self._send(item)

    def _duplicate(self, one: MessageFault, item: Item, at: int) -> bool:
        """The copies: sent after the message itself, at once or when their time has come."""
        parameters = one.fault.parameters
        one.account.note(item.message, Effect.DUPLICATED)
        for _ in range(parameters["copies"]):
            copy = replace(item, copy=True, by=one.account)
            self._hold(copy, max(self._now, item.time) + parameters["delay"], at)
        return True

    def _late(self, one: MessageFault, item: Item, at: int) -> bool:
        one.account.note(item.message, Effect.LATE)
        delay = delay_of(one.fault, one.luck, item)
        held = replace(item, by=one.account)
        if one.fault.parameters["clock"] == "simulated":
            return self._hold(held, self._now + delay, at)
        if self._clock.pace < math.inf:
            return self._hold(held, self._now + delay * self._clock.pace, at)
        self._wall.hold(held, wall.monotonic() + delay, at + 1)
        return True

    def _hold(self, item: Item, due: float, at: int) -> bool:
        self._simulated.hold(item, due, at + 1)
        return True

    def _gather(self, one: MessageFault, item: Item, at: int) -> bool:
        station = item.about[:2]
        gathered = one.gathered.setdefault(station, [])
        gathered.append(replace(item, by=one.account, place=at + 1))
        return len(gathered) < one.fault.parameters["window"] or self._let_go(one, station)

    def _let_go(self, one: MessageFault, station: tuple[str, str]) -> bool:
        items = one.gathered.pop(station)
        taken = True
        for item in shuffled(items, lambda item: one.luck.uniform("order", *item.about, item.copy)):
            if len(items) > 1:
                one.account.note(item.message, Effect.REORDERED)
            taken = self._pass(item) and taken
        return taken

    def _send(self, item: Item) -> bool:
        if self._outlet.send(item.message, item.spoil, copy=item.copy):
            return True
        if not item.copy:  # it is in the ledger: say that it was never sent
            (item.by or item.struck[-1].account).note(item.message, Effect.MISSING)
        return False


def concerns(fault: Fault, station: StationProfile, body: Body) -> bool:
    """Whether a fault concerns a message of a station: with an indicator, one that tells something of it."""
    if not fault.target.concerns(station):
        return False
    name = fault.target.indicator
    if name is None:
        return True
    if isinstance(body, Readings):
        return name in body.columns and bool(np.isfinite(body.columns[name]).any())
    return name in body.fields if isinstance(body, Event) else name == body.indicator


def _spoil(struck: Sequence[MessageFault], item: Item) -> Spoil | None:
    """What breaks a payload: the last fault that does, for what is broken twice is broken once."""
    spoil = None
    for one in struck:
        if one.fault.fault == "malformed":
            one.account.note(item.message, Effect.MALFORMED)
            spoil = spoil_of(one.fault, one.luck, *item.about)
    return spoil
