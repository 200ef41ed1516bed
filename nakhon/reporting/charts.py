"""The charts of a report: bands over time, differences with their intervals, tornado, shares of variance."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from collector.answers.intervals import Floats, Interval
from collector.answers.paired import Bands
from nakhon.reporting.calendars import DAY, Calendar, day_of
from nakhon.reporting.words import Words

# Okabe and Ito (2008), Color Universal Design; the baseline is grey and dashed.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY, INK, RED, GREEN = "#5f6b76", "#1f2933", "#A23B00", "#00664b"
FONT = "system-ui, 'Segoe UI', 'Noto Sans', 'Noto Sans Thai', Loma, 'Leelawadee UI', Thonburi, sans-serif"
MOST_TICKS = 10
MOST_DAYS = 100
"""Up to which days are named on an axis, from there on months."""
_MARGIN = {"l": 64, "r": 20, "t": 12, "b": 40}


@dataclass(frozen=True, slots=True)
class Line:
    """What one scenario does over time: its bands (None of the baseline's differences)."""

    name: str
    level: Bands
    change: Bands | None
    colour: str = GREY


@dataclass(frozen=True, slots=True)
class Dot:
    """A figure with its interval, its name, and whether it is better, worse or neither."""

    name: str
    interval: Interval
    colour: str = COLOURS[0]


def fan(times: np.ndarray[tuple[int], np.dtype[np.int64]], lines: Sequence[Line], unit: str, calendar: Calendar,
        limit: float | None = None) -> go.Figure:  # fmt: skip
    """Get the scenarios over time (epoch seconds) with their bands, and below their differences from the first.

    `limit` is drawn where it is given.
    """
    words = calendar.words
    figure = make_subplots(2, 1, shared_xaxes=True, row_heights=[0.6, 0.4], vertical_spacing=0.07)
    stamps = times.astype("datetime64[s]").astype(str).tolist()
    for line in lines:
        colour = line.colour
        style = {"color": colour, "width": 1.8, "dash": "dash" if line.change is None else "solid"}
        for trace in _band(stamps, line.level.band_low, line.level.band_high, colour):
            figure.add_trace(trace, 1, 1)
        figure.add_trace(_mean(stamps, line.level.mean, line.name, style), 1, 1)
        if line.change is not None:
            for trace in _band(stamps, line.change.low, line.change.high, colour):
                figure.add_trace(trace, 2, 1)
            figure.add_trace(_mean(stamps, line.change.mean, line.name, style, legend=False), 2, 1)
    if limit is not None:
        figure.add_hline(limit, line={"color": RED, "width": 1.2, "dash": "dot"}, row=1, col=1)
    figure.add_hline(0.0, line={"color": GREY, "width": 1}, row=2, col=1)
    _dress(figure, 400, legend=True)
    figure.update_yaxes(title=html.escape(unit), row=1, col=1)
    figure.update_yaxes(title=html.escape(words.say("axis_difference", unit=unit)), row=2, col=1)
    places, names = ticks(int(times[0]), int(times[-1]), calendar)
    return figure.update_xaxes(tickvals=places, ticktext=names, type="date", hoverformat="%Y-%m-%d %H:%M")


def dots(found: Sequence[Dot], axis: str, *, zero: bool = True) -> go.Figure:
    """Get figures with their intervals, one below the other."""
    figure = go.Figure()
    for one in found:
        value, low, high = _finite(one.interval)
        figure.add_scatter(
            x=[value], y=[_wrapped(one.name)], mode="markers", marker={"color": one.colour, "size": 10},
            error_x={"array": [high - value], "arrayminus": [value - low], "color": one.colour, "thickness": 2.2},
            showlegend=False, name=html.escape(one.name),
        )  # fmt: skip
    _dress(figure, 90 + 34 * len(found), legend=False)
    figure.update_layout(hovermode="closest")
    if zero:
        figure.add_vline(0.0, line={"color": GREY, "width": 1.2})
    return figure.update_xaxes(title=html.escape(axis)).update_yaxes(autorange="reversed", automargin=True)


def tornado(bars: Sequence[tuple[str, Interval, Interval]], axis: str, words: Words) -> go.Figure:
    """Get the bars of a one-at-a-time design: what the low and the high end of each factor change."""
    figure = go.Figure()
    for place, (name, colour) in enumerate(((words.say("low_end"), COLOURS[5]), (words.say("high_end"), COLOURS[1]))):
        ends = [_finite(bar[2] if place else bar[1]) for bar in bars]
        figure.add_bar(
            orientation="h", name=html.escape(name), marker={"color": colour},
            y=[_wrapped(bar[0]) for bar in bars], x=[_rounded(value) for value, _, _ in ends],
            error_x={
                "array": [high - value for value, _, high in ends],
                "arrayminus": [value - low for value, low, _ in ends], "color": INK, "thickness": 1.2,
            },
        )  # fmt: skip
    _dress(figure, 120 + 44 * len(bars), legend=True)
    figure.update_layout(barmode="overlay", bargap=0.35, hovermode="closest")
    figure.add_vline(0.0, line={"color": INK, "width": 1.2})
    return figure.update_xaxes(title=html.escape(axis)).update_yaxes(autorange="reversed", automargin=True)


def colour_of(place: int) -> str:
    """Get the colour of a scenario by its place, the same in every chart."""
    return COLOURS[place % len(COLOURS)]


def ticks(first: int, last: int, calendar: Calendar) -> tuple[list[str], list[str]]:
    """Get the places (ISO dates) and the names of the ticks of an axis of time, from and to epoch seconds."""
    begin, end = day_of(first), day_of(last)
    days = (end - begin).days
    if days <= MOST_DAYS:
        step = max(1, -(-days // MOST_TICKS))
        found = [day_of(first + number * DAY) for number in range(0, days + 1, step)]
    else:
        found = list(_months(begin, end))
    names = [
        calendar.tick_name(day, with_year=place == 0 or day.year != found[place - 1].year)
        for place, day in enumerate(found)
    ]
    return [day.isoformat() for day in found], names


def _months(begin: date, end: date) -> Iterator[date]:
    count = (end.year - begin.year) * 12 + end.month - begin.month + 1
    step = next((step for step in (1, 2, 3, 6) if count / step <= MOST_TICKS), 12 * -(-count // (12 * MOST_TICKS)))
    number = begin.year * 12 + begin.month - 1 + (begin.day > 1)
    number += -number % step
    while date(number // 12, number % 12 + 1, 1) <= end:
        yield date(number // 12, number % 12 + 1, 1)
        number += step


def _band(stamps: list[str], low: Floats, high: Floats, colour: str) -> Iterator[go.Scatter]:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    hidden = {"x": stamps, "mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
    yield go.Scatter(y=_short(low), **hidden)
    yield go.Scatter(y=_short(high), fill="tonexty", fillcolor=f"rgba({red},{green},{blue},0.16)", **hidden)


def _mean(stamps: list[str], mean: Floats, name: str, style: dict[str, object], *, legend: bool = True) -> go.Scatter:
    return go.Scatter(x=stamps, y=_short(mean), name=html.escape(name), mode="lines", line=style, showlegend=legend)


def _dress(figure: go.Figure, height: int, *, legend: bool) -> None:
    margin = _MARGIN | {"t": 44 if legend else 12}
    figure.update_layout(
        template="plotly_white", height=height, margin=margin, showlegend=legend, hovermode="x unified",
        font={"family": FONT, "size": 13, "color": INK},
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.0, "yanchor": "bottom", "traceorder": "normal"},
    )  # fmt: skip


def _finite(one: Interval) -> tuple[float, float, float]:
    """Get value and bounds for drawing: without bounds, the value."""
    low = one.low if np.isfinite(one.low) else one.value
    high = one.high if np.isfinite(one.high) else one.value
    return _rounded(one.value), _rounded(low), _rounded(high)


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")


def _short(values: Floats) -> list[float | None]:
    return [float(f"{value:.4g}") if np.isfinite(value) else None for value in values.tolist()]


def _wrapped(text: str, width: int = 34) -> str:
    """Get a label in lines, as markup."""
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "<br>".join(html.escape(one) for one in [*lines, line])
