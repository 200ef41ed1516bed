"""A message as it arrived, before anybody has looked into it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it arrived: `received` and `published` are seconds since 1970 by the wall.

    `retained` is one that the broker had kept: nobody knows when it was said.
    """

    topic: str
    payload: bytes
    received: float
    published: float | None = None
    retained: bool = False
