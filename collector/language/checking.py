"""What the edges share that check what comes from outside: suggestions, and errors that pydantic can gather."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator

from collector.language.errors import InputError


def suggestion(name: str, known: Iterable[str], otherwise: str) -> str:
    """`did you mean X?` with the nearest of the known names, or what to say where none is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}?" if near else otherwise


def checked(check: Callable[[Any], object]) -> AfterValidator:
    """Have `check` look at a value; its `InputError` becomes an error of the file, gathered with the others."""

    def validate(value: Any) -> Any:
        try:
            check(value)
        except InputError as error:
            raise ValueError(str(error)) from None
        return value

    return AfterValidator(validate)


def check_zone(name: str) -> None:
    """Raise `InputError` if there is no such IANA zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(f"no IANA zone {name!r}; for example Asia/Bangkok") from None
