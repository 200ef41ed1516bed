"""What was said and is not handed over yet: written in the ledger a block at a time, and only then sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from collector.language.errors import LedgerError
from collector.language.ledger import Fault, LedgerWriter, Record
from collector.language.messages import Message
from collector.language.network import Network
from simulator.formats import Outgoing
from simulator.line import Line

BLOCK = 256
"""Messages written and handed over at once, before the network is looked at again."""


class Item(NamedTuple):
    """A message to write down, to send over a line, or both; or a fault to write down."""

    message: Message | None = None
    record: Record | None = None
    line: Line | None = None
    out: Outgoing | None = None
    fault: Fault | None = None


class Outbox:
    """Takes what is said in any thread; the network thread writes a block of it down and then sends that block.

    One write into the ledger for each block costs a fraction of one for each message, and nothing is sent before it is
    with the system. At a low rate a block is one message. `broken` is called when the ledger cannot be written: nothing
    is sent then, and `check` raises the error.
    """

    def __init__(
        self, network: Network, ledger: LedgerWriter | None, hand: Callable[[Line, Outgoing, Message], None],
        broken: Callable[[], None],
    ) -> None:  # fmt: skip
        self._network = network
        self._ledger = ledger
        self._hand = hand
        self._broken = broken
        self._items: deque[Item] = deque()
        self._called = False
        self._error: LedgerError | ValueError | None = None

    def put(self, item: Item) -> None:
        """Have something written and sent, after everything that was put before (any thread)."""
        self._items.append(item)
        if not self._called:
            self._called = True
            self._network.call(self._empty)

    def _empty(self) -> None:
        self._called = False  # before looking: another thread may put more meanwhile
        block = self._take()
        try:
            self._write(block)
            self._send(block)
        except (LedgerError, ValueError) as error:  # a full disk, a topic that is none: tell whoever speaks
            self._error = self._error or error
            self._broken()
        if self._items and not self._called:
            self._called = True
            self._network.call(self._empty)

    def _take(self) -> list[Item]:
        return [self._items.popleft() for _ in range(min(BLOCK, len(self._items)))]

    def _write(self, block: list[Item]) -> None:
        """Have all of a block in the ledger, in the order in which it was put."""
        if self._ledger is None:
            return
        self.check()
        records: list[Record] = []
        for item in block:
            if item.record is not None:
                records.append(item.record)
            elif item.fault is not None:
                self._ledger.record_all(records)
                self._ledger.fault(item.fault)
                records = []
        self._ledger.record_all(records)

    def _send(self, block: list[Item]) -> None:
        for item in block:
            if item.message is not None and item.line is not None and item.out is not None:
                self._hand(item.line, item.out, item.message)

    def check(self) -> None:
        """Raise what stopped the writing or the sending, if anything did."""
        if self._error is not None:
            raise self._error

    def keep(self) -> None:
        """Write down what will never be sent, as the network has ended; raises what `check` does."""
        self.check()
        while block := self._take():
            self._write(block)
