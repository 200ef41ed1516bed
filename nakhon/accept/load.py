"""The load of a plan: a scenario said to a broker at its pace, in a ledger that others may write steps into."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from collector.language.broker import Broker
from collector.language.ledger import Header, LedgerWriter
from collector.language.time import format_epoch
from nakhon import __version__
from nakhon.stage import Play
from simulator.broadcast import Tell
from simulator.fleet import Fleet
from simulator.formats import Open
from simulator.publisher import Account, Publisher
from simulator.service import Service, check_service

UNHINDERED = 60_000
"""A window of messages under way so wide that no consumer under test slows the load down by being slow itself."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a load is said: in which format, over which connections, with which promises."""

    make: Open
    service: Service
    fleet: Fleet


@dataclass(frozen=True, slots=True)
class Said:
    """What became of a load: whether it was said to its end, what the broker did not take, how late it was said."""

    messages: int
    values: int
    seconds: float
    left: int
    late: float
    account: Account

    @property
    def whole(self) -> bool:
        """Whether the broker took everything."""
        return not (self.left or self.account.refused or self.account.unsent or self.account.gave_up)


def say(
    play: Play,
    manner: Manner,
    broker: Broker,
    ledger: Path,
    tell: tuple[Callable[[str], None], Tell],
    begun: Callable[[LedgerWriter], Callable[[], None]],
) -> Said:
    """Say a play to a broker.

    `begun` is called as it begins, and returns what to wait for before the ledger is closed; `tell` is for complaints
    and for progress.

    Raises `BrokerError` if the broker cannot be reached, `InputError` for demands without sense.
    """
    complain, progress = tell
    check_service(manner.service, broker)
    facts = play.facts | {"nakhon": __version__, "mqtt": broker.protocol, "qos": manner.service.qos}
    origin = next(iter(play.cast.births.values())).origin
    with LedgerWriter(ledger, Header(play.cast.run, play.session, str(origin), facts)) as book:
        publisher = Publisher(
            broker,
            play.cast,
            play.session,
            service=manner.service,
            fleet=manner.fleet,
            make=manner.make,
            ledger=book,
            tell=complain,
            obey=play.clock.command,
        )
        publisher.start()
        play.clock.free_until = play.clock.start + 1  # its schedule begins now, not when it was made
        began = time.monotonic()
        wait = begun(book)
        play.perform(publisher, progress)
        spent = time.monotonic() - began
        wait()
        left = publisher.finish()
        if not left:
            book.close(format_epoch(int(time.time())), **{k: v for k, v in publisher.account.counts.items() if v})
    late = play.clock.lateness
    return Said(play.progress.messages, play.progress.values, spent, left, late.quantile(0.99), publisher.account)
