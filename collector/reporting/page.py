"""An HTML page that needs nothing else: its style, its charts and the two scripts that may run are in the file."""

from __future__ import annotations

import base64
import hashlib
import html
from functools import cache
from importlib.resources import files

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

_DRAW = """
for (const script of document.querySelectorAll('script[type="application/json"]')) {
  const chart = JSON.parse(script.textContent);
  const place = document.getElementById(script.dataset.chart);
  const bar = script.dataset.bar === 'yes' ? {} : {displayModeBar: false};
  Plotly.newPlot(place, chart.data, chart.layout, {responsive: true, displaylogo: false, ...bar});
}
addEventListener('beforeprint', () => document.querySelectorAll('.chart').forEach(place => Plotly.Plots.resize(place)));
"""


def page(title: str, body: str, *, style: str = "", marked: bool = False, language: str = "en") -> str:
    """A whole page around a body that is markup already; `style` is added to that of all pages."""
    mark = ' class="lifted"' if marked else ""
    return f"""<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy()}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escaped(title)}</title>
<style>{files(__package__).joinpath("report.css").read_text("utf-8")}{style}</style>
</head>
<body{mark}>
<main>
<h1>{escaped(title)}</h1>
{body}
</main>
<script>{get_plotlyjs()}</script>
<script>{_DRAW}</script>
</body>
</html>
"""


def chart(name: str, caption: str, figure: go.Figure, *, key: str = "", bar: bool = True) -> str:
    """A figure with its caption and key (both markup already); `bar` offers the tools of the chart."""
    safe = figure.to_json().replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f"""<figure><figcaption>{caption}</figcaption>{key}
<div class="chart" id="{name}" style="min-height:{figure.layout.height}px"></div></figure>
<script type="application/json" data-chart="{name}" data-bar="{"yes" if bar else "no"}">{safe}</script>
"""


def escaped(value: object) -> str:
    """Text from outside, which is never markup."""
    return html.escape(str(value), quote=True)


@cache
def _policy() -> str:
    """Only the two scripts of a page may run, known by their hashes, and nothing may be fetched."""
    digests = (hashlib.sha256(script.encode()).digest() for script in (get_plotlyjs(), _DRAW))
    allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:"
