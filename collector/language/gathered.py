"""A TOML file checked against a model of pydantic: every error at once, each with its path and what may be meant."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from collector.language.checking import suggestion
from collector.language.errors import InputError

ERRORS_SHOWN = 40
LARGEST_FILE = 1 << 20


class Strict(BaseModel):
    """A table of a file that holds nothing but what is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=Strict)


def gathered(text: str, where: str, model: type[Model], tables: Mapping[str, type[Strict]]) -> Model:
    """What a TOML text holds, as a model; `tables` are the models of its tables by key, for suggestions.

    Raises `InputError` with all that is wrong, each with its path in the file (`rule[2].above`).
    """
    told = parsed(text, where)
    try:
        return model.model_validate(told)
    except ValidationError as error:
        errors = error.errors()
        wrong = {one["loc"][0] for one in errors if len(one["loc"]) > 1}
        kept = [one for one in errors if not (one["type"] == "too_short" and one["loc"][0] in wrong)]
        raise refusal(where, [_line(one, model, tables) for one in kept]) from None


def text_of(path: Path, what: str) -> str:
    """The text of a file that a user wrote, of which `what` (such as "a mapping") is expected.

    Raises `InputError` where it cannot be read, is larger than 1 MiB, or is no UTF-8.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    if len(raw) > LARGEST_FILE:
        raise InputError(f"{path}: expected at most {LARGEST_FILE:,} bytes; is this {what}?")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected UTF-8 text") from None


def parsed(text: str, where: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises `InputError` if it is none, or too large."""
    if len(text) > LARGEST_FILE:
        raise InputError(f"{where}: expected at most {LARGEST_FILE:,} characters")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not TOML: {error}") from None


def refusal(where: str, lines: Sequence[str]) -> InputError:
    """The error that tells all that is wrong with a file, a line each."""
    more = [f"and {len(lines) - ERRORS_SHOWN} more"] if len(lines) > ERRORS_SHOWN else []
    return InputError(f"{where}:\n  " + "\n  ".join([*lines[:ERRORS_SHOWN], *more]))


def wrong_line(error: Any, path: str, fields: Mapping[str, FieldInfo]) -> str:
    """What an error of pydantic says of a place in a file, whose table there has these fields."""
    name = str(error["loc"][-1]) if error["loc"] else ""
    match error["type"]:
        case "extra_forbidden":
            return f"{path}: no such key; {suggestion(name, fields, 'expected ' + ', '.join(fields))}"
        case "missing":
            said = fields[name].description if name in fields else None
            return f"{path}: missing{f'; expected {said}' if said else ''}"
        case "value_error":
            return f"{path}: {'; '.join(str(error['ctx']['error']).splitlines())}"
        case _:
            came = "" if isinstance(error["input"], dict | list | tuple) else f", came {error['input']!r}"[:80]
            return f"{path}: {error['msg']}{came}"


def _line(error: Any, model: type[Strict], tables: Mapping[str, type[Strict]]) -> str:
    place = [step for step in error["loc"] if step != "[key]"]
    path = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".") or "file"
    return wrong_line(error, path, _fields(place, model, tables))


def _fields(place: list[Any], model: type[Strict], tables: Mapping[str, type[Strict]]) -> dict[str, FieldInfo]:
    """The fields of the table that a path leads into, by the names that the file has for them."""
    held = tables.get(str(place[0]), model) if len(place) > 1 else model
    return {field.alias or name: field for name, field in held.model_fields.items()}
