"""The result of `nakhon validate` as one HTML file that needs nothing else, for a screen and for paper."""

from __future__ import annotations

import html
import itertools
import math
import string
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from collector.comparing.comparison import NOT_A_FORECAST
from collector.reporting.export import write_whole
from collector.reporting.page import chart, escaped, page
from nakhon.validating.validation_rows import Curve, Record, Row, curves_of, fault_of, records_of, statistic_of
from simulator.validation.judgement import BAND, WIDEST

TITLE = "Simulation beside measurements"
ACROSS = 3
FINE = "in the band"
EDGE = 3.0  # half widths of the band from its middle to the end of a strip
_BLACK, _BLUE, _BAND, _RED = "#1f2933", "#0072B2", "rgba(0, 114, 178, 0.22)", "#A23B00"
_ROW_HEIGHT, _MARGIN = 250, {"l": 46, "r": 10, "t": 34, "b": 34}
_STYLE = """
.outside { color: var(--red); }
.key { color: var(--quiet); font-size: 13.5px; }
.strip { display: block; width: 150px; height: 18px; }
.share { display: inline-block; width: 110px; height: 9px; background: #e3c4b3; vertical-align: middle; }
.share > span { display: block; height: 100%; background: var(--blue); }
.rows td:nth-child(7) { padding-top: 2px; padding-bottom: 2px; }
.rows td:last-child { min-width: 150px; }
.rows sup { display: inline-block; width: 10px; text-align: left; line-height: 0; }
p.source { margin: 0 0 8px; color: var(--quiet); font-size: 14.5px; }
@media print {
  section { break-before: auto; margin-top: 18px; }
  h2, caption, p.source { break-after: avoid; }
  thead { display: table-header-group; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""


def write_validation_report(told: Mapping[str, Any], path: Path) -> None:
    """Write the page of a validation, there whole or not at all. Raises `InputError` where it cannot be written.

    `told` is what `nakhon validate --json` prints; docs/validate.md lists its keys.
    """
    write_whole(path, validation_report(told).encode())


def validation_report(told: Mapping[str, Any]) -> str:
    """Get the page as HTML: no request leaves it, and no text from outside is ever markup or script."""
    records = records_of(told)
    several = [record for record in records if len(record.rows) > 1]
    single = [record for record in records if len(record.rows) == 1]
    body = "\n".join(
        (
            _compared(told),
            _meaning(),
            _summary(records),
            "".join(_section(record) for record in several),
            _singles(single),
            _left_out(told),
        )
    )
    return page(TITLE, body, style=_STYLE)


# ---- the page --------------------------------------------------------------------------------------------------


def _compared(told: Mapping[str, Any]) -> str:
    rows, inside = told["summary"]["rows"], told["summary"]["inside"]
    share = f" ({inside / rows:.0%})" if rows else ""
    unjudged = told["summary"].get("spread_unknown", 0)
    reserve = f" For {unjudged} of them the width of the band could not be judged." if unjudged else ""
    return f"""<p class="lead"><strong>{inside} of {rows} rows are inside{share}.</strong>{reserve}</p>
<p class="forecast">{NOT_A_FORECAST}</p>
<p>Measured series in <b>{escaped(told["directory"])}</b>, as the mapping <b>{escaped(told["mapping"])}</b> describes
them, beside {escaped(told["replications"])} simulations of the same cities, days and stations
(seed {escaped(told["seed"])}, models of Nakhon {escaped(told["version"])}).</p>"""


def _meaning() -> str:
    low, _, high = BAND
    return f"""<p>A row is one statistic, computed in the same way from what was measured and from every simulation. It
is <b>inside</b> if the observed value lies in the band, which holds the middle {high - low:.0%} of the simulations, and
if the band is at most {WIDEST:g} times as wide as the statistic's own spread from year to year: a model that calls
everything possible is no model. Where nobody knows that spread, the band alone judges, and the row says so; bounds that
were fixed beforehand are said in their rows. Statistics are of shape (distribution, memory, cycles, response): no
single day or year is predicted, and even a perfect model has rows outside.</p>"""


def _summary(records: Sequence[Record]) -> str:
    faults = ("below", "above", "too wide", "no band")
    head = "".join(f'<th scope="col" class="number">{name}</th>' for name in ("rows", "inside"))
    head += '<th></th><th scope="col" class="number">width not judged</th>'
    head += "".join(f'<th scope="col" class="number">{fault}</th>' for fault in faults)
    body = "".join(_summary_line(record, faults) for record in records)
    return f"""<div class="scroll"><table class="compared">
