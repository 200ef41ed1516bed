"""The kinds of faults: what each does, its parameters with units and defaults, what a consumer should show of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from collector.language.codec import MAXIMUM_PAYLOAD
from collector.language.ledger import Effect
from simulator.faults.conversions import CONVERSIONS, USUAL
from simulator.scenario_file import DURATION, Expected, number, whole

LARGE = 1e12
LARGEST_PAYLOAD = 16 << 20
ANY = "any"
SPOILED = ("truncated", "wrong-type", "wrong-schema", "bad-utf8", "not-json")


class Family(StrEnum):
    """What a fault changes: what a station observes, what is sent of its messages, or the connection."""

    VALUE = "value"
    MESSAGE = "message"
    CONNECTION = "connection"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a kind: what it may be, what it is if it is not given, its unit ("" for none).

    A default of None means what `explanation` says.
    """

    name: str
    expected: Expected[Any]
    default: float | int | str | None
    unit: str
    explanation: str


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault.

    `effect` is what becomes of the messages it names; `probability` that of acting on one tick (value faults) or one
    message (message faults) if none is given, None where it acts once. `indicators` whether it may be aimed at one.
    """

    name: str
    family: Family
    effect: Effect
    explanation: str
    parameters: tuple[Parameter, ...] = ()
    probability: float | None = 1.0
    indicators: bool = True


def one_of(*names: str) -> Expected[str]:
    """The kind of value that is one of some words."""

    def read(given: object) -> str:
        if given not in names:
            raise ValueError
        return str(given)

    return Expected(f"one of {', '.join(names)}", read)


def _seconds_of(given: object) -> int:
    return given if type(given) is int and 0 <= given <= 31_536_000 else DURATION.read(given)


def _up_to_a_day(given: object) -> int:
    seconds = _seconds_of(given)
    if seconds > 86_400:
        raise ValueError
    return seconds


_LENGTH = Expected("a number from -1e12 to 1e12", number(-LARGE, LARGE).read)
_PERCENT = number(-1e6, 1e6)
_TIME = Expected('a duration such as "10min" (or whole seconds)', _seconds_of)
_EVERY = Expected(
    'a duration from "1s", such as "1h" (or whole seconds)', lambda given: _seconds_of(given) or DURATION.read(given)
)
_WALL = Expected('a duration of the wall up to "1d", such as "30s" (or whole seconds)', _up_to_a_day)
UNIT = "unit of the indicator"


def _size(least: str, default: float) -> Parameter:
    return Parameter("percent", _PERCENT, None, "%", f"of the value; {default:g} where {least} is not given")


_VALUE = (
    FaultKind(
        "stuck", Family.VALUE, Effect.NONE, "The sensor says the same value again and again.",
        (Parameter("value", _LENGTH, None, UNIT, "that value; the first in the window where it is not given"),),
    ),
    FaultKind(
        "drift", Family.VALUE, Effect.NONE, "The error of the sensor grows from day to day.",
        (
            Parameter("per_day", _LENGTH, None, f"{UNIT} per day", "added for each day since the fault began"),
            Parameter("percent_per_day", _PERCENT, None, "% per day", "of the value; 5 where per_day is not given"),
        ),
    ),
    FaultKind(
        "bias", Family.VALUE, Effect.NONE, "The sensor says too much, or too little, by the same amount or share.",
        (Parameter("offset", _LENGTH, None, UNIT, "added"), _size("offset", 20)),
    ),
    FaultKind(
        "spike", Family.VALUE, Effect.NONE, "Single values jump far away.",
        (Parameter("offset", _LENGTH, None, UNIT, "added to a spike"), _size("offset", 500)), probability=0.02,
    ),
    FaultKind(
        "noise", Family.VALUE, Effect.NONE, "The sensor is noisy: normal noise on every value.",
        (Parameter("sd", number(0, LARGE), None, UNIT, "standard deviation"), _size("sd", 10)),
    ),
    FaultKind(
        "wrong-unit", Family.VALUE, Effect.NONE, "The value comes in another unit than the profile says.",
        (
            Parameter(
                "conversion", one_of(USUAL, *CONVERSIONS), USUAL, "",
                "which one; the usual mistake of each indicator's unit where it is not given",
            ),
        ),
    ),
    FaultKind(
        "clock-skew", Family.VALUE, Effect.NONE, "The station's clock is wrong: all times it says are moved.",
        (
            Parameter("offset", number(-31_536_000, 31_536_000), 300, "s", "added; negative: the clock is slow"),
            Parameter("ppm", number(-100_000, 100_000), 0, "millionths", "gained since the fault began"),
        ),
        indicators=False,
    ),
    FaultKind(
        "silence", Family.VALUE, Effect.NONE,
        "The station says nothing (and numbers nothing), or nothing of one indicator.",
    ),
)  # fmt: skip
_MESSAGE = (
    FaultKind(
        "duplicate", Family.MESSAGE, Effect.DUPLICATED, "A message is published more than once, byte by byte the same.",
        (
            Parameter("copies", whole(1, 100), 1, "", "how many times more"),
            Parameter("delay", _TIME, 0, "s", "simulated time before the copies are sent"),
        ),
    ),
    FaultKind(
        "reorder", Family.MESSAGE, Effect.REORDERED, "Messages of a station are sent in another order.",
        (Parameter("window", whole(2, 1_000), 5, "messages", "of a station gathered, shuffled and sent"),),
    ),
    FaultKind(
        "late", Family.MESSAGE, Effect.LATE, "A message is sent later than it is due.",
        (
            Parameter("delay", _TIME, 600, "s", "how much later; the mean of a spread"),
            Parameter(
                "spread", one_of("fixed", "uniform", "exponential"), "fixed", "",
                "how the delay is drawn: always the same, from 0 to twice the delay, or exponential",
            ),
            Parameter("clock", one_of("simulated", "wall"), "simulated", "", "which time the delay is"),
        ),
    ),
    FaultKind(
        "burst", Family.MESSAGE, Effect.LATE, "Messages are held back and sent all at once.",
        (Parameter("every", _EVERY, 3_600, "s", "simulated time between two bursts"),),
    ),
    FaultKind(
        "malformed", Family.MESSAGE, Effect.MALFORMED, "The payload is broken; a consumer should reject it.",
        (
            Parameter(
                "how", one_of(ANY, *SPOILED, "oversized"), ANY, "",
                "in which way; any: drawn for each message, never oversized",
            ),
            Parameter(
                "size", whole(1_000, LARGEST_PAYLOAD), MAXIMUM_PAYLOAD + 1, "bytes",
                "of an oversized payload; a broker may disconnect who sends more than it takes",
            ),
        ),
    ),
    FaultKind("lost", Family.MESSAGE, Effect.MISSING, "A message is numbered, written in the ledger and never sent."),
)  # fmt: skip


def _seconds(explanation: str, default: int = 10) -> Parameter:
    return Parameter("seconds", _WALL, default, "s of the wall", explanation)


def _of_connection(name: str, explanation: str, *parameters: Parameter) -> FaultKind:
    return FaultKind(name, Family.CONNECTION, Effect.NONE, explanation, parameters, None, indicators=False)


_CONNECTION = (
    _of_connection("kill", "The socket is shut without a word, so that the broker publishes the will."),
    _of_connection(
        "reconnect-storm", "The connection breaks and comes back again and again.",
        Parameter("times", whole(1, 1_000), 10, "", "how often"),
        Parameter("rate", number(0.01, 100), 2.0, "1/s of the wall", "how often a second"),
    ),
    _of_connection(
        "half-open", "Nothing is read nor written, the socket stays open: the broker must find out by itself.",
        _seconds("how long; brokers notice after 1.5 times the keepalive", 60),
    ),
    _of_connection(
        "outage", "The publisher is cut off from the broker; what it says is queued and sent when it is back.",
        _seconds("how long"),
    ),
    _of_connection(
        "missing-birth", "The socket is shut; the connection comes back without announcing who speaks.",
        _seconds("until the birth follows"),
    ),
    _of_connection(
        "stale-status", "A retained status of a session that is over takes the place of the birth.",
        Parameter(
            "says", one_of("offline", "online"), "offline", "",
            "a will that comes late (a good publisher announces itself again), or a birth of the past",
        ),
    ),
)  # fmt: skip

KINDS: Mapping[str, FaultKind] = {kind.name: kind for kind in (*_VALUE, *_MESSAGE, *_CONNECTION)}
"""Every kind by its name, in the order in which they are told."""
