"""A fleet: which connections a run has, who speaks over each, and what each is called at the broker."""

from __future__ import annotations

import resource
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from collector.language.errors import InputError
from collector.language.profile import StationProfile, Status, encode_status
from collector.language.topics import Address, CityAddress, Kind
from simulator.formats.patterns import Pattern, parse_pattern, refuse
from simulator.spread import Spread

SPARE_FILES = 64
SHORTEST_PROMISE = 23  # bytes of a client id that every MQTT 3.1.1 broker takes
LONGEST_NAME = 256
FIELDS: Mapping[str, str] = {
    "run": "name of the run",
    "session": "session of the publisher",
    "city": "id of the city",
    "pillar": "environment, economy or governance",
    "station": "id of the station; status for the connection of a city",
}
"""Fields of a pattern of client ids."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who speaks in a run: each city's birth, and its stations."""

    run: str
    births: Mapping[str, Status]
    stations: Mapping[str, Sequence[StationProfile]]


@dataclass(frozen=True, slots=True)
class Fleet:
    """How a cast is spread over connections, how these are named, and how many are made in a second.

    Without `names` a client id begins with `nakhon-<session>`; without `ramp` they are made as fast as the broker takes
    them.
    """

    spread: Spread = Spread.CITY
    names: Pattern | None = None
    ramp: float | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A connection of a fleet: its client id, who speaks over it, what it announces (the first has the will)."""

    client_id: str
    cast: Cast
    births: tuple[tuple[Address | CityAddress, Status], ...]

    @property
    def label(self) -> str:
        """Whom it is for: a city, `city/pillar/station`, or the run."""
        address = self.births[0][0]
        if isinstance(address, Address):
            return f"{address.city}/{address.pillar}/{address.station}"
        return address.city if len(self.cast.births) == 1 else address.run

    @property
    def will(self) -> tuple[str, bytes]:
        """The topic and the payload of what the broker says when the connection breaks."""
        address, birth = self.births[0]
        return address.topic, encode_status(birth.offline())

    @property
    def farewells(self) -> Iterator[tuple[Address | CityAddress, Status]]:
        """What is said at the end: that the cities, or the station whose connection it is, go offline."""
        for number, (address, birth) in enumerate(self.births):
            if number == 0 or isinstance(address, CityAddress):
                yield address, birth.offline()


def client_id_pattern(text: str) -> Pattern:
    """The pattern of client ids in a text. Raises `InputError` with everything that is wrong."""
    pattern, wrong = parse_pattern(text, FIELDS, "--client-id")
    if not text or not text.isprintable():
        wrong.append("--client-id: expected at least one character, all of them printable")
    refuse(wrong)
    return pattern


def members_of(fleet: Fleet, cast: Cast, session: str) -> list[Member]:
    """The connections of a fleet, those of cities first. Raises `InputError` where two would have the same name."""
    match fleet.spread:
        case Spread.ONE:
            plain = [(("", ""), cast, tuple(_all_births(cast)))]
        case Spread.CITY:
            plain = [_for_city(cast, city, cast.stations[city]) for city in cast.births]
        case Spread.STATION:
            plain = [_for_city(cast, city, ()) for city in cast.births]
            plain += [_for_station(cast, one) for city in cast.births for one in cast.stations[city]]
    members = [Member(_name(fleet, part, session, place), part, births) for place, part, births in plain]
    _check_names(fleet, members)
    return members


_Plain = tuple[tuple[str, str], Cast, tuple[tuple[Address | CityAddress, Status], ...]]


def _for_city(cast: Cast, city: str, stations: Sequence[StationProfile]) -> _Plain:
    part = Cast(cast.run, {city: cast.births[city]}, {city: stations})
    return ("", ""), part, tuple(_all_births(part))


def _for_station(cast: Cast, station: StationProfile) -> _Plain:
    birth = cast.births[station.city]
    part = Cast(cast.run, {station.city: birth}, {station.city: [station]})
    return (station.pillar, station.id), part, (_station_birth(cast.run, birth, station),)


def _all_births(cast: Cast) -> Iterator[tuple[Address | CityAddress, Status]]:
    for city, birth in cast.births.items():
        yield CityAddress(cast.run, city), birth
    for city, birth in cast.births.items():
        yield from (_station_birth(cast.run, birth, station) for station in cast.stations[city])


def _station_birth(run: str, birth: Status, station: StationProfile) -> tuple[Address, Status]:
    return Address(run, station.city, station.pillar, station.id, Kind.STATUS), birth.for_station(station)


def _name(fleet: Fleet, part: Cast, session: str, place: tuple[str, str]) -> str:
    city = next(iter(part.births)) if len(part.births) == 1 and fleet.spread is not Spread.ONE else ""
    pillar, station = place
    if fleet.names is None:
        return "-".join(filter(None, ("nakhon", session, city, station)))
    values = {"run": part.run, "session": session, "city": city, "pillar": pillar, "station": station}
    return fleet.names.fill({name: value or "status" for name, value in values.items()})


def _check_names(fleet: Fleet, members: Sequence[Member]) -> None:
    named: dict[str, Member] = {}
    for member in members:
        other = named.setdefault(member.client_id, member)
        if other is not member:
            missing = {Spread.CITY: "{city}", Spread.STATION: "{city} and {station}", Spread.ONE: ""}[fleet.spread]
            raise InputError(
                f"--client-id gives {other.label} and {member.label} the same name, {member.client_id!r}, and the "
                f"broker would let only one of them stay: put {missing} into it"
            )
        if len(member.client_id.encode()) > LONGEST_NAME:
            raise InputError(
                f"--client-id: expected names of at most {LONGEST_NAME} bytes, came {member.client_id[:60]!r}..."
            )


def warnings_of(fleet: Fleet, members: Sequence[Member], protocol: int) -> Iterator[str]:
    """What may surprise: names that not every broker takes, a will that stands for one of several cities."""
    longest = max((member.client_id for member in members), key=lambda name: len(name.encode()))
    if protocol != 5 and fleet.names is not None and len(longest.encode()) > SHORTEST_PROMISE:
        yield (
            f"client ids such as {longest!r} have more than {SHORTEST_PROMISE} bytes: with MQTT 3.1.1 a broker may "
            "refuse them"
        )
    if fleet.spread is Spread.ONE and len(members[0].cast.births) > 1:
        city = next(iter(members[0].cast.births))
        yield f"one connection has one will: when it breaks, {city} goes offline and the other cities do not say so"


def allow_files(connections: int) -> None:
    """Have the system let this process open a socket for each connection. Raises `InputError` if it does not."""
    wanted = connections + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):
        raise InputError(
            f"{connections:,} connections need {wanted:,} open files, and the system allows {hard:,}: raise it "
            f"(ulimit -n {wanted}; in a service LimitNOFILE={wanted}; in a container --ulimit nofile={wanted}), or "
            "take --connections city"
        ) from None
