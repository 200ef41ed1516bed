"""The certificate: what was asked, measured and found, as one page that prints, and as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from collector.reporting.page import escaped, page
from nakhon.accept.criteria import MEASURES, Answer, shown
from nakhon.accept.evidence import environment, hashes, seconds, spans_of_loss, untested
from nakhon.accept.run import Asked, Course, facts
from nakhon.accept.timeline import timeline
from nakhon.terminal.plain import plain

LOSSES_SHOWN = 20
_COLOURS = {"ACCEPTED": "#00664b", "NOT ACCEPTED": "#a23b00", "INCOMPLETE": "#8a5a00"}
_STYLE = """
.stamp { display: inline-block; margin: 4px 0 16px; padding: 6px 22px; border: 4px solid; border-radius: 6px;
  font-size: 30px; font-weight: 800; letter-spacing: .06em; }
section { margin-top: 26px; padding-top: 14px; }
tbody th { white-space: normal; }
td.word { overflow-wrap: anywhere; }
table.facts th { width: 190px; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font-size: 11px; }
.signature { display: flex; gap: 40px; margin-top: 40px; }
.signature div { flex: 1; border-top: 1px solid var(--ink); padding-top: 4px; color: var(--quiet); font-size: 13px; }
@media print { @page { size: A4 portrait; margin: 14mm; } section { break-before: auto; break-inside: avoid-page;
  margin-top: 14px; border-top: 1px solid var(--line); } }
"""


def certificate(asked: Asked, course: Course) -> str:
    """The certificate as a page that needs nothing else."""
    body = "\n".join(
        (
            _stamp(course),
            _criteria(course),
            _trouble(course),
            timeline(course),
            _steps(course),
            _losses(course),
            _table("Load", facts(asked, course)),
            _measures(course),
            _table("Evidence", hashes(asked, course).items()),
            _table("Environment", environment(course).items()),
            _notes("What was not tested", untested(asked, course)),
            '<div class="signature"><div>Date, place</div><div>For the supplier</div><div>For the customer</div></div>',
        )
    )
    return page(_title(asked), body, style=_STYLE)


def text(asked: Asked, course: Course) -> str:
    """The certificate as text."""
    return "\n".join(_lines(asked, course)) + "\n"


def _title(asked: Asked) -> str:
    return f"Acceptance: {asked.plan.title or asked.plan.consumer.title or asked.plan.consumer.source}"


def _stamp(course: Course) -> str:
    met = sum(one.met for one in course.judged)
    return f"""<div class="stamp" style="color:{_COLOURS[course.verdict]}">{course.verdict}</div>
<p class="lead">{met} of {len(course.judged)} criteria met; run {escaped(course.run)}.</p>"""


def _criteria(course: Course) -> str:
    if not course.judged:
        return "<section><h2>Criteria</h2><p>Nothing was judged: the plan was not carried out to its end.</p></section>"
    lines = "".join(
        f'<tr><th scope="row">{escaped(one.criterion)}</th><td>{escaped(one.measured)}</td>'
        f'<td class="{"better" if one.met else "worse"}">{one.answer}</td><td class="word">{escaped(one.why)}</td></tr>'
        for one in course.judged
    )
    return f"""<section><h2>Criteria</h2><table><thead><tr><th>Asked</th><th>Measured</th><th></th><th>Why</th></tr>
</thead><tbody>{lines}</tbody></table></section>"""


def _trouble(course: Course) -> str:
    return _notes("What went wrong", course.trouble) if course.trouble else ""


def _notes(title: str, lines: Iterable[str]) -> str:
    found = "".join(f"<li>{escaped(line)}</li>" for line in lines)
    return f'<section><h2>{escaped(title)}</h2><ul class="notices">{found}</ul></section>' if found else ""


def _table(title: str, rows: Iterable[tuple[str, object]]) -> str:
    lines = "".join(f'<tr><th scope="row">{escaped(k)}</th><td class="word">{escaped(v)}</td></tr>' for k, v in rows)
    return f'<section><h2>{escaped(title)}</h2><table class="facts"><tbody>{lines}</tbody></table></section>'


def _measures(course: Course) -> str:
    told = [
        (f"{name}", f"{shown(name, value)}: {MEASURES[name].meaning}")
        for name, value in course.measures.items()
        if value is not None and name in MEASURES
    ]
    unit = "" if course.held is None else f" ({course.held.unit})"
    return _table(f"What was measured{unit}", told) + _notes(
        "Remarks of the audit", () if course.held is None else course.held.remarks
    )


def _steps(course: Course) -> str:
    lines = "".join(
        f'<tr><th scope="row">{escaped(one.name)}</th><td class="number">{one.planned:g} s</td>'
        f'<td class="number">{one.began:.1f} s</td><td class="number">{one.over:.1f} s</td>'
        f'<td class="number">{"stopped" if one.exit is None else one.exit}</td>'
        f'<td class="number">{_recovered(course, one.name)}</td>'
        f'<td class="word"><pre>{escaped(one.what)}{escaped(_said(one.said))}</pre></td></tr>'
        for one in course.steps
    )
    if not lines:
        return ""
    return f"""<section><h2>Steps</h2><table><thead><tr><th>Step</th><th class="number">planned</th>
