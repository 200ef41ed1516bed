"""What a payload format is: messages in, payloads with their topics and MQTT properties out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from collector.language.messages import Event, Message, Readings, Statistic
from collector.language.profile import CityProfile, StationProfile, Status
from collector.language.topics import Address

Body = Readings | Event | Statistic
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A payload on its way: where to, its media type, whether it is UTF-8 text (MQTT 5 payload format indicator).

    `properties` are MQTT 5 user properties beside those that every message has.
    """

    topic: str
    payload: bytes
    content_type: str = JSON
    text: bool = True
    retain: bool = False
    properties: tuple[tuple[str, str], ...] = ()


class Speakers(Protocol):
    """Who speaks on a connection: the run, each city's birth, the stations of each city."""

    @property
    def run(self) -> str:
        """The name of the run."""

    @property
    def births(self) -> Mapping[str, Status]:
        """The birth of each city, with its profile."""

    @property
    def stations(self) -> Mapping[str, Sequence[StationProfile]]:
        """The stations of each city."""


class Format(Protocol):
    """A payload format on one connection, with the state that it keeps there.

    A message of the wire holds any number of ticks and indicators; a format that cannot say so much at once divides a
    body in `parts` *before* they are numbered, so that a number is a payload in every format. A format with births of
    its own, or with numbers and aliases that begin anew with a session, keeps them in the object.
    """

    def session_started(self) -> Sequence[Outgoing]:
        """What is said whenever the connection stands, before any message, beside the births of the wire."""

    def parts(self, body: Body) -> Sequence[Body]:
        """A body as the bodies of the messages that say it."""

    def encode(self, message: Message) -> Sequence[Outgoing]:
        """The payloads of a message whose body is one of the `parts`: one, or none where nothing can be said."""


class Places:
    """The profiles of those who speak, by address."""

    def __init__(self, speakers: Speakers) -> None:
        self._stations = {(one.city, one.id): one for many in speakers.stations.values() for one in many}
        self._cities = {city: birth.profile for city, birth in speakers.births.items()}

    def station(self, address: Address) -> StationProfile:
        """The profile of the station at an address."""
        return self._stations[address.city, address.station]

    def city(self, name: str) -> CityProfile:
        """The profile of a city."""
        profile = self._cities[name]
        if not isinstance(profile, CityProfile):
            raise TypeError(f"the birth of {name} has no profile of a city")
        return profile

    @property
    def stations(self) -> Sequence[StationProfile]:
        """All of them."""
        return tuple(self._stations.values())


def whole(body: Body) -> Sequence[Body]:
    """A body as it is: for formats that say everything at once."""
    return (body,)


def ticks(body: Body) -> Sequence[Body]:
    """Readings as one body for each time; an event and a statistic as they are."""
    if not isinstance(body, Readings) or len(body.times) == 1:
        return (body,)
    return tuple(
        Readings(body.times[at : at + 1], {name: column[at : at + 1] for name, column in body.columns.items()})
        for at in range(len(body.times))
    )


def cells(body: Body) -> Sequence[Body]:
    """Readings as one body for each time and indicator, a missing value too; the others as they are."""
    if not isinstance(body, Readings):
        return (body,)
    return tuple(
        Readings(body.times[at : at + 1], {name: column[at : at + 1]})
        for at in range(len(body.times))
        for name, column in body.columns.items()
    )
