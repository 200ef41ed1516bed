"""The page, the workbook and the document tell the same figures, and no text from outside becomes anything else."""

from __future__ import annotations

import html
import io
import re
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from docx import Document
from plotly.offline import get_plotlyjs
from report_samples import known, results

from collector.answers.intervals import Interval
from collector.language.errors import InputError
from nakhon.reporting import browser, report
from nakhon.reporting.changes import MOST_ROWS
from nakhon.reporting.document import Table, bounds_text, number, value_text
from nakhon.reporting.docx import as_docx
from nakhon.reporting.html import as_html
from nakhon.reporting.manner import Era, Language, Manner, Outputs, Years
from nakhon.reporting.report import as_data, document_of, telling_of
from nakhon.reporting.telling import Telling
from nakhon.reporting.xlsx import as_xlsx

MANNERS = (Manner(), Manner(Language.THAI, Era.BUDDHIST, Years.FISCAL))
EVIL = "=1+1 <script>alert(1)</script>"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return results(tmp_path_factory.mktemp("known"), start="2025-09-20", days=30)


@pytest.fixture(params=MANNERS, ids=["en", "th"])
def told(directory: Path, request: pytest.FixtureRequest) -> Telling:
    return telling_of(directory, request.param)


def text_of(page: str) -> str:
    """The page without the scripts that run."""
    return re.sub(r"<script>.*?</script>\n", "", page.replace(get_plotlyjs(), ""), flags=re.DOTALL)


def test_the_page_says_on_its_face_what_it_is_not(told: Telling) -> None:
    page = text_of(as_html(document_of(told), told.words))
    assert told.words.say("simulated", replications=12) in page
    assert told.words.say("title_assumptions") in page
    assert f'<html lang="{told.words.language}">' in page
    assert "What is known?" in page and "SHA-256" in page


def test_the_page_is_one_file_that_asks_for_nothing_and_is_not_large(told: Telling) -> None:
    page = as_html(document_of(told), told.words)
    assert len(page.encode()) < 8_000_000
    assert "Content-Security-Policy" in page
    assert not re.findall(r"""<(?:link|img|iframe)|(?:src|href)=["'](?!#)""", text_of(page))


def test_no_text_from_outside_is_markup(directory: Path) -> None:
    told = telling_of(directory, Manner(question=EVIL))
    page = text_of(as_html(document_of(told), told.words))
    assert "<b>answers</b>" not in page and "&lt;b&gt;answers" in page
    assert "<script>alert" not in page


def test_years_in_part_are_told_where_the_runs_reach_into_several(directory: Path) -> None:
    fiscal = telling_of(directory, Manner(Language.ENGLISH, Era.BUDDHIST, Years.FISCAL))
    page = text_of(as_html(document_of(fiscal), fiscal.words))
    assert "fiscal year 2568 BE (in part)" in page and "fiscal year 2569 BE (in part)" in page
    assert "Year by year" not in text_of(as_html(document_of(telling_of(directory, Manner())), fiscal.words))


def test_the_workbook_holds_every_figure_as_a_number(told: Telling) -> None:
    document, data = document_of(told), as_data(told)
    book = openpyxl.load_workbook(io.BytesIO(as_xlsx(document, told.words)))
    rows = list(book[told.words.say("sheet_differences")].iter_rows(min_row=3, values_only=True))
    held = [(row[4], row[5], row[6], row[7]) for row in rows]
    figures = [
        (one["baseline"], *(one["difference"][key] for key in ("value", "low", "high"))) for one in data["differences"]
    ]
    assert len(held) == len(figures) == 30
    assert [pytest.approx(row) for row in held] == figures
    tables = [block for block in document.blocks if isinstance(block, Table)]
    assert len(book.sheetnames) == len(tables) + 1 and all(len(name) <= 31 for name in book.sheetnames)


def test_text_in_the_workbook_is_never_a_formula(directory: Path) -> None:
    told = telling_of(directory, Manner(question=EVIL))
    book = openpyxl.load_workbook(io.BytesIO(as_xlsx(document_of(told), told.words)))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert EVIL in [cell.value for cell in cells]
    assert "f" not in {cell.data_type for cell in cells}


def test_the_document_holds_the_figures_of_the_page(told: Telling, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "NAMES", ())  # a machine without Chromium
    opened = Document(io.BytesIO(as_docx(document_of(told), told.words)))
    cells = {cell.text for table in opened.tables for row in table.rows for cell in row.cells}
    for one in told.answers.effects:
        if one.clear and not one.untouched:
            shown = value_text(one.difference.difference, signed=True)
            assert any(shown in cell for cell in cells), shown
    text = "\n".join(paragraph.text for paragraph in opened.paragraphs)
    assert told.words.say("simulated", replications=12) in text
    assert told.words.say("no_pictures") in text
    assert opened.styles["Normal"].font.name == ("TH Sarabun New" if told.words.language == "th" else "Calibri")


