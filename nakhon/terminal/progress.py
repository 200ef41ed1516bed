"""How far a run has come and how long it will take: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from collector.language.time import format_epoch
from simulator.broadcast import Progress, Tell
from simulator.clock import Clock

A_LINE_EVERY = 5.0


@contextlib.contextmanager
def showing(progress: Progress, clock: Clock, console: Console) -> Iterator[Tell]:
    """Yield what to call when a run has come further."""
    began = time.monotonic()
    if not console.is_terminal:
        yield _lines(console, clock, began)
        return
    columns = [TextColumn(f"{{task.{name}}}") for name in ("description", "fields[rate]", "fields[left]")]
    with Bar(
        columns[0], BarColumn(), columns[1], TimeElapsedColumn(), columns[2], console=console, transient=True
    ) as bar:
        task = bar.add_task(format_epoch(progress.start), total=progress.end - progress.start, rate="", left="")

        def tell(said: Progress) -> None:
            rate = f"{said.messages / max(1e-9, time.monotonic() - began):,.0f} messages/s"
            left = _left(said, clock, time.monotonic() - began)
            bar.update(task, completed=said.now - said.start, description=format_epoch(said.now), rate=rate, left=left)

        yield tell


def _lines(console: Console, clock: Clock, began: float) -> Tell:
    told = began

    def tell(said: Progress) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= A_LINE_EVERY:
            told = now
            done = (said.now - said.start) / max(1, said.end - said.start)
            left = _left(said, clock, now - began)
            console.print(f"{format_epoch(said.now)}  {done:.0%}  {said.messages:,} messages, {left}")

    return tell


def _left(said: Progress, clock: Clock, spent: float) -> str:
    """The time left: by the pace if the run is paced, else by how fast it has gone so far."""
    if clock.pace < math.inf:
        seconds = (said.end - max(said.now, clock.free_until)) / clock.pace
    else:
        done = (said.now - said.start) / max(1, said.end - said.start)
        seconds = spent * (1 - done) / done if done else math.nan
    if math.isnan(seconds):
        return ""
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours}:{minutes:02d}:{int(seconds) % 60:02d} left"
