"""Topics of wire version 1: who speaks, and about what.

nakhon/v1/<run>/<city>/<pillar>/<station>[/events|/statistics|/status]
nakhon/v1/<run>/<city>/status
nakhon/v1/<run>/control[/replies]
nakhon/v1/<run>/committed
nakhon/v1/<run>/alerts/<rule>/<city>/<station, or - for the whole city>
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from collector.language.errors import TopicError

ROOT = "nakhon/v1"
RESERVED = frozenset({"status", "events", "statistics", "control", "replies", "committed", "alerts"})
SEGMENT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class Kind(StrEnum):
    """What a topic of a station carries."""

    READINGS = "readings"
    EVENTS = "events"
    STATISTICS = "statistics"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Address:
    """A station in a run, and which of its topics."""

    run: str
    city: str
    pillar: str
    station: str
    kind: Kind = Kind.READINGS

    @property
    def topic(self) -> str:
        """The MQTT topic."""
        tail = "" if self.kind is Kind.READINGS else f"/{self.kind.value}"
        return f"{ROOT}/{self.run}/{self.city}/{self.pillar}/{self.station}{tail}"


@dataclass(frozen=True, slots=True)
class CityAddress:
    """The status topic of a city in a run."""

    run: str
    city: str

    @property
    def topic(self) -> str:
        """The MQTT topic."""
        return f"{ROOT}/{self.run}/{self.city}/status"


def control_topic(run: str) -> str:
    """The topic of requests to a running simulation; answers come on `<topic>/replies`."""
    return f"{ROOT}/{run}/control"


def committed_topic(run: str) -> str:
    """The topic on which collectors say how much of a run they have stored."""
    return f"{ROOT}/{run}/committed"


def is_segment(text: str) -> bool:
    """Whether a text may be the id of a run, a city, a pillar or a station."""
    return SEGMENT.fullmatch(text) is not None and text not in RESERVED


@lru_cache(maxsize=16_384)
def parse_topic(topic: str) -> Address | CityAddress:
    """The address behind the topic of a station or of a city's status.

    Raises `TopicError` for anything else.
    """
    if len(topic) > 512:
        raise TopicError(f"a topic has at most 512 characters, this one {len(topic)}")
    parts = topic.split("/")
    if parts[:2] != ["nakhon", "v1"] or not 5 <= len(parts) <= 7:
        raise TopicError(
            f"expected {ROOT}/<run>/<city>/<pillar>/<station>[/events|/statistics|/status], came {topic!r}"
        )
    if len(parts) == 5:
        if parts[4] != "status":
            raise TopicError(f"expected {ROOT}/<run>/<city>/status, came {topic!r}")
        run, city = _segments(parts[2:4])
        return CityAddress(run, city)
    kind = Kind.READINGS if len(parts) == 6 else _kind(parts[6])
    run, city, pillar, station = _segments(parts[2:6])
    return Address(run, city, pillar, station, kind)


def _kind(text: str) -> Kind:
    if text not in ("events", "statistics", "status"):
        raise TopicError(f"expected events, statistics or status at the end of the topic, came {text!r}")
    return Kind(text)


def _segments(parts: list[str]) -> list[str]:
    for part in parts:
        if not is_segment(part):
            raise TopicError(
                f"expected lower-case letters, digits and hyphens (1 to 63, none of {', '.join(sorted(RESERVED))}), "
                f"came {part!r}"
            )
    return parts
