"""What the HTTP API is asked and what it answers, for both of its sides: the collector and `stores/remote.py`."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, TypeVar

from collector.language.errors import InputError, PayloadError
from collector.language.profile import CityProfile, Status
from collector.language.time import format_epoch, parse_time
from collector.language.topics import is_segment
from collector.quality.kinds import FlagKind
from collector.stores.protocol import Fate, Rejection, Selection

_NAMED = ("indicator", "city", "run", "station")
PARAMETERS = (*_NAMED, "start", "end", "bucket", "local", "flagged", "known_at", "without")

Parsed = TypeVar("Parsed")

_INDICATOR = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DURATION = re.compile(r"(\d{1,9})(min|[smhdw]?)", re.ASCII)
_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_HALF_HOUR = 1800
_LONGEST = 366 * 86_400


@dataclass(frozen=True, slots=True)
class CityEntry:
    """A city of a run with its newest status."""

    profile: CityProfile
    status: Status


def parse_selection(parameters: Iterable[tuple[str, str]]) -> Selection:
    """The selection behind the parameters of `/api/v1/read`; lists repeat a parameter or separate by commas.

    Raises `InputError` for anything else than what `docs/api.md` allows.
    """
    told = gather(parameters, PARAMETERS)
    start, end = single(told, "start", _time), single(told, "end", _time)
    if start is not None and end is not None and start >= end:
        raise InputError(f"expected start before end, came start={told['start'][0]} and end={told['end'][0]}")
    return Selection(
        indicators=indicator_names(told, "indicator"),
        cities=segments(told, "city"),
        runs=segments(told, "run"),
        stations=segments(told, "station"),
        start=start,
        end=end,
        bucket=single(told, "bucket", bucket),
        local=single(told, "local", truth) is not False,
        known_at=single(told, "known_at", _time),
        flagged=single(told, "flagged", truth) is True,
        without=words(told, "without", [str(kind) for kind in FlagKind]),
    )


def selection_parameters(selection: Selection) -> list[tuple[str, str]]:
    """The parameters of `/api/v1/read` that ask for a selection."""
    names = {"indicator": "indicators", "city": "cities", "run": "runs", "station": "stations", "without": "without"}
    asked = [(name, value) for name, attribute in names.items() for value in getattr(selection, attribute)]
    times = {name: getattr(selection, name) for name in ("start", "end", "known_at")}
    asked += [(name, format_epoch(time)) for name, time in times.items() if time is not None]
    if selection.bucket is not None:
        asked.append(("bucket", str(selection.bucket)))
    return [*asked, ("local", str(selection.local).lower()), ("flagged", str(selection.flagged).lower())]


def gather(parameters: Iterable[tuple[str, str]], allowed: Sequence[str]) -> dict[str, list[str]]:
    """The values of each parameter. Raises `InputError` for one that is not `allowed`."""
    told: dict[str, list[str]] = {}
    for name, value in parameters:
        if name not in allowed:
            raise InputError(f"expected one of {', '.join(allowed) or 'no parameters'}, came {_shown(name)}")
        told.setdefault(name, []).append(value)
    return told


def single(told: Mapping[str, Sequence[str]], name: str, parse: Callable[[str, str], Parsed]) -> Parsed | None:
    """The value of a parameter given at most once, None without it. Raises `InputError`."""
    values = told.get(name, ())
    if len(values) > 1:
        raise InputError(f"expected {name} once, came {len(values)} times")
    return parse(name, values[0]) if values else None


def truth(name: str, text: str) -> bool:
    """True or false. Raises `InputError`."""
    if text not in ("true", "false", "1", "0"):
        raise InputError(f"expected true or false for {name}, came {_shown(text)}")
    return text in ("true", "1")


def whole(lowest: int, highest: int) -> Callable[[str, str], int]:
    """What parses whole numbers within bounds."""

    def parse(name: str, text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not lowest <= int(text) <= highest:
            raise InputError(f"expected a whole number from {lowest} to {highest} for {name}, came {_shown(text)}")
        return int(text)

    return parse


def run_name(name: str, text: str) -> str:
    """The name of a run; empty for what came on topics that name none. Raises `InputError`."""
    if text and not is_segment(text):
        raise InputError(f"expected lower-case letters, digits and hyphens for {name}, came {_shown(text)}")
    return text


def word(choices: Sequence[str]) -> Callable[[str, str], str]:
    """What parses one of some words."""

    def parse(name: str, text: str) -> str:
        if text not in choices:
            raise InputError(f"expected {', '.join(choices)} for {name}, came {_shown(text)}")
        return text

    return parse


def indicator_names(told: Mapping[str, list[str]], name: str) -> tuple[str, ...]:
    """Ids of indicators, repeated or separated by commas. Raises `InputError`."""
    return _listed(told, name, _is_indicator, "the id of an indicator such as pm25")


def segments(told: Mapping[str, list[str]], name: str) -> tuple[str, ...]:
    """Names of cities, runs or stations, repeated or separated by commas. Raises `InputError`."""
    return _listed(told, name, is_segment, f"the id of a {name}, of lower-case letters, digits and hyphens,")


def words(told: Mapping[str, list[str]], name: str, choices: Sequence[str]) -> tuple[str, ...]:
    """Words of a list, repeated or separated by commas. Raises `InputError`."""
    return _listed(told, name, lambda text: text in choices, ", ".join(choices))


def encode_rejection(rejection: Rejection) -> dict[str, Any]:
    """A rejection as JSON can hold it: the payload in base64, the digest in hexadecimal."""
    told = asdict(rejection)
    return told | {"payload": b64encode(rejection.payload).decode(), "digest": f"{rejection.digest:016x}"}


def decode_rejection(told: dict[str, Any]) -> Rejection:
    """The rejection behind its JSON. Raises `KeyError`, `TypeError` or `ValueError` for anything else."""
    coded = {"payload": b64decode(told["payload"]), "digest": int(told["digest"], 16), "fate": Fate(told["fate"])}
    return Rejection(**told | coded)


def _listed(told: Mapping[str, list[str]], name: str, valid: Callable[[str], bool], expected: str) -> tuple[str, ...]:
    values = tuple(value for text in told.get(name, []) for value in text.split(","))
    for value in values:
        if not valid(value):
            raise InputError(f"expected {expected} for {name}, came {_shown(value)}")
    return values


def _is_indicator(text: str) -> bool:
    return _INDICATOR.fullmatch(text) is not None


def _time(name: str, text: str) -> int:
    try:
        if _DATE.fullmatch(text):
            text = f"{date.fromisoformat(text)}T00:00:00Z"
        return parse_time(text)
    except (PayloadError, ValueError):
        hint = "; write the + of an offset as %2B in a URL" if " " in text else ""
        raise InputError(
            f"expected a time such as 2026-03-01T08:00:00Z or a date for {name}, came {_shown(text)}{hint}"
        ) from None


def bucket(name: str, text: str) -> int:
    """Seconds of a bucket. Raises `InputError`."""
    parts = _DURATION.fullmatch(text)
    seconds = int(parts[1]) * _UNITS[parts[2]] if parts else 0
    if not _HALF_HOUR <= seconds <= _LONGEST or seconds % _HALF_HOUR:
        expected = f"expected a multiple of 30 minutes up to 366 days for {name} (1800, 30m, 6h, 1d or 1w)"
        raise InputError(f"{expected}, came {_shown(text)}")
    return seconds


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
