"""Lengths of time as options give them."""

from __future__ import annotations

import re

from collector.language.errors import InputError

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_LONG_UNITS = {"h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}


def parse_seconds(text: str) -> float:
    """Seconds of a time such as 60s, 5min, 2h. Raises `InputError`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|min|h|d)", text.strip())
    if match is None:
        raise InputError(f"expected a time such as 60s, 5min or 2h, came {text!r}")
    return float(match[1]) * _UNITS[match[2]]


def parse_length(text: str) -> int:
    """Seconds of a length of time such as 12h, 90d, 8w or 2y (of 365 days). Raises `InputError`."""
    match = re.fullmatch(r"(\d{1,6})([hdwy])", text.strip())
    if match is None:
        raise InputError(f"expected a length of time such as 12h, 90d, 8w or 2y, came {text!r}")
    return int(match[1]) * _LONG_UNITS[match[2]]
