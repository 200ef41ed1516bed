"""Text of strangers for a terminal: nothing in it can move the cursor, change colours or turn the writing around."""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def plain(text: str, longest: int | None = None) -> str:
    """The text with every character that is not seen written as an escape; cut to at most `longest` characters."""
    told = "".join(_escaped(letter) if unicodedata.category(letter) in _HIDDEN else letter for letter in text)
    return told if longest is None or len(told) <= longest else told[: longest - 1] + "…"


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", "backslashreplace").decode("ascii")
