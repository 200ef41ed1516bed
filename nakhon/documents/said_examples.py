"""What the cities of a scenario say on their first day, as examples: real messages, the same for the same scenario."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from collector.language.indicators import Origin
from collector.language.messages import Event, Message, Readings, Statistic
from collector.language.profile import StationProfile, Status
from simulator.cities import cities
from simulator.formats import Format, Open, Outgoing
from simulator.run import Simulation
from simulator.scenario import Scenario
from simulator.speaker import Said, Speaker

SESSION = "9f3c21"
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Example:
    """A message, the station that says it, and what it is in the format."""

    station: StationProfile
    message: Message
    said: tuple[Outgoing, ...]


@dataclass(frozen=True, slots=True)
class Examples:
    """The first message of each kind of station, type of event and statistic; `births` are the format's own.

    `packs` are two ticks in a message, where the format has such.
    """

    run: str
    births: Sequence[Outgoing]
    messages: Sequence[Example]
    packs: Sequence[Example]


@dataclass(frozen=True, slots=True)
class _Company:
    run: str
    births: dict[str, Status]
    stations: dict[str, tuple[StationProfile, ...]]


def examples_of(scenario: Scenario, make: Open) -> Examples:
    """What the first city of a scenario says on the first day, in a format. Raises `InputError` where it cannot."""
    first = replace(scenario, cities=scenario.cities[:1])
    simulation = Simulation(first)
    births = {
        name: Status(True, SESSION, cities()[name].profile(), Origin.SIMULATED, scenario.name, scenario.digest)
        for name in first.cities
    }
    company = _Company(scenario.name, births, dict(simulation.stations))
    blocks = simulation.advance(min(scenario.end, scenario.start + DAY))
    told = make(company)
    stations = {one.id: one for many in company.stations.values() for one in many}
    messages, packs = (
        tuple(_examples(Speaker(company.run, SESSION).say(blocks, pack), told, stations)) for pack in (1, 2)
    )
    kept = [one for one in packs if isinstance(one.message.body, Readings) and len(one.message.body.times) > 1]
    return Examples(company.run, told.session_started(), messages, kept)


def _examples(said: Iterator[Said], told: Format, stations: dict[str, StationProfile]) -> Iterator[Example]:
    seen = set()
    for one in said:
        message = one.message
        station = stations[message.address.station]
        for body in told.parts(message.body):
            if (kind := _kind(station, body)) not in seen:
                seen.add(kind)
                part = replace(message, body=body)
                yield Example(station, part, tuple(told.encode(part)))


def _kind(station: StationProfile, body: Readings | Event | Statistic) -> tuple[str, ...]:
    match body:
        case Readings(_, columns):
            return (station.kind, *columns)
        case Event(type=kind):
            return ("event", kind)
        case Statistic(indicator):
            return ("statistic", indicator)
