"""Sizes as options give them."""

from __future__ import annotations

import re

from collector.language.errors import InputError

_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


def parse_size(text: str) -> int:
    """Bytes of a size such as 512MiB, 10GiB. Raises `InputError`."""
    match = re.fullmatch(r"(\d+)\s*(|KiB|MiB|GiB|TiB)", text.strip())
    if match is None or not int(match[1]):
        raise InputError(f"expected a size such as 512MiB or 10GiB, came {text!r}")
    return int(match[1]) * _UNITS[match[2]]
