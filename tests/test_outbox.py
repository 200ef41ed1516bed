"""What was said is in the ledger before it is sent, and nothing is sent that the ledger does not take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parts import wait_for

from collector.language.codec import encode
from collector.language.ledger import Effect, Fault, Header, LedgerWriter, read_ledger
from collector.language.messages import Message, Readings
from collector.language.network import Network
from collector.language.topics import Address
from simulator.formats import Outgoing
from simulator.outbox import BLOCK, Item, Outbox

ADDRESS = Address("run", "chiang-mai", "environment", "aq-01")
LINE: Any = object()  # it is only handed on


def item(seq: int) -> Item:
    body = Readings(np.array(["2026-03-01T08:00:00"], dtype="datetime64[s]"), {"pm25": np.array([1.5])})
    message = Message(ADDRESS, "9f3c", seq, body)
    payload = encode(message)
    return Item(message, (message, payload, None), LINE, Outgoing(ADDRESS.topic, payload))


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network("test")
    network.start()
    yield network
    network.stop()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[LedgerWriter]:
    with LedgerWriter(tmp_path / "run.ledger", Header("run", "9f3c", "simulated")) as ledger:
        yield ledger


def test_each_message_is_in_the_ledger_when_it_is_sent_and_in_order(
    tmp_path: Path, network: Network, ledger: LedgerWriter
) -> None:
    sent: list[tuple[int | None, bool]] = []

    def hand(_line: object, _out: Outgoing, message: Message) -> None:
        lines = (tmp_path / "run.ledger").read_bytes().splitlines()
        sent.append((message.seq, any(b'"seq": %d,' % (message.seq or 0) in line for line in lines)))

    outbox = Outbox(network, ledger, hand, lambda: None)
    many = BLOCK + 10
    for seq in range(many // 2):
        outbox.put(item(seq))
    outbox.put(Item(fault=Fault("silence", "f1", ("*",), Effect.MISSING)))
    for seq in range(many // 2, many):
        outbox.put(item(seq))
    wait_for(lambda: len(sent) == many, 20, "all to be sent")
    assert sent == [(seq, True) for seq in range(many)]
    kinds = [line[:4] for line in (tmp_path / "run.ledger").read_text().splitlines()[1:]]
    assert kinds.index('{"fa') == many // 2


def test_nothing_is_sent_that_the_ledger_does_not_take_and_whoever_speaks_is_told(
    network: Network, ledger: LedgerWriter
) -> None:
    sent: list[Message] = []
    stopped: list[bool] = []
    outbox = Outbox(network, ledger, lambda _line, _out, message: sent.append(message), lambda: stopped.append(True))
    ledger.abandon()
    outbox.put(item(0))
    wait_for(lambda: bool(stopped), 10, "the publisher to be stopped")
    assert not sent
    with pytest.raises(ValueError, match="closed file"):
        outbox.check()


def test_what_was_said_and_never_sent_is_in_the_ledger_all_the_same(
    tmp_path: Path, network: Network, ledger: LedgerWriter
) -> None:
    network.stop()
    outbox = Outbox(network, ledger, lambda *_: None, lambda: None)
    for seq in range(BLOCK + 5):
        outbox.put(item(seq))
    outbox.keep()
    assert len(read_ledger(tmp_path / "run.ledger").entries) == BLOCK + 5
