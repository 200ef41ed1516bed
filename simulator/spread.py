"""How many connections a run has."""

from __future__ import annotations

from enum import StrEnum


class Spread(StrEnum):
    """How many connections a run has: one for each city, one for each city and station, or one for all."""

    CITY = "city"
    STATION = "station"
    ONE = "one"
