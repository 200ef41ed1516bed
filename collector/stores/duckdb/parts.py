"""What a bucketed selection is put together from: days, half hours, and the readings that have neither."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.language.time import EARLIEST, LATEST, MONDAY, format_epoch
from collector.stores.duckdb.daily import seconds
from collector.stores.duckdb.rollup import HALF_HOUR, STATE, WIDTH
from collector.stores.protocol import Selection

# What is read as it is, beside the readings that have rollups.
BESIDE = "(SELECT series, time, value, quality FROM event_values UNION ALL FROM revised) AS beside"

_CLEAN = "(city_id, bucket) NOT IN (SELECT (city, bucket) FROM dirty)"


def parts(connection: DuckDBPyConnection, chosen: pa.Table, selection: Selection, *, thinned: bool) -> list[str]:
    """Queries for the series, slots and states that the bucketed selection of chosen series is put together from."""
    lower, upper = whole_half_hours(selection)
    if lower > upper:
        told = [_part("readings", condition(selection), selection)]
    else:
        within = f"{{0}} >= {stamp(lower)} AND {{0}} < {stamp(upper)} AND {{0}} < frontier"
        moment = "moment" if thinned else "bucket"
        dirty = connection.execute("SELECT min(bucket), max(bucket) + INTERVAL 30 MINUTE FROM dirty").fetchall()[0]
        clean = "" if dirty[0] is None else f" AND {_CLEAN}"
        days, beside = _in_days(chosen, lower, upper, thinned=thinned)
        told = [_rolled("daily", where, selection) for where in days]
        told += [
            _rolled("rollup", f"{where} AND {within.format('bucket')}{clean}", selection, moment) for where in beside
        ]
        told += [_part("readings", where, selection) for where in _unrolled(chosen, within, selection, *dirty)]
        if thinned:
            between = f"bucket >= {stamp(lower)} AND bucket < {stamp(upper)}"
            told += [_rolled("halfhourly", f"{where} AND {between}", selection) for where in beside]
    told.append(_part(BESIDE, condition(selection), selection))
    return told


def _in_days(chosen: pa.Table, lower: int, upper: int, *, thinned: bool) -> tuple[list[str], list[str]]:
    """Conditions for what is read by days, if anything is, and for the half hours that are read beside them."""
    since, until, frontier = (seconds(chosen[name]) for name in ("whole_from", "whole_until", "frontier"))
    if not (since < until).any():
        return [], ["TRUE"]
    between = f"bucket >= {stamp(since.min())} AND bucket < {stamp(until.max())}"
    days = f"{between} AND bucket >= whole_from AND bucket < whole_until"
    before = [f"bucket < {stamp(since.max())} AND bucket < whole_from"] if since.max() > lower else []
    beyond = until.min() < (upper if thinned else min(upper, frontier.max()))
    return [days], [*before, *([f"bucket >= {stamp(until.min())} AND bucket >= whole_until"] if beyond else [])]


def _unrolled(
    chosen: pa.Table, within: str, selection: Selection, low: datetime | None, high: datetime | None
) -> list[str]:
    """Conditions, no two of which meet, for the readings without a rollup; what is to be redone lies low to high."""
    asked = condition(selection)
    lower, upper = whole_half_hours(selection)
    if not chosen.num_rows:
        return []
    edge = max(int(seconds(chosen["frontier"]).min()), EARLIEST)
    where = [f"{asked} AND time >= {stamp(edge)} AND time >= frontier"]
    if selection.start is not None:
        where.append(f"{asked} AND time < {stamp(lower)} AND time < frontier")
    if selection.end is not None:
        where.append(f"{asked} AND time >= {stamp(upper)} AND time < frontier")
    if low is not None:
        dirty = f"(city_id, {HALF_HOUR}) IN (SELECT (city, bucket) FROM dirty)"  # noqa: S608
        between = f"time >= TIMESTAMP_S '{low}' AND time < TIMESTAMP_S '{high}'"
        where.append(f"{asked} AND {between} AND {within.format('time')} AND {dirty}")
    return where


def _part(table: str, where: str, selection: Selection) -> str:
    barred = selection.without and table == "readings"
    flags = "ASOF LEFT JOIN barred ON barred.barred = series AND barred.since <= time " if barred else ""
    where += " AND (barred.until IS NULL OR time > barred.until)" if barred else ""
    return (
        f"SELECT series, {slot('time', selection)} AS slot, count(*) AS n, {STATE} AS state, max(time) AS moment "  # noqa: S608
        f"FROM {table} JOIN chosen USING (series) {flags}WHERE {where} GROUP BY series, slot"
    )


def _rolled(table: str, within: str, selection: Selection, moment: str = "moment") -> str:
    return (
        f"SELECT series, {slot('bucket', selection)} AS slot, n, state, {moment} AS moment "  # noqa: S608
        f"FROM {table} JOIN chosen USING (series) WHERE {within}"
    )


def slot(column: str, selection: Selection) -> str:
    """Where the bucket of a time begins, in seconds since 1970: numbers are much quicker than intervals."""
    since = f"(epoch_us({column}) // 1000000 + shift - {MONDAY})"
    width = selection.bucket
    return f"{since} - ({since} % {width} + {width}) % {width} + {MONDAY} - shift"


def whole_half_hours(selection: Selection) -> tuple[int, int]:
    """The first and the end of the half hours that lie wholly in a selection, in seconds since 1970."""
    start = EARLIEST if selection.start is None else selection.start
    end = LATEST if selection.end is None else selection.end
    return -(-start // WIDTH) * WIDTH, end // WIDTH * WIDTH


def condition(selection: Selection) -> str:
    """What is asked of single values, as SQL."""
    terms = [] if selection.flagged else ["quality = 0"]
    if selection.start is not None:
        terms.append(f"time >= {stamp(selection.start)}")
    if selection.end is not None:
        terms.append(f"time < {stamp(selection.end)}")
    return " AND ".join(terms) or "TRUE"


def stamp(epoch: int | np.int64) -> str:
    """A time in seconds since 1970 as SQL."""
    return f"TIMESTAMP_S '{format_epoch(int(epoch))[:-1]}'"
