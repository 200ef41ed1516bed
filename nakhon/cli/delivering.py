"""Options of what is said to a broker: in which format, over which connections, with which promises."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from collector.language.errors import InputError
from nakhon.terminal.durations import parse_seconds
from simulator.spread import Spread

if TYPE_CHECKING:
    from simulator.fleet import Fleet
    from simulator.service import Service

FASTEST_RAMP = 100_000.0


class Said(StrEnum):
    """What stations say."""

    READINGS = "readings"
    EVENTS = "events"
    STATISTICS = "statistics"


FormatOption = Annotated[str, typer.Option("--format", help="payload format; docs/formats.md lists them")]
TopicOption = Annotated[str | None, typer.Option("--topic", help="topics by template, such as city/{city}/{station}")]
PayloadOption = Annotated[str | None, typer.Option("--payload", help="payloads by template, with --format template")]
OnlyOption = Annotated[list[Said] | None, typer.Option("--only", help="say nothing else (may be repeated)")]
SpreadOption = Annotated[Spread, typer.Option("--connections", help="one for each city, for each station, or for all")]
ClientOption = Annotated[
    str | None, typer.Option("--client-id", help="names at the broker, such as sensor-{city}-{station}")
]
RampOption = Annotated[float | None, typer.Option("--ramp", help="connections made in a second (default: all it can)")]
RetainOption = Annotated[bool, typer.Option("--retain", help="have the broker keep the newest message of each topic")]
SessionOption = Annotated[
    str | None, typer.Option("--session-expiry", help="how long the broker remembers a broken connection, such as 1h")
]
ExpiryOption = Annotated[
    str | None, typer.Option("--message-expiry", help="when the broker drops a message nobody took, such as 10min")
]
DelayOption = Annotated[str, typer.Option("--will-delay", help="how long a broker waits with the will, such as 30s")]
AliasOption = Annotated[int, typer.Option("--topic-alias", help="topics of a connection that are said by a number")]
PropertyOption = Annotated[
    list[str] | None, typer.Option("--user-property", help="name=value for every message (may be repeated)")
]
NoStatusOption = Annotated[
    bool, typer.Option("--no-status", help="say and hear nothing under nakhon/v1 but messages: no births, no wills")
]
GiveUpOption = Annotated[
    str | None, typer.Option("--give-up", help="end when the broker has taken nothing for so long, such as 5min")
]


def service_of(
    qos: int,
    window: int,
    retain: bool,
    session_expiry: str | None,
    message_expiry: str | None,
    will_delay: str,
    aliases: int,
    about: Sequence[str] | None,
    no_status: bool,
    give_up: str | None,
) -> Service:
    """What is asked of the broker, by the options. Raises `InputError`."""
    from simulator.service import Service, parse_property

    return Service(
        qos=qos,
        window=window,
        retain=retain,
        session_expiry=_whole_seconds(session_expiry),
        message_expiry=_whole_seconds(message_expiry),
        will_delay=_whole_seconds(will_delay) or 0,
        aliases=aliases,
        about=tuple(parse_property(text) for text in about or ()),
        statuses=not no_status,
        patience=None if give_up is None else parse_seconds(give_up),
    )


def fleet_of(spread: Spread, client_id: str | None, ramp: float | None) -> Fleet:
    """How the run is spread over connections, by the options. Raises `InputError`."""
    from simulator.fleet import Fleet, client_id_pattern

    if ramp is not None and not 0 < ramp <= FASTEST_RAMP:
        raise InputError(f"--ramp: expected connections a second, up to {FASTEST_RAMP:g}, came {ramp:g}")
    return Fleet(spread, None if client_id is None else client_id_pattern(client_id), ramp)


def _whole_seconds(text: str | None) -> int | None:
    return None if text is None else round(parse_seconds(text)) if text != "0" else 0
