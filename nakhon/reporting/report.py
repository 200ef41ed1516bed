"""`nakhon report`: the results of an experiment as a page, a PDF, a workbook and a document."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collector.answers.intervals import Interval
from collector.language.errors import InputError
from collector.reporting.export import check_folder, write_whole
from nakhon.experimenting.reading import results
from nakhon.reporting import browser
from nakhon.reporting.answers import Answers, answers
from nakhon.reporting.calendars import Calendar
from nakhon.reporting.changes import by_year, differences, over_time
from nakhon.reporting.document import Document
from nakhon.reporting.grounds import assumptions, provenance, reading
from nakhon.reporting.html import as_html
from nakhon.reporting.manner import Language, Manner, Outputs
from nakhon.reporting.material import numbers_of
from nakhon.reporting.measures import Outcome
from nakhon.reporting.opening import in_short, opening, scenarios, targets
from nakhon.reporting.telling import Telling
from nakhon.reporting.weighing import costs, rankings, sensitivity
from nakhon.reporting.words import Words
from nakhon.reporting.xlsx import as_xlsx

Tell = Callable[[int, int], None]


def report(directory: Path, manner: Manner, outputs: Outputs, tell: Tell = lambda *_: None) -> Telling:
    """Write the report, and get what it tells.

    Raises `InputError` where there are no results, where a file cannot be written, and for a PDF without Chromium or,
    in Thai, without a font.
    """
    check(manner, outputs)
    told = telling_of(directory, manner, tell)
    document = document_of(told)
    if outputs.html is not None or outputs.pdf is not None:
        page = as_html(document, told.words)
        if outputs.html is not None:
            write_whole(outputs.html, page.encode())
        if outputs.pdf is not None:
            write_whole(outputs.pdf, browser.print_pdf(page))
    if outputs.xlsx is not None:
        write_whole(outputs.xlsx, as_xlsx(document, told.words))
    if outputs.docx is not None:
        from nakhon.reporting.docx import as_docx

        write_whole(outputs.docx, as_docx(document, told.words))
    return told


def check(manner: Manner, outputs: Outputs) -> None:
    """Raise `InputError` before anything is computed if a file could not be written, or a PDF not be printed."""
    for path in (outputs.html, outputs.pdf, outputs.xlsx, outputs.docx):
        if path is not None:
            check_folder(path)
    if outputs.docx is not None:
        _need_docx()
    if outputs.pdf is not None:
        browser.need_browser()
        if manner.language is Language.THAI and browser.thai_font_missing():
            raise InputError(f"a PDF in Thai needs a font with Thai letters: install Debian's {browser.THAI_FONTS}")


def telling_of(directory: Path, manner: Manner, tell: Tell = lambda *_: None) -> Telling:
    """Get the results in a directory with their answers, and how they are told."""
    found = results(directory)
    calendar = Calendar(manner.era, manner.years, Words(manner.language))
    return Telling(found, answers(found, numbers_of(found, tell), manner.confidence), calendar, manner.question)


def document_of(told: Telling) -> Document:
    """Get the report, before it has a format."""
    parts = (
        in_short(told), scenarios(told), targets(told), differences(told), over_time(told), by_year(told),
        rankings(told), sensitivity(told), costs(told), assumptions(told), provenance(told), reading(told),
    )  # fmt: skip
    sections = tuple(part for part in parts if part is not None)
    return Document(str(told.found.plan["title"]), told.words.language.value, opening(told), sections)


def as_data(told: Telling) -> dict[str, Any]:
    """Get the figures of a report as JSON holds them: no NaN, no infinity (null)."""
    found, made = told.found, told.answers
    return {
        "experiment": found.plan["name"],
        "title": found.plan["title"],
        "question": told.question or found.plan["question"],
        "simulated": True,
        "forecast": False,
        "replications": made.replications,
        "confidence": made.confidence,
        "comparisons": made.comparisons,
        "baseline": found.baseline.name,
        "variants": [{"name": one.name, "title": one.title, "digest": one.digest} for one in found.variants],
        "differences": _differences(made),
        "targets": _targets(told),
        "rankings": [
            _outcome(one.outcome)
            | {"places": [{"variant": place.name, "place": place.place, "low": place.low, "high": place.high,
                           "best": place.best, "tied": list(place.tied)} for place in one.places]}
            for one in made.rankings
        ],
        "costs": [
            _outcome(one.outcome)
            | {"variant": one.variant, "amount": one.amount, "currency": one.currency, "why": one.per_unit.why,
               "improvement": _interval(one.improvement), "per_unit": _interval(one.per_unit.interval)}
            for one in made.costs
        ],
        "break_even": _turns(made),
    }  # fmt: skip


def _differences(made: Answers) -> list[dict[str, Any]]:
    return [
        _outcome(one.outcome)
        | {
            "variant": one.variant,
            "baseline": _number(one.difference.baseline),
            "value": _number(one.difference.variant),
            "difference": _interval(one.difference.difference),
            "relative_percent": _number(one.difference.relative),
            "pairing": _number(one.difference.pairing),
            "entered": list(one.entered),
            "entered_at": list(one.entered_at),
            "untouched": one.untouched,
            "clear": bool(one.clear),
            "firm": one.firm,
        }
        for one in made.effects
    ]


def _targets(told: Telling) -> list[dict[str, Any]]:
    return [
        {
            "target": str(one.target),
            "variant": one.variant,
            "number": _interval(one.number),
            "probability": _interval(one.chance.probability),
            "asked": one.chance.asked,
            "reached": bool(one.chance.reached),
            "sure": bool(one.chance.sure),
        }
        for one in told.answers.targets
    ]


def _turns(made: Answers) -> list[dict[str, Any]]:
    return [
        _outcome(one.outcome)
        | {
            "variant": one.variant,
            "conclusion": one.conclusion.value,
            "target": None if one.target is None else str(one.target),
            "of": None if one.axis is None else one.axis.name,
            "assumed": _number(one.assumed_size),
            "at": None if one.at is None or not one.at.found else _interval(one.at.interval),
            "why": "several things" if one.at is None else one.at.why.value,
            "only_without": one.only_none,
        }
        for one in made.turns
    ]


def _outcome(one: Outcome) -> dict[str, Any]:
    return {"city": one.city, "indicator": one.indicator, "statistic": str(one.statistic), "unit": one.unit}


def _interval(one: Interval) -> dict[str, Any]:
    return {"value": _number(one.value), "low": _number(one.low), "high": _number(one.high), "n": one.n,
            "method": one.method}  # fmt: skip


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def as_json(told: dict[str, Any]) -> str:
    """Get the figures as text."""
    return json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False)


def _need_docx() -> None:
    try:
        import docx  # noqa: F401
    except ImportError:
        raise InputError("a document (DOCX) needs python-docx: pip install 'nakhon[office]'") from None
