"""The kinds of flags: what is odd about a span of a series. A value out of its bounds has bit 1 from intake on."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from collector.language.errors import InputError

OUT_OF_BOUNDS = 1


class FlagKind(StrEnum):
    """What is odd about a span of a series."""

    STUCK = "stuck"
    SPIKE = "spike"
    GAP = "gap"
    DRIFT = "drift"
    CLOCK = "clock"

    @property
    def bit(self) -> int:
        """Its bit in the column `quality` of raw values."""
        return 2 << list(FlagKind).index(self)

    @property
    def meaning(self) -> str:
        """What it says, in a sentence."""
        return _MEANINGS[self]


_MEANINGS = {
    FlagKind.STUCK: "the same value again and again, longer than chance explains",
    FlagKind.SPIKE: "a single value far from those before and after it",
    FlagKind.GAP: "no values although the station's cadence promises some",
    FlagKind.DRIFT: "the distance to the neighbouring stations has moved away from what it was",
    FlagKind.CLOCK: "the times are those of a clock that is wrong",
}


def check_kinds(kinds: Sequence[str]) -> None:
    """Raise `InputError` for a kind of flag that there is not."""
    known = [kind.value for kind in FlagKind]
    if unknown := [kind for kind in kinds if kind not in known]:
        raise InputError(f"expected kinds of flags of {', '.join(known)}, came {', '.join(map(repr, unknown))}")


def kinds_in(quality: int) -> list[str]:
    """The names of the bits in a value's quality: `range` and kinds of flags."""
    named = ["range"] if quality & OUT_OF_BOUNDS else []
    return named + [kind.value for kind in FlagKind if quality & kind.bit]
