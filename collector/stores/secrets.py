"""The secrets of the stores: handed in once by the command line, asked for by name, never in a URL, log or error."""

from __future__ import annotations

from collections.abc import Mapping

INFLUX_TOKEN = "NAKHON_INFLUX_TOKEN"  # noqa: S105  (the name of the variable, not what it holds)
POSTGRES_PASSWORD = "NAKHON_POSTGRES_PASSWORD"  # noqa: S105

_provided: Mapping[str, str] = {}


def provide(secrets: Mapping[str, str]) -> None:
    """From now on stores take their secrets from here; the command line provides its environment."""
    global _provided  # noqa: PLW0603  (set once, when a command starts)
    _provided = secrets


def secret(name: str) -> str | None:
    """What was provided under a name, None where nothing (or nothing but blanks) was."""
    return _provided.get(name, "").strip() or None
