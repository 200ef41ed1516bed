"""What a benchmark showed, for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from nakhon.benchmark.figures import SHARES, bars, clock, percentiles
from nakhon.benchmark.integrity import Outcome
from nakhon.benchmark.modes import Capacity, Latency, Step
from nakhon.benchmark.rig import Trial
from nakhon.terminal.plain import plain

COLUMNS = (
    "messages/s",
    "sent",
    "heard",
    "stored",
    "caught up",
    "ack p99",
    "latency p50",
    "p99",
    "our lag p99",
    "our CPU",
    "",
)
LOSSES_SHOWN = 10
SLACK = 0.05


def limits(trial: Trial) -> str:
    """That we ourselves were the limit, in a sentence; empty if not."""
    if not trial.offer_limited:
        return ""
    return (
        f"THE OFFER WAS THE LIMIT, not the target: we were {clock(trial.lag)} behind our own schedule (p99) and used "
        f"{trial.cpu:.0%} of a processor; what is told beyond this rate says nothing about the target"
    )


def latency(found: Latency, console: Console) -> None:
    """Print the percentiles, corrected and not, and the histogram."""
    trial = found.trial
    table = Table("", *(name for name, _ in SHARES), title=f"{trial.rate:,.0f} messages/s, QoS {trial.qos}",
                  title_justify="left")  # fmt: skip
    _row(table, "latency, from when each was due", trial.latencies)
    _row(table, "from when each was sent (not corrected)", trial.uncorrected)
    _row(table, "our own lag behind the schedule", trial.schedule)
    console.print(table)
    for line in bars(found.buckets):
        console.print(line, markup=False)
    console.print(f"sent {trial.offered:,}, heard {trial.offered - trial.lost:,}, more than once {trial.copies:,}")
    if trial.lost:
        console.print(f"[red]{trial.lost:,} never came back; they are in no percentile")
    if found.losses:
        console.print(f"[yellow]connections were lost {found.losses:,} times")
    if text := limits(trial):
        console.print(text, style="yellow")
    if not found.complete:
        console.print("[yellow]INCOMPLETE: it was ended before its time")


def _row(table: Table, name: str, seconds: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    shares = percentiles(seconds)
    table.add_row(name, *(clock(shares[share]) if shares else "" for share, _ in SHARES))


def stepping(console: Console) -> Callable[[Step], None]:
    """Tell of each step of a search in a line, as soon as it is over."""

    def show(step: Step) -> None:
        trial = step.trial
        how = "kept up" if step.sustained else f"fell behind ({'the offer' if trial.offer_limited else 'the target'})"
        console.print(f"{trial.rate:>9,.0f} messages/s  {how}")

    return show


def capacity(found: Capacity, console: Console) -> None:
    """Print the curve and the knee."""
    table = Table(*COLUMNS, title="Capacity", title_justify="left")
    for step in sorted(found.steps, key=lambda one: one.trial.rate):
        table.add_row(*_cells(step))
    console.print(table)
    measured = "acknowledged and heard"
    if any(step.trial.stored is not None for step in found.steps):
        measured += " and stored by the collector"
    console.print(f"kept up: everything {measured} within {found.allowed:g} s after the last message was due")
    console.print(_knee(found), style="bold")
    if found.slack > SLACK:
        console.print(f"so a knee may be up to {found.slack:.0%} above what is kept up with for long; --for narrows it")
    failed = found.lowest_failed
    if failed is not None and (text := limits(failed.trial)):
        console.print(text, style="yellow")
    if not found.complete:
        console.print("[yellow]INCOMPLETE: it was ended before its time")


def _knee(found: Capacity) -> str:
    failed = found.lowest_failed
    if found.knee is None:
        return "not even the lowest rate was kept up with: try a lower one with --from"
    if failed is None:
        return f"at least {found.knee:,.0f} messages/s: every rate that was tried was kept up with (--to goes further)"
    kept = f"{found.knee:,.0f} messages/s were kept up with, at {failed.trial.rate:,.0f}"
    if found.limit == "offer":
        return f"no knee found: {kept} we ourselves fell behind"
    return f"knee: {kept} the target fell behind"


def _cells(step: Step) -> Sequence[str]:
    trial = step.trial
    delay, back = percentiles(trial.latencies), (trial.acknowledged - trial.due)[~np.isnan(trial.acknowledged)]
    return (
        f"{trial.rate:,.0f}",
        f"{trial.offered:,}",
        f"{trial.offered - trial.lost:,}",
        "" if trial.stored is None else f"{trial.stored:,}",
        "not in time" if trial.caught_up is None else clock(trial.caught_up),
        clock(percentiles(back)["p99"]) if len(back) and trial.qos else "",
        clock(delay["p50"]) if delay else "",
        clock(delay["p99"]) if delay else "",
        clock(trial.lag),
        f"{trial.cpu:.0%}",
        "kept up" if step.sustained else "fell behind",
    )


def integrity(found: Outcome, console: Console) -> None:
    """Print the accounts and the losses."""
    held, said = found.held, found.said
    rate = said.messages / said.seconds if said.seconds else 0.0
    console.print(f"said {said.messages:,} messages, {rate:,.0f} a second; behind schedule p99 {clock(said.late)}")
    table = Table("measure", held.unit)
    for name, value in held.measures.items():
        if value is not None and (value or name in ("published", "lost", "duplicated")):
            table.add_row(name, clock(value) if name.startswith("p") and name[1:].isdigit() else f"{value:,.0f}")
    console.print(table)
    for one in held.losses[:LOSSES_SHOWN]:
        console.print(f"{one.station} seq {one.first} to {one.last} ({one.count:,}): {plain(one.cause)}", markup=False)
    if len(held.losses) > LOSSES_SHOWN:
        console.print(f"... and {len(held.losses) - LOSSES_SHOWN:,} more (--json has them)")
    for remark in held.remarks:
        console.print(plain(remark), style="yellow", markup=False)
    if not found.complete:
        console.print("[yellow]INCOMPLETE: it was ended before its time")
    console.print("[green]all accounted for" if found.answer else "[red]NOT all accounted for")
