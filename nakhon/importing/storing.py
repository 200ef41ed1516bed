"""What was read from files, into a store: through the same door as what comes from a broker, under the same checks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from collector.intake.decoder import Heard
from collector.intake.delivery import Delivery
from collector.intake.ingest import Ingest
from collector.intake.unnumbered import settle
from collector.language.codec import encode
from collector.language.errors import InputError, PayloadError
from collector.language.indicators import Origin
from collector.language.messages import Message, Readings, Statistic
from collector.language.profile import StationProfile, Status, encode_status
from collector.language.topics import Address, CityAddress, Kind
from collector.stores.protocol import Fate, Store
from nakhon.importing.reading import Bad, Imported, Said

SESSION = "import"
BATCH = 2_000
MOST_REVISIONS = 1_000
_ROWS = "import/"


@dataclass(slots=True)
class Stored:
    """What became of what was read: messages by fate, values that are new, statistics that became a revision."""

    fates: dict[Fate, int] = field(default_factory=lambda: dict.fromkeys(Fate, 0))
    values: int = 0
    revised: int = 0
    conflicts: list[str] = field(default_factory=list)


class _Rows:
    """A decoder that knows of each row that was refused why, so that the row is kept with its reason."""

    topics: Sequence[str] = ()

    def __init__(self, run: str, bad: Iterable[Bad]) -> None:
        self._run = run
        self.reasons = {f"{_ROWS}{one.file}#{one.row}": one for one in bad}

    def run(self, topic: str) -> str:
        return self._run if topic in self.reasons else ""

    def decode(self, topic: str, payload: bytes, received: float | None) -> Heard | None:  # noqa: ARG002
        if topic not in self.reasons:
            return None
        one = self.reasons[topic]
        raise PayloadError(f"{one.file} row {one.row}: {one.reason}"[:2000])


def check_run(store: Store, run: str, origin: Origin, imported: Sequence[Imported]) -> None:
    """Raise `InputError` if a run or a station of it has values of another origin."""
    known = next((info.origin for info in store.runs() if info.run == run), origin.value)
    if Origin.SIMULATED.value in (known, origin.value) and known != origin.value:
        raise InputError(f"the run {run} is {known}: give --run another name for what is {origin.value}")
    mine = {(said.profile.city, said.profile.pillar, said.profile.id) for one in imported for said in one.said}
    rows = store.series(run).select(["city", "pillar", "station", "origin"]).to_pylist()
    for row in rows:
        if row["origin"] != origin.value and (row["city"], row["pillar"], row["station"]) in mine:
            raise InputError(
                f"station {row['station']} of {row['city']} in run {run} is {row['origin']}: give what is "
                f"{origin.value} another station or another --run"
            )


def store_all(store: Store, run: str, origin: Origin, imported: Sequence[Imported]) -> Stored:
    """Store what was read. What is there already is recognised; what contradicts it is kept apart.

    Raises `StoreError` where the store refuses; what was stored by then is found again by another import.
    """
    check_run(store, run, origin, imported)
    rows = _Rows(run, (bad for one in imported for bad in one.bad))
    ingest = Ingest(store, decoders=[rows])
    ingest.stopping.set()  # a store that refuses is an error, not something to wait for
    now = time.time()
    ingest.process([*_births(store, run, origin, imported, now)])
    stored = Stored()
    messages = [_message(run, said, body) for one in imported for said in one.said for body in said.bodies]
    for first in range(0, len(messages), BATCH):
        some, revised = _as_revisions(store, messages[first : first + BATCH])
        stored.revised += revised
        _process(ingest, store, some, now, stored)
    refused = [Delivery(topic, one.text.encode(), now) for topic, one in rows.reasons.items()]
    for first in range(0, len(refused), BATCH):
        _count(ingest.process(refused[first : first + BATCH]).counts, stored)
    store.maintain()
    return stored


def _process(ingest: Ingest, store: Store, messages: Sequence[Message], now: float, stored: Stored) -> None:
    """Store messages; of a pack that contradicts what is stored, only what contradicts is kept out."""
    fates = [fate for fate, _ in settle(messages, store)]
    _store(ingest, [one for one, fate in zip(messages, fates, strict=True) if fate is not Fate.CONFLICT], now, stored)
    doubtful = [one for one, fate in zip(messages, fates, strict=True) if fate is Fate.CONFLICT]
    parts = [part for message in doubtful for part in _parts(message)]
    against = [part for part, (fate, _) in zip(parts, settle(parts, store), strict=True) if fate is Fate.CONFLICT]
    stored.conflicts += [_against(one, held) for one, held in zip(against, store.known(against), strict=True)]
    _store(ingest, parts, now, stored)


def _store(ingest: Ingest, messages: Sequence[Message], now: float, stored: Stored) -> None:
    for first in range(0, len(messages), BATCH):
        deliveries = [Delivery(_topic(one), encode(one), now) for one in messages[first : first + BATCH]]
        batch = ingest.process(deliveries)
        _count(batch.counts, stored)
        stored.values += sum(accepted.message.values for accepted in batch.accepted)


def _against(message: Message, held: object) -> str:
    """Which value contradicts which one that is stored; `held` is what is stored under its keys."""
    at, body = message.address, message.body
    if isinstance(body, Statistic):
        what, came = f"{body.indicator} of {body.period}, revision {body.revision}", body.value
        before = held.value if isinstance(held, Statistic) else None
    else:
        assert isinstance(body, Readings)  # noqa: S101 - a message for each value, of readings or of a statistic
        name, column = next(iter(body.columns.items()))
        what, came = f"{name} at {np.datetime_as_string(body.times[0], 's')}Z", float(column[0])
        before = float(held.columns[name][0]) if isinstance(held, Readings) and name in held.columns else None
    stored = "" if before is None or not np.isfinite(before) else f", {before:g} is stored"
    return f"{at.city}/{at.station}: {what}: {came:g} came{stored}"


def _count(counts: dict[tuple[str, Fate], int], stored: Stored) -> None:
    for (_, fate), count in counts.items():
        stored.fates[fate] += count


def _parts(message: Message) -> Iterator[Message]:
    """The same, a message for each value."""
    body = message.body
    if not isinstance(body, Readings):
        yield message
        return
    for name, column in body.columns.items():
        for place in range(len(body.times)):
            if column[place] == column[place]:
                one = Readings(body.times[place : place + 1], {name: column[place : place + 1]})
                yield replace(message, body=one)


def _as_revisions(store: Store, messages: Sequence[Message]) -> tuple[list[Message], int]:
    """Statistics without a revision get the one under which their value is stored, or the next one; how many next ones.

    A value that was published before is that publication again, so importing twice stores nothing twice.
    """
    open_ = {at: message for at, message in enumerate(messages) if _unnumbered(message)}
    done, revised = dict(enumerate(messages)), 0
    for revision in range(MOST_REVISIONS):
        asked = {at: _revision(message, revision) for at, message in open_.items()}
        for (at, message), held in zip(asked.items(), store.known(list(asked.values())), strict=True):
            assert isinstance(message.body, Statistic)  # noqa: S101 - for the type checker
            if isinstance(held, Statistic) and held.value != message.body.value:
                continue
            same = message if held is None else replace(message, body=held)
            done[at], revised = same, revised + (held is None and revision > 0)
            del open_[at]
        if not open_:
            return [done[at] for at in range(len(messages))], revised
    raise InputError(f"over {MOST_REVISIONS} revisions of a statistic: name the column of its revision")


def _unnumbered(message: Message) -> bool:
    return isinstance(message.body, Statistic) and message.body.revision < 0


def _revision(message: Message, revision: int) -> Message:
    assert isinstance(message.body, Statistic)  # noqa: S101 - only these are asked
    return replace(message, body=replace(message.body, revision=revision))


def _message(run: str, said: Said, body: Readings | Statistic) -> Message:
    kind = Kind.STATISTICS if isinstance(body, Statistic) else Kind.READINGS
    one = said.profile
    return Message(Address(run, one.city, one.pillar, one.id, kind), None, None, body)


def _topic(message: Message) -> str:
    return message.address.topic


def _births(store: Store, run: str, origin: Origin, imported: Sequence[Imported], now: float) -> Iterator[Delivery]:
    """What cities and stations say of themselves, if the run has not heard it; indicators of before stay theirs."""
    known = {profile.id for profile, _ in store.cities(run)}
    heard = {(one.city, one.pillar, one.id): one for one in store.stations(run)}
    for name, profile in {name: one for told in imported for name, one in told.cities.items()}.items():
        if name not in known:
            status = Status(True, SESSION, profile, origin)
            yield Delivery(CityAddress(run, name).topic, encode_status(status), now)
    for said in (said for told in imported for said in told.said):
        key = (said.profile.city, said.profile.pillar, said.profile.id)
        young = _merged(heard.get(key), said.profile)
        if heard.get(key) != young:
            heard[key] = young
            address = Address(run, young.city, young.pillar, young.id, Kind.STATUS)
            yield Delivery(address.topic, encode_status(Status(True, SESSION, young, origin)), now)


def _merged(old: StationProfile | None, young: StationProfile) -> StationProfile:
    if old is None:
        return young
    names = tuple(dict.fromkeys([*old.indicators, *young.indicators]))
    place = (young.latitude, young.longitude) if young.latitude is not None else (old.latitude, old.longitude)
    return replace(young, indicators=names, cadence=young.cadence or old.cadence, latitude=place[0], longitude=place[1])
