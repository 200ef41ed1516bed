"""A city whose stations speak all formats: every kind of station, names that need escaping, arbitrary messages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from collector.language.codec import MAXIMUM_SEQ
from collector.language.indicators import IndicatorKind, Origin, indicators
from collector.language.messages import Event, Message, Readings, Statistic
from collector.language.profile import CityProfile, StationProfile, Status
from collector.language.topics import Address, Kind
from simulator.formats import Format, Outgoing, format_of
from simulator.formats.stations import HAPPENINGS
from simulator.stations import KINDS

SCHEMAS = {
    path.name.removesuffix(".json"): json.loads(path.read_text("utf-8"))
    for path in files("simulator.formats").joinpath("schemas").iterdir()
}
RUN, SESSION = "demo", "9f3c21"
CITY = CityProfile("chiang-mai", 'เชียงใหม่ "นคร"', "TH", 18.79, 98.98, "Asia/Bangkok")


@dataclass(frozen=True)
class Company:
    """Who speaks."""

    run: str
    births: dict[str, Status]
    stations: dict[str, Sequence[StationProfile]]


STATIONS = {
    kind: StationProfile(
        f"{made.prefix}-01", CITY.id, made.pillar, kind, f"สถานี {made.name}", 900 if made.periodic else 0,
        made.indicators, 18.7, 98.9,
    )
    for kind, made in KINDS.items()
}  # fmt: skip
COMPANY = Company(RUN, {CITY.id: Status(True, SESSION, CITY, Origin.SIMULATED)}, {CITY.id: tuple(STATIONS.values())})
BODIES = {Readings: Kind.READINGS, Event: Kind.EVENTS, Statistic: Kind.STATISTICS}


def opened(name: str, **options: str) -> Format:
    """A format for the company."""
    return format_of(name, **options)(COMPANY)


def message(kind: str, body: Readings | Event | Statistic, seq: int | None = 7) -> Message:
    """A body as a message of the station of a kind; not numbered without `seq`."""
    station = STATIONS[kind]
    address = Address(RUN, station.city, station.pillar, station.id, BODIES[type(body)])
    return Message(address, None if seq is None else SESSION, seq, body)


def say(speaker: Format, one: Message) -> list[tuple[Message, Outgoing]]:
    """A message in its parts, each numbered on from its own, and what is sent of each."""
    told = []
    for at, body in enumerate(speaker.parts(one.body)):
        part = replace(one, body=body, seq=None if one.seq is None else one.seq + at)
        told += [(part, sent) for sent in speaker.encode(part)]
    return told


def readings(epochs: Sequence[int], **columns: Sequence[float]) -> Readings:
    """Readings at times in seconds since 1970."""
    times = np.array(epochs, dtype=np.int64).view("datetime64[s]")
    return Readings(times, {name: np.array(cells, dtype=float) for name, cells in columns.items()})


def facts(*bodies: Readings | Event | Statistic) -> set[tuple[str, int, float]]:
    """The readings in bodies: indicator, epoch, value; missing ones do not count."""
    return {
        (name, epoch, value)
        for body in bodies
        if isinstance(body, Readings)
        for name, column in body.columns.items()
        for epoch, value in zip(body.times.view(np.int64).tolist(), column.tolist(), strict=True)
        if value == value
    }


NOON = 1_772_366_400  # 2026-03-01T12:00:00Z
SPEAKING = [
    kind for kind, made in KINDS.items()
    if any(indicators()[name].kind in (IndicatorKind.SENSOR, IndicatorKind.COUNT) for name in made.indicators)
]  # fmt: skip
few = settings(max_examples=25, deadline=None)
finite = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
epochs = st.integers(300_000_000, 4_000_000_000)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)


@st.composite
def any_readings(draw: st.DrawFn, cells: st.SearchStrategy[float] = finite, most: int = 4) -> tuple[str, Readings]:
    """A kind of station, and readings of it, some of them missing."""
    kind = draw(st.sampled_from(SPEAKING))
    times = sorted(draw(st.sets(epochs, min_size=1, max_size=most)))
    column = st.lists(st.one_of(cells, st.just(float("nan"))), min_size=len(times), max_size=len(times))
    spoken = (IndicatorKind.SENSOR, IndicatorKind.COUNT)
    names = [name for name in STATIONS[kind].indicators if indicators()[name].kind in spoken]
    return kind, readings(times, **{name: draw(column) for name in names})


any_event = st.builds(
    Event,
    epochs.map(lambda epoch: np.datetime64(epoch, "s")),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,20}", fullmatch=True),
    st.sampled_from([one.type for one in HAPPENINGS]),
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True).filter(
            lambda name: name not in {"id", "type", "time", "session", "seq", "told", "event_type"}
        ),
        st.one_of(finite, texts, st.booleans(), st.none(), st.integers(-MAXIMUM_SEQ, MAXIMUM_SEQ)),
        max_size=4,
    ),
)
any_statistic = st.builds(
    Statistic,
    st.sampled_from([one.id for one in indicators().values() if one.kind is IndicatorKind.STATISTIC]),
    st.sampled_from(["2026", "2026-Q3", "2026-02", "2026-02-14"]),
    epochs.map(lambda epoch: np.datetime64(epoch, "s")),
    st.integers(0, 9),
    finite,
)
