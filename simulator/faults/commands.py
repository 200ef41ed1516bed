"""Faults by command, while a run goes on: `fault.start`, `fault.stop`, `fault.list`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import count
from typing import Any

from collector.language.errors import InputError
from collector.language.time import format_epoch
from simulator.cities import describe_unknown
from simulator.clock import Command
from simulator.faults.account import Account
from simulator.faults.acting import Faults
from simulator.faults.fault import Fault
from simulator.faults.kinds import Family
from simulator.scenario_faults import Place, fault_of

MOST = 1_000


class FaultCommands:
    """Starts, stops and lists faults in a run; whatever begins or ends does so after all that was said already."""

    def __init__(self, faults: Faults, kinds: Sequence[str]) -> None:
        self._faults = faults
        self._kinds = kinds

    def commands(self) -> dict[str, Command]:
        """The commands by name."""
        return {"fault.start": self.start, "fault.stop": self.stop, "fault.list": self.told}

    def start(self, arguments: Mapping[str, Any], simulated: float) -> dict[str, object]:
        """Start the fault that the arguments describe, as an entry of `[[faults]]` does."""
        known = self._faults.names
        if len(known) >= MOST:
            raise InputError(f"expected at most {MOST} faults in a run; start another")
        fault = fault_of(
            arguments, Place(self._next(simulated), tuple(self._faults.stations), self._kinds), self._name()
        )
        if fault.id in known:
            raise InputError(f"id: expected one that no other fault has, came {fault.id}")
        if fault.kind.family is Family.CONNECTION and self._faults.outlet.connections is None:
            raise InputError(f"fault: this run has no connections to a broker, which {fault.fault} needs")
        self._faults.add([fault])
        return described(fault) | {"stations": len(self._faults.concerned(fault))}

    def stop(self, arguments: Mapping[str, Any], simulated: float) -> dict[str, object]:
        """Stop the fault of an `id`."""
        identity = str(arguments.get("id"))
        found = self._faults.end(identity, self._next(simulated))
        if found is None and identity in self._faults.names:
            raise InputError(f"id: the fault {identity} is over")
        if found is None:
            raise InputError(
                f"id: {describe_unknown('fault', identity, self._ids())}" if self._ids() else "no fault acts"
            )
        if isinstance(found, Fault):
            return described(found) | {"state": "never began", "acted": 0}
        return _state(found) | {"state": "ended"}

    def told(self, _arguments: Mapping[str, Any], _simulated: float) -> dict[str, object]:
        """List the faults that act, with how often they did, and those that wait."""
        waiting = [described(fault) | {"state": "waiting", "acted": 0} for fault in self._faults.waiting]
        return {"faults": [*(_state(account) for account in self._faults.acting), *waiting]}

    def _next(self, simulated: float) -> int:
        return int(max(math.ceil(simulated), self._faults.said + 1))

    def _ids(self) -> list[str]:
        acting = (account.fault for account in self._faults.acting)
        return [fault.id for fault in (*acting, *self._faults.waiting)]

    def _name(self) -> str:
        return next(name for number in count(1) if (name := f"live-{number}") not in self._faults.names)


def refusing() -> dict[str, Command]:
    """The same commands for a run that says what was recorded: each is refused with what to do instead."""

    def refuse(_arguments: Mapping[str, Any], _simulated: float) -> dict[str, object]:
        raise InputError(
            "this run says a recording again as it is, without faults: start them in a run of `nakhon simulate`"
        )

    return dict.fromkeys(("fault.start", "fault.stop", "fault.list"), refuse)


def described(fault: Fault) -> dict[str, object]:
    """A fault as plain data: the keys of an entry of `[[faults]]`."""
    told: dict[str, object] = {"id": fault.id, "fault": fault.fault, "from": format_epoch(fault.since)}
    if fault.until is not None:
        told["until"] = format_epoch(fault.until)
    told |= {name: value for name, value in asdict(fault.target).items() if value is not None}
    if fault.kind.probability is not None:
        told["probability"] = fault.probability
    return told | {name: value for name, value in fault.parameters.items() if value is not None}


def _state(account: Account) -> dict[str, object]:
    return described(account.fault) | {"state": "acting", "acted": account.acted}
