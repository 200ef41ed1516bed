"""What was rejected, replayed once it can be understood: after an upgrade, or mended by a mapping."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from rich.text import Text

from collector.intake import decoder
from collector.intake.decoder import Decoder, Heard
from collector.intake.ingest import Delivery, Ingest
from collector.intake.positions import Positions
from collector.intake.unnumbered import settle
from collector.language.broker import Broker
from collector.language.codec import decode, digest, encode
from collector.language.connection import Connection, Network, Session
from collector.language.errors import BrokerError, InputError, WireError
from collector.language.profile import encode_status
from collector.language.topics import Address, Kind, parse_topic
from collector.mapping.devices import NO_TIME
from collector.stores.protocol import Fate, Rejection, Store, Stream
from nakhon import mapping
from nakhon.rejected import SHORT, Choice, chosen, identity, kind_of, opened
from nakhon.terminal.console import shown
from nakhon.terminal.plain import plain

OUTCOMES_SHOWN = 10
BATCH = 2_000
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a replay makes of a rejection: `verdict` is new, stored, conflict, or cannot (with the reason)."""

    rejection: Rejection
    verdict: str
    reason: str = ""
    heard: Heard | None = None


def plan(rejections: Sequence[Rejection], decoders: Sequence[Decoder], store: Store, *, remote: bool) -> list[Outcome]:
    """What a replay would make of each rejection, in order; nothing is changed.

    A `remote` store cannot be asked for readings by station and time: what has no number counts as new there.
    """
    outcomes = [_understood(one, decoders) for one in rejections]
    positions = Positions(store.positions())
    fates = [_fates(one, positions) for one in outcomes]
    if not remote:
        _settle(outcomes, fates, store)
    return [_judged(one, known) for one, known in zip(outcomes, fates, strict=True)]


def replay(source: str, choice: Choice, maps: Sequence[str], broker: Broker | None, *, dry: bool) -> bool:
    """Replay what was rejected, as it is or by mappings, into its store or to a broker; whether all of it could be.

    Raises `InputError` if there is nowhere to put it.
    """
    remote = source.startswith(("http://", "https://"))
    if remote and broker is None and not dry:
        raise InputError("a running collector is written to through its broker: give --broker mqtt://HOST:PORT")
    with opened(source, read_only=dry or remote or broker is not None) as store:
        kept = chosen(store, choice)
        outcomes = plan(kept, mapping.decoders(maps, quiet=True), store, remote=remote)
        _show_plan(outcomes, dry=dry)
        new = [one for one in outcomes if one.verdict == "new"]
        if broker is None and not dry:
            into_store(store, new, mapping.decoders(maps, quiet=True))
            shown.print(f"stored {len(new):,} messages in {store.url}", markup=False)
    if broker is not None and not dry:
        to_broker(broker, new)
        shown.print(f"{broker.url} took {len(new):,} messages", markup=False)
    return all(one.verdict in ("new", "stored") for one in outcomes)


def into_store(store: Store, outcomes: Sequence[Outcome], decoders: Sequence[Decoder]) -> None:
    """Store what is new, known by its original bytes: delivered again, it is recognised. Raises `StoreError`."""
    ingest = Ingest(store, decoders=decoders)
    ingest.stopping.set()  # a store that refuses is told at once
    for first in range(0, len(outcomes), BATCH):
        ingest.process([_delivery(one.rejection) for one in outcomes[first : first + BATCH]])


def to_broker(broker: Broker, outcomes: Sequence[Outcome]) -> None:
    """Publish what can be understood: as it was, or in wire version 1 if a mapping or a format was needed.

    Returns when the broker has taken everything. Raises `BrokerError` if it does not, or (MQTT 5) refuses something.
    """
    posts = [post for one in outcomes for post in _posts(one)]
    taken, all_taken = Counter[str](), threading.Event()
    refusals: list[str] = []

    def acknowledged(_mid: int) -> None:
        taken["messages"] += 1
        if taken["messages"] >= len(posts):
            all_taken.set()

    session = Session(f"nakhon-replay-{blake2b(str(time.time_ns()).encode(), digest_size=4).hexdigest()}")
    network = Network("replay").start()
    try:
        connection = Connection(
            network, broker, session, on_acknowledged=acknowledged, on_refused=lambda _mid, why: refusals.append(why)
        )
        network.add(connection)
        connection.wait_up(10.0)
        for topic, payload, retain in posts:
            connection.client.publish(topic, payload, qos=1, retain=retain)
        if posts and not all_taken.wait(PATIENCE + len(posts) / 1000):
            raise BrokerError(f"{broker.url} took {taken['messages']} of {len(posts)} messages; replay again")
        if refusals:
            refused = f"{len(refusals)} of {len(posts)} messages: {refusals[0]}"
            raise BrokerError(f"{broker.url} refuses {refused}; check its access list and replay again")
    finally:
        network.stop()


