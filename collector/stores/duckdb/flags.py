"""Flags beside the readings: spans of a series, put as bits into what is read, or what they cover left out.

A reading is never rewritten for them: a pass over the store replaces the spans of a run.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from collector.language.errors import InputError
from collector.quality.kinds import FlagKind
from collector.stores.flagging import FLAGS, KEY

Integers = NDArray[np.int64]

_ALL = f"""
SELECT {", ".join(("run", *KEY))}, kind, first, last, value, threshold, detail
FROM flags JOIN series_named USING (series) WHERE ?::VARCHAR IS NULL OR run = ?
ORDER BY run, city, station, indicator, first, kind
"""  # noqa: S608
_NUMBERED = """
SELECT series, kind, first, last, incoming.value, threshold, detail
FROM incoming LEFT JOIN series_named USING (run, city, pillar, station, indicator)
"""
_OF_RUN = "DELETE FROM {table} WHERE series IN (SELECT series FROM series_named WHERE run = ?)"
_CHOSEN = """
SELECT chosen.place, flags.series, kind, first, last FROM flags JOIN chosen USING (series) ORDER BY place, first
"""


def flags(connection: DuckDBPyConnection, run: str | None) -> pa.Table:
    """The flags of a run, or of all."""
    return connection.execute(_ALL, [run, run]).to_arrow_table().cast(FLAGS)


def replace(connection: DuckDBPyConnection, table: str, run: str, incoming: pa.Table) -> None:
    """Put flags in the place of those of a run in `table`. Raises `InputError` for a series that is not stored."""
    if others := set(incoming["run"].to_pylist()) - {run}:
        raise InputError(f"expected flags of the run {run}, came some of {', '.join(sorted(others))}")
    connection.register("incoming", incoming.select(FLAGS.names).cast(FLAGS))
    numbered = connection.execute(_NUMBERED).to_arrow_table()
    connection.unregister("incoming")
    if numbered["series"].null_count:
        at = numbered["series"].to_pylist().index(None)
        row = incoming.slice(at, 1).to_pylist()[0]
        raise InputError(f"no series {'/'.join(row[name] for name in KEY)} in run {run} to flag")
    connection.execute(_OF_RUN.format(table=table), [run])
    connection.register("numbered", numbered)
    connection.execute(f"INSERT INTO {table} FROM numbered")
    connection.unregister("numbered")


def of_chosen(connection: DuckDBPyConnection) -> pa.Table:
    """The spans of the `chosen` series: place, series, kind, first, last."""
    return connection.execute(_CHOSEN).to_arrow_table()


def with_bits(rows: pa.Table, spans: pa.Table, without: tuple[str, ...]) -> pa.Table:
    """Rows of place, time, value and quality (sorted so) with the bits of the spans they lie in.

    Rows in a span of a kind of `without` are left out.
    """
    if not spans.num_rows or not rows.num_rows:
        return rows
    bits = np.zeros(rows.num_rows, np.uint8)
    keys = _key(rows["place"], rows["time"])
    for kind in FlagKind:
        mine = spans.filter(pc.equal(spans["kind"], kind.value))
        first = np.searchsorted(keys, _key(mine["place"], mine["first"]), side="left")
        last = np.searchsorted(keys, _key(mine["place"], mine["last"]), side="right")
        depth = np.bincount(first, minlength=len(keys) + 1) - np.bincount(last, minlength=len(keys) + 1)
        bits |= np.where(np.cumsum(depth[: len(keys)]) > 0, kind.bit, 0).astype(np.uint8)
    quality = rows["quality"].to_numpy() | bits
    rows = rows.set_column(rows.schema.get_field_index("quality"), "quality", pa.array(quality))
    unwanted = sum(FlagKind(kind).bit for kind in set(without))
    return rows.filter(pa.array(bits & unwanted == 0)) if unwanted else rows


def barred(spans: pa.Table, without: tuple[str, ...]) -> pa.Table:
    """The spans of these kinds as spans that do not meet: barred (the series), since, until."""
    chosen = spans.filter(pc.is_in(spans["kind"], pa.array(list(without), pa.string())))
    series = chosen["series"].to_numpy().astype(np.int64)
    first, last = (chosen[name].to_numpy().astype("datetime64[s]").astype(np.int64) for name in ("first", "last"))
    order = np.lexsort((first, series))
    merged: list[list[int]] = []
    for one, since, until in zip(series[order].tolist(), first[order].tolist(), last[order].tolist(), strict=True):
        if merged and merged[-1][0] == one and since <= merged[-1][2]:
            merged[-1][2] = max(merged[-1][2], until)
        else:
            merged.append([one, since, until])
    columns = np.array(merged, np.int64).reshape(-1, 3).T
    stamps = [pa.array(column).cast(pa.timestamp("s")) for column in columns[1:]]
    return pa.table([pa.array(columns[0]), *stamps], names=["barred", "since", "until"])


def _key(places: pa.ChunkedArray, times: pa.ChunkedArray) -> Integers:
    """One number that sorts as (place, time): times from 1900 to 2200 are 34 bits."""
    seconds = times.to_numpy().astype("datetime64[s]").astype(np.int64)
    return np.asarray((places.to_numpy().astype(np.int64) << 34) + seconds + (1 << 33), np.int64)
