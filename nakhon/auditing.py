"""`nakhon audit`: a ledger against Nakhon's store, a running collector, or any consumer that a sink file describes."""

from __future__ import annotations

import json
from pathlib import Path

from rich.table import Table

from collector.auditing.audit import Verdict
from collector.auditing.audit import audit as audited
from collector.auditing.findings import Findings
from collector.auditing.junit import Case, junit
from collector.language.errors import InputError
from collector.language.ledger import Ledger, read_ledger
from collector.sinks.file import Sink, load_sink
from collector.stores import open_store
from nakhon import audit_page
from nakhon.terminal.console import shown

STATIONS_SHOWN = 20
LOSSES_SHOWN = 10


def audit(path: Path, source: str, *, as_json: bool, report: Path | None = None) -> bool:
    """Print what became of every message in a ledger, by a store; whether all are accounted for."""
    verdict = verdict_of(read_ledger(path), source)
    if report is not None:
        _write(report, f"run {verdict.run} in {source}", _cases(verdict))
    if as_json:
        print(json.dumps(verdict.told(), indent=1))
    else:
        _show(verdict)
    return verdict.accounted_for


def audit_by(path: Path, sink: Path, *, as_json: bool, report: Path | None = None) -> bool:
    """Print what a consumer made of a ledger: by a sink file, or by what `nakhon listen` recorded."""
    findings = findings_of(read_ledger(path), sink)
    if report is not None:
        _write(report, f"run {findings.run}: {findings.sink}", audit_page.cases(findings))
    if as_json:
        print(json.dumps(findings.told(), indent=1))
    else:
        audit_page.show(findings, shown)
    return findings.accounted_for


def verdict_of(ledger: Ledger, source: str) -> Verdict:
    """The verdict on a ledger by a store or a running collector."""
    store = open_store(source, read_only=True)
    try:
        return audited(ledger, store)
    finally:
        store.close()


def findings_of(ledger: Ledger, sink: Path) -> Findings:
    """What a consumer made of a ledger, by a sink file or a capture."""
    from collector.sinks.capture import audit_capture, is_capture
    from collector.sinks.reading import audit_sink

    return audit_capture(ledger, sink) if is_capture(sink) else audit_sink(ledger, load_sink(sink))


def describe(sink: Sink) -> str:
    """What a sink file says, in words."""
    one = sink.columns
    what = f"indicators in {one.indicator!r}" if one.indicator else f"{len(sink.indicators)} indicators, a column each"
    lines = [
        f"{sink.title}: {what}, stations in {one.station!r} as {one.form}",
        f"times in {one.time!r} as {sink.time.format}, {sink.time.timezone} where they name no zone",
        f"arrival in {one.received!r}" if one.received else "no column of arrival: no latency, no order",
    ]
    allowed = sink.tolerance
    lines.append(f"allowed: time {allowed.time:g} ms, value {allowed.absolute:g} + {allowed.relative:g} of its size")
    return "\n".join(lines)


def _write(report: Path, suite: str, cases: list[Case]) -> None:
    try:
        report.write_text(junit(suite, cases), "utf-8")
    except OSError as error:
        raise InputError(f"cannot write {report}: {error.strerror}") from None


def _cases(verdict: Verdict) -> list[Case]:
    stations = [
        Case(
            name,
            ""
            if not (one.unexplained or one.differing)
            else f"missing {one.unexplained:,}, differing {one.differing:,}",
            f"published {one.published:,}, stored {one.stored:,}, rejected {one.rejected:,}, missing {one.missing:,}",
        )
        for name, one in verdict.stations.items()
    ]
    told = "\n".join(verdict.doubts)
    rest = "" if verdict.accounted_for else (
        f"unexplained {verdict.missing['unexplained']:,}, unrecorded {verdict.unrecorded:,}, "
        f"conflicts {verdict.conflicts:,}, pending {verdict.pending:,}"
    )  # fmt: skip
    return [*stations, Case("the whole run", rest, told)]


def _show(verdict: Verdict) -> None:
    table = Table(title=f"Run {verdict.run}, session {verdict.session}", title_justify="left")
    for name in ("station", "published", "stored", "rejected", "missing", "differing", "values said", "values stored"):
        table.add_column(name, justify="left" if name == "station" else "right", no_wrap=name == "station")
    worst = sorted(verdict.stations.items(), key=lambda item: (-item[1].missing - item[1].differing, item[0]))
    for name, one in [*worst[:STATIONS_SHOWN], ("all stations", verdict.total)]:
        if name == "all stations":
            table.add_section()
        cells = (one.published, one.stored, one.rejected, one.missing, one.differing)
        table.add_row(name, *(f"{cell:,}" for cell in (*cells, one.values_published, one.values_stored)))
    shown.print(table)
    if len(worst) > STATIONS_SHOWN:
        shown.print(f"... and {len(worst) - STATIONS_SHOWN} more stations (--json lists all)")
    total = verdict.total
    shown.print(
        f"published {total.published:,} = stored {total.stored:,} + rejected {total.rejected:,} "
        f"+ missing {total.missing:,}"
    )
    shown.print(
        "missing: "
        + ", ".join(f"{cause} {count:,}" for cause, count in verdict.missing.items())
        + f"; unrecorded {verdict.unrecorded:,}; conflicts {verdict.conflicts:,}; pending {verdict.pending:,}"
    )
    if verdict.deliveries:
        shown.print("deliveries: " + ", ".join(f"{fate} {count:,}" for fate, count in verdict.deliveries.items()))
    for loss in verdict.losses[:LOSSES_SHOWN]:
        label = "[red]lost[/]" if loss.cause == "unexplained" else "[yellow]missing[/]"
        shown.print(
            f"{label} {loss.station} seq {loss.first} to {loss.last} ({loss.messages:,} messages, "
            f"about {loss.since} to {loss.until}): {loss.cause}"
        )
    if len(verdict.losses) > LOSSES_SHOWN:
        shown.print(f"... and {len(verdict.losses) - LOSSES_SHOWN} more gaps (--json lists them)")
    for doubt in verdict.doubts:
        shown.print(f"[yellow]{doubt}")
    shown.print("[green]all accounted for" if verdict.accounted_for else "[red]NOT all accounted for")