def test_a_pdf_without_chromium_and_a_thai_one_without_a_font_are_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = Outputs(tmp_path / "r.html", tmp_path / "r.pdf")
    monkeypatch.setattr(browser, "find_browser", lambda: "/bin/true")
    monkeypatch.setattr(browser, "thai_font_missing", lambda: True)
    with pytest.raises(InputError, match="fonts-tlwg-loma-otf"):
        report.check(Manner(Language.THAI), outputs)
    report.check(Manner(), outputs)
    monkeypatch.setattr(browser, "find_browser", lambda: None)
    with pytest.raises(InputError, match="package chromium"):
        report.check(Manner(), outputs)


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        report.report(tmp_path / "nothing", Manner(), Outputs(html=tmp_path / "none" / "r.html"))
    assert MOST_ROWS > 0


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (8.0, "8"), (-0.0004, "−0.0004"), (12345.6, "12,346"), (0.12345, "0.123"), (float("nan"), "–"),
     (float("-inf"), "−∞"), (-1e-12, "0")],
)  # fmt: skip
def test_numbers_are_short_with_a_true_minus_sign(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("interval", "value", "bounds"),
    [
        (Interval(111_628.0, 90_362.0, 184_380.0, 6), "112,000", "90,000 to 184,000"),
        (Interval(-7.1667, -8.853, -4.339, 6), "−7.2", "−8.9 to −4.3"),
        (Interval(3.0, 3.0, 3.0, 6), "3.00", ""),
        (Interval(1.0, float("nan"), float("nan"), 1), "1.00", ""),
        (Interval(0.5, float("-inf"), 0.6, 9), "0.500", "−∞ to 0.600"),
    ],
)
def test_an_interval_has_the_figures_that_its_width_allows(interval: Interval, value: str, bounds: str) -> None:
    assert value_text(interval) == value
    assert bounds_text(interval, "to") == bounds


@pytest.mark.parametrize(("kind", "samples", "column"), [
    ("morris", 4, "Strength"), ("sobol-indices", 8, "With interactions"), ("latin-hypercube", 6, "Rank correlation"),
])  # fmt: skip
def test_what_the_factors_of_a_design_do_is_told(tmp_path: Path, kind: str, samples: int, column: str) -> None:
    factors = "".join(
        f'[[design.factors]]\npath = "assumptions.{name}"\nlow = 0.5\nhigh = 1.5\n'
        for name in ("burning_severity", "rainfall")
    )

    def series(variant: str, number: int, city: str, indicator: str, buckets: int) -> np.ndarray:
        row = int(variant.rsplit("-", 1)[1]) if variant.startswith(kind) else 0
        return known("baseline", number, city, indicator, buckets) + row % 7

    more = f'[design]\nkind = "{kind}"\nsamples = {samples}\n{factors}'
    told = telling_of(results(tmp_path, series, 2, more, days=3), Manner())
    page = text_of(as_html(document_of(told), told.words))
    assert told.words.say("title_sensitivity") in page and column in page
    assert f"{told.words.say(f'design_{kind}')}," in html.unescape(page)


LOCAL = """
name = "local"
extends = "days"
[[interventions]]
id = "batteries"
title = "Batteries"
driver = "electricity_demand"
scale = 0.9
stations = ["fd-01"]
assumption = "a test"
[[interventions]]
id = "evenings"
title = "Open in the evening"
driver = "requests_crews"
shift = 1
stations = ["service_desk"]
hours = [16, 20]
assumption = "a test"
"""


@pytest.mark.parametrize(
    ("manner", "phrases"),
    [
        (MANNERS[0], ["entered, only at fd-01", "only at service desks", "from 16:00 to 20:00 local time"]),
        (MANNERS[1], ["กำหนดเข้า เฉพาะที่ fd-01", "เฉพาะที่ ศูนย์บริการประชาชน", "ตั้งแต่ 16:00 ถึง 20:00 น."]),
    ],
    ids=["en", "th"],
)
def test_what_is_put_in_at_stations_or_in_hours_says_so(tmp_path: Path, manner: Manner, phrases: list[str]) -> None:
    def series(variant: str, *others: object) -> np.ndarray:
        values = known("baseline" if variant == "local" else variant, *others)  # type: ignore[arg-type]
        return values - 5.0 if (variant, others[2]) == ("local", "electricity_demand") else values

    (tmp_path / "local.toml").write_text(LOCAL)
    more = '[[variants]]\nname = "local"\nscenario = "local"\n'
    told = telling_of(results(tmp_path, series, 3, more, days=5), manner)
    page = text_of(as_html(document_of(told), told.words))
    assert [phrase for phrase in phrases if phrase not in page] == []
    entered = {one["indicator"]: one["entered_at"] for one in as_data(told)["differences"] if one["variant"] == "local"}
    assert entered["electricity_demand"] == ["fd-01"] and entered["service_backlog"] == []