<caption>By series: rows inside, how many of them have a band whose width could not be judged, and why others are not
(observed below or above the band, or inside one that is too wide)</caption>
<thead><tr><th scope="col">Series</th>{head}</tr></thead><tbody>{body}</tbody></table></div>"""


def _summary_line(record: Record, faults: Iterable[str]) -> str:
    found = [fault_of(row) for row in record.rows]
    counts = "".join(f'<td class="number">{found.count(fault) or ""}</td>' for fault in faults)
    target = record.anchor if len(record.rows) > 1 else "singles"
    share = 100 * record.inside / len(record.rows)
    return f"""<tr><th scope="row"><a href="#{target}">{escaped(record.name)}</a></th>
<td class="number">{len(record.rows)}</td><td class="number">{record.inside}</td>
<td><span class="share"><span style="width:{share:.0f}%"></span></span></td>
<td class="number">{record.unjudged or ""}</td>{counts}</tr>"""


def _section(record: Record) -> str:
    source = " · ".join(filter(None, (record.source, record.licence and f"licence: {record.licence}")))
    told = f'<p class="source">Measured: {escaped(source)}</p>' if source else ""
    return f"""<section id="{record.anchor}">
<h2>{escaped(record.name)} <span class="unit">{record.inside} of {len(record.rows)} inside</span></h2>
{told}{_chart(record)}{_table(record.rows, statistic_of)}
</section>
"""


def _singles(records: Sequence[Record]) -> str:
    if not records:
        return ""
    table = _table([record.rows[0] for record in records], lambda row: str(row["name"]))
    return f'<section id="singles"><h2>Pairs and single rows</h2>{table}</section>'


def _table(rows: Sequence[Row], name: Callable[[Row], str]) -> str:
    numbers = ("observed", "low", "median", "high")
    head = "".join(f'<th scope="col" class="number">{key}</th>' for key in numbers)
    sources = dict(zip(dict.fromkeys(str(row["spread_from"]) for row in rows), _letters(), strict=False))
    body = "".join(_line(row, name(row), numbers, sources[str(row["spread_from"])]) for row in rows)
    notes = "; ".join(f"<sup>{mark}</sup> {escaped(source)}" for source, mark in sources.items())
    return f"""<div class="scroll"><table class="rows">
<thead><tr><th scope="col">statistic</th><th scope="col">unit</th>{head}<th scope="col">in the band</th>
<th scope="col">inside</th><th scope="col" class="number">width</th><th scope="col" class="number">spread</th>
<th scope="col">why</th></tr></thead><tbody>{body}</tbody></table></div><p class="key">Spread from {notes}.</p>"""


def _line(row: Row, name: str, numbers: Iterable[str], source: str) -> str:
    cells = "".join(f'<td class="number">{_number(row[key])}</td>' for key in numbers)
    verdict = '<span class="better">yes</span>' if row["inside"] else '<span class="worse">no</span>'
    return f"""<tr><th scope="row">{escaped(name)}</th><td>{escaped(row["unit"])}</td>{cells}
<td>{_strip(row)}</td><td>{verdict}</td><td class="number">{_number(row["width"])}</td>
<td class="number">{_number(row["spread"])}<sup>{source}</sup></td>
<td{"" if row["inside"] else ' class="outside"'}>{"" if row["why"] == FINE else escaped(row["why"])}</td></tr>"""


def _letters() -> Iterator[str]:
    return (letter * times for times in itertools.count(1) for letter in string.ascii_lowercase)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _left_out(told: Mapping[str, Any]) -> str:
    skipped = [f"{one['name']}: {one['why']}" for one in told.get("skipped", ())]
    parts = (("Series that were skipped", skipped), ("Notes from reading the files", told.get("notes", ())))
    lists = "".join(
        f"<h2>{heading}</h2><ul class='notices'>{''.join(f'<li>{escaped(line)}</li>' for line in lines)}</ul>"
        for heading, lines in parts
        if lines
    )
    return f'<section class="reading">{lists}</section>' if lists else ""


# ---- pictures --------------------------------------------------------------------------------------------------


def _strip(row: Row) -> str:
    """Get the observed value as a dot in (or out of) its band, every band drawn as wide as every other."""
    if row["low"] is None:
        return ""
    middle, half = (row["low"] + row["high"]) / 2, (row["high"] - row["low"]) / 2
    seen = _place(row["observed"] - middle, half)
    colour = _BLUE if row["inside"] else _RED
    if abs(seen) >= EDGE:
        at, tip = (146, 6) if seen > 0 else (4, -6)
        dot = f'<path d="M{at - tip} 3.5 L{at} 9 L{at - tip} 14.5 Z" fill="{colour}"/>'
    else:
        fill = "#fff" if fault_of(row) == "too wide" else colour
        dot = f'<circle cx="{75 + 24 * seen:.1f}" cy="9" r="4" fill="{fill}" stroke="{colour}"/>'
    tick = "" if row["median"] is None else _tick(75 + 24 * _place(row["median"] - middle, half))
    return f"""<svg class="strip" viewBox="0 0 150 18" role="img" aria-label="{fault_of(row) or "inside"}">