<th class="number">begun</th><th class="number">over</th><th class="number">exit</th><th class="number">recovered</th>
<th>What was done, and what it said</th></tr></thead><tbody>{lines}</tbody></table></section>"""


def _said(said: str) -> str:
    return f"\n{said[-600:]}" if said else ""


def _recovered(course: Course, name: str) -> str:
    if name not in course.recovered:
        return "–"
    found = course.recovered[name]
    return "never" if found is None else f"{found:.1f} s"


def _losses(course: Course) -> str:
    if course.held is None or not course.held.losses:
        return ""
    spans = [_span(*one) for one in spans_of_loss(seconds(course))]
    lines = "".join(
        f'<tr><th scope="row">{escaped(one.station)}</th><td>{one.first} to {one.last}</td>'
        f'<td class="number">{one.count:,}</td><td>{escaped(one.since)} to {escaped(one.until)}</td>'
        f'<td class="word">{escaped(one.cause)}</td></tr>'
        for one in course.held.losses[:LOSSES_SHOWN]
    )
    more = len(course.held.losses) - LOSSES_SHOWN
    rest = f"<p>… and {more:,} more; verdict.json has all.</p>" if more > 0 else ""
    told = "".join(f"<li>{escaped(span)}</li>" for span in spans)
    return f"""<section><h2>Losses</h2><ul class="notices">{told}</ul><table><thead><tr><th>Station</th><th>seq</th>
<th class="number">{course.held.unit}</th><th>Times of the readings</th><th>Cause</th></tr></thead>
<tbody>{lines}</tbody></table>{rest}</section>"""


def _span(first: int, last: int, said: int, lost: int) -> str:
    return f"Of what was said from {first} s to {last + 1} s, something of {lost:,} of {said:,} messages is lost."


def _lines(asked: Asked, course: Course) -> Iterator[str]:
    yield _title(asked)
    yield f"{course.verdict}: {sum(one.met for one in course.judged)} of {len(course.judged)} criteria met"
    yield ""
    width = max((len(one.criterion) for one in course.judged), default=0)
    for one in course.judged:
        mark = "ok " if one.answer is Answer.MET else "NO "
        yield f"  {mark} {one.criterion:<{width}}  measured {one.measured}  {one.why if not one.met else ''}".rstrip()
    yield from _titled("What went wrong", map(plain, course.trouble))
    yield from _titled("Steps", (_step(course, number) for number in range(len(course.steps))))
    yield from _titled("Losses", _loss_lines(course))
    yield from _titled("Load", (f"{name}: {value}" for name, value in facts(asked, course)))
    yield from _titled("Evidence", (f"{name}: {value}" for name, value in hashes(asked, course).items()))
    yield from _titled("Environment", (f"{name}: {value}" for name, value in environment(course).items()))
    yield from _titled("What was not tested", untested(asked, course))


def _titled(title: str, lines: Iterable[str]) -> Iterator[str]:
    found: Sequence[str] = list(lines)
    if found:
        yield from ("", title, *(f"  {line}" for line in found))


def _step(course: Course, number: int) -> str:
    one = course.steps[number]
    code = "stopped" if one.exit is None else one.exit
    span = f"{one.began:7.1f} s to {one.over:7.1f} s"
    return f"{span}  {plain(one.name)}  exit {code}  recovered {_recovered(course, one.name)}"


def _loss_lines(course: Course) -> Iterator[str]:
    if course.held is None:
        return
    yield from (_span(*one) for one in spans_of_loss(seconds(course)))
    for one in course.held.losses[:LOSSES_SHOWN]:
        where = f"{one.station} seq {one.first} to {one.last} ({one.count:,} {course.held.unit}"
        yield f"{where}, {one.since} to {one.until}): {one.cause}"
