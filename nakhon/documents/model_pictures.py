"""Small pictures of daily and seasonal cycles as SVG: a line for what is simulated, dots for what was measured.

Nothing but numbers and names goes in; every picture stands on its own white ground, for pages of any colour.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WIDTH, HEIGHT = 360, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 34, 30
_TICKS = 4
_SIMULATED, _MEASURED, _INK, _QUIET, _GRID = "#0072b2", "#d55e00", "#1f2933", "#52606d", "#e3e8ec"


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes: a title, the unit, the simulated values, and the measured ones if there are any.

    `labels` names the places along the axis, as many as there are values; only every `every`th is written. Panels of
    one unit beside each other have one scale.
    """

    title: str
    unit: str
    labels: tuple[str, ...]
    simulated: Floats
    measured: Floats | None = None
    every: int = 1


def picture(rows: Sequence[Sequence[Panel]], title: str) -> str:
    """Get panels in rows as one SVG document."""
    width, height = WIDTH * max(map(len, rows)), HEIGHT * len(rows) + 22
    panels = "".join(
        f'<g transform="translate({WIDTH * column} {HEIGHT * row})">'
        f"{''.join(_drawn(panel, scale(line, panel.unit)))}</g>\n"
        for row, line in enumerate(rows)
        for column, panel in enumerate(line)
    )
    measured = any(panel.measured is not None for line in rows for panel in line)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"
 font-family="system-ui, sans-serif" font-size="11" role="img">
<title>{html.escape(title)}</title>
<rect width="100%" height="100%" fill="#fff"/>
{panels}{_legend(height - 8, measured=measured)}
</svg>
"""


def _legend(at: int, *, measured: bool) -> str:
    line = f'<path d="M{_LEFT} {at - 4} h22" stroke="{_SIMULATED}" stroke-width="2"/>'
    text = f'<text x="{_LEFT + 28}" y="{at}" fill="{_QUIET}">simulated</text>'
    if not measured:
        return line + text
    dot = f'<circle cx="{_LEFT + 108}" cy="{at - 4}" r="3" fill="{_MEASURED}"/>'
    return f'{line}{text}{dot}<text x="{_LEFT + 117}" y="{at}" fill="{_QUIET}">measured</text>'


def _drawn(panel: Panel, axis: tuple[float, float, float]) -> Iterator[str]:
    low, high, step = axis
    places = np.linspace(_LEFT + 6, WIDTH - _RIGHT - 6, len(panel.labels))
    yield f'<text x="{_LEFT}" y="20" font-size="12" fill="{_INK}">{html.escape(f"{panel.title}, {panel.unit}")}</text>'
    for number in range(round((high - low) / step) + 1):
        value = low + number * step
        at = _height(value, low, high)
        yield f'<path d="M{_LEFT} {at:.1f} H{WIDTH - _RIGHT}" stroke="{_GRID}"/>'
        yield f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end" fill="{_QUIET}">{_plain(value)}</text>'
    for place, label in list(zip(places, panel.labels, strict=True))[:: panel.every]:
        yield (
            f'<text x="{place:.1f}" y="{HEIGHT - _BOTTOM + 15}" text-anchor="middle" fill="{_QUIET}">'
            f"{html.escape(label)}</text>"
        )
    yield _line(places, panel.simulated, low, high)
    if panel.measured is not None:
        for place, value in zip(places, panel.measured, strict=True):
            if np.isfinite(value):
                yield f'<circle cx="{place:.1f}" cy="{_height(value, low, high):.1f}" r="3" fill="{_MEASURED}"/>'


def scale(panels: Sequence[Panel], unit: str) -> tuple[float, float, float]:
    """Get where the axis of the panels of a unit begins, where it ends, and the step between its ticks: round ones.

    It begins at 0 if all values are positive and the smallest is less than half of the largest.
    """
    drawn = [values for one in panels if one.unit == unit for values in (one.simulated, one.measured)]
    values = np.concatenate([one for one in drawn if one is not None])
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if 0.0 <= low < 0.5 * high:
        low = 0.0
    if high - low < 1e-6 * max(abs(high), 1e-6):
        low, high = low - 0.5 * max(abs(low), 1.0) * 0.1, high + 0.5 * max(abs(high), 1.0) * 0.1
    step = _round_step((high - low) / _TICKS)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step


def _round_step(least: float) -> float:
    """Get the smallest of 1, 2, 2.5, 5 or 10 times a power of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= least * (1 - 1e-9))


def _line(places: Floats, values: Floats, low: float, high: float) -> str:
    """Get a line through the values that are there; it is broken where one is missing."""
    path, pen = "", "M"
    for place, value in zip(places, values, strict=True):
        if np.isfinite(value):
            path += f"{pen}{place:.1f} {_height(value, low, high):.1f}"
            pen = "L"
        else:
            pen = "M"
    return f'<path d="{path}" fill="none" stroke="{_SIMULATED}" stroke-width="2" stroke-linejoin="round"/>'


def _height(value: float, low: float, high: float) -> float:
    return HEIGHT - _BOTTOM - (value - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM)


def _plain(value: float) -> str:
    return f"{value:,.10g}" if abs(value) >= 1000 else f"{float(f'{value:.6g}'):g}"
