"""Reading values: raw, or combined over cities and buckets from rollups where they hold and from readings elsewhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.language.errors import InputError
from collector.language.indicators import summed
from collector.language.time import EARLIEST, LATEST, format_epoch, period_start
from collector.quality.kinds import check_kinds
from collector.stores.duckdb import flags as duckdb_flags
from collector.stores.duckdb.rollup import HALF_HOUR, STATE, WIDTH
from collector.stores.duckdb.thinned import refuse_what_is_gone
from collector.stores.protocol import Selection

_CLEAN = "(city_id, bucket) NOT IN (SELECT (city, bucket) FROM dirty)"
_ALWAYS = "TIMESTAMP_S '0001-01-01'"

_NAMES = {"indicators": "indicator", "cities": "series_named.city", "runs": "run", "stations": "station"}

_CHOSEN = f"""
SELECT series, run, series_named.city, pillar, station, indicator, origin, rollup, city_id, timezone,
       coalesce(frontier.time, {_ALWAYS}) AS frontier,
       row_number() OVER (ORDER BY run, indicator, series_named.city, station, pillar) - 1 AS place
FROM series_named LEFT JOIN frontier ON frontier.city = city_id
WHERE {
    " AND ".join(
        f"(len(${plural}::VARCHAR[]) = 0 OR list_contains(${plural}::VARCHAR[], {name}))"
        for plural, name in _NAMES.items()
    )
}
"""  # noqa: S608

# What is read as it is, beside the readings that have rollups.
BESIDE = "(SELECT series, time, value, quality FROM event_values UNION ALL FROM revised) AS beside"

_NEWEST_REVISION = """
SELECT series, timezone, period, value, quality FROM statistics JOIN chosen USING (series)
WHERE $known_at::TIMESTAMP_S IS NULL OR published <= $known_at::TIMESTAMP_S
QUALIFY row_number() OVER (PARTITION BY series, period ORDER BY revision DESC, published DESC) = 1
"""

# Parts have one row per series and bucket and source; `moment` orders the parts of a bucket for the last value. Groups
# are of numbers: `whose` stands for a run, indicator, city and origin, `who` for the first three.
_COMBINED = """
WITH part AS ({parts}),
     whole AS (
         SELECT series, slot, sum(n)::BIGINT AS n, {state} AS state
         FROM part JOIN chosen USING (series) GROUP BY series, slot)
