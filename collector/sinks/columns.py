"""From a sink's own columns to readings: names, times, values and units as its file says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from collector.auditing.expected import Floats, Integers, Mask
from collector.auditing.found import Found
from collector.language.errors import InputError
from collector.language.indicators import indicator
from collector.mapping.times import EPOCHS
from collector.mapping.units import to_catalogue
from collector.sinks.file import Clock, Sink

NUMBER = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"
MISSING = ("", "NA", "NaN", "nan", "null", "NULL", "None", "-")
NO_TIME = np.iinfo(np.int64).min


def readings(sink: Sink, table: pa.Table, ledger: Mapping[str, str]) -> Found:
    """The readings in a table whose columns are those the sink file wants.

    `ledger` gives what `{run}` and `{session}` stand for in [where].
    """
    table = _only(table, sink.where, ledger)
    stations, station = _names(table, [name for name in (sink.columns.city, sink.columns.station) if name])
    time = _times(table[sink.columns.time], sink.time)
    received = _received(table, sink)
    if sink.columns.indicator:
        return _long(sink, table, (stations, station), time, received)
    parts = [
        _part(sink, table[named.name], identity, (stations, station), time, received)
        for identity, named in sink.indicators.items()
    ]
    return _joined(parts, list(sink.indicators))


Names = tuple[Sequence[str], Integers]


def _only(table: pa.Table, where: Mapping[str, tuple[str | int | float, ...]], ledger: Mapping[str, str]) -> pa.Table:
    for name, wanted in where.items():
        texts = [ledger.get(str(one).strip("{}"), str(one)) if str(one)[:1] == "{" else str(one) for one in wanted]
        kept = pc.is_in(_text(table[name]), pa.array(texts, pa.string()))
        if not pc.any(kept).as_py() and len(table):
            there = ", ".join(repr(one) for one in pc.unique(_text(table[name])).to_pylist()[:5])
            raise InputError(f"where.{name}: no row has {' or '.join(map(repr, texts))}; there are {there}")
        table = table.filter(kept)
    return table


def _names(table: pa.Table, columns: Sequence[str]) -> Names:
    """The distinct texts of columns, joined by a slash, and which one each row has."""
    parts = [pc.fill_null(_text(table[name]), "") for name in columns]
    texts = parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, "/")
    coded = pa.chunked_array(texts).combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    return coded.dictionary.to_pylist(), coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def _long(sink: Sink, table: pa.Table, stations: Names, time: Integers, received: Floats) -> Found:
    called, numbers = _names(table, [sink.columns.indicator or ""])
    meant = {named.name: identity for identity, named in sink.indicators.items()}
    names = [meant.get(name, name) for name in called]
    if sink.columns.value is None:
        value, bad, empty = np.full(len(table), np.nan), np.zeros(len(table), np.bool_), np.zeros(len(table), np.bool_)
    else:
        value, bad, empty = _floats(table[sink.columns.value])
        value = _in_catalogue_units(sink, table, names, numbers, value)
    return _found(stations, (names, numbers), time, value, received, bad, empty, valued=sink.columns.value is not None)


def _in_catalogue_units(sink: Sink, table: pa.Table, names: Sequence[str], numbers: Integers, value: Floats) -> Floats:
    units, unit = _names(table, [sink.columns.unit]) if sink.columns.unit else ([""], np.zeros_like(numbers))
    declared = {identity: named.unit for identity, named in sink.indicators.items()}
    out = value.copy()
    for number, name in enumerate(names):
        for code, text in enumerate(units):
            rows = (numbers == number) & (unit == code)
            wanted = text or declared.get(name)
            if wanted and rows.any() and wanted != _unit_of(name):
                way = to_catalogue(wanted, name)
                out[rows] = value[rows] * way.scale + way.offset
    return out


def _unit_of(name: str) -> str | None:
    """The unit of an indicator as people write it; a name that the catalogue lacks has none."""
    try:
        return indicator(name).unit
    except InputError:
        return None


def _part(
    sink: Sink, column: pa.ChunkedArray, identity: str, stations: Names, time: Integers, received: Floats
) -> Found:
    value, bad, empty = _floats(column)
    unit = sink.indicators[identity].unit
    if unit is not None:
        way = to_catalogue(unit, identity)
        value = value * way.scale + way.offset
    return _found(stations, ([identity], np.zeros(len(value), np.int64)), time, value, received, bad, empty)


def _found(
    stations: Names, indicators: Names, time: Integers, value: Floats, received: Floats, bad: Mask, empty: Mask,
    *, valued: bool = True,
) -> Found:  # fmt: skip
    """The readings without rows that say nothing (empty) and those that make no sense."""
    senseless = bad | (time == NO_TIME)
    kept = ~(senseless | empty)
    at = int(np.flatnonzero(senseless)[0]) if senseless.any() else 0
    example = f"row {at + 1} (its {'value' if bad[at] else 'time'})" if senseless.any() else ""
    whole = Found(
        stations[0], indicators[0], stations[1], indicators[1], time, value, received, valued, int(empty.sum()),
        int(senseless.sum()), example,
    )  # fmt: skip
    return whole.where(kept)


def _joined(parts: Sequence[Found], indicators: Sequence[str]) -> Found:
    """The readings of all indicators, each of which had a column."""

    def column(name: str) -> NDArray[np.float64]:
        return np.concatenate([getattr(part, name) for part in parts])

    numbers = np.repeat(np.arange(len(parts)), [part.count for part in parts])
    return Found(
        parts[0].stations, indicators, column("station").astype(np.int64), numbers, column("time").astype(np.int64),
        column("value"), column("received"), True, sum(part.empty for part in parts),
        sum(part.unreadable for part in parts), next((part.example for part in parts if part.example), ""),
    )  # fmt: skip


def _floats(column: pa.ChunkedArray) -> tuple[Floats, Mask, Mask]:
    """The numbers of a column, where it holds something else, and where nothing."""
    if pa.types.is_string(column.type):
        trimmed = pc.fill_null(pc.utf8_trim_whitespace(column), "")
        numbers = pc.match_substring_regex(trimmed, NUMBER)
        empty = pc.is_in(trimmed, pa.array(MISSING))
        cast = pc.if_else(numbers, trimmed, None).cast(pa.float64())
        bad = pc.invert(pc.or_(empty, numbers))
        return _numpy(cast), _numpy(bad).astype(np.bool_), _numpy(empty).astype(np.bool_)
    value = _numpy(column.cast(pa.float64())).astype(np.float64)
    return value, np.isinf(value), np.isnan(value)


def _numpy(column: pa.ChunkedArray) -> NDArray[np.float64]:
    made: NDArray[np.float64] = column.to_numpy()
    return made


def _received(table: pa.Table, sink: Sink) -> Floats:
    """Seconds since 1970, NaN where there is none."""
    if sink.columns.received is None:
        return np.full(len(table), np.nan)
    times = _times(table[sink.columns.received], sink.received)
    return np.where(times == NO_TIME, np.nan, times / 1_000)


def _times(column: pa.ChunkedArray, clock: Clock) -> Integers:
    """Milliseconds since 1970, `NO_TIME` where a cell is no time of this form."""
    if pa.types.is_timestamp(column.type):
        aware = column if column.type.tz else pc.assume_timezone(column, clock.timezone, ambiguous="earliest",
                                                                 nonexistent="earliest")  # fmt: skip
        return _filled(aware.cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64()))
    if clock.format in EPOCHS:
        value, bad, empty = _floats(column)
        scaled = np.round(np.where(bad | empty, 0.0, value) * (1_000 / EPOCHS[clock.format]))
        return np.where(bad | empty, NO_TIME, scaled).astype(np.int64)
    coded = pc.fill_null(_text(column), "").combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    zone = ZoneInfo(clock.timezone)
    distinct = np.array([_moment(text, clock.format, zone) for text in coded.dictionary.to_pylist()], dtype=np.int64)
    indices = coded.indices.to_numpy(zero_copy_only=False)
    return distinct[indices] if len(distinct) else np.zeros(0, dtype=np.int64)


def _moment(text: str, form: str, zone: ZoneInfo) -> int:
    try:
        time = datetime.fromisoformat(text.strip()) if form == "iso" else datetime.strptime(text.strip(), form)  # noqa: DTZ007
        return math.floor((time if time.tzinfo else time.replace(tzinfo=zone)).timestamp() * 1_000 + 0.5)
    except (ValueError, OverflowError):
        return NO_TIME


def _filled(column: pa.ChunkedArray) -> Integers:
    made: Integers = pc.fill_null(column, NO_TIME).to_numpy().astype(np.int64)
    return made
