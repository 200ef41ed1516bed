"""`nakhon report`, as it is typed: progress, the answer in short on the terminal, the files that were written."""

from __future__ import annotations

from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from nakhon.reporting.document import Block, Bullets
from nakhon.reporting.manner import Manner, Outputs
from nakhon.reporting.opening import in_short
from nakhon.reporting.report import as_data, as_json, report
from nakhon.reporting.telling import Telling
from nakhon.terminal.console import shown, told

READING, WRITING = "reading results", "writing the report"


def run(directory: Path, manner: Manner, outputs: Outputs, *, json: bool) -> None:
    """Write the files, and print what they answer in short (or all figures as JSON). Raises `InputError`."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=told, transient=True,
        disable=not told.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task(READING, total=None)

        def tell(done: int, of: int) -> None:
            bar.update(task, description=READING if done < of else WRITING, completed=done, total=of)

        found = report(directory, manner, outputs, tell)
    if json:
        print(as_json(as_data(found)))
    else:
        _show(found)
    for path in (outputs.html, outputs.pdf, outputs.xlsx, outputs.docx):
        if path is not None:
            told.print(f"wrote {path}", markup=False, highlight=False)


def _show(found: Telling) -> None:
    shown.print(str(found.found.plan["title"]), style="bold", markup=False)
    shown.print(found.words.say("simulated", replications=found.answers.replications), style="yellow", markup=False)
    for line in _lines(in_short(found).blocks):
        shown.print(f"- {line}", markup=False, highlight=False)


def _lines(blocks: tuple[Block, ...]) -> list[str]:
    return [line for block in blocks if isinstance(block, Bullets) for line in block.lines]
