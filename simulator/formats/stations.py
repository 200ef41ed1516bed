"""What formats ask about the one who speaks: the fields of its topic, and what it tells of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from collector.language.indicators import IndicatorKind, indicators
from collector.language.messages import Event, Message, Readings, Statistic
from collector.language.profile import StationProfile
from simulator import telling
from simulator.events import Happening
from simulator.formats.patterns import Value
from simulator.formats.protocol import Places

HAPPENINGS = tuple(one for one in vars(telling).values() if isinstance(one, Happening))
"""Every type of event that simulated stations tell of."""


def topic_values(message: Message, places: Places) -> dict[str, Value]:
    """The values of the fields of a topic; an event's `indicator` is `events`, as is that of several."""
    address = message.address
    return {
        "run": address.run,
        "session": message.session or "",
        "city": address.city,
        "pillar": address.pillar,
        "station": address.station,
        "station_kind": places.station(address).kind,
        "message": address.kind.value,
        "indicator": indicator_of(message.body),
        "suffix": "" if isinstance(message.body, Readings) else f"/{address.kind.value}",
    }


def indicator_of(body: Readings | Event | Statistic) -> str:
    """The indicator of a body that holds one, the first of several; `events` for an event."""
    match body:
        case Readings(_, columns):
            return next(iter(columns))
        case Statistic(indicator):
            return indicator
        case Event():
            return "events"


def tells(station: StationProfile, kind: IndicatorKind) -> list[str]:
    """The indicators of a kind that a station has."""
    return [name for name in station.indicators if name in indicators() and indicators()[name].kind is kind]


def event_types(station: StationProfile) -> Sequence[str]:
    """The types of events a station tells of: those about whatever its indicators are about (`permit.`...)."""
    about = {indicators()[name].event.split(".")[0] for name in tells(station, IndicatorKind.EVENT)}
    return tuple(one.type for one in HAPPENINGS if one.type.split(".")[0] in about)


def some(names: Iterable[str], most: int = 3) -> str:
    """A few names, and how many more there are."""
    listed = sorted(set(names))
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
