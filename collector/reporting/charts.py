"""The charts of a comparison: an indicator over time, and over the hours of the day."""

from __future__ import annotations

import html
import itertools
import textwrap
from collections.abc import Iterator, Sequence

import numpy as np
import plotly.graph_objects as go

from collector.comparing.comparison import Comparison, Entry, Section
from collector.comparing.difference import DAY, Clock, Values

MOST_POINTS = 2000
_LEAST = 0.5  # of the values of the fullest day, below which the mean of a day is not drawn

# Okabe and Ito (2008), Color Universal Design, darkest on white first; dashes tell columns beyond the colours apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES = ("solid", "dash", "dot", "dashdot")
_HEIGHT, _ROW = 330, 22
_LONGEST_LINE = 36  # characters of a title or of the legend that fit on a telephone


def over_time(part: Section, comparison: Comparison) -> go.Figure:
    """All columns over the span, at most about 2,000 points each: buckets, or means of one or more whole days."""
    step = chart_step(comparison.request.bucket, comparison.last - comparison.first)
    figure = _figure(part, f"{part.unit}{_step_name(step, comparison.request.bucket)}")
    for entry, style in zip(part.entries, styles(), strict=False):
        clock, values = entry.clock, entry.values
        if step != comparison.request.bucket:
            clock, values = means_by_step(clock, values, step, _LEAST)
        begin, along = _with_gaps(clock, values, step)
        figure.add_scatter(
            x0=str(np.datetime64(begin, "s")),
            dx=step * 1000,
            y=along,
            name=_legend(entry),
            line=style,
            mode=_mode(clock, step),
        )
    return figure.update_xaxes(type="date", title=wrapped(f"Time ({comparison.clock})"))


def over_the_day(part: Section, comparison: Comparison) -> go.Figure | None:
    """The mean daily cycle of all columns; None where buckets are too long to show one."""
    bucket = comparison.request.bucket
    if bucket > DAY // 4 or DAY % bucket:
        return None
    figure = _figure(part, part.unit)
    for entry, style in zip(part.entries, styles(), strict=False):
        hours, means = daily_cycle(entry.clock, entry.values, bucket)
        figure.add_scatter(x=hours, y=means, name=_legend(entry), line=style, mode="lines")
    return figure.update_xaxes(title=wrapped(f"Hour of the day ({comparison.clock})"), range=[0, 24], dtick=3)


def chart_step(bucket: int, span: int) -> int:
    """The seconds between two points of a chart: the bucket, or the fewest whole days for 2,000 points."""
    if span <= MOST_POINTS * bucket:
        return bucket
    step = max(DAY, -(-span // (MOST_POINTS * DAY)) * DAY)
    return step if step % bucket == 0 else -(-step // bucket) * bucket


def means_by_step(clock: Clock, values: Values, step: int, least: float = 0.0) -> tuple[Clock, Values]:
    """The mean of the values (n,) in every step that has any, and the starts of those steps.

    With `least`, steps that hold less than this share of the fullest one's values are left out.
    """
    starts, places = np.unique(clock // step * step, return_inverse=True)
    counts = np.bincount(places, minlength=len(starts))
    means = np.bincount(places, weights=values, minlength=len(starts)) / counts
    full = counts >= least * counts.max(initial=0)
    return starts[full], means[full]


def daily_cycle(clock: Clock, values: Values, bucket: int) -> tuple[Values, Values]:
    """The hour in the middle of each bucket of the day that has data, and the mean of its values over the days."""
    starts, means = means_by_step(clock % DAY, values, bucket)
    return (starts + bucket / 2) / 3600, means


def _with_gaps(clock: Clock, values: Values, step: int) -> tuple[int, Values]:
    """The first time and the values at every step from it on, NaN where there are none."""
    if not len(clock):
        return 0, np.empty(0)
    places = (clock - clock[0]) // step
    along = np.full(places[-1] + 1, np.nan)
    along[places] = [float(f"{value:.5g}") for value in values.tolist()]
    return int(clock[0]), along


def _mode(clock: Clock, step: int) -> str:
    """Lines; with markers where many points have no neighbour to draw a line to."""
    neighbours = np.diff(clock) == step
    return "lines" if neighbours.sum() > len(clock) / 2 else "lines+markers"


def _step_name(step: int, bucket: int) -> str:
    if step == bucket:
        return ""
    return ", daily means" if step == DAY else f", means of {step // DAY} days"


def _legend(entry: Entry) -> str:
    return wrapped(entry.label)


def styles() -> Iterator[dict[str, object]]:
    """The lines of a figure, one after another: colours that differ for all eyes, then dashes."""
    pairs = itertools.cycle(itertools.product(_DASHES, _COLOURS))
    return ({"color": colour, "dash": dash, "width": 1.8} for dash, colour in pairs)


def _figure(part: Section, axis: str) -> go.Figure:
    figure = figure_on(axis, [_legend(entry) for entry in part.entries])
    return figure.update_yaxes(rangemode="tozero" if part.indicator.minimum == 0 else "normal")


def figure_on(axis: str, names: Sequence[str]) -> go.Figure:
    """An empty figure with room for the names of its lines (`wrapped`), and the title of its axis (plain text)."""
    title = wrapped(axis)
    below = _ROW * sum(1 + name.count("<br>") for name in names) + 60
    figure = go.Figure(layout={"template": "plotly_white", "height": _HEIGHT + below, "showlegend": True})
    figure.update_layout(
        margin={"l": 64 + _ROW * title.count("<br>"), "r": 16, "t": 12, "b": below},
        font={"family": "system-ui, sans-serif", "size": 13, "color": "#1f2933"},
        legend={"orientation": "v", "yref": "container", "y": 0.0, "yanchor": "bottom", "x": 0, "xanchor": "left"},
        hovermode="x unified",
    )
    return figure.update_yaxes(title=title)


def wrapped(text: str) -> str:
    """A title or the name of a line (plain text) in lines that fit, as plotly takes it."""
    return "<br>".join(html.escape(line) for line in textwrap.wrap(text, _LONGEST_LINE))
