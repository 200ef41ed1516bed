"""A report as a document for an office: headings, tables that repeat their head, charts as pictures."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence

import docx
from docx.document import Document as OfficeDocument
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.text.font import CT_RPr
from docx.shared import Length, Mm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.table import _Cell, _Row
from docx.text.paragraph import Paragraph as OfficeParagraph
from docx.text.run import Run

from collector.answers.intervals import Interval
from nakhon.reporting.browser import draw
from nakhon.reporting.document import (
    Block,
    Bullets,
    Cell,
    Column,
    Document,
    Judged,
    Paragraph,
    Picture,
    Table,
    Tone,
    Verdict,
    bounds_text,
    number,
    value_text,
)
from nakhon.reporting.manner import Language
from nakhon.reporting.words import Words

THAI_FONT = "TH Sarabun New"
"""The font of Thai offices; a reader without it falls back to another one that has Thai letters."""
LATIN_FONT = "Calibri"
_MARKS = {Verdict.BETTER: ("✓ ", "00664B"), Verdict.WORSE: ("✗ ", "A23B00"), Verdict.UNCLEAR: ("", "5F6B76")}
_SIZES = {Tone.LEAD: 1.15, Tone.QUIET: 0.9}
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_WIDTH = Mm(176)
_LETTER, _PADDING, _LONGEST_WORD = Mm(1.75), Mm(5), 18
"""Of a table: the width of a letter, what is beside the text of a cell, and the longest word that is not broken."""
_POINTS = {"Normal": 10.5, "List Bullet": 10.5, "Caption": 10.0}
_THAI_LARGER = 4 / 3
"""The letters of the Thai font are that much smaller than Latin ones of its size."""


def as_docx(document: Document, words: Words) -> bytes:
    """Get the document; without Chromium its charts are left out, and it says so."""
    pictures = [block for block in document.blocks if isinstance(block, Picture)]
    drawn = dict(zip((picture.name for picture in pictures), draw([one.figure for one in pictures]), strict=False))
    made = docx.Document()
    _set_up(made, words)
    made.core_properties.title = _clean(document.title)
    made.core_properties.author, made.core_properties.language = "", words.language
    made.add_heading(_clean(document.title), 0)
    for block in document.opening:
        _add(made, block, words, drawn)
    if pictures and not drawn:
        _paragraph(made, Paragraph(words.say("no_pictures"), Tone.NOTICE))
    for section in document.sections:
        made.add_heading(_clean(section.title), 1)
        for block in section.blocks:
            _add(made, block, words, drawn)
    content = io.BytesIO()
    made.save(content)
    return content.getvalue()


def _set_up(made: OfficeDocument, words: Words) -> None:
    page = made.sections[0]
    page.orientation, page.page_width, page.page_height = WD_ORIENT.PORTRAIT, Mm(210), Mm(297)
    page.left_margin = page.right_margin = Mm(17)
    page.top_margin = page.bottom_margin = Mm(18)
    thai = words.language is Language.THAI
    for name in ("Normal", "Title", "Heading 1", "List Bullet", "Caption"):
        style = made.styles[name]
        assert isinstance(style, ParagraphStyle)  # noqa: S101 - they are, in the template of the library
        style.font.name = THAI_FONT if thai else LATIN_FONT
        _fonts(style, thai=thai)
        if name in _POINTS:
            style.font.size = Pt(_POINTS[name] * (_THAI_LARGER if thai else 1.0))
            _thai_size(style.element.get_or_add_rPr(), style.font.size.pt)


def _fonts(style: ParagraphStyle, *, thai: bool) -> None:
    """Name the font of Thai letters, which Word keeps apart from that of Latin ones, with its size and language."""
    properties = style.element.get_or_add_rPr()
    fonts = properties.get_or_add_rFonts()
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)
    fonts.set(qn("w:cs"), THAI_FONT)
    language = OxmlElement("w:lang")
    language.set(qn("w:val"), "th-TH" if thai else "en-GB")
    language.set(qn("w:bidi"), "th-TH")
    properties.append(language)


def _add(made: OfficeDocument, block: Block, words: Words, drawn: Mapping[str, bytes]) -> None:
    if isinstance(block, Paragraph):
        _paragraph(made, block)
    elif isinstance(block, Bullets):
        for line in block.lines:
            made.add_paragraph(_clean(line), style="List Bullet")
    elif isinstance(block, Picture):
        if block.name in drawn:
            _caption(made, block.caption)
            if block.key:
                _paragraph(made, Paragraph(block.key, Tone.QUIET)).paragraph_format.keep_with_next = True
            made.add_picture(io.BytesIO(drawn[block.name]), width=_WIDTH)
    elif not block.workbook_only:
        _table(made, block, words)


def _paragraph(made: OfficeDocument, one: Paragraph) -> OfficeParagraph:
    added = made.add_paragraph()
    written = added.add_run(_clean(one.text))
    size = made.styles["Normal"].font.size
    marked = one.tone in (Tone.NOTICE, Tone.WARNING)
    _set(written, round(size.pt * _SIZES.get(one.tone, 1.0), 1), bold=marked)
    if marked:
        written.font.color.rgb = RGBColor.from_string("A23B00" if one.tone is Tone.WARNING else "8A5A00")
    return added


def _caption(made: OfficeDocument, text: str) -> None:
    made.add_paragraph(_clean(text), style="Caption").paragraph_format.keep_with_next = True


def _table(made: OfficeDocument, table: Table, words: Words) -> None:
    _caption(made, table.caption)
    texts = [
        [_told(cell, column, words) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows
    ]
    grid = made.add_table(rows=1, cols=len(table.columns), style="Table Grid")
    grid.autofit = False
    widths = _widths([column.name for column in table.columns], [[text for text, _ in row] for row in texts])
    for cell, heading in zip(grid.rows[0].cells, table.columns, strict=True):
        _write(cell, heading.name, bold=True, number=heading.number, size=_size(made), shaded=True)
    _keep(grid.rows[0], head=True)
    for row in texts:
        added = grid.add_row()
        _keep(added, head=False)
        for cell, (text, colour), heading in zip(added.cells, row, table.columns, strict=True):
            _write(cell, text, number=heading.number, colour=colour, size=_size(made))
    for column, width in zip(grid.columns, widths, strict=True):
        column.width = width  # of the grid, and of every cell: programs differ in which they heed
        for cell in column.cells:
            cell.width = width
    made.add_paragraph()


def _keep(row: _Row, *, head: bool) -> None:
    """Keep a row on one page, and repeat it on every page if it is the head."""
    properties = row._tr.get_or_add_trPr()  # noqa: SLF001 - the library has no other way
    for name in ("w:cantSplit", "w:tblHeader")[: 1 + head]:
        properties.append(OxmlElement(name))
    if head:
        for cell in row.cells:
            cell.paragraphs[0].paragraph_format.keep_with_next = True


def _widths(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Length]:
    """Get the widths of columns: each holds its longest word, and those with more text have more of what is left."""
    columns = [[head, *(row[place] for row in rows)] for place, head in enumerate(heads)]
    words = [max(len(word) for text in column for word in [*text.split(), ""]) for column in columns]
    least = [_PADDING + _LETTER * min(longest, _LONGEST_WORD) for longest in words]
    wishes = [max(0, max(map(len, column)) * _LETTER - narrow) for column, narrow in zip(columns, least, strict=True)]
    left = max(0, _WIDTH - sum(least))
    scale = min(1.0, _WIDTH / sum(least))
    wanted = sum(wishes) or 1
    return [Length(int(narrow * scale + left * wish / wanted)) for narrow, wish in zip(least, wishes, strict=True)]


def _size(made: OfficeDocument) -> float:
    return float(made.styles["Normal"].font.size.pt) * 0.78


def _told(cell: Cell, column: Column, words: Words) -> tuple[str, str]:
    value, verdict = (cell.value, cell.verdict) if isinstance(cell, Judged) else (cell, Verdict.NONE)
    mark, colour = _MARKS.get(verdict, ("", ""))
    if isinstance(value, Interval):
        bounds = bounds_text(value, words.say("to"), percent=column.percent)
        text = value_text(value, percent=column.percent, signed=column.signed) + (f"\n{bounds}" if bounds else "")
    else:
        text = number(float(value)) if isinstance(value, int | float) else value or ""
    return mark + text, colour


def _write(
    cell: _Cell, text: str, *, bold: bool = False, number: bool = False, colour: str = "", size: float,
    shaded: bool = False,
) -> None:  # fmt: skip
    paragraph = cell.paragraphs[0]
    if shaded:
        shade = OxmlElement("w:shd")
        shade.set(qn("w:val"), "clear")
        shade.set(qn("w:fill"), "EEF2F6")
        cell._tc.get_or_add_tcPr().append(shade)  # noqa: SLF001
    paragraph.paragraph_format.space_after = Pt(0)
    run = paragraph.add_run(_clean(text))
    _set(run, size, bold=bold)
    if colour:
        run.font.color.rgb = RGBColor.from_string(colour)
    if number:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT


def _set(run: Run, size: float, *, bold: bool) -> None:
    """Set size (pt) and weight, of Thai letters as well, which Word keeps apart."""
    run.font.size, run.bold, run.font.cs_bold = Pt(size), bold, bold
    _thai_size(run.font.element.get_or_add_rPr(), size)


def _thai_size(properties: CT_RPr, size: float) -> None:
    made = OxmlElement("w:szCs")
    made.set(qn("w:val"), str(round(2 * size)))
    properties.append(made)


def _clean(text: str) -> str:
    return _CONTROLS.sub("\ufffd", text)