<line x1="3" x2="147" y1="9" y2="9" stroke="#d5dbe1"/><rect x="51" y="3" width="48" height="12" fill="{_BAND}"/>
{tick}{dot}</svg>"""


def _tick(at: float) -> str:
    return f'<line x1="{at:.1f}" x2="{at:.1f}" y1="3" y2="15" stroke="{_BLUE}"/>'


def _place(distance: float, half: float) -> float:
    """Get a distance in half widths of the band, at most `EDGE`."""
    if half <= 0.0:
        return 0.0 if distance == 0.0 else math.copysign(EDGE, distance)
    return max(-EDGE, min(EDGE, distance / half))


def _chart(record: Record) -> str:
    curves = curves_of(record.rows)
    if not curves:
        return ""
    key = """<div class="key">Black: observed; a red diamond is outside, a hollow one in a band that is too wide.
Blue: median and 95 % band of the simulations.</div>"""
    caption = "Observed, over the band of the simulations"
    return chart(f"{record.anchor}-chart", caption, _figure(curves), key=key, bar=False)


def _figure(curves: Sequence[Curve]) -> go.Figure:
    down = math.ceil(len(curves) / ACROSS)
    titles = [html.escape(curve.title + (f", {curve.unit}" if curve.unit != "1" else "")) for curve in curves]
    figure = make_subplots(
        down, ACROSS, subplot_titles=titles, horizontal_spacing=0.06, vertical_spacing=0.24 if down > 1 else 0.0
    )
    for place, curve in enumerate(curves):
        for trace in _traces(curve):
            figure.add_trace(trace, row=place // ACROSS + 1, col=place % ACROSS + 1)
    for place in range(len(curves), down * ACROSS):
        figure.update_xaxes(visible=False, row=place // ACROSS + 1, col=place % ACROSS + 1)
        figure.update_yaxes(visible=False, row=place // ACROSS + 1, col=place % ACROSS + 1)
    figure.update_layout(
        template="plotly_white", height=_ROW_HEIGHT * down, margin=_MARGIN, showlegend=False, hovermode="x unified",
        font={"family": "system-ui, sans-serif", "size": 11.5, "color": _BLACK},
    )  # fmt: skip
    return figure.update_annotations(font_size=12.5).update_xaxes(type="category", tickangle=0)


def _traces(curve: Curve) -> Iterator[go.Scatter]:
    def column(key: str) -> list[float]:
        return [float(f"{row[key]:.5g}") for row in curve.rows]

    faults = [fault_of(row) for row in curve.rows]
    hidden = {"width": 0}
    yield go.Scatter(x=curve.places, y=column("low"), name="low", line=hidden, mode="lines")
    yield go.Scatter(
        x=curve.places, y=column("high"), name="high", line=hidden, mode="lines", fill="tonexty", fillcolor=_BAND
    )
    yield go.Scatter(
        x=curve.places, y=column("median"), name="median", mode="lines", line={"color": _BLUE, "dash": "dash"}
    )
    marker = {
        "size": [9 if fault else 6 for fault in faults],
        "symbol": [
            {"": "circle", "too wide": "diamond-open"}.get(fault, "diamond") for fault in faults
        ],
        "color": [_RED if fault else _BLACK for fault in faults],
    }  # fmt: skip
    yield go.Scatter(
        x=curve.places, y=column("observed"), name="observed", mode="lines+markers",
        line={"color": _BLACK, "width": 1.6}, marker=marker,
    )  # fmt: skip