SELECT whose, slot, {value} AS value, sum(n)::BIGINT AS n
FROM whole JOIN chosen USING (series) GROUP BY who, whose, slot ORDER BY who, slot, whose
"""

_STATES = {"max": "max(state)", "last": "arg_max(state, moment)"}
_VALUES = {
    "sum": "sum(state)",
    "max": "max(state)",
    "last": "CASE WHEN list_contains($summed::VARCHAR[], any_value(indicator)) THEN sum(state) ELSE avg(state) END",
    "energetic_mean": "10 * log10(sum(state) / sum(n))",
    "mean": "CASE WHEN list_contains($summed::VARCHAR[], any_value(indicator)) THEN sum(state / n) "
    "ELSE sum(state) / sum(n) END",
}
_MONDAY = 946_857_600
"""Buckets are counted from 2000-01-03, a Monday, so that weeks begin with one."""


def read(
    connection: DuckDBPyConnection, selection: Selection, first: int, *, thinned: bool = False, marked: bool = False
) -> pa.Table:
    """The values of a selection; the offset of each city's zone is that at the selection's start, or at `first`.

    `thinned` says that some values are there as half hours only, `marked` that there is a table of flags.
    """
    check(selection)
    chosen = connection.execute(_CHOSEN, _names(selection)).to_arrow_table()
    if selection.bucket is not None:
        start = first if selection.start is None else selection.start
        chosen = _with_shifts(chosen, start if selection.local else None, flagged=selection.flagged)
    connection.register("chosen", chosen)
    spans = duckdb_flags.of_chosen(connection) if marked else None
    if selection.without and spans is not None and selection.bucket is not None:
        bars = duckdb_flags.barred(spans, selection.without)
        chosen = _without_rollups(chosen, bars)
        connection.register("chosen", chosen)
        connection.register("barred", bars)
    connection.register("revised", revised(connection, selection.known_at))
    if thinned:
        refuse_what_is_gone(connection, selection)
    if selection.bucket is None:
        return _raw(connection, selection, chosen, spans)
    return _bucketed(connection, selection, chosen, thinned=thinned)


def held(connection: DuckDBPyConnection, selection: Selection, first: int, *, thinned: bool = False) -> pa.Table:
    """City, indicator and time of the buckets of a selection that hold a value, each once.

    As `read` finds them, but nothing is combined: of what has a rollup its buckets are told and no value is looked at.
    """
    check(selection)
    if selection.bucket is None or selection.without:
        raise InputError("expected a bucket and no flags to leave out, to tell which buckets hold a value")
    chosen = connection.execute(_CHOSEN, _names(selection)).to_arrow_table()
    start = first if selection.start is None else selection.start
    chosen = _with_shifts(chosen, start if selection.local else None, flagged=selection.flagged)
    who = (
        chosen.group_by(["city", "indicator"])
        .aggregate([])
        .sort_by([("city", "ascending"), ("indicator", "ascending")])
    )
    who = who.append_column("who", pa.array(np.arange(who.num_rows)))
    connection.register("chosen", chosen.join(who, ["city", "indicator"]))
    connection.register("revised", revised(connection, selection.known_at))
    parts = " UNION ALL ".join(_parts(connection, selection, thinned=thinned))
    query = f"SELECT DISTINCT who, slot FROM ({parts}) JOIN chosen USING (series) ORDER BY who, slot"  # noqa: S608
    rows = connection.execute(query).to_arrow_table()
    told = [
        who[name].combine_chunks().dictionary_encode().take(rows["who"].combine_chunks())
        for name in who.column_names[:2]
    ]
    return pa.table([*told, rows["slot"].cast(pa.timestamp("s"))], ["city", "indicator", "time"])


def choose(connection: DuckDBPyConnection, run: str | None) -> None:
    """Register the series of a run (or all) as `chosen` and their newest statistics as `revised`."""
    selection = Selection((), runs=() if run is None else (run,))
    connection.register("chosen", connection.execute(_CHOSEN, _names(selection)).to_arrow_table())
    connection.register("revised", revised(connection, None))


def revised(connection: DuckDBPyConnection, known_at: int | None) -> pa.Table:
    """The newest revision known of each period of the chosen series: series, time, value, quality.

    The time is the start of the period in the city's zone.
    """
    known = None if known_at is None else format_epoch(known_at)[:-1]
    rows = connection.execute(_NEWEST_REVISION, {"known_at": known}).to_arrow_table()
    zones, periods = rows["timezone"].to_pylist(), rows["period"].to_pylist()
    times = np.array([_period_start(zone, period) for zone, period in zip(zones, periods, strict=True)], np.int64)
    stamps = pa.array(times).cast(pa.timestamp("s"))
    return pa.table([rows["series"], stamps, rows["value"], rows["quality"]], ["series", "time", "value", "quality"])


def _raw(connection: DuckDBPyConnection, selection: Selection, chosen: pa.Table, spans: pa.Table | None) -> pa.Table:
    """Sort numbers, then put the names in their place: much quicker than sorting rows of names."""
    condition = _condition(selection)
    both = " UNION ALL ".join(
        f"SELECT place, time, value, quality FROM {table} JOIN chosen USING (series) WHERE {condition}"  # noqa: S608
        for table in ("readings", BESIDE)
    )
    rows = connection.execute(f"{both} ORDER BY place, time").to_arrow_table()
    if spans is not None:
        rows = duckdb_flags.with_bits(rows, spans, selection.without)
    names = chosen.select(["run", "city", "indicator", "origin", "station"]).combine_chunks()
    parts = [pa.Table.from_batches([part]) for part in rows.to_batches()] or [rows]
    return pa.concat_tables([_named(part, names) for part in parts])


def _named(rows: pa.Table, names: pa.Table) -> pa.Table:
    told = {name: names[name].take(rows["place"]) for name in names.column_names}
    told |= {name: rows[name] for name in ("time", "value", "quality")}
    order = ("run", "city", "indicator", "origin", "time", "value", "station", "quality")
    return pa.table({name: told[name] for name in order})


def _bucketed(connection: DuckDBPyConnection, selection: Selection, chosen: pa.Table, *, thinned: bool) -> pa.Table:
    chosen, names = _numbered(chosen)
    connection.register("chosen", chosen)
    parts = " UNION ALL ".join(_parts(connection, selection, thinned=thinned))
    kinds = sorted(set(chosen["rollup"].to_pylist()))
    states = {kind: _STATES.get(kind, "sum(state)") for kind in kinds}
    values = {kind: _VALUES.get(kind, _VALUES["mean"]) for kind in kinds}
    query = _COMBINED.format(parts=parts, state=_by_rollup(states), value=_by_rollup(values))
    summing = {"summed": summed()} if "$summed" in query else None
    rows = connection.execute(query, summing).to_arrow_table()
    told = {name: names[name].take(rows["whose"]) for name in names.column_names}
    told |= {"time": rows["slot"].cast(pa.timestamp("s")), "value": rows["value"], "n": rows["n"]}
    return pa.table({name: told[name] for name in ("run", "city", "indicator", "origin", "time", "value", "n")})


def _numbered(chosen: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The chosen series with `who` and `whose`, numbers in the order of names; and the names of each `whose`."""
    keys = ["run", "indicator", "city", "origin"]
    names = chosen.group_by(keys).aggregate([]).sort_by([(key, "ascending") for key in keys])
    told = list(zip(*(names[key].to_pylist() for key in keys), strict=True))
    whose = {key: number for number, key in enumerate(told)}
    who = {key: number for number, key in enumerate(dict.fromkeys(key[:3] for key in told))}
    rows = list(zip(*(chosen[key].to_pylist() for key in keys), strict=True))
    for name, numbers in (("whose", [whose[row] for row in rows]), ("who", [who[row[:3]] for row in rows])):
        chosen = chosen.append_column(name, pa.array(numbers, pa.int32()))
    return chosen, names.combine_chunks()


