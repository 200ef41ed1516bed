"""What a broker does not take: larger than it says it takes, and so kept back, or answered with a refusal (MQTT 5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from collector.language.ledger import Fault
from collector.language.messages import Message
from collector.language.session import LARGEST_PACKET
from simulator.formats import Outgoing
from simulator.line import Line
from simulator.outcome import Account
from simulator.unsent import missing

OVERHEAD = 256  # bytes of a packet beside topic and payload
Station = tuple[str, str, str]


class Refusals:
    """Counts what is refused, tells of the first, and names the messages in the ledger (network thread).

    There is a line in the ledger for each run of consecutive numbers of a station, written again when it has doubled
    and when it ends.
    """

    def __init__(self, account: Account, note: Callable[[Fault], None], tell: Callable[[str], None]) -> None:
        self._account = account
        self._note = note
        self._tell = tell
        self._runs: dict[tuple[str, Station], _Run] = {}

    def fits(self, line: Line, out: Outgoing, message: Message | None = None) -> bool:
        """Whether the broker takes a packet of that size; it hangs up on one that is larger."""
        most = line.connection.limits.packet
        if most == LARGEST_PACKET or len(out.topic) + len(out.payload) + OVERHEAD <= most:
            return True
        self._count(f"it takes packets of at most {most:,} bytes")
        self._name("packet_too_large", message, f"over {most} bytes")
        return False

    def answered(self, message: Message | None, reason: str) -> None:
        """The broker has answered with a refusal: a message, or something said beside the messages."""
        self._count(reason)
        self._name("broker_refused", message, reason)

    def _count(self, reason: str) -> None:
        self._account.refused += 1
        if not self._account.refusal:
            self._account.refusal = reason
            self._tell(f"the broker refuses what is said: {reason}; check its access list and limits")

    def _name(self, kind: str, message: Message | None, reason: str) -> None:
        if message is None or message.seq is None:
            return
        at = message.address
        key = kind, (at.city, at.pillar, at.station)
        run = self._runs.get(key)
        if run is None or run.last + 1 != message.seq:
            if run is not None:
                self._tell_of(*key, run)
            run = self._runs[key] = _Run(reason, message.seq, message.seq - 1)
        run.last = message.seq
        if run.last - run.first + 1 >= 2 * run.told:
            self._tell_of(*key, run)

    def finish(self) -> None:
        """The run is over: name what has been refused since it was last written down."""
        for key, run in self._runs.items():
            self._tell_of(*key, run)

    def _tell_of(self, kind: str, station: Station, run: _Run) -> None:
        if (length := run.last - run.first + 1) > run.told:
            run.told = length
            identity = f"{'/'.join(station)} from {run.first}, {run.reason}"
            self._note(missing(kind, identity, {station: [run.first, run.last]}))


@dataclass(slots=True)
class _Run:
    """Consecutive numbers of a station that were refused, and how many of them stand in the ledger."""

    reason: str
    first: int
    last: int
    told: int = 0
