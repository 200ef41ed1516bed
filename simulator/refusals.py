"""What a broker does not take: larger than it says it takes, and so kept back, or answered with a refusal (MQTT 5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from collector.language.ledger import Fault
from collector.language.messages import Message
from collector.language.session import LARGEST_PACKET
from simulator.formats import Outgoing
from simulator.line import Line
from simulator.outcome import Account
from simulator.unsent import Spans, missing, widen

OVERHEAD = 256  # bytes of a packet beside topic and payload


class Refusals:
    """Counts what is refused, tells of the first, and names the messages in the ledger (network thread).

    There is a line in the ledger for each run of consecutive numbers of a station, written again as it grows.
    """

    def __init__(self, account: Account, note: Callable[[Fault], None], tell: Callable[[str], None]) -> None:
        self._account = account
        self._note = note
        self._tell = tell
        self._runs: defaultdict[str, Spans] = defaultdict(dict)

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
        runs, at = self._runs[kind], message.address
        key = at.city, at.pillar, at.station
        if runs.get(key, [0, -2])[1] + 1 != message.seq:
            runs.pop(key, None)
        widen(runs, message)
        run = {key: runs[key]}
        self._note(missing(kind, f"{'/'.join(key)} from {run[key][0]}, {reason}", run))
