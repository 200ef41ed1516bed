"""Which kind of file a user wrote, by a table that only that kind has: so only what reads the kind need be loaded."""

from __future__ import annotations

import re
from pathlib import Path

LARGEST_FILE = 1 << 20  # as `collector.language.gathered` takes; loading that costs more than all there is here
SIGNS = {"plan": r"\[\s*criteria\s*\]", "sink": r"\[\s*sink\s*\]", "mapping": r"\[\[\s*device\s*\]\]"}


def kind_of(source: str) -> str:
    """`plan` (of acceptance), `sink` or `mapping` (of devices); empty for anything else, and where there is no file."""
    path = Path(source)
    try:
        text = path.read_text("utf-8-sig") if path.is_file() and path.stat().st_size <= LARGEST_FILE else ""
    except (OSError, UnicodeDecodeError):
        return ""
    return next((kind for kind, sign in SIGNS.items() if re.search(rf"^\s*{sign}", text, re.MULTILINE)), "")
