"""Time on the wire: ISO 8601, UTC, whole seconds; `datetime64[s]` inside."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from collector.language.errors import PayloadError
from collector.language.messages import Times

EARLIEST = -2_208_988_800  # 1900-01-01
LATEST = 7_258_118_400  # 2200-01-01
MONDAY = 946_857_600  # 2000-01-03: buckets are counted from there, so that weeks begin with a Monday
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_PERIOD = re.compile(r"\d{4}(?:-Q[1-4]|-\d\d(?:-\d\d)?)?", re.ASCII)


@lru_cache(maxsize=65_536)
def _epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() // 1)


def parse_time(text: object) -> int:
    """Seconds since 1970 of an ISO 8601 time with its offset; fractions of a second are rounded down.

    Raises `PayloadError` for anything else, and for years outside 1900 to 2199.
    """
    if not isinstance(text, str) or len(text) > 40 or not _ISO.fullmatch(text):
        raise PayloadError(f"expected a time such as 2026-03-01T08:00:00Z, came {_shown(text)}")
    try:
        epoch = _epoch(text)
    except (ValueError, OverflowError) as error:
        raise PayloadError(f"no such time: {text} ({error})") from None
    if not EARLIEST <= epoch < LATEST:
        raise PayloadError(f"expected a time from 1900 to 2199, came {text}")
    return epoch


def parse_moment(text: object) -> Times:
    """The one time (1,) in datetime64[s] of an ISO 8601 text, read-only. Raises `PayloadError`."""
    return _moment(parse_time(text))


@lru_cache(maxsize=4_096)
def _moment(epoch: int) -> Times:
    times = np.array([epoch], dtype=np.int64).view("datetime64[s]")
    times.flags.writeable = False  # every station's tick of this time has this array
    return times


def parse_times(texts: Iterable[object]) -> Times:
    """The times (n,) in datetime64[s] of ISO 8601 texts. Raises `PayloadError`."""
    return np.array([parse_time(text) for text in texts], dtype=np.int64).view("datetime64[s]")


def format_times(times: Times) -> list[str]:
    """ISO 8601 texts ending in Z of times in datetime64[s]."""
    return [format_epoch(epoch) for epoch in times.view(np.int64).tolist()]


@lru_cache(maxsize=65_536)
def format_epoch(epoch: int) -> str:
    """ISO 8601 text ending in Z of seconds since 1970."""
    return f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%dT%H:%M:%S}Z"


def parse_period(text: object) -> str:
    """A calendar period as it came: a year, a quarter (2026-Q1), a month or a day. Raises `PayloadError`."""
    if not isinstance(text, str) or not _PERIOD.fullmatch(text):
        raise PayloadError(f"expected a period such as 2026, 2026-Q1, 2026-02 or 2026-02-14, came {_shown(text)}")
    period_start(text)
    return text


def period_start(period: str) -> np.datetime64:
    """The first second of a calendar period, as if it were in UTC. Raises `PayloadError` if there is none."""
    if "Q" in period:
        period = f"{period[:4]}-{3 * int(period[-1]) - 2:02d}"
    try:
        return np.datetime64(period, "s")
    except ValueError as error:
        raise PayloadError(f"no such period: {period} ({error})") from None


def offset(zone: str | None, at: int) -> int:
    """Seconds a zone is ahead of UTC at a time; 0 where the zone is not known."""
    if zone is None:
        return 0
    try:
        ahead = datetime.fromtimestamp(at, ZoneInfo(zone)).utcoffset()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return 0
    return int((ahead or timedelta()).total_seconds())


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
