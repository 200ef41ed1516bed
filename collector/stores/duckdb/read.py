"""Reading values: raw, or combined over cities and buckets from rollups where they hold and from readings elsewhere."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection

from collector.language.errors import InputError
from collector.language.indicators import summed
from collector.language.time import EARLIEST, LATEST, format_epoch, offset, period_start
from collector.quality.kinds import check_kinds
from collector.stores.duckdb import flags as duckdb_flags
from collector.stores.duckdb.daily import with_days
from collector.stores.duckdb.parts import BESIDE, condition, parts, whole_half_hours
from collector.stores.duckdb.rollup import WIDTH
from collector.stores.duckdb.thinned import refuse_what_is_gone
from collector.stores.protocol import Selection

_ALWAYS = "TIMESTAMP_S '0001-01-01'"

_NAMES = {"indicators": "indicator", "cities": "series_named.city", "runs": "run", "stations": "station"}

_CHOSEN = f"""
SELECT series, run, series_named.city, pillar, station, indicator, origin, rollup, city_id, timezone,
       coalesce(frontier.time, {_ALWAYS}) AS frontier, coalesce(ahead, 0) AS ahead,
       CASE WHEN city_id IN (SELECT city FROM dirty) THEN {_ALWAYS} ELSE coalesce(daily_frontier.time, {_ALWAYS}) END
           AS daily,
       row_number() OVER (ORDER BY run, indicator, series_named.city, station, pillar) - 1 AS place
FROM series_named LEFT JOIN frontier ON frontier.city = city_id
     LEFT JOIN daily_frontier ON daily_frontier.city = city_id
WHERE {
    " AND ".join(
        f"(len(${plural}::VARCHAR[]) = 0 OR list_contains(${plural}::VARCHAR[], {name}))"
        for plural, name in _NAMES.items()
    )
}
"""  # noqa: S608

_NEWEST_REVISION = """
SELECT series, timezone, period, value, quality FROM statistics JOIN chosen USING (series)
WHERE $known_at::TIMESTAMP_S IS NULL OR published <= $known_at::TIMESTAMP_S
QUALIFY row_number() OVER (PARTITION BY series, period ORDER BY revision DESC, published DESC) = 1
"""

# Parts have one row per series and bucket and source; `moment` orders the parts of a bucket for the last value. Groups
# are of numbers: `whose` stands for a run, indicator, city and origin, `who` for the first three.
_COMBINED = """
whole AS ({whole}) SELECT whose, slot, {value} AS value, sum(n)::BIGINT AS n
FROM whole JOIN chosen USING (series) GROUP BY who, whose, slot ORDER BY who, slot, whose
"""
# What combines over stations as it does over time needs no value of each station first.
_AT_ONCE = "SELECT series, slot, n, state FROM part"
_BY_STATION = """
SELECT series, slot, sum(n)::BIGINT AS n, {state} AS state FROM part JOIN chosen USING (series) GROUP BY series, slot
"""
_SUMMED = "list_contains($summed::VARCHAR[], any_value(indicator))"
_STATES = {"max": "max(state)", "last": "arg_max(state, moment)"}
_VALUES = {
    "sum": "sum(state)",
    "max": "max(state)",
    "last": f"CASE WHEN {_SUMMED} THEN sum(state) ELSE avg(state) END",
    "energetic_mean": "10 * log10(sum(state) / sum(n))",
}
_MEAN = "sum(state) / sum(n)"
_MEAN_BY_STATION = f"CASE WHEN {_SUMMED} THEN sum(state / n) ELSE {_MEAN} END"


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
    chosen = _with_days(chosen.join(who, ["city", "indicator"]), selection)
    connection.register("chosen", chosen)
    connection.register("revised", revised(connection, selection.known_at))
    together = " UNION ALL ".join(parts(connection, chosen, selection, thinned=thinned))
    query = f"SELECT DISTINCT who, slot FROM ({together}) JOIN chosen USING (series) ORDER BY who, slot"  # noqa: S608
    rows = connection.execute(query).to_arrow_table()
    told = [
        who[name].combine_chunks().dictionary_encode().take(rows["who"].combine_chunks())
        for name in who.column_names[:2]
    ]
    return pa.table([*told, rows["slot"].cast(pa.timestamp("s"))], ["city", "indicator", "time"])


def choose(connection: DuckDBPyConnection, run: str | None) -> None:
    """Register the series of a run (or all) as `chosen` and their newest statistics as `revised`."""
    query = "FROM series_named WHERE ?::VARCHAR IS NULL OR run = ?"
    connection.register("chosen", connection.execute(query, [run, run]).to_arrow_table())
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
    both = " UNION ALL ".join(
        f"SELECT place, time, value, quality FROM {table} JOIN chosen USING (series) WHERE {condition(selection)}"  # noqa: S608
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
    chosen, names = _numbered(_with_days(chosen, selection))
    connection.register("chosen", chosen)
    together = " UNION ALL ".join(parts(connection, chosen, selection, thinned=thinned))
    query = f"WITH part AS ({together}), {_combination(chosen)}"
    rows = connection.execute(query, {"summed": summed()} if "$summed" in query else None).to_arrow_table()
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


def _combination(chosen: pa.Table) -> str:
    """The SQL that combines the parts of these series."""
    kinds = sorted(set(chosen["rollup"].to_pylist()))
    states = {kind: _STATES.get(kind, "sum(state)") for kind in kinds}
    by_station = "last" in kinds or not set(summed()).isdisjoint(chosen["indicator"].to_pylist())
    values = {kind: _VALUES.get(kind, _MEAN_BY_STATION if by_station else _MEAN) for kind in kinds}
    whole = _BY_STATION.format(state=_by_rollup(states)) if by_station else _AT_ONCE
    return _COMBINED.format(whole=whole, value=_by_rollup(values))


def _by_rollup(expressions: dict[str, str]) -> str:
    """One expression for series of these rollups."""
    if len(set(expressions.values())) <= 1:
        return next(iter(expressions.values()), "sum(state)")
    cases = " ".join(f"WHEN '{kind}' THEN {expression}" for kind, expression in expressions.items())
    return f"CASE any_value(rollup) {cases} END"


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


def _with_days(chosen: pa.Table, selection: Selection) -> pa.Table:
    return with_days(chosen, selection.bucket or WIDTH, *whole_half_hours(selection))


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
