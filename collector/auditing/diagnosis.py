"""What a diagnosis is, and when it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FEWEST = 10
SMALLEST_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was done to readings: its name, in plain words, how many it explains and of how many that were wrong.

    `share` is the part of all readings found. `facts` hold the figures of it (an offset, a factor, digits, names).
    """

    name: str
    text: str
    explains: int
    of: int
    share: float
    facts: Mapping[str, Any] = field(default_factory=dict)


def believable(explains: int, of: int) -> bool:
    """Whether a supposition explains enough of what is wrong to be named: 10 readings and a tenth of them.

    Assumption: both limits are our own choice, so that chance is not named and what is systematic is.
    """
    return explains >= max(FEWEST, SMALLEST_SHARE * of)


def part(count: int, of: int) -> str:
    """A share in words: `all`, or per cent."""
    if of and count == of:
        return "all"
    return f"{100 * count / max(of, 1):.3g} %"
