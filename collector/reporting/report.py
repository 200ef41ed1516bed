"""A comparison as one HTML file that needs nothing else: readable by whoever decides, on a screen and on paper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from collector.comparing.comparison import (
    HEADINGS,
    NOT_A_FORECAST,
    Cell,
    Column,
    Comparison,
    Section,
    Verdict,
    clock_text,
    rows,
    shown,
)
from collector.language.indicators import Better
from collector.reporting.charts import over_the_day, over_time
from collector.reporting.export import lifted, write_whole
from collector.reporting.page import chart, escaped, page

_FIGURES = list(HEADINGS)[list(HEADINGS).index("n") : list(HEADINGS).index("rank") + 1]
_DIRECTION = {
    Better.LOWER: "Lower is better.",
    Better.HIGHER: "Higher is better.",
    Better.TARGET: "Neither higher nor lower is better as such.",
}


def write_report(comparison: Comparison, path: Path, title: str = "Comparison of cities") -> None:
    """Write the report as one self-contained HTML file, there whole or not at all. Raises `InputError`."""
    write_whole(path, report(comparison, title).encode())


def report(comparison: Comparison, title: str = "Comparison of cities") -> str:
    """The report as HTML: no request leaves the page, and no text from outside is ever markup or script."""
    body = "\n".join(
        (
            _lifted(comparison),
            _compared(comparison),
            _contents(comparison.sections),
            "".join(_section(part, comparison) for part in comparison.sections),
            _reading(comparison),
        )
    )
    return page(title, body, marked=comparison.lifted)


def _lifted(comparison: Comparison) -> str:
    if not comparison.lifted:
        return ""
    mark = '<div class="watermark" aria-hidden="true">conditions lifted</div>'
    return f'{mark}<p class="warning" role="alert"><strong>{escaped(lifted(comparison))}</strong></p>'


def _compared(comparison: Comparison) -> str:
    first, last = clock_text(comparison.first), clock_text(comparison.last)
    hours = comparison.request.bucket / 3600
    lines = "".join(_column(column, at == 0) for at, column in enumerate(comparison.columns))
    forecast = f'<p class="forecast">{NOT_A_FORECAST}</p>' if comparison.simulated else ""
    notes = _list(comparison.notes)
    sizes = f"{_counted(len(comparison.sections), 'indicator')}, {_counted(len(comparison.columns), 'column')}"
    return f"""<p class="lead">{sizes}.
From {first} to {last} ({escaped(comparison.clock)}), in buckets of {hours:g} h.</p>
{forecast}{notes}
<div class="scroll"><table class="compared">
<caption>What is compared</caption>
<thead><tr><th>City</th><th>Run</th><th>Scenario</th><th>Origin</th><th class="number">Population</th><th>which is</th>
<th></th></tr></thead>
<tbody>{lines}</tbody></table></div>"""


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _column(column: Column, reference: bool) -> str:
    cells = [column.name, column.run, column.scenario or "–", column.origin]
    texts = "".join(f"<td>{escaped(cell)}</td>" for cell in cells)
    people = f'<td class="number">{shown("population", column.population)}</td>'
    kind = f"<td>{escaped(column.population_kind or 'unknown')}</td>"
    return f"<tr>{texts}{people}{kind}<td>{'reference' if reference else ''}</td></tr>"


def _contents(sections: Sequence[Section]) -> str:
    if len(sections) < 2:
        return ""
    links = "".join(f'<li><a href="#{part.indicator.id}">{escaped(part.indicator.name)}</a></li>' for part in sections)
    return f'<nav aria-label="Indicators"><ul>{links}</ul></nav>'


def _section(part: Section, comparison: Comparison) -> str:
    name = part.indicator.id
    origins = ", ".join(sorted({entry.origin for entry in part.entries if entry.figures.n})) or "no data"
    day = over_the_day(part, comparison)
    return f"""<section id="{name}">
<h2>{escaped(part.indicator.name)} <span class="unit">{escaped(part.unit)}</span></h2>
<p>{escaped(part.indicator.definition)}. {_DIRECTION[part.indicator.better]} Origin: {escaped(origins)}.</p>
{_list(part.notices)}
{_summary(part, comparison)}
{chart(f"{name}-time", "Over time", over_time(part, comparison))}
{"" if day is None else chart(f"{name}-day", "Over the day", day)}
</section>
"""


def _summary(part: Section, comparison: Comparison) -> str:
    kept = [row for row in rows(comparison) if row["indicator"] == part.indicator.id]
    optional = {"quiet", "rank", "no_interval"} - {key for row in kept for key in row if row[key]}
    keys = [key for key in _FIGURES if key not in optional]
    head = "".join(f'<th scope="col" class="number">{HEADINGS[key]}</th>' for key in keys)
    body = "".join(_line(row, keys) for row in kept)
    return f"""<div class="scroll"><table><caption>{escaped(part.indicator.name)}, {escaped(part.unit)}</caption>
<thead><tr><th scope="col">City, run</th><th scope="col">Origin, parameters</th>{head}</tr></thead>
<tbody>{body}</tbody></table></div>"""


def _line(row: Mapping[str, Cell], keys: Sequence[str]) -> str:
    column = f'<th scope="row">{escaped(str(row["city_name"]))}<small>{escaped(str(row["run"]))}</small></th>'
    parameters = f"<small>{escaped(str(row['parameters']))}</small>" if row["parameters"] else ""
    origin = f"<td>{escaped(str(row['origin']))}{parameters}</td>"
    return f"<tr>{column}{origin}{''.join(_cell(key, row[key]) for key in keys)}</tr>"


def _cell(key: str, value: Cell) -> str:
    text = escaped(shown(key, value))
    if key == "verdict" and value in {Verdict.BETTER, Verdict.WORSE}:
        text = f'<span class="{value}">{text}</span>'
    return f'<td class="number {key}">{text}</td>'


def _list(notices: Iterable[str]) -> str:
    lines = "".join(f"<li>{escaped(notice)}</li>" for notice in notices)
    return f'<ul class="notices">{lines}</ul>' if lines else ""


def _reading(comparison: Comparison) -> str:
    forecast = f"<p>{NOT_A_FORECAST}</p>" if comparison.simulated else ""
    return f"""<section class="reading"><h2>How to read this</h2>
<p><b>n</b> counts the buckets with data, <b>coverage</b> is their share of the span; what is missing stays missing.
<b>Difference</b> is the mean of column minus reference on the buckets both have (<b>n common</b>), with its 95 %
confidence interval; the interval allows for values that resemble those before them. <b>Verdict</b> says better or
worse by the indicator's own direction, and only where the interval excludes 0 and the columns may be compared.
<b>Origin</b> says whether values were measured or simulated, <b>parameters</b> where the model's parameters come
from.</p>{forecast}</section>"""
