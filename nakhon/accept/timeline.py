"""The timeline of an acceptance as a chart."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from collector.reporting.page import chart, escaped
from nakhon.accept.evidence import Second, seconds
from nakhon.accept.run import Course


def timeline(course: Course) -> str:
    """Load, steps, losses and recovery over the time of the load, as markup; empty where nothing was said."""
    found = seconds(course)
    if not found:
        return ""
    figure = go.Figure()
    _load(figure, course, found)
    _steps(figure, course)
    _lay_out(figure, "messages" if course.held is None else course.held.unit)
    return f"<section>{chart('timeline', 'Load, steps, losses and recovery', figure, bar=False)}</section>"


def _load(figure: go.Figure, course: Course, found: Sequence[Second]) -> None:
    at = [one.at + 0.5 for one in found]
    kept, lost = [one.said - one.lost for one in found], [one.lost for one in found]
    figure.add_bar(x=at, y=kept, name="messages said", marker_color="#0072b2")
    figure.add_bar(x=at, y=lost, name="of these, something lost", marker_color="#d55e00")
    looks = [one for one in course.looks if one.missing is not None]
    figure.add_scatter(
        x=[one.at - course.began for one in looks], y=[one.missing for one in looks], name="not there yet",
        yaxis="y2", mode="lines", line={"color": "#009e73", "width": 2},
    )  # fmt: skip


def _steps(figure: go.Figure, course: Course) -> None:
    for number, step in enumerate(course.steps):
        figure.add_vrect(x0=step.began, x1=max(step.over, step.began + 0.05), fillcolor="#e69f00", opacity=0.35,
                         line_width=1, line_color="#8a5a00")  # fmt: skip
        figure.add_annotation(x=step.began, y=1.02 + 0.07 * (number % 3), yref="paper", text=escaped(step.name[:30]),
                              showarrow=False, xanchor="left", font={"size": 11})  # fmt: skip


def _lay_out(figure: go.Figure, unit: str) -> None:
    figure.update_layout(
        barmode="stack", bargap=0, height=380, template="plotly_white", margin={"l": 60, "r": 60, "t": 70, "b": 80},
        xaxis={"title": "seconds after the warm-up"}, yaxis={"title": "messages a second", "rangemode": "tozero"},
        yaxis2={"title": f"{unit} not there yet", "overlaying": "y", "side": "right", "rangemode": "tozero",
                "tickmode": "auto", "nticks": 6, "showgrid": False},
        legend={"orientation": "h", "y": -0.22},
    )  # fmt: skip
