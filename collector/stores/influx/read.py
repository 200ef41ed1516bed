"""Reading values: fetched in columns by Flux, combined in memory by the SQL that serves DuckDB files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from collector.language.errors import InputError
from collector.language.indicators import indicators
from collector.language.time import LATEST, offset
from collector.quality.kinds import OUT_OF_BOUNDS
from collector.stores.duckdb import read as duckdb_read
from collector.stores.duckdb.memory import Memory
from collector.stores.duckdb.parts import BESIDE
from collector.stores.influx.accounts import NAME, city_births, station_births
from collector.stores.influx.connection import Influx
from collector.stores.influx.flux import PLACE, keep, literal, points, tagged
from collector.stores.influx.series import KEY, Origins, numbered, series_named
from collector.stores.influx.url import Target
from collector.stores.influx.windows import combined, is_whole, mergeable, span
from collector.stores.protocol import Selection

SECONDS = pa.timestamp("s", "UTC")
_STAMP = pa.timestamp("s")
_EITHER = '(r._field == "value" or r._field == "flagged")'
_GOOD = 'r._field == "value"'
_NUMBERS = "r._field !~ /^fields(_[0-9]+)?$/"

_COUNTED = f"""
SELECT series, sum(readings)::BIGINT AS readings, min(first) AS first, max(last) AS last FROM (
    SELECT series, readings, NULL AS first, NULL AS last FROM counts
    UNION ALL SELECT series, 0, time, NULL FROM firsts
    UNION ALL SELECT series, 0, NULL, time FROM lasts
    UNION ALL SELECT series, 0, time, time FROM {BESIDE}
) GROUP BY series
"""  # noqa: S608
_SERIES = f"""
SELECT run, city, pillar, station, indicator, origin, registered, readings, first, last
FROM series_named JOIN ({_COUNTED}) USING (series) ORDER BY run, city, pillar, station, indicator
"""  # noqa: S608
_LATEST = f"""
SELECT city, pillar, station, indicator, time, value, quality
FROM (FROM lasts UNION ALL FROM {BESIDE}) JOIN chosen USING (series)
QUALIFY row_number() OVER (PARTITION BY series ORDER BY time DESC) = 1
ORDER BY city, pillar, station, indicator
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Reader:
    """Questions about the values in a bucket; the births in the accounts name zones and origins."""

    influx: Influx
    target: Target
    memory: Memory

    def read(self, selection: Selection) -> pa.Table:
        """Values as `Store.read`. Raises `InputError` where flags are to be left out: there are none here."""
        if selection.without:
            raise InputError("an influxdb:// store keeps no flags, so none can be left out: ask without that")
        unbounded = selection.bucket is not None and selection.local and selection.start is None
        first = self._first() if unbounded else 0
        origins = self._origins(selection.runs)
        tables = self._windowed(selection, origins) if mergeable(selection) else None
        if tables is None:
            tables = self._tables(selection, origins, readings=self._readings(selection))
        with self.memory.holding(tables) as connection:
            return duckdb_read.read(connection, selection, first)

    def series(self, run: str | None) -> pa.Table:
        """One row per series, as `Store.series`."""
        chosen = _of(run)
        firsts, lasts = self._readings(chosen, " |> first()"), self._readings(chosen, " |> last()")
        tables = self._tables(
            chosen, self._origins(chosen.runs), counts=self._counts(chosen), firsts=firsts, lasts=lasts
        )
        with self.memory.holding(tables) as connection:
            duckdb_read.choose(connection, run)
            return connection.execute(_SERIES).to_arrow_table()

    def latest(self, run: str) -> pa.Table:
        """The last value of each series, as `Store.latest`."""
        chosen = _of(run)
        tables = self._tables(chosen, self._origins(chosen.runs), lasts=self._readings(chosen, " |> last()"))
        with self.memory.holding(tables) as connection:
            duckdb_read.choose(connection, run)
            return connection.execute(_LATEST).to_arrow_table()

    def _tables(self, selection: Selection, origins: Origins, **readings: pa.Table) -> dict[str, pa.Table]:
        """The tables of a DuckDB store as far as its reading asks for them."""
        rows = readings | {"event_values": self._events(selection), "statistics": self._statistics(selection)}
        keys, numbers = numbered(list(rows.values()))
        told = {
            name: table.drop_columns(list(KEY)).add_column(0, "series", pa.array(number))
            for (name, table), number in zip(rows.items(), numbers, strict=True)
        }
        return _NOTHING | told | {"series_named": series_named(keys, origins)}

    def _windowed(self, selection: Selection, origins: Origins) -> dict[str, pa.Table] | None:
        """The same, with what Flux has combined as rollups, and only the rest as readings; None if it cannot."""
        inside, at = span(selection), selection.start or 0
        within = replace(selection, start=inside.lower, end=inside.upper)
        zones = origins.zones(selection.cities)
        shifts = {place: offset(zone, at) if selection.local else 0 for place, zone in zones.items()}

        def fetch(names: Sequence[str], windows: str) -> pa.Table:
            return self._readings(replace(within, indicators=tuple(names)), windows).drop_columns(["quality"])

        rolled = combined(selection, {0, *shifts.values()}, lambda: self._counts(within), fetch)
        if rolled is None:
            return None
        odd = {city for (_, city), shift in shifts.items() if not is_whole(shift)}
        parts = [replace(selection, start=start, end=end) for start, end in inside.edges]
        parts += [replace(within, cities=tuple(sorted(odd)))] if odd else []
        readings = [self._readings(part) for part in parts] or [_NO_READINGS]
        together = pa.concat_tables(readings).unify_dictionaries()
        tables = self._tables(selection, origins, rollup=rolled, readings=together)
        return tables | {"frontier": _frontier(tables["series_named"], odd)}

    def _origins(self, runs: Sequence[str]) -> Origins:
        cities, stations = (
            {place: (profile, status) for place, profile, status in born(self.influx, self.target.accounts, runs)}
            for born in (city_births, station_births)
        )
        return Origins(cities, stations)

    def _readings(self, selection: Selection, aggregate: str = "") -> pa.Table:
        """Keys, time, value and quality of readings, or of their first or last for each series and field."""
        field = _EITHER if selection.flagged else _GOOD
        conditions = [*_conditions(selection), tagged("indicator", selection.indicators), field]
        flux = points(self.target.bucket, "readings", conditions, start=selection.start, end=selection.end) + aggregate
        rows = self._rows(flux, ("_field", *KEY))
        return pa.table(_keys(rows) | {"time": rows["_time"], "value": rows["_value"], "quality": _quality(rows)})

    def _counts(self, selection: Selection) -> pa.Table:
        """Keys and how many readings there are, in one or two rows of a key."""
        conditions = [*_conditions(selection), tagged("indicator", selection.indicators), _EITHER]
        flux = points(self.target.bucket, "readings", conditions, start=selection.start, end=selection.end)
        rows = self.influx.ask(
            f"{flux} |> count(){keep(('_value', '_field', *KEY))}", {"_value": pa.int64()} | dict.fromkeys(KEY, NAME)
        )
        return pa.table(_keys(rows) | {"readings": rows["_value"]})

    def _events(self, selection: Selection) -> pa.Table:
        """Keys, time, value and quality of what events say of indicators."""
        named = " or ".join(f"r._field == {literal(name)}" for name in selection.indicators)
        conditions = [*_conditions(selection), f"({named})" if named else _NUMBERS]
        flux = points(self.target.bucket, "events", conditions, start=selection.start, end=selection.end)
        rows = self._rows(flux, ("_field", *PLACE))
        rows = rows.rename_columns(["indicator" if name == "_field" else name for name in rows.column_names])
        return pa.table(_keys(rows) | {"time": rows["_time"], "value": rows["_value"], "quality": _judged(rows)})

    def _statistics(self, selection: Selection) -> pa.Table:
        """Keys, period, published, revision, value and quality of statistics published by `known_at`."""
        known = None if selection.known_at is None else selection.known_at + 1
        conditions = [*_conditions(selection), tagged("indicator", selection.indicators), _EITHER]
        flux = points(self.target.bucket, "statistics", conditions, end=known)
        rows = self._rows(flux, ("_field", "period", "revision", *KEY))
        told = {
            "period": pc.cast(rows["period"], pa.string()),
            "published": rows["_time"],
            "revision": pc.cast(pc.cast(rows["revision"], pa.string()), pa.uint64()),
        }
        return pa.table(_keys(rows) | told | {"value": rows["_value"], "quality": _quality(rows)})

    def _rows(self, flux: str, names: tuple[str, ...]) -> pa.Table:
        columns = {"_time": SECONDS, "_value": pa.float64()} | dict.fromkeys(names, NAME)
        rows = self.influx.ask(flux + keep(columns), columns)
        return rows.set_column(0, "_time", rows["_time"].cast(_STAMP))

    def _first(self) -> int:
        """The time of the first reading of all, in seconds since 1970; 0 without any."""
        flux = points(self.target.bucket, "readings", [_EITHER]) + " |> first()" + keep(["_time", "_field", *KEY])
        first = pc.min(self.influx.ask(flux, {"_time": SECONDS})["_time"].cast(pa.int64())).as_py()
        return first or 0


