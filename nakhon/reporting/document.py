"""A report before it has a format: sections of paragraphs, tables and pictures, in the words of its reader."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

import plotly.graph_objects as go

from collector.answers.intervals import Interval

FIGURES = 3
_MOST_DECIMALS = 6


class Tone(StrEnum):
    """How a paragraph is set."""

    PLAIN = "plain"
    LEAD = "lead"
    QUIET = "quiet"
    NOTICE = "notice"
    WARNING = "warning"


class Verdict(StrEnum):
    """What a figure says, to be shown by more than its colour."""

    NONE = ""
    BETTER = "better"
    WORSE = "worse"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Judged:
    """A cell with what it says."""

    value: str | float | Interval | None
    verdict: Verdict = Verdict.NONE


Cell = str | float | int | Interval | Judged | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, whether it holds numbers, with an interval, in percent, with a sign."""

    name: str
    number: bool = False
    interval: bool = False
    percent: bool = False
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Bullets:
    """Lines of their own."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `workbook_only` where it is too long to be read on paper."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    workbook_only: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart with its caption, and what its marks mean."""

    name: str
    caption: str
    figure: go.Figure
    key: str = ""


Block = Paragraph | Bullets | Table | Picture


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report."""

    title: str
    language: str
    opening: tuple[Block, ...]
    sections: tuple[Section, ...] = field(default=())

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Get all blocks in their order."""
        return (*self.opening, *(block for section in self.sections for block in section.blocks))


def number(value: float, decimals: int | None = None) -> str:
    """Get a number as people read it: three figures, or some decimals; thousands apart; a true minus sign."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    places = decimals_of(value) if decimals is None else decimals
    text = f"{round(value, places):,.{max(places, 0)}f}"
    if decimals is None and "." in text:
        text = text.rstrip("0").rstrip(".")
    return (text if float(text.replace(",", "")) else text.lstrip("-")).replace("-", "−")


def decimals_of(value: float, figures: int = FIGURES, least: int = 0) -> int:
    """Get the decimals that show some figures of a value; below 0 where tens or hundreds are told."""
    if not value or not math.isfinite(value):
        return 0
    return max(least, min(_MOST_DECIMALS, figures - 1 - math.floor(math.log10(abs(value)))))


def interval_decimals(one: Interval) -> int:
    """Get the decimals of a value and its bounds: two figures of the half-width."""
    half = one.half_width
    wide = math.isfinite(half) and half > 0.0
    return min(decimals_of(half, 2, -9), decimals_of(one.value, 4)) if wide else decimals_of(one.value)


def value_text(one: Interval, *, percent: bool = False, signed: bool = False) -> str:
    """Get the value of an interval, with a plus sign where signs matter."""
    if percent:
        return f"{number(100 * one.value, 0)} %"
    return ("+" if signed and one.value > 0.0 else "") + number(one.value, interval_decimals(one))


def bounds_text(one: Interval, to: str, *, percent: bool = False) -> str:
    """Get the bounds of an interval, "low to high"; empty where there are none or both are the value."""
    if math.isnan(one.low) or one.low == one.high:
        return ""
    if percent:
        return f"{number(100 * one.low, 0)} {to} {number(100 * one.high, 0)} %"
    places = interval_decimals(one)
    return f"{number(one.low, places)} {to} {number(one.high, places)}"
