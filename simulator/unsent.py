"""Which messages a broker has not got, or may not have, though they were said: named in the ledger.

Nothing is acknowledged at QoS 0, and what the system has taken may never have left it. But the answer to a PINGREQ
proves that the broker has everything that was said before it (an assumption: no broker is known that does not take what
comes over a connection in order). It is asked every second while something is said.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from collector.language.ledger import Effect, Fault
from collector.language.messages import Message
from collector.language.network import Network
from simulator.line import Line

ASK_EVERY = 1.0
Spans = dict[tuple[str, str, str], list[int]]
"""First and last number by city, pillar and station."""


@dataclass(slots=True)
class _Doubt:
    """Of one connection: what was said before and since the broker was asked, and what the break that lasts took."""

    asked: Spans | None = None
    since: Spans = field(default_factory=dict)
    waiting: bool = False
    broke: str | None = None
    grown: bool = False


class Unproven:
    """Notes, for each break of a connection at QoS 0, the messages that the broker may not have (network thread).

    The line in the ledger is written when a connection breaks, and again under the same id when it stands again or the
    run ends, with what was said in between.
    """

    def __init__(self, network: Network, note: Callable[[Fault], None]) -> None:
        self._network = network
        self._note = note
        self._doubts: defaultdict[Line, _Doubt] = defaultdict(_Doubt)

    def handed(self, line: Line, message: Message, *, sent: bool) -> None:
        """A message was handed to a connection, or found none."""
        if message.seq is None:
            return
        doubt = self._doubts[line]
        _widen(doubt.since, message)
        if not sent:
            doubt.grown = True
        elif not doubt.waiting:
            doubt.waiting = True
            self._network.later(ASK_EVERY, partial(self._ask, line))

    def _ask(self, line: Line) -> None:
        doubt = self._doubts[line]
        doubt.waiting = False
        if line.up and doubt.asked is None and doubt.since:
            line.connection.client.on_alive = partial(self._proven, line)
            if line.connection.client.ask():
                doubt.asked, doubt.since = doubt.since, {}

    def _proven(self, line: Line) -> None:
        self._doubts[line].asked = None

    def down(self, line: Line) -> None:
        """A connection broke: write down what may have gone with it."""
        doubt = self._doubts[line]
        moment = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        doubt.broke = f"QoS 0, {line.member.label}, {moment}"
        doubt.since, doubt.asked = _joined(doubt.asked or {}, doubt.since), None
        doubt.grown = bool(doubt.since)
        self._tell(doubt)

    def up(self, line: Line) -> None:
        """A connection stands: what was said while it did not is lost, and nothing else is in doubt."""
        doubt = self._doubts[line]
        self._tell(doubt)
        doubt.broke, doubt.since, doubt.asked = None, {}, None

    def end(self) -> None:
        """The run is over: write down what was said over connections that do not stand."""
        for doubt in self._doubts.values():
            self._tell(doubt)

    def _tell(self, doubt: _Doubt) -> None:
        if doubt.broke is not None and doubt.grown:
            doubt.grown = False
            self._note(missing("connection_lost", doubt.broke, doubt.since))


def _widen(spans: Spans, message: Message) -> None:
    """Have the spans hold the number of a message too."""
    at, seq = message.address, message.seq or 0
    span = spans.get((at.city, at.pillar, at.station))
    if span is None:
        spans[at.city, at.pillar, at.station] = [seq, seq]
    elif seq > span[1]:
        span[1] = seq
    elif seq < span[0]:
        span[0] = seq


def missing(kind: str, identity: str, spans: Spans) -> Fault:
    """The line of the ledger that says that those numbers may never arrive."""
    seq = {"/".join(station): (first, last) for station, (first, last) in sorted(spans.items())}
    return Fault(kind, identity, tuple(seq), Effect.MISSING, seq=seq)


def _joined(one: Spans, other: Spans) -> Spans:
    both = dict(one)
    for station, (first, last) in other.items():
        before = both.get(station, (first, last))
        both[station] = [min(first, before[0]), max(last, before[1])]
    return both