def _by_rollup(expressions: dict[str, str]) -> str:
    """One expression for series of these rollups."""
    if len(set(expressions.values())) <= 1:
        return next(iter(expressions.values()), "sum(state)")
    cases = " ".join(f"WHEN '{kind}' THEN {expression}" for kind, expression in expressions.items())
    return f"CASE any_value(rollup) {cases} END"


def _parts(connection: DuckDBPyConnection, selection: Selection, *, thinned: bool) -> list[str]:
    """Queries for the series, slots and states that a bucketed selection is put together from."""
    lower, upper = _whole_half_hours(selection)
    if lower > upper:
        parts = [_part("readings", _condition(selection), selection)]
    else:
        within = f"{{0}} >= {_stamp(lower)} AND {{0}} < {_stamp(upper)} AND {{0}} < frontier"
        moment = "moment" if thinned else "bucket"
        dirty = connection.execute("SELECT min(bucket), max(bucket) + INTERVAL 30 MINUTE FROM dirty").fetchall()[0]
        clean = "" if dirty[0] is None else f" AND {_CLEAN}"
        parts = [_rolled("rollup", within.format("bucket") + clean, selection, moment)]
        parts += [_part("readings", where, selection) for where in _unrolled(connection, within, selection, *dirty)]
    if thinned:
        parts.append(_rolled("halfhourly", f"bucket >= {_stamp(lower)} AND bucket < {_stamp(upper)}", selection))
    parts.append(_part(BESIDE, _condition(selection), selection))
    return parts


def _unrolled(
    connection: DuckDBPyConnection, within: str, selection: Selection, low: datetime | None, high: datetime | None
) -> list[str]:
    """Conditions, no two of which meet, for the readings without a rollup; what is to be redone lies low to high."""
    condition = _condition(selection)
    lower, upper = _whole_half_hours(selection)
    edge = connection.execute("SELECT min(frontier) FROM chosen").fetchall()[0][0]
    if edge is None:
        return []
    where = [f"{condition} AND time >= TIMESTAMP_S '{edge}' AND time >= frontier"]
    if selection.start is not None:
        where.append(f"{condition} AND time < {_stamp(lower)} AND time < frontier")
    if selection.end is not None:
        where.append(f"{condition} AND time >= {_stamp(upper)} AND time < frontier")
    if low is not None:
        dirty = f"(city_id, {HALF_HOUR}) IN (SELECT (city, bucket) FROM dirty)"  # noqa: S608
        between = f"time >= TIMESTAMP_S '{low}' AND time < TIMESTAMP_S '{high}'"
        where.append(f"{condition} AND {between} AND {within.format('time')} AND {dirty}")
    return where


