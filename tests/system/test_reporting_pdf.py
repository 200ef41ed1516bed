"""The report printed by Chromium: Thai letters are in the PDF, with their font."""

import re
from pathlib import Path

import pytest
from parts import nakhon, need
from report_samples import results

from nakhon.reporting import browser

pytestmark = pytest.mark.system


@pytest.fixture
def chromium() -> str:
    return need("chromium")


def test_a_thai_report_prints_with_its_letters_and_the_document_has_the_charts(chromium: str, tmp_path: Path) -> None:
    assert not browser.thai_font_missing(), f"install Debian's {browser.THAI_FONTS}"
    directory = results(tmp_path, replications=4, days=6)
    asked = ("-o", "r.html", "--pdf", "--docx", "r.docx", "--language", "th", "--calendar", "buddhist")
    code = nakhon("report", str(directory), *asked, folder=tmp_path).wait(200)
    assert code == 0, (tmp_path / "report.log").read_text()[-2000:]
    assert "การจำลองไม่ใช่การพยากรณ์" in (tmp_path / "report.out").read_text("utf-8")
    printed = (tmp_path / "r.pdf").read_bytes()
    assert printed.startswith(b"%PDF-") and printed.rstrip().endswith(b"%%EOF")
    assert re.search(rb"/FontName\s*/[A-Z]{6}\+\S*(Thai|Loma|Garuda|Waree|Sarabun|Laksaman|Umpush|Kinnari)", printed)
    from docx import Document

    pictures = Document(str(tmp_path / "r.docx")).inline_shapes
    assert len(pictures) >= 2 and all(picture.width > 0 for picture in pictures)


def test_charts_are_drawn_as_pictures(chromium: str) -> None:
    import plotly.graph_objects as go

    figures = [go.Figure(layout={"height": height}) for height in (200, 300)]
    drawn = browser.draw(figures)
    assert [picture[:8] for picture in drawn] == [b"\x89PNG\r\n\x1a\n"] * 2
    heights = [int.from_bytes(picture[20:24]) for picture in drawn]
    assert heights == [200 * browser.SCALE, 300 * browser.SCALE]
