"""A league as one HTML file that needs nothing else: places, how sure they are, every part, what would change them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from collector.comparing.comparison import shown
from collector.language.time import format_epoch
from collector.league.league import Interval, PartScore, Place
from collector.league.league_store import League
from collector.league.telling import codes, grounds, levels
from collector.reporting.export import write_whole
from collector.reporting.page import escaped, page

_STYLE = """
.league td.score { min-width: 8rem; } .league .bar { height: .5rem; background: #d9dee5; }
.league .bar span { display: block; height: 100%; background: #2f6db5; }
.league svg { width: 9rem; height: 1.2rem; } .league .quiet { color: #5b6470; font-size: .85em; }
"""


def write_league(league: League, path: Path) -> None:
    """Write the league as one self-contained HTML file, there whole or not at all. Raises `InputError`."""
    write_whole(path, league_page(league).encode())


def league_page(league: League) -> str:
    """The league as HTML: no request leaves the page, and no text from outside is ever markup or script."""
    span = f"{format_epoch(league.first)[:10]} to {format_epoch(league.last)[:10]} (not included)"
    parts = (_warnings(league), f"<p>{escaped(span)}, local days of each city.</p>", _places(league), _scored(league),
             _changes(league), _made_of(league), _notes(league))  # fmt: skip
    return page(f"League: {league.composite.title}", "\n".join(parts), style=_STYLE, marked=league.lifted)


def _warnings(league: League) -> str:
    if league.lifted:
        mark = '<div class="watermark" aria-hidden="true">conditions lifted</div>'
        told = f"Ranked at the reader's own risk: {'; '.join(league.overrides)}."
        return f'{mark}<p class="warning" role="alert"><strong>{escaped(told)}</strong></p>'
    if league.refusals:
        told = f"Not ranked: {'; '.join(league.refusals)}."
        return f'<p class="warning" role="alert">{escaped(told)}</p>'
    return ""


def _places(league: League) -> str:
    head = ("Place", "City", "Run", "Origin", "Score", "95 %", "Places not excluded", "First in",
            "By weights alone", "By days alone")  # fmt: skip
    rows = [
        (
            "–" if one.rank is None else str(one.rank),
            escaped(one.contender.name),
            escaped(one.contender.run),
            escaped(origins(one.parts)),
            shown("score", one.score),
            f"{shown('low', one.low).lstrip('+')} to {shown('high', one.high).lstrip('+')}",
            _whisker(one, len(league.places)),
            shown("first", one.interval.first) if one.interval and one.interval.first is not None else "–",
            interval(one.weights),
            interval(one.days),
        )
        for one in league.places
    ]
    return "<h2>Places</h2>" + _table(head, rows)


def _scored(league: League) -> str:
    head = ("City", *(part.indicator.name for part in league.composite.parts))
    rows = [(escaped(one.contender.label), *(_cell(part) for part in one.parts)) for one in league.places]
    note = "<p>Each part: its value, the score it gives, its weight, and the place without it.</p>"
    return "<h2>Parts of the scores</h2>" + note + _table(head, rows)


def _cell(part: PartScore) -> str:
    if part.value is None or part.score is None:
        return '<span class="quiet">missing</span>'
    width = min(max(part.score, 0.0), 100.0)
    value = f"{shown('value', part.value)} {escaped(part.unit if part.unit != 'no unit' else '')}".strip()
    without = "" if part.without is None else f"; place {part.without} without it"
    bar = f'<div class="bar"><span style="width:{width:.0f}%"></span></div>'
    return f'{value}{bar}<span class="quiet">score {part.score:.1f}, weight {part.weight:.2f}{without}</span>'


def _changes(league: League) -> str:
    lines = [f"<li>{escaped(line)}</li>" for one in league.places for line in changes(one)]
    if not lines:
        return ""
    note = "One part alone, all else as it is. It says what the score is sensitive to, not what is easy or wise."
    return f"<h2>What would change it</h2><p>{note}</p><ul>{''.join(lines)}</ul>"


def _made_of(league: League) -> str:
    composite = league.composite
    head = ("Part", "Weight", "Score 0 and 100", "Better", "Standard and code", "Source of the levels")
    rows = [
        (
            escaped(part.indicator.name),
            f"{part.weight:.2f}",
            escaped(levels(part)),
            escaped(part.indicator.better),
            escaped(codes(part)),
            escaped(grounds(part.source)),
        )
        for part in composite.parts
    ]
    return f"<h2>What the score is made of</h2><p>{escaped(rule(league))}</p>" + _table(head, rows)


def _notes(league: League) -> str:
    return "<ul>" + "".join(f"<li>{escaped(note)}</li>" for note in league.notes) + "</ul>" if league.notes else ""


def rule(league: League) -> str:
    """How the score is put together, in words."""
    one = league.composite
    floor = f", no part below {one.floor:g}" if one.aggregation.value == "geometric" else ""
    missing = {
        "refuse": "a city without a part has no score",
        "reweigh": f"the others count for a missing part, if they hold {one.least_weight:.0%} of the weight",
    }[one.missing.value]
    return (
        f"Weighted {one.aggregation} mean of the parts{floor}; {missing}. Parts and weights: {grounds(one.source)}. "
        f"Other weights are drawn around the declared ones (Dirichlet, concentration {one.concentration:g}), "
        "what the days tell comes from the daily differences of each pair of cities, with the memory of the days."
    )


def changes(place: Place) -> list[str]:
    """What would lift a city a place, a sentence for each part that could do it alone."""
    units = {part.indicator: part.unit for part in place.parts}
    return [
        f"{place.contender.label} passes {move.above} with {move.indicator} at {shown('value', move.to)} "
        f"{units[move.indicator] if units[move.indicator] != 'no unit' else ''}".rstrip()
        + f" instead of {shown('value', move.value)}."
        for move in place.moves
    ]


def origins(parts: Iterable[PartScore]) -> str:
    """Where the values of a score come from."""
    return " and ".join(sorted({part.origin for part in parts if part.origin})) or "–"


def interval(found: Interval | None) -> str:
    """A range of places, in words."""
    if found is None:
        return "–"
    return str(found.low) if found.low == found.high else f"{found.low} to {found.high}"


def _whisker(place: Place, many: int) -> str:
    found = place.interval
    if found is None or place.rank is None:
        return "–"
    low, high, at = (8 + 104 * (rank - 1) / max(many - 1, 1) for rank in (found.low, found.high, place.rank))
    line = f'<line x1="{low:.1f}" x2="{high:.1f}" y1="8" y2="8" stroke="#2f6db5" stroke-width="3"/>'
    dot = f'<circle cx="{at:.1f}" cy="8" r="5" fill="#2f6db5"/>'
    return f'<svg viewBox="0 0 120 16" aria-hidden="true">{line}{dot}</svg> {interval(found)}'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{escaped(name)}</th>' for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table class="league"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
