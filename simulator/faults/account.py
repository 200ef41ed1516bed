"""What faults did, as lines of the ledger: which messages of which stations, in runs of consecutive numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from collector.language.ledger import Effect
from collector.language.ledger import Fault as Told
from collector.language.messages import Message
from collector.language.time import format_epoch
from simulator.faults.fault import Fault

Write = Callable[[Told], None]


Span = tuple[int, int]
"""The first and the last of consecutive numbers."""


@dataclass(slots=True)
class _Lines:
    """What a fault did with one effect: the line written last, and the numbers noted since, by station."""

    id: str = ""
    spans: dict[str, Span] = field(default_factory=dict)
    noted: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


class Account:
    """The lines of one fault.

    Its own line tells when it acts and how often it did. Each further one (`<id>.<n>`) names messages: one span of
    numbers for each station; it is written again when all that came after only makes its spans longer.
    """

    def __init__(self, fault: Fault, where: tuple[str, ...], write: Write) -> None:
        self.fault = fault
        self.acted = 0
        self._where = where
        self._write = write
        self._written = 0
        self._told = -1
        self.ended = False
        self._lines: defaultdict[Effect, _Lines] = defaultdict(_Lines)

    def tell(self, **facts: Any) -> None:
        """Write down that the fault is there, and what else is known of it."""
        self._told = self.acted
        fault = self.fault
        known: dict[str, Any] = {
            "parameters": {name: value for name, value in fault.parameters.items() if value is not None}
        }
        if fault.kind.probability is not None:
            known["probability"] = fault.probability
        known |= {name: value for name, value in asdict(fault.target).items() if value is not None}
        until = "" if fault.until is None else format_epoch(fault.until)
        facts = known | {"acted": self.acted} | facts
        since = format_epoch(fault.since)
        self._write(Told(fault.fault, fault.id, self._where, Effect.NONE, since, until, facts=facts))

    def note(self, message: Message, effect: Effect) -> None:
        """Note that the fault acted on a message."""
        at = message.address
        self.acted += 1
        self._lines[effect].noted[f"{at.city}/{at.pillar}/{at.station}"].append(message.seq or 0)

    def flush(self) -> None:
        """Write what has been noted: from here on it survives the end of this process.

        A fault that has ended may still act on what others held back: its own line is then written again.
        """
        for effect, lines in self._lines.items():
            if lines.noted:
                spans = {station: list(_spans(numbers)) for station, numbers in lines.noted.items()}
                lines.noted.clear()
                for rank in range(max(map(len, spans.values()))):
                    self._write_spans(effect, lines, {name: of[rank] for name, of in spans.items() if rank < len(of)})
        if self.ended and self._told != self.acted:
            self.tell()

    def _write_spans(self, effect: Effect, lines: _Lines, spans: dict[str, Span]) -> None:
        if not lines.id or any(name in lines.spans and lines.spans[name][1] + 1 != spans[name][0] for name in spans):
            self._written += 1
            lines.id, lines.spans = f"{self.fault.id}.{self._written}", {}
        for name, (first, last) in spans.items():
            lines.spans[name] = (lines.spans.get(name, (first, last))[0], last)
        where, facts = tuple(lines.spans), {"of": self.fault.id}
        self._write(Told(self.fault.fault, lines.id, where, effect, seq=dict(lines.spans), facts=facts))


def _spans(numbers: Iterable[int]) -> Iterator[Span]:
    ordered = sorted(set(numbers))
    first = 0
    for at, number in enumerate(ordered, start=1):
        if at == len(ordered) or ordered[at] != number + 1:
            yield ordered[first], number
            first = at