def _part(table: str, where: str, selection: Selection) -> str:
    barred = selection.without and table == "readings"
    flags = "ASOF LEFT JOIN barred ON barred.barred = series AND barred.since <= time " if barred else ""
    where += " AND (barred.until IS NULL OR time > barred.until)" if barred else ""
    return (
        f"SELECT series, {_slot('time', selection)} AS slot, count(*) AS n, {STATE} AS state, max(time) AS moment "  # noqa: S608
        f"FROM {table} JOIN chosen USING (series) {flags}WHERE {where} GROUP BY series, slot"
    )


def _rolled(table: str, within: str, selection: Selection, moment: str = "moment") -> str:
    return (
        f"SELECT series, {_slot('bucket', selection)} AS slot, n, state, {moment} AS moment "  # noqa: S608
        f"FROM {table} JOIN chosen USING (series) WHERE {within}"
    )


def _slot(column: str, selection: Selection) -> str:
    """Where the bucket of a time begins, in seconds since 1970: numbers are much quicker than intervals."""
    since = f"(epoch_us({column}) // 1000000 + shift - {_MONDAY})"
    width = selection.bucket
    return f"{since} - ({since} % {width} + {width}) % {width} + {_MONDAY} - shift"


def _whole_half_hours(selection: Selection) -> tuple[int, int]:
    start = EARLIEST if selection.start is None else selection.start
    end = LATEST if selection.end is None else selection.end
    return -(-start // WIDTH) * WIDTH, end // WIDTH * WIDTH


def _condition(selection: Selection) -> str:
    terms = [] if selection.flagged else ["quality = 0"]
    if selection.start is not None:
        terms.append(f"time >= {_stamp(selection.start)}")
    if selection.end is not None:
        terms.append(f"time < {_stamp(selection.end)}")
    return " AND ".join(terms) or "TRUE"


def _with_shifts(chosen: pa.Table, at: int | None, *, flagged: bool) -> pa.Table:
    """The chosen series with `shift`, the seconds their city's clock is ahead of UTC.

    The frontier is put before all time where rollups cannot be used: they hold good values only, and no bucket
    of a zone that is not whole half hours away from UTC.
    """
    shifts = np.array([0 if at is None else offset(zone, at) for zone in chosen["timezone"].to_pylist()], np.int64)
    frontier = chosen["frontier"].to_numpy().astype("datetime64[s]")
    frontier = np.where((shifts % WIDTH != 0) | flagged, np.datetime64("0001-01-01", "s"), frontier)
    place = chosen.schema.get_field_index("frontier")
    return chosen.set_column(place, "frontier", pa.array(frontier)).append_column("shift", pa.array(shifts))


def _without_rollups(chosen: pa.Table, bars: pa.Table) -> pa.Table:
    """The chosen series with the frontier of those that have barred spans put before all time."""
    held = chosen["frontier"].to_numpy().astype("datetime64[s]")
    flagged = np.isin(chosen["series"].to_numpy().astype(np.int64), bars["barred"].to_numpy())
    frontier = np.where(flagged, np.datetime64("0001-01-01", "s"), held)
    return chosen.set_column(chosen.schema.get_field_index("frontier"), "frontier", pa.array(frontier))


def _names(selection: Selection) -> dict[str, list[str]]:
    return {name: list(getattr(selection, name)) for name in _NAMES}


def check(selection: Selection) -> None:
    """Raise `InputError` for a bucket or a time that cannot be asked for."""
    check_kinds(selection.without)
    bucket = selection.bucket
    if bucket is not None and (bucket <= 0 or bucket % WIDTH):
        raise InputError(f"expected a bucket of whole half hours (a multiple of {WIDTH} seconds), came {bucket}")
    for time in (selection.start, selection.end, selection.known_at):
        if time is not None and not EARLIEST <= time <= LATEST:
            raise InputError(f"expected a time from 1900 to 2199 in seconds since 1970, came {time}")


@lru_cache(maxsize=4096)
def _period_start(zone: str | None, period: str) -> int:
    start = int(period_start(period).astype(np.int64))
    return start - offset(zone, start - offset(zone, start))


def offset(zone: str | None, at: int) -> int:
    """Seconds a zone is ahead of UTC at a time; 0 where the zone is not known."""
    if zone is None:
        return 0
    try:
        ahead = datetime.fromtimestamp(at, ZoneInfo(zone)).utcoffset()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return 0
    return int((ahead or timedelta()).total_seconds())


def _stamp(epoch: int) -> str:
    return f"TIMESTAMP_S '{format_epoch(epoch)[:-1]}'"
