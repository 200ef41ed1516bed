"""Combining values where they are stored, as DuckDB's rollups do: one row for each series and window of the time axis.

Windows are as long as they can be without cutting a bucket of any city's clock; InfluxDB combines them beside its
storage as long as they are not shifted. It is asked for the number of values and for what they combine to one after the
other, so all values are counted before and after: where somebody wrote in between, nothing of it is used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import gcd

import pyarrow as pa
import pyarrow.compute as pc

from collector.language.indicators import Rollup, indicators
from collector.language.time import EARLIEST, LATEST, MONDAY
from collector.stores.duckdb.rollup import WIDTH
from collector.stores.influx.series import KEY
from collector.stores.protocol import Selection

SAVES = 4  # how many times fewer rows than values make it worth the questions
_ATTEMPTS = 3
_STATES = {Rollup.MAX: "max", Rollup.LAST: "last"}
_PLACE = [*KEY, "time"]

Count = Callable[[], pa.Table]
Fetch = Callable[[Sequence[str], str], pa.Table]


@dataclass(frozen=True, slots=True)
class Span:
    """The whole half hours of a selection, [lower, upper) in seconds since 1970, and what is left at its edges."""

    lower: int
    upper: int
    edges: tuple[tuple[int, int], ...]


def span(selection: Selection) -> Span:
    """What of a selection is whole half hours."""
    start = EARLIEST if selection.start is None else selection.start
    end = LATEST if selection.end is None else selection.end
    lower, upper = -(-start // WIDTH) * WIDTH, end // WIDTH * WIDTH
    return Span(lower, upper, tuple(edge for edge in ((start, lower), (upper, end)) if edge[0] < edge[1]))


def mergeable(selection: Selection) -> bool:
    """Whether Flux combines the values of a selection as DuckDB does; what has no end is not asked for in windows."""
    catalogue = indicators()
    rollups = {catalogue[name].rollup for name in selection.indicators if name in catalogue}
    bounded = selection.start is not None and selection.end is not None and bool(selection.indicators)
    good = not selection.flagged and Rollup.ENERGETIC_MEAN not in rollups
    return selection.bucket is not None and bounded and good and span(selection).lower < span(selection).upper


def is_whole(shift: int) -> bool:
    """Whether a clock is whole half hours from UTC, so that half hours make whole days of it."""
    return shift % WIDTH == 0


def combined(selection: Selection, shifts: Iterable[int], count: Count, fetch: Fetch) -> pa.Table | None:
    """Keys, bucket, n and state of all series in the whole half hours of a selection; None if values serve better.

    `shifts` are the seconds that clocks are ahead of UTC; `count` tells how many values each series has in the span,
    `fetch` the keys, times and values of indicators, combined by an ending of a query.
    """
    width = gcd(selection.bucket or WIDTH, *(MONDAY - shift for shift in shifts if is_whole(shift)))
    for _ in range(_ATTEMPTS):
        before = _sorted(count(), KEY)
        if not _saves(before, selection, width):
            return None
        number = _sorted(fetch(selection.indicators, _windows("count", width)), _PLACE)
        parts = [fetch(names, _windows(function, width)) for function, names in _by_state(selection).items()]
        state = _sorted(pa.concat_tables(parts), _PLACE)
        if before.equals(_sorted(count(), KEY)) and number.select(_PLACE).equals(state.select(_PLACE)):
            return _joined(number, state, span(selection).lower)
    return None


def _saves(counts: pa.Table, selection: Selection, width: int) -> bool:
    windows = -(-(span(selection).upper - span(selection).lower) // width)
    values = pc.sum(counts["readings"]).as_py() or 0
    return bool(values > SAVES * 2 * windows * counts.num_rows)


def _joined(number: pa.Table, state: pa.Table, lower: int) -> pa.Table:
    """The first window may begin before the span: it is put at its start."""
    start = pa.scalar(lower).cast(pa.timestamp("s"))
    told = {name: state[name].dictionary_encode() for name in KEY}
    told |= {"bucket": pc.max_element_wise(state["time"], start), "n": number["value"].cast(pa.uint32())}
    return pa.table(told | {"state": state["value"]})


def _sorted(rows: pa.Table, by: Sequence[str]) -> pa.Table:
    told = {name: rows[name].cast(pa.string()) if name in KEY else rows[name] for name in rows.column_names}
    order = [name for name in rows.column_names if name in by or name == "readings"]
    return pa.table(told).sort_by([(name, "ascending") for name in order]).combine_chunks()


def _windows(function: str, width: int) -> str:
    return f' |> aggregateWindow(every: {width}s, fn: {function}, createEmpty: false, timeSrc: "_start")'


def _by_state(selection: Selection) -> dict[str, list[str]]:
    """The indicators by the function that combines them."""
    catalogue = indicators()
    functions: defaultdict[str, list[str]] = defaultdict(list)
    for name in selection.indicators:
        rollup = catalogue[name].rollup if name in catalogue else Rollup.MEAN
        functions[_STATES.get(rollup, "sum")].append(name)
    return functions
