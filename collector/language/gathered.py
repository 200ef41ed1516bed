"""A TOML file checked against a model of pydantic: every error at once, each with its path and what may be meant."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from collector.language.checking import suggestion
from collector.language.errors import InputError

ERRORS_SHOWN = 40
LARGEST_FILE = 1 << 20


class Strict(BaseModel):
    """A table of a file that holds nothing but what is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=Strict)


def gathered(text: str, where: str, model: type[Model], tables: Mapping[str, type[Strict]]) -> Model:
    """What a TOML text holds, as a model; `tables` are the models of its lists of tables by key, for suggestions.

    Raises `InputError` with all that is wrong, each with its path in the file (`rule[2].above`).
    """
    if len(text) > LARGEST_FILE:
        raise InputError(f"{where}: expected at most {LARGEST_FILE:,} characters")
    try:
        told = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not TOML: {error}") from None
    try:
        return model.model_validate(told)
    except ValidationError as error:
        errors = error.errors()
        wrong = {one["loc"][0] for one in errors if len(one["loc"]) > 1}
        kept = [one for one in errors if not (one["type"] == "too_short" and one["loc"][0] in wrong)]
        lines = [_line(one, model, tables) for one in kept]
        more = [f"and {len(lines) - ERRORS_SHOWN} more"] if len(lines) > ERRORS_SHOWN else []
        raise InputError(f"{where}:\n  " + "\n  ".join(lines[:ERRORS_SHOWN] + more)) from None


def _line(error: Any, model: type[Strict], tables: Mapping[str, type[Strict]]) -> str:
    place = [step for step in error["loc"] if step != "[key]"]
    path = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".") or "file"
    fields = _fields(place, model, tables)
    match error["type"]:
        case "extra_forbidden":
            return f"{path}: no such key; {suggestion(str(place[-1]), fields, 'expected ' + ', '.join(fields))}"
        case "missing":
            said = next((one.description for name, one in fields.items() if name == place[-1]), None)
            return f"{path}: missing{f'; expected {said}' if said else ''}"
        case "value_error":
            return f"{path}: {error['ctx']['error']}"
        case _:
            came = "" if isinstance(error["input"], dict | list | tuple) else f", came {error['input']!r}"[:80]
            return f"{path}: {error['msg']}{came}"


def _fields(place: list[Any], model: type[Strict], tables: Mapping[str, type[Strict]]) -> dict[str, Any]:
    """The fields of the table that a path leads into, by the names that the file has for them."""
    held = tables.get(str(place[0]), model) if len(place) > 1 else model
    return {field.alias or name: field for name, field in held.model_fields.items()}
