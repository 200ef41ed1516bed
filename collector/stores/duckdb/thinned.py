"""What is there as half hours only, or no longer: said so rather than left out of an answer."""

from __future__ import annotations

from typing import NamedTuple

from duckdb import DuckDBPyConnection

from collector.language.errors import InputError
from collector.language.time import EARLIEST, LATEST, format_epoch
from collector.stores.protocol import Selection

WIDTH = 1800
_OF_CHOSEN = """
SELECT run, city, indicator, epoch(thin.first)::BIGINT, epoch(thin.raw)::BIGINT, epoch(thin.halfhourly)::BIGINT, {shift}
FROM (SELECT series, min(first) AS first, max(raw) AS raw, max(halfhourly) AS halfhourly FROM thinned GROUP BY series)
     AS thin JOIN chosen USING (series)
"""


class _Thinned(NamedTuple):
    """A series of which raw values in [first, raw) are gone, and their half hours before `halfhourly` too."""

    run: str
    city: str
    indicator: str
    first: int
    raw: int
    halfhourly: int | None
    shift: int


def is_thinned(connection: DuckDBPyConnection) -> bool:
    """Whether any raw values were ever taken out."""
    return bool(connection.execute("SELECT count(*) FROM thinned").fetchall()[0][0])


def refuse_what_is_gone(connection: DuckDBPyConnection, selection: Selection) -> None:
    """Raise `InputError` if a selection of the `chosen` series asks for what half hours cannot answer.

    These are raw and flagged values, spans that begin or end within a half hour, local buckets of a zone that is not
    whole half hours from UTC, and times of which nothing is left at all.
    """
    start = EARLIEST if selection.start is None else selection.start
    end = LATEST if selection.end is None else selection.end
    query = _OF_CHOSEN.format(shift="0" if selection.bucket is None else "shift")
    held = [_Thinned(*row) for row in connection.execute(query).fetchall()]
    for one in held:
        if one.raw > start and one.first < end and (reason := _unanswerable(one, selection, start, end)):
            raise InputError(
                f"the values of {one.indicator} in {one.city} (run {one.run}) from {format_epoch(one.first)} to "
                f"{format_epoch(one.raw)} are kept as half hours only: {reason}"
            )
    chosen = connection.execute("SELECT count(*) FROM chosen").fetchall()[0][0]
    if held and chosen == len(held) and all(one.halfhourly is not None and one.halfhourly >= end for one in held):
        newest = max(one.halfhourly or 0 for one in held)
        raise InputError(f"nothing is left of the time before {format_epoch(newest)}: ask for a later time")


def _unanswerable(one: _Thinned, selection: Selection, start: int, end: int) -> str | None:
    if selection.bucket is None:
        return f"ask for a bucket (of 30 minutes, say), or from {format_epoch(one.raw)} on"
    if selection.without:
        return f"flags cannot be left out of them, ask without that or from {format_epoch(one.raw)} on"
    if selection.flagged:
        return f"flagged values are not among them, ask without those or from {format_epoch(one.raw)} on"
    if one.shift % WIDTH:
        return "they do not fit the clock of that city, ask in UTC"
    for edge in (start, end):
        if edge % WIDTH and one.first < edge // WIDTH * WIDTH + WIDTH and one.raw > edge // WIDTH * WIDTH:
            return f"begin and end on a half hour, not at {format_epoch(edge)}"
    return None
