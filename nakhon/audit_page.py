"""What became of a run at somebody else's consumer, on the terminal and as cases for a build server."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from collector.auditing.findings import STATES, Account, Findings, Timeline
from collector.auditing.junit import Case
from nakhon.terminal.plain import plain

STATIONS_SHOWN = 20
GAPS_SHOWN = 10
LEGEND = "  . all there  1-9 tenths lost (rounded up)  # all lost  w wrong  d duplicated  f a fault explains it"
COLUMNS = ("published", *STATES, "duplicated", "strangers", "reordered", "late", "p50 s", "p95 s", "p99 s")


def show(findings: Findings, console: Console) -> None:
    """Print the accounts, when it happened, what was done to the readings, and the verdict."""
    console.print(f"Run {findings.run}, session {findings.session}; {plain(findings.sink)}", markup=False)
    console.print(_table(findings))
    if len(findings.stations) > STATIONS_SHOWN:
        console.print(f"... and {len(findings.stations) - STATIONS_SHOWN} more stations (--json lists all)")
    console.print(equation(findings), soft_wrap=True)
    _show_timeline(findings.timeline, console)
    for one in findings.diagnoses:
        console.print(Text.assemble(("diagnosis: ", "yellow"), plain(one.text)), soft_wrap=True)
    for gap in findings.gaps[:GAPS_SHOWN]:
        label = ("lost ", "red") if gap.cause == "unexplained" else ("missing ", "yellow")
        where = f"{gap.station} seq {gap.first} to {gap.last} ({gap.missing:,} {findings.unit}, about {gap.since} to "
        console.print(Text.assemble(label, f"{where}{gap.until}): {plain(gap.cause)}"), soft_wrap=True)
    if len(findings.gaps) > GAPS_SHOWN:
        console.print(f"... and {len(findings.gaps) - GAPS_SHOWN} more gaps (--json lists them)")
    for fault, rows in findings.faults.items():
        console.print(f"fault {plain(fault)}: concerns {rows:,} {findings.unit}", markup=False)
    for doubt in findings.doubts:
        console.print(Text(plain(doubt), "yellow"), soft_wrap=True)
    console.print("[green]all accounted for" if findings.accounted_for else "[red]NOT all accounted for")


def equation(findings: Findings) -> str:
    """The account of all in one line."""
    total = findings.total
    terms = " + ".join(f"{name} {getattr(total, name):,}" for name in STATES if getattr(total, name) or name == "right")
    beside = {
        "duplicated": total.duplicated, "sent twice by a fault": total.duplicates_injected,
        "strangers": total.strangers, "accepted though malformed": total.accepted,
        "rows that make no sense": findings.unreadable, "rows of others, ignored": findings.ignored,
    }  # fmt: skip
    more = "; ".join(f"{name} {count:,}" for name, count in beside.items() if count)
    return f"{findings.unit} published {total.published:,} = {terms}{f'; {more}' * bool(more)}"


def strip(timeline: Timeline) -> str:
    """One character a bucket: the worst that happened in it (`LEGEND`)."""
    return "".join(_mark(timeline, at) for at in range(len(timeline.published)))


def cases(findings: Findings) -> list[Case]:
    """A case for each station, and one for what belongs to none."""
    one_each = [
        Case(name, "" if account.accounted_for else _wrong(account), _told(account))
        for name, account in findings.stations.items()
    ]
    diagnoses = "\n".join(one.text for one in findings.diagnoses)
    senseless = f"{findings.unreadable} rows make no sense" if findings.unreadable else ""
    return [*one_each, Case("the whole sink", senseless, "\n".join([equation(findings), diagnoses, *findings.doubts]))]


def _table(findings: Findings) -> Table:
    rows = [*_worst(findings)[:STATIONS_SHOWN], ("all stations", findings.total)]
    cells = [[_cell(account, name) for name in COLUMNS] for _, account in rows]
    shown = [at for at, name in enumerate(COLUMNS) if at < 2 or any(row[at] not in ("0", "") for row in cells)]
    table = Table("station", *(COLUMNS[at] for at in shown))
    for column in table.columns[1:]:
        column.justify = "right"
    for (name, _), row in zip(rows, cells, strict=True):
        if name == "all stations":
            table.add_section()
        table.add_row(Text(name), *(row[at] for at in shown))
    return table


def _worst(findings: Findings) -> list[tuple[str, Account]]:
    return sorted(
        findings.stations.items(),
        key=lambda item: (item[1].right - item[1].published - item[1].duplicated - item[1].strangers, item[0]),
    )


def _cell(account: Account, name: str) -> str:
    if name.startswith("p"):
        at = {"p50 s": 0, "p95 s": 1, "p99 s": 2}.get(name)
        if at is not None:
            return "" if account.latency is None else f"{account.latency[at]:.3g}"
    value = getattr(account, name)
    return "" if value is None else f"{value:,}"


def _show_timeline(timeline: Timeline, console: Console) -> None:
    line = strip(timeline)
    if set(line) <= {".", " "}:
        return
    console.print(f"from {timeline.start}, {_length(timeline.width)} a mark: ", Text(line, "bold"), soft_wrap=True)
    console.print(LEGEND, style="dim")


def _mark(timeline: Timeline, at: int) -> str:
    published, lost = timeline.published[at], timeline.lost[at]
    if not published:
        return " "
    if lost:
        return "#" if lost == published else str(min(9, -(-10 * lost // published)))
    if timeline.wrong[at]:
        return "w"
    if timeline.duplicated[at]:
        return "d"
    return "f" if timeline.excused[at] else "."


def _length(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def _wrong(account: Account) -> str:
    terms: Sequence[str] = ("lost", "corrupted", "altered", "duplicated", "strangers", "accepted", "late")
    return ", ".join(f"{name} {getattr(account, name):,}" for name in terms if getattr(account, name))


def _told(account: Account) -> str:
    latency = "" if account.latency is None else "; latency p50 {} s, p95 {} s, p99 {} s".format(*account.latency)
    return f"published {account.published:,}, right {account.right:,}{latency}"
