"""What an analyst may write for names, times and lengths of time, and what it stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import numpy as np

from collector.language.errors import InputError
from collector.language.time import EARLIEST, LATEST

Names = str | Iterable[str]
Time = str | date | datetime | np.datetime64 | int
Length = str | timedelta | int

_LENGTH = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*(s|m|min|h|d|w)?", re.ASCII)
_UNITS = {None: 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}


def names(told: Names | None) -> tuple[str, ...]:
    """Names, of one or of several."""
    return () if told is None else (told,) if isinstance(told, str) else tuple(told)


def clock(told: Time | None) -> int | None:
    """Seconds since 1970 on a clock, of a date or a time without an offset. Raises `InputError`."""
    if told is None or isinstance(told, int):
        return told
    found = _datetime(told)
    if found.tzinfo is not None:
        raise InputError(f"expected a time on the clock of the comparison, without an offset, came {told}")
    return _bounded(told, found.replace(tzinfo=UTC))


def instant(told: Time | None) -> int | None:
    """Seconds since 1970 of a date or a time, in UTC unless it has an offset. Raises `InputError`."""
    if told is None or isinstance(told, int):
        return told
    found = _datetime(told)
    return _bounded(told, found if found.tzinfo else found.replace(tzinfo=UTC))


def length(told: Length) -> int:
    """Seconds of a length of time such as 30min, 1h, 1d, 1w. Raises `InputError`."""
    if isinstance(told, timedelta):
        return int(told.total_seconds())
    if isinstance(told, int):
        return told
    found = _LENGTH.fullmatch(told.strip())
    if found is None:
        raise InputError(f"expected a length of time such as 30min, 1h, 1d or 1w, came {told[:40]!r}")
    return int(float(found[1]) * _UNITS[found[2]])


def _bounded(told: str | date | datetime | np.datetime64, found: datetime) -> int:
    seconds = int(found.timestamp())
    if not EARLIEST <= seconds < LATEST:
        raise InputError(f"expected a time from 1900 to 2199, came {str(told)[:40]!r}")
    return seconds


def _datetime(told: str | date | datetime | np.datetime64) -> datetime:
    if isinstance(told, np.datetime64):
        told = np.datetime_as_string(told, "s")
    if isinstance(told, datetime):
        return told
    if isinstance(told, date):
        return datetime(told.year, told.month, told.day)  # noqa: DTZ001 - the clock is the caller's
    try:
        return datetime.fromisoformat(told)
    except ValueError:
        expected = "expected a date such as 2024-01-01 or a time such as 2024-01-01T06:00"
        raise InputError(f"{expected}, came {told[:40]!r}") from None
