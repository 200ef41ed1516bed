"""The times of devices: ISO 8601 with or without an offset, seconds since 1970 or parts of them, or a written form."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from collector.language.errors import InputError, PayloadError
from collector.language.time import LATEST

EPOCHS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
CLOCK_SET = 946_684_800  # 2000-01-01: no sensor that speaks MQTT measured before; a clock that was never set says 1970
AHEAD = 86_400

Reader = Callable[[object], int]


def check_format(form: str) -> str:
    """The form of a time as it came. Raises `InputError`."""
    if form in EPOCHS or form == "iso" or "%" in form:
        return form
    raise InputError(
        f'expected iso, {", ".join(EPOCHS)} (since 1970) or a form such as "%d.%m.%Y %H:%M", came {form!r}'
    )


def time_reader(form: str, zone: ZoneInfo) -> Reader:
    """What reads a device's time into whole seconds since 1970 (rounded down); `zone` is that of times without one."""
    if form in EPOCHS:
        return lambda found: _within(_number(found, form) // EPOCHS[form])

    def read(found: object) -> int:
        if not isinstance(found, str) or len(found) > 64:
            raise PayloadError(f"expected a time as {_phrase(form)}, came {_shown(found)}")
        try:
            time = datetime.fromisoformat(found) if form == "iso" else datetime.strptime(found, form)  # noqa: DTZ007
            time = time if time.tzinfo else time.replace(tzinfo=zone)
            return _within(math.floor(time.timestamp()))
        except (ValueError, OverflowError):
            raise PayloadError(f"expected a time as {_phrase(form)}, came {_shown(found)}") from None

    return read


def check_ahead(epoch: int, received: float | None) -> int:
    """A time that is not far ahead of when it was heard. Raises `PayloadError`."""
    if received is not None and epoch > received + AHEAD:
        raise PayloadError("the device's clock is over a day ahead of the collector's")
    return epoch


def _number(found: object, form: str) -> int:
    """A number of seconds (or parts) with its fraction in the parts that the form counts."""
    if isinstance(found, str) and len(found) <= 32:
        with contextlib.suppress(ValueError):
            found = float(found) if "." in found else int(found)
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) < 1e20:
        raise PayloadError(f"expected {form} since 1970, came {_shown(found)}")
    return math.floor(found)


def _within(epoch: int) -> int:
    if epoch < CLOCK_SET:
        raise PayloadError("the time is before 2000: the device's clock was not set")
    if epoch >= LATEST:
        raise PayloadError("expected a time before 2200; are the parts of a second right (s, ms, us, ns)?")
    return epoch


def _phrase(form: str) -> str:
    return "2026-03-01T08:00:00 (iso)" if form == "iso" else form


def _shown(found: object) -> str:
    text = ascii(found)
    return text if len(text) <= 60 else text[:57] + "..."
