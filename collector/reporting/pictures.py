"""Figures of an analyst's tables: values over time, profiles, correlations with lag."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.compute as pc

from collector.language.errors import InputError
from collector.reporting.charts import figure_on, styles

MOST_POINTS = 20_000
MOST_LINES = 60
_LINES = ("city", "run", "station", "origin")


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
    figure = _figure(indicator, _unit(table), len(groups))
    for (label, rows), style in zip(groups, styles(), strict=False):
        order = rows.sort_by("time")
        figure.add_scatter(x=order["time"].to_numpy(), y=order["value"].to_numpy(), name=label, line=style)
    clock = "" if "aligned" in table.column_names else " (UTC)"
    return figure.update_xaxes(title=f"Time{clock}", type="date").update_traces(mode="lines+markers", marker_size=3)


def _profile(table: pa.Table, indicator: str) -> go.Figure:
    groups = list(_groups(table, ["city_name", "run", "origin"]))
    figure = _figure(indicator, _unit(table), len(groups))
    for (label, rows), style in zip(groups, styles(), strict=False):
        mean, low, high = (rows[name].to_numpy(zero_copy_only=False) for name in ("mean", "mean_low", "mean_high"))
        reach = {"type": "data", "symmetric": False, "array": high - mean, "arrayminus": mean - low, "width": 2}
        figure.add_scatter(
            x=rows["part"].to_pylist(), y=mean, error_y=reach, name=label, line=style, mode="lines+markers"
        )
    return figure.update_xaxes(title=f"Part of the cycle ({table['clock'][0].as_py()})", type="category")


def _lag(table: pa.Table, indicator: str) -> go.Figure:
    groups = list(_groups(table, ["city_name", "run", "origin", "against"]))
    figure = _figure(indicator, "correlation", len(groups)).update_yaxes(range=[-1, 1])
    for (label, rows), style in zip(groups, styles(), strict=False):
        figure.add_scatter(x=rows["lag"].to_numpy(), y=rows["correlation"].to_numpy(), name=label, line=style)
    return figure.update_xaxes(title="Lag in hours (positive: the series it is set against comes first)")


def _figure(indicator: str, unit: str, lines: int) -> go.Figure:
    if lines > MOST_LINES:
        raise InputError(
            f"{lines} lines are too many to tell apart: choose at most {MOST_LINES} cities, runs, stations"
        )
    return figure_on(f"{indicator}, {unit}", lines)


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
        plain = ", ".join(text for key, text in label.items() if key != "origin" and text)
        yield f"{plain} ({label.get('origin') or 'unknown'})".replace("<", "&lt;"), table.take(rows)


_DRAWN: dict[str, Callable[[pa.Table, str], go.Figure]] = {
    "values": _values, "series": _values, "profile": _profile, "lag": _lag,
}  # fmt: skip
