"""Figures of an analyst's tables: values over time, profiles, correlations with lag."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.compute as pc

from collector.comparing.difference import NoInterval, Values
from collector.language.errors import InputError
from collector.reporting.charts import figure_on, styles, wrapped

MOST_POINTS = 20_000
MOST_LINES = 60
_LINES = ("city", "run", "station", "origin")
_FROM = frozenset({"origin", "parameters"})


def figure_of(name: str, table: pa.Table, indicator: str | None = None) -> go.Figure:
    """The figure of a kind of table. Raises `InputError` for one that has none, or nothing to draw."""
    if name not in _DRAWN:
        raise InputError(f"a table of {name} has no figure; {', '.join(_DRAWN)} have one")
    held = sorted(told for told in pc.unique(table["indicator"].cast(pa.string())).to_pylist() if told)
    chosen = indicator or (held[0] if held else "")
    if chosen not in held:
        raise InputError(f"nothing to draw of {chosen or 'no indicator'}: expected one of {', '.join(held) or 'none'}")
    return _DRAWN[name](table.filter(pc.equal(table["indicator"].cast(pa.string()), chosen)), chosen)


def _values(table: pa.Table, indicator: str) -> go.Figure:
    if table.num_rows > MOST_POINTS * MOST_LINES:
        raise InputError(f"{table.num_rows:,} values are too many to draw: read them with a bucket such as 1h or 1d")
    groups = list(_groups(table, [name for name in _LINES if name in table.column_names]))
    figure = _figure(indicator, _unit(table), [label for label, _ in groups])
    for (label, rows), style in zip(groups, styles(), strict=False):
        order = rows.sort_by("time")
        figure.add_scatter(x=order["time"].to_numpy(), y=order["value"].to_numpy(), name=label, line=style)
    clock = "" if "aligned" in table.column_names else " (UTC)"
    return figure.update_xaxes(title=f"Time{clock}", type="date").update_traces(mode="lines+markers", marker_size=3)


def _profile(table: pa.Table, indicator: str) -> go.Figure:
    groups = list(_groups(table, ["city_name", "run", "origin", "parameters"]))
    figure = _figure(indicator, _unit(table), [label for label, _ in groups])
    for (label, rows), style in zip(groups, styles(), strict=False):
        mean, low, high = (_numbers(rows[name]) for name in ("mean", "mean_low", "mean_high"))
        reach = {"type": "data", "symmetric": False, "array": high - mean, "arrayminus": mean - low, "width": 2}
        figure.add_scatter(
            x=rows["part"].to_pylist(), y=mean, error_y=reach, name=label, line=style,
            mode="lines+markers",
        )  # fmt: skip
    return figure.update_xaxes(title=wrapped(f"Part of the cycle ({table['clock'][0].as_py()})"), type="category")


def _numbers(column: pa.ChunkedArray) -> Values:
    """Numbers of a column, which is of text where it holds none at all."""
    numbers: Values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return numbers


def _lag(table: pa.Table, indicator: str) -> go.Figure:
    groups = list(_groups(table, ["city_name", "run", "origin", "parameters", "against"]))
    figure = _figure(indicator, "correlation", [label for label, _ in groups]).update_yaxes(range=[-1, 1])
    for (label, rows), style in zip(groups, styles(), strict=False):
        lag, correlation, name = rows["lag"].to_numpy(), _numbers(rows["correlation"]), label
        figure.add_scatter(x=lag, y=correlation, name=name, line=style)
    return figure.update_xaxes(title=wrapped("Lag in hours (positive: the series it is set against comes first)"))


def _unsure(rows: pa.Table) -> str:
    """What a legend says of a line without an interval."""
    if "no_interval" not in rows.column_names:
        return ""
    told = [why for why in pc.unique(rows["no_interval"].cast(pa.string())).to_pylist() if why == NoInterval.MEMORY]
    return f"; no interval: {told[0]}" if told else ""


def _figure(indicator: str, unit: str, names: Sequence[str]) -> go.Figure:
    if len(names) > MOST_LINES:
        raise InputError(
            f"{len(names)} lines are too many to tell apart: choose at most {MOST_LINES} cities, runs, stations"
        )
    return figure_on(f"{indicator}, {unit}", names)


def _unit(table: pa.Table) -> str:
    return ", ".join(sorted(told for told in pc.unique(table["unit"].cast(pa.string())).to_pylist() if told)) or "1"


def _groups(table: pa.Table, keys: list[str]) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each line under its label: names first, the origin in brackets."""
    told = [pc.fill_null(table[key].cast(pa.string()), "") for key in keys]
    gathered: dict[tuple[Any, ...], list[int]] = {}
    for place, names in enumerate(zip(*(column.to_pylist() for column in told), strict=True)):
        gathered.setdefault(names, []).append(place)
    for names, rows in gathered.items():
        label = dict(zip(keys, names, strict=True))
        plain = ", ".join(text for key, text in label.items() if key not in _FROM and text)
        parameters = f", parameters {label['parameters']}" if label.get("parameters") else ""
        held = table.take(rows)
        yield wrapped(f"{plain} ({label.get('origin') or 'unknown'}{parameters}){_unsure(held)}"), held


_DRAWN: dict[str, Callable[[pa.Table, str], go.Figure]] = {
    "values": _values, "series": _values, "profile": _profile, "lag": _lag,
}  # fmt: skip