def _of(run: str | None) -> Selection:
    return Selection((), runs=() if run is None else (run,), flagged=True)


def _conditions(selection: Selection) -> list[str]:
    told = {"run": selection.runs, "city": selection.cities, "station": selection.stations}
    return [tagged(name, values) for name, values in told.items()]


def _frontier(named: pa.Table, odd: set[str]) -> pa.Table:
    """Up to when rollups hold: always, but for the cities whose readings are there instead."""
    cities = dict(zip(named["city_id"].to_pylist(), named["city"].to_pylist(), strict=True))
    whole = [number for number, city in cities.items() if city not in odd]
    return pa.table([whole, [LATEST] * len(whole)], schema=_SCHEMAS["frontier"])


def _keys(rows: pa.Table) -> dict[str, pa.ChunkedArray]:
    return {name: rows[name] for name in KEY}


def _quality(rows: pa.Table) -> pa.ChunkedArray:
    """By the name of the field: `OUT_OF_BOUNDS` for what was written as flagged, else 0."""
    flagged = pc.cast(pc.equal(pc.cast(rows["_field"], pa.string()), "flagged"), pa.uint8())
    return pc.multiply(flagged, pa.scalar(OUT_OF_BOUNDS, pa.uint8()))


def _judged(rows: pa.Table) -> pa.Array:
    """By the bounds of the catalogue, which has every indicator that an event can tell."""
    catalogue = indicators()
    bounds = [catalogue[name] for name in rows["indicator"].to_pylist()]
    told = zip(rows["_value"].to_pylist(), bounds, strict=True)
    return pa.array([0 if one.minimum <= value <= one.maximum else OUT_OF_BOUNDS for value, one in told], pa.uint8())


_SCHEMAS = {
    "readings": pa.schema(
        [("series", pa.uint32()), ("time", _STAMP), ("value", pa.float64()), ("quality", pa.uint8())]
    ),
    "rollup": pa.schema([("series", pa.uint32()), ("bucket", _STAMP), ("n", pa.uint32()), ("state", pa.float64())]),
    "frontier": pa.schema([("city", pa.uint32()), ("time", _STAMP)]),
    "dirty": pa.schema([("city", pa.uint32()), ("bucket", _STAMP)]),
    "daily_frontier": pa.schema([("city", pa.uint32()), ("ahead", pa.int32()), ("time", _STAMP)]),
}
_NOTHING = {name: schema.empty_table() for name, schema in _SCHEMAS.items()}
_NO_READINGS = pa.schema(
    [*((name, NAME) for name in KEY), ("time", _STAMP), ("value", pa.float64()), ("quality", pa.uint8())]
).empty_table()