def _understood(one: Rejection, decoders: Sequence[Decoder]) -> Outcome:
    if len(one.payload) < one.size:
        return Outcome(one, "cannot", f"only {len(one.payload):,} of its {one.size:,} bytes were kept")
    try:
        heard = _heard(one, decoders)
    except WireError as error:
        return Outcome(one, "cannot", str(error))
    return Outcome(one, "new", heard=heard)


def _heard(one: Rejection, decoders: Sequence[Decoder]) -> Heard:
    """What a collector with these decoders hears: wire version 1 first. Raises `WireError`."""
    try:
        address = parse_topic(one.topic)
        if isinstance(address, Address) and address.kind is not Kind.STATUS:
            return Heard(address.run, (decode(address, one.payload),))
        error = WireError("a birth or a will: they come again by themselves")
    except WireError as refused:
        error = refused
    heard = decoder.decode(decoders, one.topic, one.payload, None if one.reason == NO_TIME else one.received)
    if heard is None:
        raise error
    return heard


def _fates(one: Outcome, positions: Positions) -> list[Fate]:
    """The fates of numbered messages; a message that is new is taken note of."""
    fates = []
    for message in one.heard.messages if one.heard else ():
        if message.session is not None and message.seq is not None:
            address = message.address
            stream = Stream(address.run, address.city, address.station, message.session)
            fate = positions.fate(stream, message.seq, one.rejection.digest)
            if fate is Fate.CONFLICT:  # unless what came through a broker is this message, mended
                fate = positions.fate(stream, message.seq, digest(encode(message)))
            fates.append(fate)
            if fate is Fate.STORED:
                positions.add(stream, message.seq, one.rejection.digest)
    return fates


def _settle(outcomes: Sequence[Outcome], fates: Sequence[list[Fate]], store: Store) -> None:
    """Add the fates of messages without a number, as the store tells them."""
    waiting = [
        (known, message)
        for one, known in zip(outcomes, fates, strict=True)
        for message in (one.heard.messages if one.heard else ())
        if message.seq is None
    ]
    for first in range(0, len(waiting), BATCH):
        some = waiting[first : first + BATCH]
        for (known, _), (fate, _) in zip(some, settle([message for _, message in some], store), strict=True):
            known.append(fate)


def _judged(one: Outcome, fates: Sequence[Fate]) -> Outcome:
    if one.heard is None:
        return one
    if Fate.CONFLICT in fates:
        return replace(one, verdict="conflict", reason="it contradicts what is stored")
    unknown = len(fates) < len(one.heard.messages)
    return one if unknown or Fate.STORED in fates else replace(one, verdict="stored")


def _posts(one: Outcome) -> Iterator[tuple[str, bytes, bool]]:
    assert one.heard is not None  # noqa: S101 - only what was understood is published
    if one.heard.messages and _follows_the_wire(one.rejection):
        yield one.rejection.topic, one.rejection.payload, False
        return
    for address, status in one.heard.births:
        yield (
            address.topic if not isinstance(address, Address) else f"{address.topic}/status",
            encode_status(status),
            True,
        )
    for message in one.heard.messages:
        yield message.address.topic, encode(message), False


def _follows_the_wire(one: Rejection) -> bool:
    try:
        address = parse_topic(one.topic)
        return isinstance(address, Address) and bool(decode(address, one.payload))
    except WireError:
        return False


def _delivery(one: Rejection) -> Delivery:
    return Delivery(one.topic, one.payload, one.received, retained=one.reason == NO_TIME)


def _show_plan(outcomes: Sequence[Outcome], *, dry: bool) -> None:
    counted = Counter(one.verdict for one in outcomes)
    for one in [one for one in outcomes if one.verdict == "new"][:OUTCOMES_SHOWN] if dry else ():
        messages = one.heard.messages if one.heard else ()
        for message in messages[:3]:
            shown.print(Text(f"{identity(one.rejection)[:SHORT]}  {message.address.topic}"), soft_wrap=True)
            shown.print(Text(f"          {encode(message).decode()[:400]}"), soft_wrap=True)
    why = Counter(kind_of(one.reason) for one in outcomes if one.verdict in ("cannot", "conflict"))
    for reason, count in why.most_common(OUTCOMES_SHOWN):
        shown.print(Text(f"{count:>9,}  cannot be replayed: {plain(reason, 200)}", style="yellow"), soft_wrap=True)
    shown.print(
        f"{len(outcomes):,} rejected: {counted['new']:,} {'would be' if dry else 'to be'} replayed, "
        f"{counted['stored']:,} stored already, {counted['conflict'] + counted['cannot']:,} cannot be",
        markup=False,
    )
