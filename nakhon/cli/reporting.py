"""The command that tells the results of an experiment: report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nakhon.cli.application import app
from nakhon.cli.options import JsonOption
from nakhon.reporting.manner import Era, Language, Manner, Outputs, Years


@app.command(epilog="Example: nakhon report results/ -o report.html --pdf --language th --calendar buddhist")
def report(
    directory: Annotated[Path, typer.Argument(help="the results of an experiment")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="write the report for a browser (HTML)")] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="also as PDF, beside the HTML (needs Chromium)")] = False,
    xlsx: Annotated[Path | None, typer.Option(help="write the tables as a workbook (XLSX)")] = None,
    docx: Annotated[Path | None, typer.Option(help="write the report as a document (DOCX)")] = None,
    language: Annotated[Language, typer.Option(help="language of the report")] = Language.ENGLISH,
    calendar: Annotated[Era, typer.Option(help="era in which years are counted")] = Era.GREGORIAN,
    year: Annotated[Years, typer.Option(help="calendar years, or Thai fiscal years (from 1 October)")] = Years.CALENDAR,
    question: Annotated[str, typer.Option(help="the question above the report (that of the experiment)")] = "",
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="confidence of the intervals")] = 0.95,
    as_json: JsonOption = False,
) -> None:
    """Tell what an experiment answers: differences with intervals, targets, costs, assumptions, provenance."""
    from collector.language.errors import InputError
    from nakhon.reporting.command import run

    if pdf and out is None:
        raise InputError("--pdf is written beside the HTML report: say where with --out report.html")
    outputs = Outputs(out, out.with_suffix(".pdf") if pdf and out else None, xlsx, docx)
    run(directory, Manner(language, calendar, year, question, confidence), outputs, json=as_json)
