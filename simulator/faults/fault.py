"""A fault: of which kind, whom it concerns, when it acts, and its luck."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Any

from scipy.special import ndtri

from collector.language.profile import StationProfile
from simulator.faults.kinds import KINDS, FaultKind
from simulator.streams import Streams


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a fault concerns; what is None is any. `kind` is that of the station, `station` a pattern (`aq-*`)."""

    city: str | None = None
    pillar: str | None = None
    kind: str | None = None
    station: str | None = None
    indicator: str | None = None

    def concerns(self, station: StationProfile) -> bool:
        """Whether a station is meant, and measures the indicator if one is."""
        return (
            self.city in (None, station.city)
            and self.pillar in (None, station.pillar)
            and self.kind in (None, station.kind)
            and (self.station is None or fnmatchcase(station.id, self.station))
            and (self.indicator is None or self.indicator in station.indicators)
        )

    @property
    def whole_cities(self) -> bool:
        """Whether it concerns whole cities, not only some of their stations."""
        return (self.pillar, self.kind, self.station, self.indicator) == (None, None, None, None)

    @property
    def plain(self) -> bool:
        """Whether `where` says exactly whom it concerns."""
        return (self.kind, self.indicator) == (None, None)

    @property
    def where(self) -> str:
        """The pattern over `city/pillar/station` of those concerned, whatever their kinds and indicators."""
        return f"{self.city or '*'}/{self.pillar or '*'}/{self.station or '*'}"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault in a window [since, until) of simulated time (seconds since 1970; `until` None: until it is stopped).

    `probability` is that of acting on one tick or message; `parameters` are complete.
    """

    id: str
    fault: str
    target: Target
    since: int
    until: int | None = None
    probability: float = 1.0
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def kind(self) -> FaultKind:
        """Its kind."""
        return KINDS[self.fault]

    def shifted(self, seconds: int) -> Fault:
        """The same fault, so much later."""
        until = None if self.until is None else self.until + seconds
        return replace(self, since=self.since + seconds, until=until)

    def within(self, time: int) -> bool:
        """Whether a time lies in its window."""
        return self.since <= time and (self.until is None or time < self.until)


class Luck:
    """What a fault draws: one stream a fault, `faults/<id>`, and in it one draw for each thing that is named.

    A draw does not depend on what was drawn before: live and batch, ticks and packs have the same luck.
    """

    def __init__(self, streams: Streams, fault: Fault) -> None:
        self._key = streams.generator(f"faults/{fault.id}", "luck").bytes(32)

    def uniform(self, *about: object) -> float:
        """Get a number between 0 and 1, neither included, for a thing."""
        named = "\0".join(map(str, about)).encode()
        drawn = int.from_bytes(blake2b(named, key=self._key, digest_size=8).digest(), "big")
        return ((drawn >> 11) + 0.5) * 2.0**-53

    def normal(self, *about: object) -> float:
        """Get a standard normal number for a thing."""
        return float(ndtri(self.uniform(*about)))
