"""A report as one HTML page that needs nothing else, for a screen and for paper."""

from __future__ import annotations

from collector.answers.intervals import Interval
from collector.reporting.page import chart, escaped, page
from nakhon.reporting.document import (
    Block,
    Bullets,
    Cell,
    Column,
    Document,
    Judged,
    Paragraph,
    Picture,
    Section,
    Table,
    Tone,
    Verdict,
    bounds_text,
    number,
    value_text,
)
from nakhon.reporting.words import Words

_CLASSES = {Tone.LEAD: "lead", Tone.QUIET: "quiet", Tone.NOTICE: "forecast", Tone.WARNING: "warning"}
SHORT = 14
"""Rows of a table that is not broken over pages."""
_STYLE = """
body { font-family: system-ui, "Segoe UI", "Noto Sans", "Noto Sans Thai", Loma, "Leelawadee UI", Thonburi, sans-serif; }
html[lang="th"] body { line-height: 1.65; }
main { max-width: 1120px; }
p { max-width: 104ch; }
p.lead { font-size: 19px; color: var(--ink); }
p.forecast { display: block; max-width: none; }
p.quiet { color: var(--quiet); font-size: 14.5px; }
ul.lines { max-width: 104ch; padding-left: 22px; }
ul.lines li { margin: 3px 0; }
table { font-size: 13.5px; margin-bottom: 10px; }
td, tbody th { vertical-align: top; }
tbody th { font-weight: 600; min-width: 0; }
td.text { overflow-wrap: break-word; }
td small { white-space: nowrap; }
.unclear { color: var(--quiet); }
.key { color: var(--quiet); font-size: 13.5px; }
@media print {
  @page { size: A4 portrait; margin: 14mm 12mm 16mm; }
  body { font-size: 11.5px; }
  h1 { font-size: 24px; } h2 { font-size: 17px; }
  p.lead { font-size: 14px; }
  p.quiet, .key, caption, figcaption { font-size: 10.5px; }
  p, ul.lines { max-width: none; }
  table { font-size: 10px; }
  td small { font-size: 8.5px; white-space: normal; }
  section { break-before: auto; margin-top: 18px; padding-top: 10px; border-top: 1px solid var(--line); }
  h2, caption, figcaption, .key { break-after: avoid; }
  thead { display: table-header-group; }
  .short { break-inside: avoid; overflow: visible; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""


def as_html(document: Document, words: Words) -> str:
    """Get the page: no request leaves it, and no text from outside is ever markup or script."""
    contents = "".join(
        f'<li><a href="#{section.anchor}">{escaped(section.title)}</a></li>' for section in document.sections
    )
    body = "\n".join(
        (
            _blocks(document.opening, words),
            f"<nav><ul>{contents}</ul></nav>",
            *(_section(section, words) for section in document.sections),
        )
    )
    return page(document.title, body, style=_STYLE, language=document.language)


def _section(section: Section, words: Words) -> str:
    return f'<section id="{section.anchor}"><h2>{escaped(section.title)}</h2>{_blocks(section.blocks, words)}</section>'


def _blocks(blocks: tuple[Block, ...], words: Words) -> str:
    return "\n".join(_block(block, words) for block in blocks)


def _block(block: Block, words: Words) -> str:
    if isinstance(block, Paragraph):
        kind = _CLASSES.get(block.tone)
        return f"<p{f' class={kind!r}' if kind else ''}>{escaped(block.text)}</p>"
    if isinstance(block, Bullets):
        return f'<ul class="lines">{"".join(f"<li>{escaped(line)}</li>" for line in block.lines)}</ul>'
    if isinstance(block, Picture):
        key = f'<div class="key">{escaped(block.key)}</div>' if block.key else ""
        return chart(block.name, escaped(block.caption), block.figure, key=key, bar=False)
    return "" if block.workbook_only else _table(block, words)


def _table(table: Table, words: Words) -> str:
    head = "".join(
        f'<th scope="col"{" class=number" if column.number else ""}>{escaped(column.name)}</th>'
        for column in table.columns
    )
    rows = "".join(
        f"<tr>{''.join(_cell(cell, column, words) for cell, column in zip(row, table.columns, strict=True))}</tr>"
        for row in table.rows
    )
    kind = "scroll short" if len(table.rows) <= SHORT else "scroll"
    return f"""<div class="{kind}"><table><caption>{escaped(table.caption)}</caption>
<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"""


def _cell(cell: Cell, column: Column, words: Words) -> str:
    value, verdict = (cell.value, cell.verdict) if isinstance(cell, Judged) else (cell, Verdict.NONE)
    mark = f' class="{verdict}"' if verdict else ""
    if isinstance(value, Interval):
        bounds = bounds_text(value, words.say("to"), percent=column.percent)
        inside = f"<span{mark}>{value_text(value, percent=column.percent, signed=column.signed)}</span>"
        return f'<td class="number">{inside}<small>{bounds}</small></td>'
    if isinstance(value, int | float):
        return f'<td class="number"><span{mark}>{number(float(value))}</span></td>'
    return f'<td class="{"number" if column.number else "text"}"><span{mark}>{escaped(value or "")}</span></td>'
