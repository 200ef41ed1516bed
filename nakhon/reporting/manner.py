"""How a report is told, and into which files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Language(StrEnum):
    """A language of reports."""

    ENGLISH = "en"
    THAI = "th"


class Era(StrEnum):
    """From when years are counted."""

    GREGORIAN = "gregorian"
    BUDDHIST = "buddhist"


class Years(StrEnum):
    """Which years are told apart."""

    CALENDAR = "calendar"
    FISCAL = "fiscal"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a report is told: language, era and years, the question above it, the confidence of its intervals."""

    language: Language = Language.ENGLISH
    era: Era = Era.GREGORIAN
    years: Years = Years.CALENDAR
    question: str = ""
    confidence: float = 0.95


@dataclass(frozen=True, slots=True)
class Outputs:
    """The files to write; None of what is not asked for."""

    html: Path | None = None
    pdf: Path | None = None
    xlsx: Path | None = None
    docx: Path | None = None
